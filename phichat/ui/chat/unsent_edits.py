"""Messages that are being edited: they are stored with the drafts, and become drafts when the window closes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from phichat.chat.attachments import Attachment, Attachments
from phichat.chat.conversation import Message
from phichat.chat.session import Session
from phichat.i18n import tr
from phichat.ui.chat.attachments import AttachmentController
from phichat.ui.chat.composer import Composer
from phichat.ui.controllers.conversations import Conversations
from phichat.ui.controllers.draft_text import draft_with_edits
from phichat.ui.transcript.transcript import Transcript

if TYPE_CHECKING:
    from phichat.ui.transcript.message_view import MessageView


class UnsentEdits(QObject):
    """Knows in which conversations messages are being edited: those are not shown all the time."""

    def __init__(
        self,
        transcript: Transcript,
        composer: Composer,
        conversations: Conversations,
        attachments: AttachmentController,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._state, self._composer, self._conversations = transcript.context.state, composer, conversations
        self._transcript, self._attachments = transcript, attachments
        self._edited_in: dict[str, None] = {}  # ids, in the order of editing
        self._cancelled: set[str] = set()  # ids of messages
        self._readings: dict[int, tuple[str, str]] = {}  # message and title by the target's id(): no reference in turn
        signals = transcript.context.signals
        conversations.autosave.unsent_edits = self._unsent
        signals.editing_changed.connect(self._on_editing)
        signals.edit_files_given.connect(self._read)
        signals.edit_cancelled.connect(self._on_cancelled)
        signals.edit_changed.connect(conversations.current.save_soon)

    @Slot(object)
    def _on_editing(self, view: "MessageView") -> None:
        self._cancelled.discard(view.message.id)
        self._edited_in[self._conversations.current.session.conversation.id] = None
        self._conversations.current.save_soon()

    @Slot(object, list)
    def _read(self, message: Message, files: Sequence[Path]) -> None:
        """Have `files` read, and added to the editor of `message`."""
        self._attachments.attach(files, EditedMessage(self, message))

    @Slot(object)
    def _on_cancelled(self, message: Message) -> None:
        self._cancelled.add(message.id)

    def objection(self, message: Message, *, is_short: bool) -> str:
        """See EditedMessage; a text that is read after its editor was canceled is there when that is opened again."""
        if message.id in self._state.unsent_edits or (is_short and message.id in self._cancelled):
            return ""
        return tr("{name} wasn’t attached because you canceled the edit.")

    def add(self, message: Message, file: Attachment) -> str:
        """Add `file` to the editor of `message`, or to what is there when it is opened again; see EditedMessage."""
        if message.id not in self._state.unsent_edits:
            return self._add_to_cancelled(message, file)
        files = self._state.unsent_files.get(message.id, message.attachments)
        if file in files:
            return tr("{name} is already attached.").format(name=file.title)
        self._state.unsent_files[message.id] = (*files, file)
        if view := self._view_of(message):
            view.refresh_editor()
        self._transcript.context.signals.edit_changed.emit()
        return ""

    def show_reading(self, message: Message, target: "EditedMessage", title: str | None) -> None:
        """Hold `message` back while files are being read for it; see EditedMessage."""
        self._readings.pop(id(target), None)
        if title is not None:
            self._readings[id(target)] = message.id, title
        titles = [title for name, title in self._readings.values() if name == message.id]
        self._state.edit_readings.pop(message.id, None)
        if titles:
            self._state.edit_readings[message.id] = titles[-1]
        if view := self._view_of(message):
            view.refresh_actions()

    def _view_of(self, message: Message) -> "MessageView | None":
        indexes = (index for index, each in enumerate(self._transcript.path()) if each.id == message.id)
        return self._transcript.view(next(indexes, -1))

    def _add_to_cancelled(self, message: Message, file: Attachment) -> str:
        text, files = self._state.cancelled_edits.get(message.id, (message.text, message.attachments))
        if file in files:
            return tr("{name} is already attached.").format(name=file.title)
        self._state.cancelled_edits[message.id] = text, (*files, file)
        return tr("{name} will be attached when you edit the message again.").format(name=file.title)

    def keep(self) -> None:
        """Put what was being edited into the message field, or into the drafts of other conversations."""
        current = self._conversations.current
        for name in self._edited_in:
            if name == current.session.conversation.id:
                texts, files = self._take(current.session)
                current.session.attached = tuple(dict.fromkeys((*current.session.attached, *files)))
                if texts:
                    self._composer.set_text(draft_with_edits(self._composer.text(), texts))
            elif self._conversations.list_model.summary(name) and (session := current.recall(name)):
                texts, files = self._take(session)
                session.draft = draft_with_edits(session.draft, texts)
                session.attached = tuple(dict.fromkeys((*session.attached, *files)))
                self._conversations.save_draft(session)

    def _take(self, session: Session) -> tuple[list[str], Attachments]:
        """Return what was written in editors of `session`, on whatever branch, and forget it."""
        found = self._unsent(session)
        for message in session.conversation.messages():
            self._state.unsent_edits.pop(message.id, None)
            self._state.unsent_files.pop(message.id, None)
        return found

    def _unsent(self, session: Session) -> tuple[list[str], Attachments]:
        """Return the texts that were changed, and the files that were added."""
        edits, edited_files = self._state.unsent_edits, self._state.unsent_files
        messages = session.conversation.messages() if edits else []
        texts = [edits[each.id] for each in messages if edits.get(each.id, each.text) != each.text]
        files = [file for each in messages for file in edited_files.get(each.id, ()) if file not in each.attachments]
        return texts, tuple(files)


class EditedMessage:
    """A message that was being edited when the files that go with it began to be read."""

    def __init__(self, edits: UnsentEdits, message: Message) -> None:
        self._edits, self._message = edits, message

    def objection(self, *, is_short: bool) -> str:
        """Return why a file that was read can't go with it, as a sentence with a `{name}`; empty if it can.

        `is_short` says whether its text would go with the message, instead of passages from it.
        """
        return self._edits.objection(self._message, is_short=is_short)

    def take(self, file: Attachment) -> str:
        """Add a file that was read; return what to tell instead of that it was attached, empty for nothing."""
        return self._edits.add(self._message, file)

    def show_reading(self, title: str | None) -> None:
        """Hold it back while a file is being read, and show its `title` unless that is empty; None for no file."""
        self._edits.show_reading(self._message, self, title)
