"""A line around what has the focus, where that would not show it by itself: texts to read, and what scrolls."""

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, QTimer, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QListView, QPlainTextEdit, QScrollArea, QTextEdit, QWidget
from shiboken6 import isValid

from phichat.ui.theme.theme import Theme

WIDTH, ROUND, AWAY = 2, 6, 6  # pixels
BY_KEY = Qt.WidgetAttribute.WA_KeyboardFocusChange


class FocusRings(QObject):
    """Draws it in `window` once the focus moves by key; who uses the mouse sees where they clicked."""

    def __init__(self, theme: Theme, window: QWidget) -> None:
        super().__init__(window)
        self._theme = theme  # the window is not kept: circles of references are freed at any time, in any thread
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


class _Ring(QWidget):
    """Lies around `widget` or, where that has no neighbours to lie over, inside."""

    def __init__(self, widget: QWidget, theme: Theme) -> None:
        ground = _ground(widget)
        super().__init__(ground)
        self._theme = theme
        self._inside: list[QWidget] = [widget]  # `widget`, and what it is in up to `ground`
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
        painter.setPen(QPen(QColor(self._theme.tokens.accent), WIDTH))
        inset = WIDTH / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), ROUND, ROUND)
        painter.end()


def _ground(widget: QWidget) -> QWidget:
    """What a ring around `widget` is drawn on."""
    area = None if isinstance(widget, QScrollArea) else widget.parentWidget()
    while area and not isinstance(area, QScrollArea):
        area = area.parentWidget()
    return (area.widget() if isinstance(area, QScrollArea) else None) or widget


def _needs_ring(widget: QWidget) -> bool:
    if isinstance(widget, QListView):
        return not widget.currentIndex().isValid()  # a row shows it
    if isinstance(widget, QTextEdit | QPlainTextEdit):
        return widget.isReadOnly()
    return isinstance(widget, QScrollArea)
