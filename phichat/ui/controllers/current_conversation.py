"""The current conversation: which one is shown, its draft, and a cache of those shown before."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from phichat.cancellation import CancelToken
from phichat.chat.conversation import Message
from phichat.chat.session import Session
from phichat.errors import PhichatError
from phichat.i18n import tr
from phichat.store.base import ConversationRecord, session_from_record, summarize_session
from phichat.ui.controllers.autosave import AutoSave, wait_for
from phichat.ui.controllers.conversation_model import ConversationListModel
from phichat.ui.threads.background import BackgroundTasks

if TYPE_CHECKING:
    from concurrent.futures import Future

    from phichat.store.history import History

DRAFT_AFTER = 400  # milliseconds from a key press until the draft is stored, even while typing goes on
MOST_SESSIONS = 8  # kept in memory, to be shown again at once


class CurrentConversation(QObject):
    """Holds the conversation that is shown; whoever depends on it listens to its signals and asks it for `session`.

    Attributes:
        session: the conversation that is shown.
        trashed: ids of conversations that another program has moved to the trash while they were shown.

    Signals:
        session_changed(Session): another one is shown.
        draft_changed(str): what is being written in it changed, or the files that go with it.
        message_found(str, str): show the message with that id, and mark these words in it.
        failed(str): a sentence about an error.
        progressed(str): a sentence while a conversation is read; empty when that is over.
    """

    session_changed = Signal(object)
    draft_changed = Signal(str)
    message_found = Signal(str, str)
    failed = Signal(str)
    progressed = Signal(str)

    def __init__(
        self,
        history: "Callable[[], History]",
        tasks: BackgroundTasks,
        autosave: AutoSave,
        list_model: ConversationListModel,
        make: Callable[[], Session],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._history, self._tasks, self._autosave, self._list_model = history, tasks, autosave, list_model
        self._make = make
        self.session = make()
        self.trashed: set[str] = set()
        self._sessions: dict[str, Session] = {self.session.conversation.id: self.session}
        self._is_fresh = True  # nothing was opened or begun since the start
        self._wanted = ""  # the id of the conversation to show once it is read
        self._loading: CancelToken | None = None
        self._target = ("", "")  # the message to show in it, and the words to mark there
        self._pause = QTimer(self, interval=DRAFT_AFTER, singleShot=True)
        self._pause.timeout.connect(self.save_now)
        autosave.returned.connect(self.merge_restored)
        autosave.pinned.connect(self._pin_too)

    @Slot()
    def start_new(self) -> None:
        """Show a new conversation, unless the one shown is still empty."""
        self._is_fresh = False
        if self._is_in_use():
            self._show(self._make())
        else:
            self._expect("")
            self.session_changed.emit(self.session)

    @Slot()
    def start_temporary(self) -> None:
        """Show a new conversation that will not be stored."""
        self._is_fresh = False
        session = self._make()
        session.is_temporary = True
        self._show(session)

    @Slot(str)
    def open_conversation(self, name: str, message: str = "", words: str = "") -> None:
        """Show the conversation with the id `name`; if `message` is given, that one in it, with `words` marked."""
        self._is_fresh = False
        if name == self.session.conversation.id and not message:
            self._expect("")
            return
        self._expect(name)
        self._target = message, words
        if session := self._sessions.get(name):
            self._show(session)
        else:
            work = partial(self._load, name, self._autosave.last)
            self._loading = self._tasks.run(work, self._on_loaded, partial(self._on_failed, name))

    def resume_draft(self, record: ConversationRecord) -> None:
        """Show the draft that was being written when the window was closed, unless something else was begun."""
        if self._is_fresh and not (self._is_in_use() or self.session.draft or record.messages):
            self._expect(record.summary.id)
            self._on_loaded((session_from_record(record), record))

    def cached_session(self, name: str) -> Session | None:
        """Return the conversation with the id `name` if it is in memory."""
        return self._sessions.get(name)

    def recall(self, name: str) -> Session | None:
        """Return the conversation with the id `name`, and read it now if it is not in memory; None if that fails."""
        if name not in self._sessions:
            try:
                session, record = self._load(name, self._autosave.last, CancelToken())
            except PhichatError:
                return None
            self._sessions[name] = session
            self._autosave.mark_stored(session, record)
        return self._sessions[name]

    def drop_session(self, name: str) -> Session | None:
        """Remove a conversation from the cache and return it."""
        return self._sessions.pop(name, None)

    def cache_session(self, session: Session) -> None:
        """Put `session` into the cache."""
        self._sessions[session.conversation.id] = session

    def replace_deleted(self) -> None:
        """Show a new conversation in place of the one shown, which was deleted."""
        self._is_fresh = False
        self._pause.stop()
        self.session = self._make()
        self._show(self.session)

    def reload_sessions(self) -> None:
        """Empty the cache, but for what is not stored, and read the conversation that is shown again."""
        kept = {name: session for name, session in self._sessions.items() if _is_only_here(session)}
        kept[self.session.conversation.id] = self.session
        self._sessions = kept
        self._renew_shown()

    @Slot(object, object)
    def merge_restored(self, session: Session, messages: Sequence[Message]) -> None:
        """Put `messages`, restored in `session`, into its present copy: it may have been read again since.

        What another program had written below them came back, too, and is read.
        """
        live = self.cached_session(session.conversation.id)
        if live and live is not session:
            self._merge(live, messages, session.conversation.tip, session.conversation.title)
            self._autosave.path_changed(live)
        if live is self.session:
            self._renew_shown()

    @Slot(object, object)
    def _pin_too(self, session: Session, message: Message) -> None:
        """Pin `message`, pinned in `session`, in its present copy: it may have been read again since."""
        live = self.cached_session(session.conversation.id)
        if live and live is not session:
            live.set_pinned(message.id, is_pinned=message.is_pinned)

    @Slot(str)
    def set_draft(self, text: str) -> None:
        """Set the draft, and store it soon."""
        if text != self.session.draft:
            self.session.draft = text
            self.save_soon()
        self.draft_changed.emit(text)

    @Slot()
    def save_soon(self) -> None:
        """Store the draft and the settings after a moment."""
        if not self._pause.isActive():
            self._pause.start()

    @Slot()
    def save_now(self) -> None:
        """Store the draft and the settings now."""
        self._pause.stop()
        self._autosave.save_draft(self.session, is_begun=self._has_own_system())
        self._autosave.save_settings(self.session)

    def _show(self, session: Session) -> None:
        self._leave()
        self._expect("")
        self.session = session
        name = session.conversation.id
        self._sessions.pop(name, None)
        self._sessions[name] = session
        self._forget_some()
        target, self._target = self._target, ("", "")
        if target[0]:
            self._choose_path(target[0])
        self.session_changed.emit(session)
        if target[0]:
            self.message_found.emit(*target)

    def _renew_shown(self) -> None:
        """Read the conversation that is shown again, and add the messages that are missing in memory."""
        session, last = self.session, self._autosave.last
        if not self._autosave.is_stored(session):
            return

        def read(_: CancelToken) -> tuple[set[str], ConversationRecord]:
            wait_for(last)
            return before, self._history().load_conversation(session.conversation.id)

        before = _names(session)
        self._tasks.run(read, partial(self._on_renewed, session))

    def _on_renewed(self, session: Session, found: tuple[set[str], ConversationRecord]) -> None:
        before, record = found
        if session is not self.session:
            return
        if before == _names(session):
            self._merge(session, record.messages, record.tip, record.summary.title)
        else:  # what was deleted while it was read must not come back
            self._renew_shown()

    def _merge(self, session: Session, messages: Sequence[Message], tip: str | None, title: str) -> None:
        """Add those of `messages` that are missing; the path leads to `tip`, and on, unless a reply is under way.

        A conversation that was a draft is called `title`.
        """
        conversation = session.conversation
        new = [message for message in messages if not conversation.message(message.id)]
        conversation.restore_messages(new)
        if new and not conversation.title:
            conversation.title = title
        self._autosave.mark_messages_stored(session, new)
        if new and not session.is_answering():
            conversation.tip = tip
            if following := next((message for message in reversed(new) if message.parent == tip), None):
                conversation.show_branch(following)
                self._autosave.path_changed(session)
        if new and session is self.session:
            self.session_changed.emit(session)

    def _is_in_use(self) -> bool:
        """Whether the current conversation has content."""
        session = self.session
        is_begun = self._autosave.is_begun(session) or session.is_temporary
        has_files = bool(session.attached) or self._autosave.has_documents(session)
        return is_begun or has_files or bool(session.draft.strip()) or self._has_own_system()

    def _has_own_system(self) -> bool:
        """Whether its system prompt is not the default one."""
        system = self.session.system
        return bool(system.strip()) and system != self._make().system

    def _expect(self, name: str) -> None:
        """Wait for the conversation with the id `name`, and cancel the loading of another one."""
        self._wanted = name
        self.progressed.emit(tr("Opening the conversation…") if name else "")
        if self._loading:
            self._loading.set()
            self._loading = None

    def _leave(self) -> None:
        """Store the draft; a conversation that is a draft alone is listed from now on."""
        self.save_now()
        is_draft = self._autosave.is_stored(self.session) and not self._autosave.is_begun(self.session)
        if is_draft and self.session.conversation.id not in self.trashed:
            summary = summarize_session(self.session)
            if known := self._list_model.summary(summary.id):  # it stays where it is, as in what is stored
                summary = replace(known, title=summary.title)
            self._list_model.upsert(summary)

    def _choose_path(self, name: str) -> None:
        conversation = self.session.conversation
        message = conversation.message(name)
        if message and message not in conversation.path():
            conversation.show_branch(message)
            self._autosave.path_changed(self.session)

    def _load(self, name: str, last: "Future[Any] | None", _: CancelToken) -> tuple[Session, ConversationRecord]:
        wait_for(last)  # it may have been in memory a moment ago, and not be stored as it was there yet
        record = self._history().load_conversation(name)
        return session_from_record(record), record

    def _on_loaded(self, loaded: tuple[Session, ConversationRecord]) -> None:
        session, record = loaded
        name = session.conversation.id
        summary = self._list_model.summary(name)
        if summary and record.messages:
            session.conversation.title = summary.title  # it may have been renamed while it was read
        if name not in self._sessions:
            self._sessions[name] = session
            self._autosave.mark_stored(session, record)
        if name == self._wanted:
            self._show(self._sessions[name])

    def _on_failed(self, name: str, trouble: str) -> None:
        """Report that the conversation with the id `name` could not be read, if it is still wanted."""
        if name == self._wanted:
            self._expect("")
            self.session_changed.emit(self.session)
            self.failed.emit(trouble)

    def _forget_some(self) -> None:
        for name, session in list(self._sessions.items())[:-MOST_SESSIONS]:
            if not _is_only_here(session):
                del self._sessions[name]


def _names(session: Session) -> set[str]:
    return {message.id for message in session.conversation.messages()}


def _is_only_here(session: Session) -> bool:
    return session.is_temporary or session.is_answering()
