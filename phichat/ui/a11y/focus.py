"""Keyboard focus: a ring around the focused widget, Tab in visual order, and Enter on buttons."""

from collections.abc import Iterator
from itertools import chain

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
    and frees it with that. Only widgets beside the focus are looked at: a conversation may have ten thousand.
    """
    focus: QWidget | None = whole.window().focusWidget()
    if focus and not whole.isAncestorOf(focus):
        focus = None
    around = _beyond(whole, focus, step) if focus else iter(())
    found = next(chain(around, (each for each in _in_order(whole, step) if each is not focus)), None)
    if found is None:
        return False
    target = _in_sight(found, focus, step)
    target.setFocus(Qt.FocusReason.TabFocusReason if step > 0 else Qt.FocusReason.BacktabFocusReason)
    whole.window().setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)  # else buttons do not show it
    ensure_visible(target)
    return True


def _beyond(whole: QWidget, focus: QWidget, step: int) -> Iterator[QWidget]:
    """Yield the widgets in `whole` that take the focus after `focus`, or before it for a `step` of -1."""
    widget = _leaf_around(focus)
    if step > 0 and not isinstance(widget, LEAVES):
        for child in _children(widget, step):
            yield from _in_order(child, step)
    while widget is not whole and (parent := widget.parentWidget()):
        siblings = _children(parent, step, widget)
        for sibling in siblings[siblings.index(widget) + 1 :]:
            yield from _in_order(sibling, step)
        if step < 0 and _takes_focus(parent):
            yield parent
        widget = parent


def _leaf_around(focus: QWidget) -> QWidget:
    """Return the outermost widget around `focus` in which nothing takes a focus of its own; itself if there is none."""
    found, outer = focus, focus.parentWidget()
    while outer:
        found, outer = outer if isinstance(outer, LEAVES) else found, outer.parentWidget()
    return found


def _in_sight(target: QWidget, focus: QWidget | None, step: int) -> QWidget:
    """Return the first widget in sight in the scroll area that the focus enters with `target`; `target` elsewhere."""
    area = target.parentWidget()
    while area and not isinstance(area, QScrollArea):
        area = area.parentWidget()
    contents = area.widget() if isinstance(area, QScrollArea) else None
    if not isinstance(area, QScrollArea) or contents is None or (focus and area.isAncestorOf(focus)):
        return target
    view = area.viewport()
    places = {
        widget: QRect(widget.mapTo(view, QPoint(0, 0)), widget.size())
        for widget in _in_order(contents, step, within=view)
    }
    whole = (widget for widget, place in places.items() if view.rect().contains(place))
    partly = (widget for widget, place in places.items() if view.rect().intersects(place))
    return next(chain(whole, partly), target)


def ensure_visible(widget: QWidget) -> None:
    """Scroll `widget` into view in all scroll areas it is in."""
    area = widget.parentWidget()
    while area:
        if isinstance(area, QScrollArea):
            area.ensureWidgetVisible(widget)
        area = area.parentWidget()


def _in_order(widget: QWidget, step: int, within: QWidget | None = None) -> Iterator[QWidget]:
    """Yield the widgets that take the focus, in reading order, or against it for a `step` of -1.

    If there is a `within`, no others than those that may be seen in it.
    """
    if within and not within.rect().intersects(QRect(widget.mapTo(within, QPoint(0, 0)), widget.size())):
        return
    if step > 0 and _takes_focus(widget):
        yield widget
    if not isinstance(widget, LEAVES):
        for child in _children(widget, step):
            yield from _in_order(child, step, within)
    if step < 0 and _takes_focus(widget):
        yield widget


def _children(widget: QWidget, step: int, always: QWidget | None = None) -> list[QWidget]:
    """Return the children that are visible, and `always`, in reading order, or against it for a `step` of -1."""
    children = widget.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
    found = [*_by_rows([child for child in children if child is always or child.isVisible()])]
    return found[::step]


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
