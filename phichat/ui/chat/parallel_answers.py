"""Several answers side by side: shows them as they grow, and goes on with the one that is chosen."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from phichat.chat.conversation import Message
from phichat.chat.session import Session
from phichat.ui.controllers.current_conversation import CurrentConversation
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript.transcript import Transcript
from phichat.ui.widgets.pages import CentralStack

if TYPE_CHECKING:
    from phichat.ui.transcript.answer_columns import AnswerColumns


class ParallelAnswers(QObject):
    """Shows the answers of one request in columns, in the place of the conversation, until one is chosen.

    Each of them is a version of the answer from the start, so nothing is lost if none is chosen. The conversation goes
    on with the framed one.

    Signals: `answer_chosen` once the conversation is shown with the one that was chosen.
    """

    answer_chosen = Signal()

    def __init__(
        self,
        theme: Theme,
        pages: CentralStack,
        transcript: Transcript,
        generation: GenerationController,
        current: CurrentConversation,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._theme, self._pages, self._transcript = theme, pages, transcript
        self._current = current
        self._columns: AnswerColumns | None = None
        self._open: dict[str, list[str]] = {}
        generation.asked.connect(self._on_asked)
        generation.replied.connect(self._on_replied)
        generation.version_replied.connect(self._on_version_replied)
        current.session_changed.connect(self._show_session)
        current.message_found.connect(self.close)
        transcript.context.signals.conversation_needed.connect(self._on_needed)

    @Slot()
    def close(self) -> None:
        """Show the conversation again, as when something is to be found in it."""
        self._open.pop(self._current.session.conversation.id, None)
        self._pages.show_over_conversation(None)

    @Slot(object)
    def _on_asked(self, session: Session) -> None:
        """Open the columns of several answers; or close them, as one goes on with the answer that is shown."""
        was_open = self._open.pop(session.conversation.id, None)
        if session.beside:
            growing = (each.answering.id for each in (session, *session.beside) if each.answering)
            self._open[session.conversation.id] = list(growing)
        if session is not self._current.session or not (was_open or session.beside):
            return
        self._show_session(session)
        if session.beside and self._columns:
            self._columns.focus_current()

    @Slot(object, object)
    def _on_replied(self, session: Session, message: Message) -> None:
        if self._columns and session is self._current.session:
            self._columns.show_message(message)

    @Slot(object, object)
    def _on_version_replied(self, session: Session, message: Message) -> None:
        self._on_replied(session, message)
        is_shown = session is self._current.session and session.conversation.tip == message.id
        if is_shown and self._transcript.is_last(message):  # it was chosen while it grows
            self._transcript.update_last_message(message)

    @Slot(object)
    def _show_session(self, session: Session) -> None:
        known = (session.conversation.message(name) for name in self._open.get(session.conversation.id, ()))
        messages = [message for message in known if message]
        if len(messages) < 2:
            self._pages.show_over_conversation(None)
            return
        if self._columns is None:
            from phichat.ui.transcript.answer_columns import AnswerColumns  # noqa: PLC0415 - it imports Markdown

            self._columns = AnswerColumns(self._theme, self._transcript.context)
            self._columns.chosen.connect(self._choose)
            self._columns.framed.connect(self._transcript.context.signals.version_chosen)
            self._columns.closed.connect(self._go_back)
        question = session.conversation.message(messages[0].parent or "")
        names, tip = [message.id for message in messages], session.conversation.tip
        current = names.index(tip) if tip in names else 0
        self._columns.show_messages(question.text if question else "", messages, current)
        self._pages.show_over_conversation(self._columns)

    @Slot(object)
    def _choose(self, message: Message) -> None:
        """Show `message` as the answer; the others stay as versions of it."""
        self._go_back()
        self._transcript.context.signals.version_chosen.emit(message)
        self.answer_chosen.emit()

    @Slot()
    def _on_needed(self) -> None:
        if self._columns and self._columns.isVisible():
            self._go_back()

    @Slot()
    def _go_back(self) -> None:
        self.close()
        self._transcript.setFocus()
