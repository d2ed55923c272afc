"""The title of the conversation that is shown: in the window's own title, and above the messages."""

import sys

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from phichat.ui.chat.header import Header
from phichat.ui.controllers.conversations import Conversations
from phichat.ui.widgets.parent import parent_window

LONGEST = 200  # characters


class TitlePresenter(QObject):
    """Shows the title of the current conversation, as it changes, in `header` and in the title of `window`."""

    def __init__(self, window: QWidget, header: Header, conversations: Conversations) -> None:
        super().__init__(window)
        self._header, self._conversations = header, conversations
        conversations.current.session_changed.connect(self.refresh)
        conversations.list_changed.connect(self.refresh)
        for changed in (conversations.list_model.dataChanged, conversations.list_model.layoutChanged):
            changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show the title there is now."""
        conversation = self._conversations.current.session.conversation
        title = " ".join(conversation.title[:LONGEST].split()) if conversation.path() else ""
        self._header.show_title(title)
        own = title if sys.platform == "darwin" else f"{title} – Phichat"
        # Qt replaces "[*]" in a window's title unless it is doubled.
        window = parent_window(self, QWidget)
        window.setWindowTitle(own.replace("[*]", "[*][*]") if title else "Phichat")
