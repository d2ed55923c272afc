"""The pages in the middle of the window."""

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QStackedWidget, QWidget


class CentralStack(QStackedWidget):
    """Shows the conversation or, while it is empty, the welcome page or a page in its place.

    Signals: `wide_page_shown(bool)`: the page shown is now in the place of another, and needs room; or it is not.
    """

    wide_page_shown = Signal(bool)

    def __init__(self, welcome: QWidget, conversation: QWidget) -> None:
        super().__init__()
        self._welcome, self._conversation = welcome, conversation
        self._first_run: QWidget | None = None
        self._over: QWidget | None = None
        self._has_messages = False
        for page in (welcome, conversation):
            self.addWidget(page)
        self.currentChanged.connect(self.updateGeometry)

    def show_conversation(self, *, has_messages: bool) -> None:
        """Show the conversation, or the page for an empty one."""
        self._has_messages = has_messages
        shown = self._over or self._conversation
        self.setCurrentWidget(shown if has_messages else self._first_run or self._welcome)
        self.wide_page_shown.emit((self._over if has_messages else self._first_run) is not None)

    def show_over_conversation(self, page: QWidget | None) -> None:
        """Show `page` in the place of the conversation, if that has messages; None for the conversation again."""
        self._over = page
        if page and self.indexOf(page) < 0:
            self.addWidget(page)
        self.show_conversation(has_messages=self._has_messages)

    def replace_welcome(self, page: QWidget) -> None:
        """Show `page` instead of the welcome page from now on."""
        self._first_run = page
        self.addWidget(page)
        self.show_conversation(has_messages=self._has_messages)

    def restore_welcome(self, page: QWidget) -> None:
        """Delete `page`, and show the welcome page again."""
        self._first_run = None
        self.show_conversation(has_messages=self._has_messages)
        self.removeWidget(page)
        page.setObjectName("")
        page.hide()
        page.deleteLater()

    def minimumSizeHint(self) -> QSize:
        """Return what the page that is shown needs: what others do would squeeze what stands below in a low window."""
        page = self.currentWidget()
        return page.minimumSizeHint() if page else super().minimumSizeHint()
