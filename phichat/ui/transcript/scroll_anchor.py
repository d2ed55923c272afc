"""Where the reader is in a column of widgets that grows and changes: there they stay."""

from bisect import bisect_right
from collections.abc import Callable, Sequence

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPoint, Signal, Slot
from PySide6.QtWidgets import QScrollArea, QWidget
from shiboken6 import isValid

NEAR_END = 30  # pixels from the end that still count as there


class ScrollAnchor(QObject):
    """Follows the end while the reader is there; else what they see at the top stays where it is.

    Attributes:
        follows: whether the reader is at the end.

    Signals: `moved` when something else is seen than before.
    """

    moved = Signal()

    def __init__(self, area: QScrollArea, content: QWidget, shown: Callable[[], Sequence[QWidget]]) -> None:
        super().__init__(area)
        self._content, self._shown = content, shown
        self._bar = area.verticalScrollBar()
        self.follows = True
        self._held: QWidget | None = None
        self._by_end = False
        self._offset = 0
        self._is_placing = False
        self._bar.rangeChanged.connect(self._on_range)
        self._bar.valueChanged.connect(self._on_value)

    def follow(self) -> None:
        """Go to the end and stay there."""
        self.follows = True
        self._put()

    def hold(self, widget: QWidget, offset: int, *, by_end: bool = False) -> None:
        """Keep `widget` so many pixels below the top of what is seen; with `by_end`, its lower edge."""
        self.follows = False
        self._keep(widget, offset, by_end=by_end)
        self._put()

    def offset(self, widget: QWidget, *, by_end: bool = False) -> int:
        """How far below the top of what is seen `widget` begins; with `by_end`, where it ends."""
        return self._top(widget) + (widget.height() if by_end else 0) - self._bar.value()

    def is_at_end(self) -> bool:
        """Whether the last there is can be seen."""
        return self._bar.value() >= self._bar.maximum() - NEAR_END

    def first_visible(self) -> int:
        """The number of the first widget that can be seen; 0 if there is none."""
        widgets = self._shown()
        at = bisect_right(widgets, self._bar.value(), key=lambda widget: self._top(widget) + widget.height())
        return max(0, min(at, len(widgets) - 1))

    def flush_layout(self) -> None:
        """Have everything laid out now that would be before the next paint."""
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)

    def _top(self, widget: QWidget) -> int:
        return widget.mapTo(self._content, QPoint()).y()

    def _keep(self, widget: QWidget, offset: int, *, by_end: bool = False) -> None:
        if self._held is not widget:
            if self._held and isValid(self._held):
                self._held.removeEventFilter(self)
            widget.installEventFilter(self)
        self._held, self._offset, self._by_end = widget, offset, by_end

    def _put(self) -> None:
        self._is_placing = True
        if self.follows:
            self._bar.setValue(self._bar.maximum())
        elif self._held and isValid(self._held):
            end = self._held.height() if self._by_end else 0
            self._bar.setValue(self._top(self._held) + end - self._offset)
        self._is_placing = False
        self.moved.emit()

    @Slot()
    def _on_range(self) -> None:
        self._put()

    @Slot()
    def _on_value(self) -> None:
        if self._is_placing:
            return
        self.follows = self.is_at_end()
        widgets = self._shown()
        if not self.follows and widgets:
            first = widgets[self.first_visible()]
            self._keep(first, self.offset(first))
        self.moved.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        is_elsewhere = event.type() in {QEvent.Type.Move, QEvent.Type.Resize}
        if is_elsewhere and watched is self._held and not self.follows and not self._is_placing:
            self._put()  # the range was another one before it moved
        return False
