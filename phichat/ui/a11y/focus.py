"""Keyboard focus: a ring around the focused widget, Tab in visual order, and Enter on buttons."""

from collections.abc import Iterator

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, QTimer, Slot
from PySide6.QtGui import QColor, QGuiApplication, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QListView,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QTextEdit,
    QWidget,
)
from shiboken6 import isValid

from phichat.ui.theme.theme import Theme

WIDTH, ROUND, AWAY = 2, 6, 6  # pixels
BY_KEY = Qt.WidgetAttribute.WA_KeyboardFocusChange


class FocusRings(QObject):
    """Draws a ring around the focused widget of `window` while the focus is moved by keyboard."""

    def __init__(self, theme: Theme, window: QWidget) -> None:
        super().__init__(window)
        self._theme = theme
        self._ring: _Ring | None = None
        self._soon = QTimer(self, interval=0, singleShot=True)
        self._soon.timeout.connect(self._draw)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._on_focus)

    @Slot()
    def _on_focus(self) -> None:
        if self._ring and isValid(self._ring):
            self._ring.hide()
            self._ring.deleteLater()
        self._ring = None
        self._soon.start()  # the window knows only afterwards whether it was a key

    @Slot()
    def _draw(self) -> None:
        now = QApplication.focusWidget()
        is_here = now is not None and now.window() is self.parent()
        if now and is_here and now.window().testAttribute(BY_KEY) and _needs_ring(now):
            self._ring = _Ring(now, self._theme)


class EnterPresses(QObject):
    """Has Enter press the button with the focus, as Space does, in all windows.

    Qt leaves Enter to the dialog, and outside of dialogs to nobody.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._on_focus)

    @Slot(QWidget, QWidget)
    def _on_focus(self, before: QWidget | None, now: QWidget | None) -> None:
        if before and isValid(before):
            before.removeEventFilter(self)
        if isinstance(now, QAbstractButton) and not isinstance(now, QCheckBox | QRadioButton):
            now.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        is_enter = event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}
        is_plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if not isinstance(watched, QAbstractButton) or not is_enter or not is_plain:
            return False
        if isinstance(watched, QPushButton) and watched.isDefault():
            return False  # its dialog presses it
        if not event.isAutoRepeat():
            watched.click()
        return True


class _Ring(QWidget):
    """An overlay around `widget` or, if that fills its parent, inside it."""

    def __init__(self, widget: QWidget, theme: Theme) -> None:
        ground = _ground(widget)
        super().__init__(ground)
        self._theme = theme
        self._inside: list[QWidget] = [widget]  # `widget` and its parents below `ground`
        while widget is not ground and (outer := self._inside[-1].parentWidget()) and outer is not ground:
            self._inside.append(outer)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        for moved in self._inside:
            moved.installEventFilter(self)
        self._settle(ground)
        self.show()

    def _settle(self, ground: QWidget) -> None:
        widget = self._inside[0]
        if widget is ground:
            self.setGeometry(widget.rect())
        else:
            self.setGeometry(QRect(widget.mapTo(ground, QPoint(0, 0)), widget.size()).adjusted(-AWAY, -2, AWAY, 2))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        ground = self.parentWidget()
        if ground and isValid(self._inside[0]) and event.type() in {QEvent.Type.Resize, QEvent.Type.Move}:
            self._settle(ground)
        return super().eventFilter(watched, event)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(self._theme.colors.accent), WIDTH))
        inset = WIDTH / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), ROUND, ROUND)
        painter.end()


def _ground(widget: QWidget) -> QWidget:
    """Return the widget that a ring around `widget` is drawn on: the contents of its scroll area, or itself."""
    area = None if isinstance(widget, QScrollArea) else widget.parentWidget()
    while area and not isinstance(area, QScrollArea):
        area = area.parentWidget()
    return (area.widget() if isinstance(area, QScrollArea) else None) or widget


def _needs_ring(widget: QWidget) -> bool:
    if isinstance(widget, QListView):
        return not widget.currentIndex().isValid()  # else its row shows the focus
    if isinstance(widget, QTextEdit | QPlainTextEdit):
        return widget.isReadOnly()
    return isinstance(widget, QScrollArea)


# Children of these take no focus of their own.
LEAVES = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLabel, QLineEdit,
    QPlainTextEdit, QTextEdit,
)  # fmt: skip


def move_focus(whole: QWidget, step: int) -> bool:
    """Focus the next widget in `whole`, or the one before for a `step` of -1; False if there is no other.

    In a scroll area that is entered, that is one in sight.

    Qt's own order is not used: PySide takes what `nextInFocusChain` returns for a child of the widget it was called on,
    and frees it with that.
    """
    focus = whole.window().focusWidget()
    order = list(_in_order(whole, focus))
    at = order.index(focus) if focus in order else -1
    others = order[at + 1 :] + order[: max(at, 0)]
    if not others:
        return False
    end = 0 if step > 0 else -1
    target = _in_sight(others[end], order, focus)[end]
    target.setFocus(Qt.FocusReason.TabFocusReason if step > 0 else Qt.FocusReason.BacktabFocusReason)
    whole.window().setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)  # else buttons do not show it
    ensure_visible(target)
    return True


def _in_sight(target: QWidget, order: list[QWidget], focus: QWidget | None) -> list[QWidget]:
    """Return the widgets in sight in the scroll area that the focus enters with `target`; that alone elsewhere."""
    area = target.parentWidget()
    while area and not isinstance(area, QScrollArea):
        area = area.parentWidget()
    contents = area.widget() if isinstance(area, QScrollArea) else None
    if not isinstance(area, QScrollArea) or contents is None or (focus and area.isAncestorOf(focus)):
        return [target]
    view, inside = area.viewport(), [widget for widget in order if contents.isAncestorOf(widget)]
    places = {widget: QRect(widget.mapTo(view, QPoint(0, 0)), widget.size()) for widget in inside}
    whole = [widget for widget in inside if view.rect().contains(places[widget])]
    return whole or [widget for widget in inside if view.rect().intersects(places[widget])] or [target]


def ensure_visible(widget: QWidget) -> None:
    """Scroll `widget` into view in all scroll areas it is in."""
    area = widget.parentWidget()
    while area:
        if isinstance(area, QScrollArea):
            area.ensureWidgetVisible(widget)
        area = area.parentWidget()


def _in_order(widget: QWidget, focus: QWidget | None) -> Iterator[QWidget]:
    """Yield the widgets that take focus, in reading order; and `focus`, even if it does not any more."""
    if widget is focus or _takes_focus(widget):
        yield widget
    if not isinstance(widget, LEAVES):
        children = widget.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
        for child in _by_rows([child for child in children if child is focus or child.isVisible()]):
            yield from _in_order(child, focus)


def _takes_focus(widget: QWidget) -> bool:
    all_take = QGuiApplication.styleHints().tabFocusBehavior() is Qt.TabFocusBehavior.TabFocusAllControls
    wanted = Qt.FocusPolicy.TabFocus if all_take else Qt.FocusPolicy.StrongFocus
    return (widget.focusPolicy() & wanted) == wanted and widget.isEnabled() and widget.isVisible()


def _by_rows(widgets: list[QWidget]) -> Iterator[QWidget]:
    """Yield siblings row by row: those whose centre is above the bottom of the topmost are in its row."""
    left = sorted(widgets, key=lambda widget: widget.geometry().center().y())
    while left:
        first = left[0].geometry()
        bottom = max(first.bottom(), first.center().y())  # which is below it in a widget without height
        row = [widget for widget in left if widget.geometry().center().y() <= bottom]
        turned = left[0].isRightToLeft()
        yield from sorted(row, key=lambda widget: -widget.x() if turned else widget.x())
        left = left[len(row) :]
