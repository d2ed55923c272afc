"""The question before the window closes, if that loses or ends something."""

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from phichat.i18n import tr, tr_count
from phichat.ui.controllers.conversations import Conversations
from phichat.ui.models.coordinator import ModelCoordinator
from phichat.ui.sidebar.controller import SidebarController
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.parent import parent_window


class QuitQuestion(QObject):
    """Asks in `window` before conversations that couldn't be saved are lost, or an import or a download ends."""

    def __init__(
        self,
        theme: Theme,
        window: QWidget,
        conversations: Conversations,
        sidebar: SidebarController,
        coordinator: ModelCoordinator,
    ) -> None:
        super().__init__(window)
        self._theme = theme
        self._conversations, self._sidebar, self._coordinator = conversations, sidebar, coordinator

    def ask_before(self, leave: Callable[[], object]) -> bool:
        """Ask, and `leave` if the answer is yes; return whether there was something to ask."""
        unsaved = self._conversations.history().count_unsaved()
        if unsaved and not _is_session_ending():
            self._ask_about(unsaved, leave)
            return True
        return self._sidebar.confirm_before(leave) or self._coordinator.confirm_before(leave)

    def _ask_about(self, unsaved: int, leave: Callable[[], object]) -> None:
        from phichat.ui.widgets.dialogs import ask_question  # noqa: PLC0415 - when there is a question

        question = tr_count(
            "Quit Phichat? {count} conversation couldn’t be saved, and its latest changes will be lost.",
            "Quit Phichat? {count} conversations couldn’t be saved, and their latest changes will be lost.",
            unsaved,
        )
        window = parent_window(self, QWidget)
        ask_question(self._theme, window, "unsavedQuestion", question, tr("Quit"), tr("Cancel"), leave)


def _is_session_ending() -> bool:
    """Return whether the desktop is being left, where a question would only be in the way."""
    application = QCoreApplication.instance()
    return isinstance(application, QGuiApplication) and application.isSavingSession()
