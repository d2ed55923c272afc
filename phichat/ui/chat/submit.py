"""Submits messages to the model, at once or as soon as a model is loaded."""

from PySide6.QtCore import QObject, Slot

from phichat.chat.attachments import Attachments
from phichat.chat.session import Session
from phichat.i18n import tr
from phichat.ui.chat.composer import Composer
from phichat.ui.controllers.conversations import Conversations
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.feedback import FeedbackController
from phichat.ui.transcript.transcript import Transcript

PENDING = "pending"  # source of feedback


class SubmitController(QObject):
    """Passes messages from the composer to the model, and drafts to their conversations.

    It is to be made before others that listen to the current conversation: what was written in the one before is taken
    out of the field first.
    """

    def __init__(
        self,
        composer: Composer,
        transcript: Transcript,
        feedback: FeedbackController,
        generation: GenerationController,
        conversations: Conversations,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._composer, self._transcript, self._feedback = composer, transcript, feedback
        self._generation, self._conversations = generation, conversations
        self._written_in = conversations.current.session
        self._pending: tuple[Session, str] | None = None
        composer.submitted.connect(self.submit_draft)
        composer.draft_changed.connect(self._on_written)
        conversations.current.session_changed.connect(self._on_session_changed)

    @property
    def session(self) -> Session:
        """The current conversation."""
        return self._conversations.current.session

    @Slot(object)
    def _on_session_changed(self, session: Session) -> None:
        self._composer.flush_draft()
        self._written_in = session
        self._composer.set_text(session.draft)

    @Slot(str)
    def submit_text(self, text: str) -> None:
        """Submit `text` in the current conversation; if that is not possible now, put it into the composer."""
        if self._can_ask():
            self._ask(text)
        else:
            self._postpone(text)

    @Slot(str)
    def submit_draft(self, text: str) -> None:
        """Submit `text` with the attached files, which stay attached if that is not possible now."""
        if self._can_ask():
            attached, self.session.attached = self.session.attached, ()
            self._ask(text, attached)
            self._composer.show_files(())
        else:
            self._postpone(text)

    def _can_ask(self) -> bool:
        return self._generation.model is not None and not self._generation.is_answering()

    def _ask(self, text: str, attachments: Attachments = ()) -> None:
        self._generation.submit(self.session, text, attachments)
        self._transcript.follow()
        self._composer.setFocus()

    def _postpone(self, text: str) -> None:
        self._composer.set_text(self._composer.text() or text)
        if not self._generation.model and self._composer.text() == text:
            self._pending = self.session, text
            self._feedback.note(PENDING, tr("This is asked as soon as there is a model."))

    @Slot(str)
    def _on_written(self, text: str) -> None:
        if self._written_in is not self.session:
            self._keep_late(self._written_in, text)
            return
        self._conversations.current.set_draft(text)
        if self._pending and text != self._pending[1] and self._is_shown(self._pending[0]):
            self._forget_pending()

    def _keep_late(self, session: Session, text: str) -> None:
        """Keep the last draft of a conversation that is no longer shown, unless that was deleted."""
        name = session.conversation.id
        if self._pending and self._pending[0].conversation.id == name and text != self._pending[1]:
            self._forget_pending()
        session.draft = text
        self._conversations.save_draft(session)

    @Slot()
    def submit_pending(self) -> None:
        """Submit what was written before a model was loaded, unless its conversation was deleted."""
        self._composer.flush_draft()
        if not self._pending or self._generation.is_answering():
            return
        session, text = self._pending
        self._forget_pending()
        if self._is_shown(session):
            self._composer.set_text("")
            self.submit_draft(text)
        else:
            self._submit_elsewhere(session, text)

    def _forget_pending(self) -> None:
        self._pending = None
        self._feedback.note(PENDING, "")

    def _submit_elsewhere(self, session: Session, text: str) -> None:
        name, current = session.conversation.id, self._conversations.current
        session = current.cached_session(name) or session
        if self._conversations.list_model.summary(name) or (session.is_temporary and current.cached_session(name)):
            current.cache_session(session)  # who opens it sees the answer come
            attached, session.draft, session.attached = session.attached, "", ()
            self._generation.submit(session, text, attached)

    def _is_shown(self, session: Session) -> bool:
        return session.conversation.id == self.session.conversation.id
