"""What the middle of the window shows: a conversation, or what stands in place of an empty one."""

from PySide6.QtWidgets import QStackedWidget, QWidget


class CentralStack(QStackedWidget):
    """The talk, and one of two pages where there is none yet."""

    def __init__(self, welcome: QWidget, talk: QWidget) -> None:
        super().__init__()
        self._welcome, self._talk = welcome, talk
        self._first: QWidget | None = None
        self._has_talk = False
        for page in (welcome, talk):
            self.addWidget(page)

    def show_conversation(self, *, has_talk: bool) -> None:
        """Show the talk, or that there is none yet."""
        self._has_talk = has_talk
        self.setCurrentWidget(self._talk if has_talk else self._first or self._welcome)

    def replace_welcome(self, page: QWidget) -> None:
        """`page` stands in the place of the welcome from now on."""
        self._first = page
        self.addWidget(page)
        self.show_conversation(has_talk=self._has_talk)

    def restore_welcome(self, page: QWidget) -> None:
        """The welcome is shown again, and `page` is gone."""
        self._first = None
        self.show_conversation(has_talk=self._has_talk)
        self.removeWidget(page)
        page.setObjectName("")
        page.hide()
        page.deleteLater()
