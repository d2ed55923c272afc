"""Commands on whole conversations: rename, pin, delete, restore; each can be undone."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from phichat.chat.session import Session
from phichat.i18n import tr, tr_count
from phichat.store.base import ConversationSummary
from phichat.ui.controllers.autosave import AutoSave, wait_for
from phichat.ui.controllers.conversation_model import ConversationListModel, title_of_summary
from phichat.ui.controllers.current_conversation import CurrentConversation
from phichat.ui.threads.background import BackgroundTasks
from phichat.ui.undo import UndoStack

if TYPE_CHECKING:
    from concurrent.futures import Future

    from phichat.store.history import History


class ConversationCommands(QObject):
    """Changes conversations in the list, in memory and in the history alike.

    Attributes:
        is_listed: whether the list was read since the start.

    Signals:
        stopped: the conversation of the reply under way is being deleted.
        restored: deleted conversations are listed again, but another one stays shown.
        undeleted: a deletion was undone.
        trashed_elsewhere(ConversationSummary), restored_elsewhere: another program has moved the conversation that is
            shown to the trash, or has taken it out again.
        trash_changed: conversations came into the bin, or went back to the list.
        trash_loaded(list): the summaries of the conversations in the bin.
        trashed_read(ConversationRecord): a conversation in the bin, as it was asked for.
        failed(str): a sentence about an error.
    """

    stopped = Signal()
    restored = Signal()
    undeleted = Signal()
    trashed_elsewhere = Signal(object)
    restored_elsewhere = Signal()
    trash_changed = Signal()
    trash_loaded = Signal(list)
    trashed_read = Signal(object)
    failed = Signal(str)

    def __init__(
        self,
        history: "Callable[[], History]",
        tasks: BackgroundTasks,
        autosave: AutoSave,
        list_model: ConversationListModel,
        current: CurrentConversation,
        undo_stack: UndoStack,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._history, self._tasks, self._autosave = history, tasks, autosave
        self._list_model, self._current, self._undo_stack = list_model, current, undo_stack
        self._temporary: dict[str, Session] = {}
        self.is_listed = False

    @Slot(str, str)
    def rename(self, name: str, title: str) -> None:
        """Give a conversation the user's own title."""
        summary = self._list_model.summary(name)
        if not summary:
            return
        before = summary.title
        self._rename(name, title)
        self._undo_stack.record(
            tr("Conversation renamed to “{title}”.").format(title=title),
            lambda: self._rename(name, before),
            lambda: self._rename(name, title),
            quietly=True,
        )

    @Slot(str, bool)
    def pin(self, name: str, is_pinned: bool) -> None:
        """Pin a conversation to the top of the list, or unpin it."""
        self._pin(name, is_pinned=is_pinned)
        self._undo_stack.record(
            tr("Conversation pinned.") if is_pinned else tr("Conversation unpinned."),
            lambda: self._pin(name, is_pinned=not is_pinned),
            lambda: self._pin(name, is_pinned=is_pinned),
            quietly=True,
        )

    @Slot(list)
    def delete(self, names: Sequence[str]) -> None:
        """Move conversations to the bin; temporary ones are only kept for undo."""
        names, shown = list(names), self._current.session.conversation.id
        gone = self._delete(names)
        if not gone:
            return
        several = tr_count("{count} conversation deleted.", "{count} conversations deleted.", len(gone))
        one = tr("“{title}” deleted.").format(title=title_of_summary(gone[0]))
        text = one if len(gone) == 1 else several
        self._undo_stack.record(text, lambda: self._bring_back(gone, shown), lambda: self._delete(names))

    @Slot(list)
    def undo_import(self, names: Sequence[str]) -> None:
        """Move imported conversations to the bin, whether they are listed yet or not, and end a reply in them."""
        self._stop_reply_in(names)
        self._current.save_now()
        self._autosave.bin(names)
        self._list_model.remove(names)
        self._drop(names)
        self.reload_list()

    @Slot()
    def list_bin(self) -> None:
        """Read what is in the bin, and emit `trash_loaded`."""
        last = self._autosave.last
        self._tasks.run(lambda _: self._summaries_after(last, in_trash=True), self.trash_loaded.emit, self.failed.emit)

    @Slot(str)
    def read_trashed(self, name: str) -> None:
        """Read a conversation that is in the bin, and emit `trashed_read`."""
        self._tasks.run(lambda _: self._history().load_conversation(name), self.trashed_read.emit, self.failed.emit)

    @Slot(list)
    def restore(self, names: Sequence[str]) -> None:
        """Take conversations out of the bin."""
        self._autosave.restore(names)
        self._current.trashed.difference_update(names)
        self.list_bin()
        self.reload_list()

    def restore_shown(self) -> None:
        """Take the conversation that is shown out of the bin, where another program has put it."""
        name = self._current.session.conversation.id
        self._current.trashed.discard(name)
        self._autosave.restore([name])
        self.trash_changed.emit()
        self.reload_list()

    @Slot(list)
    def purge(self, names: Sequence[str]) -> None:
        """Delete conversations for good that are in the bin still; one may be shown, or be answered."""
        last = self._autosave.last
        self._tasks.run(
            lambda _: self._summaries_after(last, in_trash=True), partial(self._purge, names), self.failed.emit
        )

    def _purge(self, names: Sequence[str], summaries: Sequence[ConversationSummary]) -> None:
        """Delete those of the conversations that no other program has restored."""
        gone = [each.id for each in summaries if each.id in names]
        if gone:
            self._stop_reply_in(gone)
            self._autosave.purge(gone)
            self._undo_stack.clear()
            self._drop(gone)
        self.list_bin()

    @Slot()
    def reload_list(self) -> None:
        """Read the list of conversations again."""
        last = self._autosave.last
        self._current.reload_sessions()
        self._list_model.begin_loading()
        self._tasks.run(lambda _: self._summaries_after(last), self._list_model.set_conversations, self.failed.emit)

    @Slot()
    def reload_if_changed(self) -> None:
        """Read the list again if another program has changed it, such as `phichat history import`."""
        if self.is_listed:
            last = self._autosave.last
            self._tasks.run(lambda _: self._summaries_after(last), partial(self._on_read, last))

    def _on_read(self, last: "Future[Any] | None", summaries: Sequence[ConversationSummary]) -> None:
        """Use what was read after the write `last`; what was written here since might be missing in it."""
        if last is self._autosave.last:
            self._on_summaries(summaries)
        else:
            self.reload_if_changed()

    def _on_summaries(self, summaries: Sequence[ConversationSummary]) -> None:
        listed = {each.id: each.title for each in self._list_model.summaries() if not self._is_temporary(each.id)}
        stored, name = {each.id: each.title for each in summaries}, self._current.session.conversation.id
        is_draft, is_trashed = not self._autosave.is_begun(self._current.session), name in self._current.trashed
        if is_draft and not is_trashed and (name in stored or name not in listed):
            for known in (listed, stored):  # one that is being written is not listed yet
                known.pop(name, None)
        if listed == stored:
            return
        gone = self._list_model.summary(name) if name not in stored else None
        self.reload_list()
        if gone and name in listed:
            self._current.trashed.add(name)
            self.trashed_elsewhere.emit(gone)
        elif name in stored and is_trashed:
            self._current.trashed.discard(name)
            self.restored_elsewhere.emit()

    def delete_everything(self) -> None:
        """Delete all conversations for good."""
        self.stopped.emit()
        for summary in list(self._list_model.summaries()):
            self._current.drop_session(summary.id)
        self._temporary.clear()
        self._list_model.clear()
        self._autosave.delete_everything()
        self._undo_stack.clear()
        self._current.replace_deleted()

    def _summaries_after(self, future: "Future[Any] | None", *, in_trash: bool = False) -> list[ConversationSummary]:
        """Return what is stored once `future` is done."""
        wait_for(future)
        return self._history().list_conversations(in_trash=in_trash)

    def _rename(self, name: str, title: str) -> None:
        session = self._current.cached_session(name)
        if session:
            session.conversation.title = title
        if not (session and session.is_temporary):
            self._autosave.rename(name, title)
        self._list_model.set_values(name, title=title)

    def _pin(self, name: str, *, is_pinned: bool) -> None:
        session = self._current.cached_session(name)
        if not (session and session.is_temporary):
            self._autosave.pin(name, is_pinned=is_pinned)
            self._list_model.set_values(name, is_pinned=is_pinned)

    def _delete(self, names: Iterable[str]) -> list[ConversationSummary]:
        gone = self._list_model.remove(names)
        self._stop_reply_in(summary.id for summary in gone)
        kept = [summary.id for summary in gone if not self._forget_temporary(summary.id)]
        if kept:
            self._current.save_now()
            self._autosave.bin(kept)
            self.trash_changed.emit()
        if self._current.session.conversation.id in {summary.id for summary in gone}:
            self._current.replace_deleted()
        return gone

    def _stop_reply_in(self, names: Iterable[str]) -> None:
        if any(_is_answering(self._current.cached_session(name)) for name in names):
            self.stopped.emit()

    def _drop(self, names: Sequence[str]) -> None:
        """Take conversations out of the cache, and show a new one in place of one of them."""
        for name in names:
            self._current.drop_session(name)
        self._current.trashed.difference_update(names)
        if self._current.session.conversation.id in names:
            self._current.replace_deleted()

    def _bring_back(self, gone: Sequence[ConversationSummary], shown: str) -> None:
        """Restore conversations, and show the one of them that was shown when they were deleted."""
        self.undeleted.emit()
        for summary in gone:
            session = self._temporary.pop(summary.id, None)
            if session:
                self._current.cache_session(session)
            self._list_model.upsert(summary, is_temporary=session is not None)
        if kept := [summary.id for summary in gone if not self._is_temporary(summary.id)]:
            self._autosave.restore(kept)
            self.trash_changed.emit()
        if any(summary.id == shown for summary in gone):
            self._current.open_conversation(shown)
        else:
            self.restored.emit()

    def _forget_temporary(self, name: str) -> bool:
        """Take a temporary conversation out of the cache; undo can restore it as long as the window is open."""
        if self._is_temporary(name) and (session := self._current.drop_session(name)):
            self._temporary[name] = session
            return True
        return False

    def _is_temporary(self, name: str) -> bool:
        session = self._current.cached_session(name)
        return session is not None and session.is_temporary


def _is_answering(session: Session | None) -> bool:
    return session is not None and session.is_answering()
