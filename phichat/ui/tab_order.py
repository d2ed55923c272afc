"""Where Tab leads in the window: column by column, in each from top to bottom, whatever was made first."""

from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QScrollArea, QSplitter, QWidget


def move_focus(columns: QSplitter, step: int) -> bool:
    """Focus what comes after what has the focus, or before it for a `step` of -1; whether there was anything."""
    focus = columns.window().focusWidget()
    order = [widget for _, _, widget in sorted(_places(columns, focus), key=lambda place: place[:2])]
    at = order.index(focus) if focus in order else -1
    others = [widget for widget in order[at + 1 :] + order[: max(at, 0)] if widget is not focus]
    if not others:
        return False
    target = others[0 if step > 0 else -1]
    target.setFocus(Qt.FocusReason.TabFocusReason if step > 0 else Qt.FocusReason.BacktabFocusReason)
    columns.window().setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)  # else buttons do not show it
    show_in_full(target)
    return True


def _places(columns: QSplitter, focus: QWidget | None) -> Iterator[tuple[tuple[int, int], int, QWidget]]:
    """What takes the focus, and `focus` whether it does or not: the part of the window it is in, and its number."""
    all_take = QGuiApplication.styleHints().tabFocusBehavior() is Qt.TabFocusBehavior.TabFocusAllControls
    wanted = Qt.FocusPolicy.TabFocus if all_take else Qt.FocusPolicy.StrongFocus
    widget, number = columns.nextInFocusChain(), 0
    while widget is not columns:
        takes = (widget.focusPolicy() & wanted) == wanted and widget.isVisible() and widget.isEnabled()
        if widget is focus or (takes and not widget.focusProxy()):
            if columns.isAncestorOf(widget):
                yield _part(columns, widget), number, widget
        widget, number = widget.nextInFocusChain(), number + 1


def _part(columns: QSplitter, widget: QWidget) -> tuple[int, int]:
    """The column `widget` is in, and how far down in it the part that it belongs to begins."""
    part = column = widget
    while column.parentWidget() is not columns:
        part, column = column, column.parentWidget()
    return columns.indexOf(column), part.y()


def show_in_full(widget: QWidget) -> None:
    """Have it seen, where it may have been scrolled away."""
    area = widget.parentWidget()
    while area:
        if isinstance(area, QScrollArea):
            area.ensureWidgetVisible(widget)
        area = area.parentWidget()
