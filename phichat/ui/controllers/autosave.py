"""Autosave: stores conversations in the history as they change; the window waits for none of it."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, Signal, Slot

from phichat.chat.attachments import Attachments
from phichat.chat.conversation import Message, Piece
from phichat.chat.session import Session
from phichat.store.base import ConversationRecord, record_from_session, session_title
from phichat.ui.controllers.draft_text import draft_with_edits, draft_without_edits

if TYPE_CHECKING:
    from concurrent.futures import Future

    from phichat.store.history import History

PATIENCE = 30.0  # seconds


@dataclass
class _Stored:
    """What the history has of a conversation."""

    messages: set[str] = field(default_factory=set)
    details: tuple[Any, ...] = ()
    draft: str = ""
    attached: Attachments = ()
    title: str = ""
    is_begun: bool = False
    """Whether there ever was a message in it, even if all were deleted."""


class ReplyStore(Protocol):
    """Stores replies as they grow; implemented by AutoSave. No method waits for the disk."""

    def store_question(self, session: Session) -> "Future[None] | None":
        """Store a question, or a reply that is continued; the future is done once that is durable."""

    def append_reply(self, session: Session, pieces: Sequence[Piece]) -> None:
        """Append to the reply under way."""

    def store_reply(self, session: Session, message: Message) -> None:
        """Store the final reply."""

    def store_choices(self, session: Session, message: Message) -> None:
        """Store what was weighed at its tokens."""


class AutoSave(QObject):
    """Writes changes to the history, which is opened by the first of them.

    Attributes:
        last: the future of the last write, but for the growth of a reply, which may wait for more; once it is done, all
            writes before it are done, too.
        unsent_edits: returns the texts being written in place of messages of a conversation, and the files added there.
            They are stored as the end of its draft, in case the window can't be closed in an orderly way.
        has_documents: returns whether a conversation uses documents, which make a draft like files do.
        list_with_documents: returns the ids of the stored conversations that use any.

    Signals:
        touched(Session): it is new, or has a new message.
        untrashed(str): another program had moved the conversation with that id to the trash; a new message restored it.
        gone(str): the conversation with that id was removed, as its draft was empty and there was nothing else.
        back: one that was removed is there after all, as another program went on with it.
        pinned(Session, Message): the message was pinned in it, or unpinned; see `returned`.
        returned(Session, list[Message]): a branch was restored in it; the session in memory may be another by now.
        erased: conversations are being deleted for good, and caches of them must be cleared.
        purged(list[str]): these conversations are deleted for good; if all are, those of them that used documents.
        everything_deleted(bool): all conversations are deleted for good; False if they could not be.
        failed(str): a write failed; one sentence, once until it changes.
    """

    touched = Signal(object)
    untrashed = Signal(str)
    gone = Signal(str)
    back = Signal()
    pinned = Signal(object, object)
    returned = Signal(object, object)
    erased = Signal()
    purged = Signal(list)
    everything_deleted = Signal(bool)
    failed = Signal(str)
    _done = Signal(str)
    _emptied = Signal(list)
    _left = Signal(object)

    def __init__(self, history: "Callable[[], History]", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._history = history
        self._stored: WeakKeyDictionary[Session, _Stored] = WeakKeyDictionary()
        self._trouble = ""
        self.last: Future[Any] | None = None
        self.unsent_edits: Callable[[Session], tuple[Sequence[str], Attachments]] = lambda _: ((), ())
        self.has_documents: Callable[[Session], bool] = lambda _: False
        self.list_with_documents: Callable[[], Sequence[str]] = tuple
        self._done.connect(self.show_trouble)
        self._emptied.connect(self._on_gone)
        self._left.connect(self._on_left)

    def mark_stored(self, session: Session, record: ConversationRecord) -> None:
        """Note that `session` was made from `record`, and so much of it is stored.

        Edits that are still open are taken from its draft again.
        """
        heading, messages = record.summary, {message.id for message in record.messages}
        is_begun = bool(messages) or heading.changed != heading.created  # the latter when all were deleted
        draft = record.draft, record.attached
        self._stored[session] = _Stored(messages, _details(session), *draft, heading.title, is_begun)
        texts, files = self.unsent_edits(session)
        if texts:
            session.draft = draft_without_edits(session.draft, texts)
        session.attached = tuple(file for file in session.attached if file not in files)

    def mark_messages_stored(self, session: Session, messages: Iterable[Message]) -> None:
        """Note that `messages` of `session` are stored."""
        if stored := self._stored.get(session):
            stored.messages.update(message.id for message in messages)
            stored.is_begun = True

    def forget(self, session: Session) -> None:
        """Note that nothing of `session` is stored any more."""
        self._stored.pop(session, None)

    def is_stored(self, session: Session) -> bool:
        """Whether anything of `session` is stored."""
        return session in self._stored

    def is_begun(self, session: Session) -> bool:
        """Whether there ever was a message in it."""
        stored = self._stored.get(session)
        return bool(session.conversation.messages()) or (stored is not None and stored.is_begun)

    def store_question(self, session: Session) -> "Future[None] | None":
        """Store all that is new; done once it is durable."""
        if session.is_temporary:
            self.touched.emit(session)
            return None
        future = self._store(session)
        self.touched.emit(session)
        return future

    def append_reply(self, session: Session, pieces: Sequence[Piece]) -> None:
        """Append to the stored reply."""
        if session.is_temporary or not session.answering:
            return
        future = self._history().append_to_reply(session.answering.id, pieces)
        future.add_done_callback(self._on_done)

    def store_reply(self, session: Session, message: Message) -> None:
        """Store the final reply."""
        if not session.is_temporary:
            self._watch(self._history().finish_reply(message))

    def store_choices(self, session: Session, message: Message) -> None:
        """Store what was weighed at the tokens of a reply."""
        if session in self._stored and message.reply:
            self._watch(self._history().set_choices(message.id, message.reply.choices))

    def store_undecided(self, session: Session, message: Message, place: bytes) -> None:
        """Store where the model was least sure in a reply."""
        if session in self._stored:
            self._watch(self._history().set_undecided(message.id, place))

    def undecided_loader(self, session: Session, message: Message) -> Callable[[], bytes] | None:
        """Return what loads where the model was least sure in a reply, and may block; None if nothing is stored."""
        return partial(self._history().load_undecided, message.id) if session in self._stored else None

    def save_draft(self, session: Session, *, is_begun: bool = False) -> None:
        """Store the draft and its attachments, with the conversation if it is new.

        A conversation with neither, nor documents, is removed, unless it `is_begun`: deleted messages may be restored
        by undo.
        """
        if session.is_temporary:
            return
        stored = self._stored.get(session)
        is_nothing = not (session.draft.strip() or session.attached or self.has_documents(session))
        if is_nothing and not is_begun and not self.is_begun(session):
            self._drop(session)
        elif stored is None:
            self._store(session)
        elif (stored.draft, stored.attached) != self._draft(session):
            self._store_draft(session, stored)
            self._store_title(session, stored)

    def save_settings(self, session: Session) -> None:
        """Store the system prompt, the sampling and the model of `session`."""
        if stored := self._stored.get(session):
            self._store_details(session, stored)

    def path_changed(self, session: Session) -> None:
        """Store which path is shown."""
        if session in self._stored:
            self._watch(self._history().set_tip(session.conversation.id, session.conversation.tip))

    def message_pinned(self, session: Session, message: Message) -> None:
        """Store whether a message is pinned."""
        if session in self._stored:
            self._watch(self._history().pin_message(message.id, is_pinned=message.is_pinned))
        self.pinned.emit(session, message)

    def branch_removed(self, session: Session, gone: Sequence[Message]) -> None:
        """Delete the branch `gone`, its first message first, and store which path is shown."""
        if gone and session in self._stored:
            self._watch(self._history().delete_branch(gone[0].id))
            self.path_changed(session)

    def versions_removed(self, session: Session, gone: Sequence[Message]) -> None:
        """Delete a version of an answer that nobody is asked about, unless another program went on from it."""
        if gone and session in self._stored:
            self._watch(self._history().delete_branch(gone[0].id, [message.id for message in gone]))

    def branch_restored(self, session: Session, back: Sequence[Message]) -> None:
        """Restore the branch `back`, and store which path is shown."""
        if stored := self._stored.get(session):
            self._watch(self._history().restore_branch([message.id for message in back]))
            self._store_title(session, stored)
            self.path_changed(session)
        self.touched.emit(session)
        self.returned.emit(session, back)

    def rename(self, conversation: str, title: str) -> None:
        """Store the user's own title."""
        self._watch(self._history().rename_conversation(conversation, title))

    def pin(self, conversation: str, *, is_pinned: bool) -> None:
        """Store whether a conversation is pinned."""
        self._watch(self._history().pin_conversation(conversation, is_pinned=is_pinned))

    def bin(self, conversations: Sequence[str]) -> None:
        """Move conversations to the bin."""
        self._watch(self._history().move_to_trash(conversations))

    def restore(self, conversations: Sequence[str]) -> None:
        """Take conversations out of the bin."""
        self._watch(self._history().restore_conversations(conversations))

    def purge(self, conversations: Sequence[str]) -> None:
        """Delete conversations for good that are still in the bin."""
        self.erased.emit()
        self._watch(self._history().delete_from_trash(conversations)).add_done_callback(self._on_emptied)

    def empty_bin(self) -> None:
        """Delete for good what has been in the bin for long."""
        self._watch(self._history().empty_trash()).add_done_callback(self._on_emptied)

    def delete_everything(self) -> None:
        """Delete all conversations for good."""
        self._stored.clear()
        self.erased.emit()
        gone = [*self.list_with_documents()]  # now, as a new conversation may begin to use some until all is deleted
        on_done = partial(self._on_everything_deleted, gone)
        self._watch(self._history().delete_everything()).add_done_callback(on_done)

    def _store(self, session: Session) -> "Future[None] | None":
        stored = self._stored.get(session)
        if stored is None:
            draft, attached = self._draft(session)
            record = replace(record_from_session(session), draft=draft, attached=attached)
            self.mark_stored(session, record)
            return self._watch(self._history().save_conversation(record))
        self._store_details(session, stored)
        self._store_draft(session, stored)
        self._store_title(session, stored)
        return self._add(session, stored)

    def _add(self, session: Session, stored: _Stored) -> "Future[None] | None":
        """Store new messages, and a reply that is continued."""
        conversation, future = session.conversation, None
        if session.answering and session.answering.id in stored.messages:
            future = self._watch(self._history().finish_reply(session.answering))
        for message in conversation.messages():
            if message.id not in stored.messages:
                stored.messages.add(message.id)
                stored.is_begun = True
                added = self._history().add_message(conversation.id, message, conversation.tip)
                added.add_done_callback(partial(self._on_added, conversation.id))
                future = self._watch(added)
        return future

    def _store_details(self, session: Session, stored: _Stored) -> None:
        details = _details(session)
        if stored.details != details:
            stored.details = details
            self._watch(self._history().set_details(session.conversation.id, *details))

    def _store_draft(self, session: Session, stored: _Stored) -> None:
        draft, attached = self._draft(session)
        if stored.draft != draft:
            stored.draft = draft
            self._watch(self._history().set_draft(session.conversation.id, draft))
        if stored.attached != attached:
            stored.attached = attached
            self._watch(self._history().set_attached(session.conversation.id, attached))

    def _draft(self, session: Session) -> tuple[str, Attachments]:
        """Return the draft and its attachments as they are stored."""
        texts, files = self.unsent_edits(session)
        return draft_with_edits(session.draft, texts), tuple(dict.fromkeys((*session.attached, *files)))

    def _store_title(self, session: Session, stored: _Stored) -> None:
        """Store the title if it changed, as one made from the draft does; none if that was deleted.

        Where there are messages, the draft makes none.
        """
        title = session.conversation.title if stored.messages else session_title(session)
        if stored.title != title and (title or not stored.messages):
            stored.title = title
            self._watch(self._history().rename_conversation(session.conversation.id, title, is_own=False))

    def _drop(self, session: Session) -> None:
        if session in self._stored:
            self.forget(session)
            dropped = self._watch(self._history().delete_draft(session.conversation.id))
            dropped.add_done_callback(partial(self._on_dropped, session))
            self.gone.emit(session.conversation.id)

    def _watch(self, future: "Future[Any]") -> "Future[Any]":
        self.last = future
        future.add_done_callback(self._on_done)
        return future

    def _on_done(self, future: "Future[Any]") -> None:
        """Run in the history's thread."""
        error = future.exception()
        if error or self._trouble:
            self._done.emit(str(error or ""))

    def _on_added(self, conversation: str, future: "Future[bool]") -> None:
        """Run in the history's thread."""
        if not future.exception() and future.result():
            self.untrashed.emit(conversation)

    def _on_dropped(self, session: Session, future: "Future[bool]") -> None:
        """Run in the history's thread."""
        if not future.exception() and not future.result():
            self._left.emit(session)

    def _on_emptied(self, future: "Future[list[str]]") -> None:
        """Run in the history's thread."""
        if not future.exception() and future.result():
            self._emptied.emit(future.result())

    def _on_everything_deleted(self, gone: list[str], future: "Future[None]") -> None:
        """Run in the history's thread."""
        is_done = future.exception() is None
        if is_done:
            self._emptied.emit(gone)
        self.everything_deleted.emit(is_done)

    @Slot(object)
    def _on_left(self, session: Session) -> None:
        """Store the draft as it is by now: what is stored has the one from before."""
        stored = self._stored.setdefault(session, _Stored(details=_details(session)))
        stored.is_begun, stored.draft, stored.attached = True, "", ()
        self._watch(self._history().set_draft(session.conversation.id, ""))
        self._watch(self._history().set_attached(session.conversation.id, ()))
        self._store_draft(session, stored)
        self.back.emit()

    @Slot(list)
    def _on_gone(self, conversations: list[str]) -> None:
        self.erased.emit()
        self.purged.emit(conversations)

    @Slot()
    def end_trouble(self) -> None:
        """Note that all is saved, so that the next failure is told even if it is the same."""
        self._trouble = ""

    @Slot(str)
    def show_trouble(self, sentence: str) -> None:
        """Tell that conversations can't be saved, unless that was the last failure; empty if one could."""
        is_new = sentence not in {"", self._trouble}
        self._trouble = sentence
        if is_new:
            self.failed.emit(sentence)


def wait_for(future: "Future[Any] | None") -> None:
    """Wait until `future` is done, so that what is read then has it; its errors are reported elsewhere."""
    if future:
        with suppress(Exception):
            future.result(PATIENCE)


def _details(session: Session) -> tuple[str, dict[str, Any], str]:
    return session.system, vars(session.sampling), session.model
