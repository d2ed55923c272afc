"""Keeps the scroll position of a column of widgets that grows and changes."""

from bisect import bisect_right
from collections.abc import Callable, Sequence

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPoint, Signal, Slot
from PySide6.QtWidgets import QScrollArea, QWidget
from shiboken6 import isValid

NEAR_END = 30  # pixels from the end that still count as the end


class ScrollAnchor(QObject):
    """Scrolls with the end while the user is there; else keeps the first visible widget in its place.

    `widgets` is the list of the column's widgets, from top to bottom, as it changes. While `is_held` returns True,
    it does not scroll with the end, as the user is busy with something in the column.

    Attributes:
        follows: whether it scrolls with the end.

    Signals: `moved` when another part of the column may be visible.
    """

    moved = Signal()

    def __init__(
        self, area: QScrollArea, content: QWidget, widgets: Sequence[QWidget], is_held: Callable[[], bool]
    ) -> None:
        super().__init__(area)
        self._is_held = is_held
        self._content, self._widgets = content, widgets
        self._bar = area.verticalScrollBar()
        self.follows = True
        self._widget: QWidget | None = None
        self._by_end = False
        self._offset = 0
        self._is_scrolling = False
        self._bar.rangeChanged.connect(self._on_range)
        self._bar.valueChanged.connect(self._on_value)

    def follow(self) -> None:
        """Scroll to the end and stay there."""
        self.follows = True
        self._restore()
        if self._is_held():
            self.settle()

    def settle(self) -> None:
        """Stay where the viewport is; at the end, scroll with it from now on unless that is held."""
        self.follows = self.is_at_end() and not self._is_held()
        if not self.follows and self._widgets:
            first = self._widgets[self.first_visible()]
            self._set_anchor(first, self.offset(first))

    def hold(self, widget: QWidget, offset: int, *, by_end: bool = False) -> None:
        """Keep the top of `widget`, or its bottom if `by_end`, `offset` pixels below the top of the viewport."""
        self.follows = False
        self._set_anchor(widget, offset, by_end=by_end)
        self._restore()

    def offset(self, widget: QWidget, *, by_end: bool = False) -> int:
        """Return how many pixels below the top of the viewport `widget` begins, or ends if `by_end`."""
        return self._top(widget) + (widget.height() if by_end else 0) - self._bar.value()

    def is_at_end(self) -> bool:
        """Return whether the end is visible."""
        return self._bar.value() >= self._bar.maximum() - NEAR_END

    def first_visible(self) -> int:
        """Return the index of the first visible widget; 0 if there is none."""
        at = bisect_right(self._widgets, self._bar.value(), key=lambda widget: self._top(widget) + widget.height())
        return max(0, min(at, len(self._widgets) - 1))

    def flush_layout(self) -> None:
        """Carry out pending layout requests now, not before the next paint."""
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)

    def _top(self, widget: QWidget) -> int:
        return widget.mapTo(self._content, QPoint()).y()

    def _set_anchor(self, widget: QWidget, offset: int, *, by_end: bool = False) -> None:
        if self._widget is not widget:
            if self._widget and isValid(self._widget):
                self._widget.removeEventFilter(self)
            widget.installEventFilter(self)
        self._widget, self._offset, self._by_end = widget, offset, by_end

    def _restore(self) -> None:
        self._is_scrolling = True
        if self.follows:
            self._bar.setValue(self._bar.maximum())
        elif self._widget and isValid(self._widget):
            end = self._widget.height() if self._by_end else 0
            wanted = self._top(self._widget) + end - self._offset
            self._bar.setValue(wanted)
            if self._is_held():  # else the widget would move once there is room below it
                self._offset += wanted - self._bar.value()
        self._is_scrolling = False
        self.moved.emit()

    @Slot()
    def _on_range(self) -> None:
        self._restore()

    @Slot()
    def _on_value(self) -> None:
        if self._is_scrolling:
            return
        self.settle()
        self.moved.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        has_moved = event.type() in {QEvent.Type.Move, QEvent.Type.Resize}
        if has_moved and watched is self._widget and not self.follows and not self._is_scrolling:
            self._restore()  # rangeChanged came before the widget moved
        return False
