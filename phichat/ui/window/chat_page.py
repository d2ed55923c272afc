"""The middle column of the window: header, banners, conversation, message field and status bar."""

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from phichat.ui.chat.composer import Composer
from phichat.ui.chat.header import Header
from phichat.ui.chat.status_bar import StatusBar
from phichat.ui.theme.scaling import set_max_width
from phichat.ui.transcript.transcript import COLUMN_WIDTH
from phichat.ui.widgets.pages import CentralStack


class ChatPage(QWidget):
    """Lays its parts out.

    Attributes:
        above: takes banners between the header and the conversation.
        below: takes banners between the conversation and the message field.
    """

    def __init__(self, header: Header, pages: CentralStack, composer: Composer, status: StatusBar) -> None:
        super().__init__()
        self.above, self.below = QVBoxLayout(), QVBoxLayout()
        self.above.setContentsMargins(16, 0, 16, 0)
        self.below.setContentsMargins(24, 4, 24, 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(header)
        column.addLayout(self.above)
        column.addWidget(pages, 1)
        column.addLayout(self.below)
        column.addLayout(_composer_row(composer))
        column.addWidget(status)


def _composer_row(composer: Composer) -> QHBoxLayout:
    """Return `composer` as wide as the messages above it."""
    row = QHBoxLayout()
    row.setContentsMargins(24, 4, 24, 6)
    holder = QWidget()
    set_max_width(holder, COLUMN_WIDTH)
    inside = QVBoxLayout(holder)
    inside.setContentsMargins(0, 0, 0, 0)
    inside.addWidget(composer)
    row.addWidget(holder)
    return row
