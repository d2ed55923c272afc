"""Messages that are being edited: they are stored with the drafts, and become drafts when the window closes."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from phichat.chat.session import Session
from phichat.ui.chat.composer import Composer
from phichat.ui.controllers.conversations import Conversations
from phichat.ui.transcript.transcript import Transcript

if TYPE_CHECKING:
    from phichat.ui.transcript.message_view import MessageView


class UnsentEdits(QObject):
    """Knows in which conversations messages are being edited: those are not shown all the time."""

    def __init__(
        self, transcript: Transcript, composer: Composer, conversations: Conversations, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._state, self._composer, self._conversations = transcript.context.state, composer, conversations
        self._edited_in: dict[str, None] = {}  # ids, in the order of editing
        signals = transcript.context.signals
        conversations.autosave.unsent_edits = self._texts
        signals.editing_changed.connect(self._on_editing)
        signals.edit_changed.connect(conversations.current.save_soon)

    @Slot(object)
    def _on_editing(self, _: "MessageView") -> None:
        self._edited_in[self._conversations.current.session.conversation.id] = None
        self._conversations.current.save_soon()

    def keep(self) -> None:
        """Put what was being edited into the message field, or into the drafts of other conversations."""
        current = self._conversations.current
        for name in self._edited_in:
            if name == current.session.conversation.id:
                if texts := self._take_texts(current.session):
                    self._composer.set_text("\n\n".join(filter(None, [self._composer.text(), *texts])))
            elif self._conversations.list_model.summary(name) and (session := current.recall(name)):
                session.draft = "\n\n".join(filter(None, [session.draft, *self._take_texts(session)]))
                self._conversations.save_draft(session)

    def _take_texts(self, session: Session) -> list[str]:
        """Return what was written in editors of `session`, on whatever branch, and forget it."""
        texts = self._texts(session)
        for message in session.conversation.messages():
            self._state.unsent_edits.pop(message.id, None)
        return texts

    def _texts(self, session: Session) -> list[str]:
        edits = self._state.unsent_edits
        if not edits:
            return []
        messages = session.conversation.messages()
        return [edits[message.id] for message in messages if edits.get(message.id, message.text) != message.text]
