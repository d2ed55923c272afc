"""Submits messages to the model, at once or as soon as it is free; and stops or hurries the reply that is shown."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAction

from phichat.chat.attachments import Attachments
from phichat.chat.session import Session
from phichat.i18n import tr
from phichat.store.base import summarize_session
from phichat.ui.chat.composer import Composer
from phichat.ui.chat.consent import SendingConsent
from phichat.ui.controllers.conversation_model import title_of_summary
from phichat.ui.controllers.conversations import Conversations
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.feedback import FeedbackController
from phichat.ui.transcript.transcript import Transcript

PENDING = "pending"  # source of feedback


class SubmitController(QObject):
    """Passes messages from the composer to the model, drafts to their conversations, and commands to the reply shown.

    A message that cannot be answered yet is queued, and stays in the composer until its turn: one for each
    conversation, in the order they were sent in. Whoever edits it, takes it out of the queue.

    It is to be made before others that listen to the current conversation: what was written in the one before is taken
    out of the field first.

    Attributes:
        lacks_choice: tells whether there are models, but none will be loaded before one is chosen.
    """

    def __init__(
        self,
        composer: Composer,
        transcript: Transcript,
        feedback: FeedbackController,
        generation: GenerationController,
        conversations: Conversations,
        consent: SendingConsent,
        stop: QAction,
        answer_now: QAction,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._stop, self._answer_now, self._feedback = stop, answer_now, feedback
        self._composer, self._transcript = composer, transcript
        self._generation, self._conversations = generation, conversations
        self._written_in = conversations.current.session
        self._consent = consent
        self.lacks_choice: Callable[[], bool] = lambda: False
        self._pending: dict[str, tuple[Session, str, str]] = {}  # with the host that it is for
        composer.submitted.connect(self.submit_draft)
        composer.draft_changed.connect(self._on_written)
        composer.unqueued.connect(self._on_unqueued)
        composer.stopped.connect(self._on_stopped)
        composer.name_answer_keys(answer_now.shortcut())
        for requested in (composer.answer_requested, answer_now.triggered):
            requested.connect(self._on_answer_requested)
        for replied in (generation.replied, generation.version_replied):
            replied.connect(self._show_thinking)
        stop.triggered.connect(self._on_stopped)
        generation.state_changed.connect(self._show_state)
        conversations.current.session_changed.connect(self._on_session_changed)
        self._show_state()

    @property
    def session(self) -> Session:
        """The current conversation."""
        return self._conversations.current.session

    @Slot(object)
    def _on_session_changed(self, session: Session) -> None:
        self._composer.flush_draft()
        self._written_in = session
        self._composer.set_text(session.draft)
        self._show_state()

    @Slot(str)
    def submit_text(self, text: str) -> None:
        """Submit `text` in the current conversation; if that is not possible now, put it into the composer."""
        if not self._consent.is_given(self._composer.submit):
            self._composer.set_text(self._composer.text() or text)
        elif self._can_ask():
            self._ask(text)
        else:
            self._postpone(text)

    @Slot(str)
    def submit_draft(self, text: str) -> None:
        """Submit `text` with the attached files, which stay attached if that is not possible now."""
        if not self._consent.is_given(self._composer.submit):
            self._composer.set_text(self._composer.text() or text)
        elif self._can_ask():
            attached, self.session.attached = self.session.attached, ()
            self._ask(text, attached)
            self._composer.show_files(())
        else:
            self._postpone(text)

    def _can_ask(self) -> bool:
        return self._generation.model is not None and not self._generation.is_answering()

    def _host(self) -> str:
        """Return the host that messages go to; empty for this computer."""
        return self._generation.model.host if self._generation.model else ""

    def _ask(self, text: str, attachments: Attachments = ()) -> None:
        self._generation.submit(self.session, text, attachments)
        self._transcript.follow()
        self._composer.setFocus()

    def _postpone(self, text: str) -> None:
        self._composer.set_text(self._composer.text() or text)
        if self._composer.text() == text:
            self._pending[self.session.conversation.id] = self.session, text, self._host()
            self._show_state()
        else:
            self._feedback.tell(tr("The model is busy. Try again when the answer is finished."))

    @Slot(str)
    def _on_written(self, text: str) -> None:
        if self._written_in is not self.session:
            self._keep_late(self._written_in, text)
            return
        self._conversations.current.set_draft(text)
        if self._unqueue_if_other(self.session, text) and text:
            self._feedback.tell(
                tr("You changed your message, so it won’t be sent automatically. Press Enter to queue it again.")
            )
        self._show_state()

    def _unqueue_if_other(self, session: Session, text: str) -> bool:
        """Take the message of `session` out of the queue if it is another now; return whether that was so."""
        name = session.conversation.id
        is_other = name in self._pending and self._pending[name][1] != text
        if is_other:
            del self._pending[name]
        return is_other

    @Slot()
    def _on_unqueued(self) -> None:
        self._pending.pop(self.session.conversation.id, None)
        self._show_state()

    @Slot()
    def _on_stopped(self) -> None:
        if self._generation.answers(self.session):
            self._generation.stop()

    @Slot()
    def _on_answer_requested(self) -> None:
        if self._generation.answers(self.session):
            self._generation.answer_now()
            self._show_thinking()

    @Slot()
    def _show_thinking(self) -> None:
        is_thinking = self._generation.is_thinking(self.session)
        self._composer.set_thinking(is_thinking=is_thinking)
        self._answer_now.setEnabled(is_thinking)

    @Slot()
    def _show_state(self) -> None:
        """Show whether the conversation shown is being answered, and whether a message in it is queued."""
        is_answered = self._generation.answers(self.session)
        self._composer.set_answering(is_answered)
        self._show_thinking()
        self._stop.setEnabled(is_answered)
        is_queued = self.session.conversation.id in self._pending
        self._composer.show_queued(self._turn() if is_queued and self._generation.is_answering() else "")
        expectation = self._expectation() if is_queued and not self._generation.model else ""
        self._feedback.note(PENDING, expectation, waits=True)

    def _expectation(self) -> str:
        """Return a sentence on when a message is answered that waits for a model."""
        if self.lacks_choice():
            return tr("Your message will be answered once you choose a model.")
        return tr("Your message will be answered as soon as a model is ready.")

    def _turn(self) -> str:
        """Return a sentence on when a queued message is sent."""
        answered = self._generation.session
        if answered is None or self._generation.answers(self.session):
            return tr("Your message will be sent when this answer is finished.")
        title = title_of_summary(summarize_session(answered))
        return tr("Your message will be sent when the answer in “{title}” is finished.").format(title=title)

    def _keep_late(self, session: Session, text: str) -> None:
        """Keep the last draft of a conversation that is no longer shown, unless that was deleted."""
        self._unqueue_if_other(session, text)
        session.draft = text
        self._conversations.save_draft(session)

    @Slot()
    def submit_pending(self) -> None:
        """Submit the first message in the queue; those of deleted conversations are dropped."""
        self._composer.flush_draft()
        while self._pending and self._can_ask():
            session, text, host = self._pending.pop(next(iter(self._pending)))
            if not text and not session.attached:  # its files were taken away
                continue
            model = self._generation.model
            if model and (model.host not in {"", host} or not self._generation.may_send_to(model)):
                self._hold_back(session)
            elif self._is_shown(session):
                self._composer.set_text("")
                self.submit_draft(text)
            else:
                self._submit_elsewhere(session, text)

    def _hold_back(self, session: Session) -> None:
        """Leave a message a draft that was to be read by another model: nobody knew that it would be sent there."""
        sentence = tr("Your message wasn’t sent, because messages now go to {host}. If that’s OK, send it again.")
        self._feedback.warn_in(session.conversation.id, sentence.format(host=self._host()))
        self._show_state()

    def _submit_elsewhere(self, session: Session, text: str) -> None:
        name, current = session.conversation.id, self._conversations.current
        session = current.cached_session(name) or session
        if self._conversations.list_model.summary(name) or (session.is_temporary and current.cached_session(name)):
            current.cache_session(session)  # who opens it sees the answer come
            attached, session.draft, session.attached = session.attached, "", ()
            self._generation.submit(session, text, attached)

    def _is_shown(self, session: Session) -> bool:
        return session.conversation.id == self.session.conversation.id
