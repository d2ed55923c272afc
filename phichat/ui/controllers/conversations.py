"""Conversations as the window has them: the list, the current one, saving, undo, and search."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from phichat.cancellation import CancelToken
from phichat.chat.conversation import Message
from phichat.chat.session import Session
from phichat.errors import PhichatError
from phichat.i18n import tr
from phichat.store.base import ConversationRecord, SearchHit, summarize_session
from phichat.ui.controllers.autosave import AutoSave, wait_for
from phichat.ui.controllers.conversation_commands import ConversationCommands
from phichat.ui.controllers.conversation_model import ConversationListModel
from phichat.ui.controllers.current_conversation import CurrentConversation
from phichat.ui.controllers.file_watch import FileWatch
from phichat.ui.threads.background import BackgroundTasks
from phichat.ui.undo import UndoStack

if TYPE_CHECKING:
    from concurrent.futures import Future

    from phichat.store.history import History


MINUTE = 60_000  # milliseconds


class Conversations(QObject):
    """Owns the controllers of conversations; `history` is opened in a thread once the window can be used.

    Attributes:
        history: opens the history at the first call, and returns it.
        is_seen: tells whether the list can be seen; as long as it can't, nobody looks for what others have written.
        tasks: runs queries in threads.
        autosave: stores conversations as they change.
        list_model: the conversations in the sidebar.
        current: the conversation that is shown.
        commands: commands on whole conversations.
        undo_stack: the commands that can be undone.
        history_search: searches all conversations.

    Signals:
        notified(str), warned(str), failed(str): a sentence about what was done, about the file of the history, or about
            an error.
        list_changed: the list was read, or a conversation in it changed.
    """

    notified = Signal(str)
    warned = Signal(str)
    failed = Signal(str)
    list_changed = Signal()

    def __init__(self, history: "Callable[[], History]", make: Callable[[], Session]) -> None:
        super().__init__()
        self.history = history
        self.tasks = BackgroundTasks("conversations", parent=self)
        self.autosave = AutoSave(history, self)
        self.list_model = ConversationListModel(self)
        self.undo_stack = UndoStack(self)
        self.current = CurrentConversation(history, self.tasks, self.autosave, self.list_model, make, self)
        self.commands = ConversationCommands(
            history, self.tasks, self.autosave, self.list_model, self.current, self.undo_stack, self
        )
        self._clock = QTimer(self, interval=MINUTE)
        self._clock.timeout.connect(self.list_model.refresh_sections)
        self.is_seen: Callable[[], bool] = lambda: True
        self._watch = FileWatch(
            lambda: history().file_state(), self.tasks, lambda: self.commands.is_listed and self.is_seen(), self
        )
        self._watch.changed.connect(self.commands.reload_if_changed)
        self.history_search = HistorySearch(history, self.tasks, self.autosave, self)
        for error in (self.current.failed, self.commands.failed, self.history_search.failed):
            error.connect(self.failed)
        self.autosave.touched.connect(self._on_touched)
        self.autosave.gone.connect(self._on_gone)
        self.autosave.back.connect(self.commands.reload_list)
        self.autosave.everything_deleted.connect(self._on_everything_deleted)
        self.list_model.renamed.connect(self.commands.rename)
        self.commands.restored.connect(self.list_changed)

    @Slot()
    def open(self) -> None:
        """Read what is stored."""
        self._clock.start()
        self._watch.start()
        self.list_model.begin_loading()
        self.tasks.run(self._read, self._on_read, self.failed.emit)

    @Slot()
    def close(self) -> None:
        """Store the draft, and end all threads."""
        self._watch.stop()
        self.current.save_now()
        self.tasks.close()

    def save_draft(self, session: Session) -> None:
        """Store the draft of a conversation that is not shown any more, unless it was deleted."""
        name = session.conversation.id
        if self.current.cached_session(name) is session and self.list_model.summary(name):
            self.autosave.save_draft(session)

    @Slot(object, object)
    def on_replied(self, session: Session, _: Message) -> None:
        """Mark the conversation in which a reply is being made."""
        self.list_model.set_answering(session.conversation.id if session.is_answering() else "")

    def _read(self, _: "CancelToken") -> Iterator[object]:
        """Yield the notice or failure of opening the history, all summaries, and the draft that was written last."""
        history = self.history()
        try:
            if notice := history.ready.result():
                yield notice
        except PhichatError as error:
            yield error
        summaries = history.list_conversations()
        yield summaries
        newest = next((summary for summary in summaries if not summary.is_pinned), None)
        if newest and newest.created == newest.changed:  # no message came after it was made
            yield history.load_conversation(newest.id)

    def _on_read(self, found: object) -> None:
        if isinstance(found, str):
            self.warned.emit(found)
        elif isinstance(found, PhichatError):
            self.autosave.show_trouble(str(found))
        elif isinstance(found, list):
            self.list_model.set_conversations(found)
            self.list_changed.emit()
            self.commands.is_listed = True
            self.autosave.empty_bin()
        elif isinstance(found, ConversationRecord):
            self.current.resume_draft(found)

    @Slot()
    def delete_everything(self) -> None:
        """Delete all conversations for good."""
        self.commands.delete_everything()

    @Slot(bool)
    def _on_everything_deleted(self, is_done: bool) -> None:
        if is_done:
            self.notified.emit(tr("All conversations deleted."))
        else:
            self.commands.reload_list()

    @Slot(object)
    def open_hit(self, hit: SearchHit) -> None:
        """Show the message that a search found."""
        self.current.open_conversation(hit.summary.id, hit.message or "", self.history_search.words)

    @Slot(object)
    def _on_touched(self, session: Session) -> None:
        summary = summarize_session(session)
        self.list_model.touch(summary, is_temporary=session.is_temporary)
        self.list_changed.emit()

    @Slot(str)
    def _on_gone(self, name: str) -> None:
        self.list_model.remove([name])


MOST_HITS = 100


class HistorySearch(QObject):
    """Searches the history in a thread; a new search cancels the one before.

    Signals: `found(list, int)` with the hits and the most there can be; `failed(str)` with a sentence;
    `progressed(str)` with one while it searches, empty when that is over.
    """

    found = Signal(list, int)
    failed = Signal(str)
    progressed = Signal(str)

    def __init__(
        self, history: "Callable[[], History]", tasks: BackgroundTasks, autosave: AutoSave, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._history, self._tasks, self._autosave = history, tasks, autosave
        self._running: CancelToken | None = None
        self.words = ""

    @Slot(str)
    def search(self, words: str) -> None:
        """Search for `words`; without any, only cancel the search under way."""
        if self._running:
            self._running.set()
        self.words, self._running = words, None
        self.progressed.emit("")
        if words.strip():
            work = partial(self._find, words, self._autosave.last)
            self.progressed.emit(tr("Searching…"))
            end = partial(self._on_end, words)
            self._running = self._tasks.run(work, self._on_found, self.failed.emit, end)

    def _on_found(self, hits: list[SearchHit]) -> None:
        self.found.emit(hits, MOST_HITS)

    def _on_end(self, words: str) -> None:
        if words is self.words:
            self.progressed.emit("")

    def _find(self, words: str, last: "Future[Any] | None", _: CancelToken) -> list[SearchHit]:
        wait_for(last)  # what was written a moment ago is found, too
        return self._history().search_conversations(words, MOST_HITS)
