"""A line around what has the focus, where that would not show it by itself: texts to read, and what scrolls."""

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, QTimer, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QListView, QPlainTextEdit, QScrollArea, QTextEdit, QWidget
from shiboken6 import isValid

from phichat.ui.theme import Theme

WIDTH, ROUND = 2, 6  # pixels
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
    """Lies over `widget`, as large as that."""

    def __init__(self, widget: QWidget, theme: Theme) -> None:
        super().__init__(widget)
        self._theme = theme
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setGeometry(widget.rect())
        widget.installEventFilter(self)
        self.show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize and isinstance(watched, QWidget):
            self.setGeometry(watched.rect())
        return super().eventFilter(watched, event)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(self._theme.tokens.accent), WIDTH))
        inset = WIDTH / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), ROUND, ROUND)
        painter.end()


def _needs_ring(widget: QWidget) -> bool:
    if isinstance(widget, QListView):
        return not widget.currentIndex().isValid()  # a row shows it
    if isinstance(widget, QTextEdit | QPlainTextEdit):
        return widget.isReadOnly()
    return isinstance(widget, QScrollArea)
