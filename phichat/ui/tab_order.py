"""Where Tab leads in the window: row by row from top to bottom, whatever was made first."""

from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QTextEdit,
    QWidget,
)

# What is within these takes no focus of its own.
WHOLE = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLabel, QLineEdit,
    QPlainTextEdit, QTextEdit,
)  # fmt: skip


def move_focus(whole: QWidget, step: int) -> bool:
    """Focus what comes next in `whole`, or before for a `step` of -1; whether there was anything.

    Qt's own order is not asked: PySide takes what `nextInFocusChain` returns for a child of what it was asked of, and
    frees it with that.
    """
    focus = whole.window().focusWidget()
    order = list(_in_order(whole, focus))
    at = order.index(focus) if focus in order else -1
    others = order[at + 1 :] + order[: max(at, 0)]
    if not others:
        return False
    target = others[0 if step > 0 else -1]
    target.setFocus(Qt.FocusReason.TabFocusReason if step > 0 else Qt.FocusReason.BacktabFocusReason)
    whole.window().setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)  # else buttons do not show it
    show_in_full(target)
    return True


def show_in_full(widget: QWidget) -> None:
    """Have it seen, where it may have been scrolled away."""
    area = widget.parentWidget()
    while area:
        if isinstance(area, QScrollArea):
            area.ensureWidgetVisible(widget)
        area = area.parentWidget()


def _in_order(widget: QWidget, focus: QWidget | None) -> Iterator[QWidget]:
    """What takes the focus, in the order of reading; and `focus`, whether it still does or not."""
    if widget is focus or _takes_focus(widget):
        yield widget
    if not isinstance(widget, WHOLE):
        children = widget.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
        for child in _by_rows([child for child in children if child is focus or child.isVisible()]):
            yield from _in_order(child, focus)


def _takes_focus(widget: QWidget) -> bool:
    all_take = QGuiApplication.styleHints().tabFocusBehavior() is Qt.TabFocusBehavior.TabFocusAllControls
    wanted = Qt.FocusPolicy.TabFocus if all_take else Qt.FocusPolicy.StrongFocus
    return (widget.focusPolicy() & wanted) == wanted and widget.isEnabled() and widget.isVisible()


def _by_rows(widgets: list[QWidget]) -> Iterator[QWidget]:
    """Neighbours with the same parent: what begins beside another one is in its row."""
    left = sorted(widgets, key=lambda widget: widget.geometry().center().y())
    while left:
        first = left[0].geometry()
        row = [widget for widget in left if widget.geometry().center().y() <= first.bottom()]
        turned = left[0].isRightToLeft()
        yield from sorted(row, key=lambda widget: -widget.x() if turned else widget.x())
        left = left[len(row) :]
