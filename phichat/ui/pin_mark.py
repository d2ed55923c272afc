"""Says of a message that it is pinned."""

from PySide6.QtCore import QSize, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from phichat.i18n import tr
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.plain_text import plain_label

SIZE = QSize(15, 15)


class PinMark(QWidget):
    """A pin, and the word."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("pinMark")
        self._theme = theme
        self._pin = plain_label()
        words = muted(plain_label(tr("Pinned message")))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._pin)
        layout.addWidget(words)
        self.setToolTip(tr("The model remembers it, however long the conversation gets"))
        theme.changed.connect(self._show_icon)
        self._show_icon()

    @Slot()
    def _show_icon(self) -> None:
        self._pin.setPixmap(self._theme.icon("pin").pixmap(SIZE, self.devicePixelRatio()))
