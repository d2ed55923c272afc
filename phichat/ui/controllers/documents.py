"""Documents of conversations: indexed and searched in the background (no widgets)."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from phichat.cancellation import CancelToken
from phichat.chat.conversation import Role
from phichat.chat.session import Session
from phichat.chat.sources import Sources, passage_tokens
from phichat.ui.controllers.file_watch import FileStamp, FileWatch
from phichat.ui.controllers.index_queue import IndexQueue
from phichat.ui.controllers.preferences import PreferencesStore
from phichat.ui.controllers.source_search import SourceSearch
from phichat.ui.controllers.used_documents import UsedDocuments
from phichat.ui.threads.background import BackgroundTasks

if TYPE_CHECKING:
    from phichat.documents.library import Collection, DocumentLibrary, FileStatus

LOOK_AGAIN = 600.0  # seconds between two looks at the files of a collection that may have changed


class DocumentsController(QObject):
    """Knows which documents conversations use, has them indexed, and finds passages for their questions.

    A conversation's own documents are a collection that is named after its id.

    Attributes:
        check_model: raises ModelError if a file is no embedding model.
        has_index: returns whether anything was ever indexed; else nobody needs to look.
        known_models: returns some embedding models: what people read of each, and the page it can be had from.

    Signals:
        changed: collections, their files or what a conversation uses have changed.
        found(CancelToken, Sources): a search has ended; search_failed(CancelToken, str) if it could not.
        progressed(str): what is being indexed, as a sentence; empty once nothing is.
        page_read(str, Progress): how far that is in the collection of that name.
        locked(str, Path, str): a file in the collection of that name wants its password; the sentence asks for it.
        files_failed(str, dict[Path, str]): files in the collection of that name that could not be read when it was
            indexed, with a sentence each; failed(str): a sentence about what else could not be done.
    """

    changed = Signal()
    found = Signal(object, object)
    search_failed = Signal(object, str)
    progressed = Signal(str)
    page_read = Signal(str, object)
    locked = Signal(str, object, str)
    files_failed = Signal(str, object)
    failed = Signal(str)

    def __init__(
        self, library: "Callable[[], DocumentLibrary]", preferences: PreferencesStore, context: Callable[[], int]
    ) -> None:
        super().__init__()
        self._library, self._preferences, self._context = library, preferences, context
        self.check_model: Callable[[Path], object] = lambda _: None
        self.has_index: Callable[[], bool] = lambda: True
        self.known_models: Callable[[], Sequence[tuple[str, str]]] = tuple
        self._tasks = BackgroundTasks("documents", parent=self)
        self._used = UsedDocuments(preferences)
        self._queue = IndexQueue(library, self._used.has_own, self)
        self._state = self._queue.state
        self._source_search = SourceSearch(library, self._state)
        self._first: set[str] = set()  # conversations' own to which nothing could be added so far
        self._gone: set[str] = set()  # names of collections that were not there when they were looked for
        self._queue.changed.connect(self.changed)
        self._queue.progressed.connect(self.progressed)
        self._queue.page_read.connect(self.page_read)
        self._queue.locked.connect(self.locked)
        self._queue.files_failed.connect(self.files_failed)
        self._queue.failed.connect(self.failed)

    def watch(self, state: Callable[[], FileStamp], is_wanted: Callable[[], bool]) -> None:
        """Notice from now on what other programs change in the collections; see FileWatch."""
        self._watch = FileWatch(state, self._tasks, is_wanted, self)
        self._watch.changed.connect(self.changed)
        self._watch.start()

    def used(self, session: Session) -> tuple[str, ...]:
        """Return the names of the collections that `session` uses; that of its own documents is its id."""
        return self._used.of(session)

    def use(self, session: Session, name: str, *, is_used: bool) -> None:
        """Have `session` use the collection `name`, or no longer."""
        forgotten = self._used.use(session, name, is_used=is_used)
        if forgotten:
            self._remove_own(forgotten)
        self.changed.emit()

    def attach(self, session: Session, path: Path) -> None:
        """Give `session` a document of its own, and index that."""
        name = session.conversation.id
        if name not in self.used(session):
            self._first.add(name)
            self.use(session, name, is_used=True)
        self.add(name, [path], conversation=name, then=partial(self.use, session, name, is_used=True))

    def detach(self, session: Session, path: Path) -> None:
        """Take one of its own documents away from `session`."""
        name = session.conversation.id

        def work(_: CancelToken) -> bool:
            library = self._library()
            library.remove(name, [path])
            own = library.collection(name)
            return bool(own and own.paths)  # not its files, which are known once they have been looked for

        def on_result(has_more: bool) -> None:
            self._queue.go_on_without_removed(name)
            self.use(session, name, is_used=has_more or name in self._state.adding)

        self._run(work, on_result)

    def add(
        self, name: str, paths: Sequence[Path], *, conversation: str = "", then: Callable[[], object] = lambda: None
    ) -> None:
        """Add files and folders to a collection, which is made if there is none, and index it."""

        def on_result(_: object) -> None:
            for names in (self._state.not_added, self._first):
                names.discard(name)
            then()
            self.changed.emit()
            self._queue.index_soon(name)

        self._gone.discard(name)
        self._state.adding.append(name)
        self._state.unread.add(name)
        self._tasks.run(
            lambda _: self._library().add(name, paths, conversation=conversation),
            on_result,
            partial(self._on_not_added, name),
            partial(self._on_added, name),
        )

    def is_adding(self, name: str) -> bool:
        """Return whether files are being added to a collection."""
        return name in self._state.adding

    def _on_not_added(self, name: str, sentence: str) -> None:
        self._state.not_added.add(name)  # until it is known to be there, with other files
        stop_using = partial(self._stop_using_unless, name)
        # What can't be looked up is gone if these were its first files: no question can be answered with it.
        on_failed = (lambda _: stop_using(None)) if name in self._first else None
        self._tasks.run(lambda _: self._library().collection(name), stop_using, on_failed)
        self.failed.emit(sentence)

    def _stop_using_unless(self, name: str, found: "Collection | None") -> None:
        if found:
            self._state.not_added.discard(name)
        elif name not in self._state.adding:
            self._used.remove(name)
            self.changed.emit()

    def _on_added(self, name: str) -> None:
        self._state.adding.remove(name)
        self._queue.note_read(name)  # else searches would wait for what could not be added

    def remove(self, name: str, paths: Sequence[Path] = ()) -> None:
        """Remove files and folders from a collection, or all of it, which no conversation uses then."""
        if not paths:
            self._queue.end(name)
            self._queue.paused.discard(name)
            self._used.remove(name)
            self._queue.looked.pop(name, None)

        def on_result(_: object) -> None:
            self._queue.go_on_without_removed(name)
            self.changed.emit()

        self._run(lambda _: self._library().remove(name, paths), on_result)

    @Slot(list)
    def forget(self, conversations: Sequence[str]) -> None:
        """Forget what conversations used, and what was read of their own documents."""
        self._used.forget(conversations)
        self._remove_own(conversations)
        self.changed.emit()

    @Slot(bool)
    def forget_all(self, is_done: bool) -> None:
        """Forget what was read for all conversations, once they are deleted, but for those that are new since then."""
        if is_done and self.has_index():
            remembered = self.remembered()
            self._run(lambda _: self._library().remove_own(remembered, others=True), lambda _: self.changed.emit())

    def _remove_own(self, conversations: Sequence[str]) -> None:
        """Remove what was read of the own documents of conversations, which may not be remembered."""
        for name in conversations:
            self._queue.end(name)
            self._queue.looked.pop(name, None)
        if conversations and self.has_index():
            self._run(lambda _: self._library().remove_own(conversations), lambda _: None)

    def remembered(self) -> Sequence[str]:
        """Return the ids of the conversations that use documents, but for temporary ones."""
        return self._used.remembered()

    def index(self, name: str, *, retries: bool = False) -> None:
        """Index what is new or has changed in a collection, unless that is under way.

        Try again what could not be read, too, if it `retries`.
        """
        self._queue.index(name, retries=retries)

    def unlock(self, name: str, path: Path, password: str) -> None:
        """Read a protected file of a collection with its password."""
        self.passwords[path] = password
        self._queue.index_soon(name)

    def pause(self, name: str) -> None:
        """Stop indexing a collection until that is asked for, or Phichat starts; what was read of it stays."""
        self._queue.paused.add(name)
        self._queue.end(name)

    def is_indexing(self, name: str) -> bool:
        """Whether a collection is being indexed."""
        return name in self._state.indexing

    def owner(self, name: str) -> str:
        """Return the id of the conversation whose own documents a collection has; empty if it has none of that kind."""
        return name if self._used.has_own(name) else ""

    @property
    def passwords(self) -> dict[Path, str]:
        """Passwords of protected files, by path, which are kept only here and until Phichat quits."""
        return self._queue.passwords

    @property
    def embedding_model(self) -> str:
        """The path of the model that makes vectors; empty for those that come with the app."""
        return self._preferences.current.embedding_model

    def choose_model(self, path: Path | None) -> None:
        """Make vectors with another model from now on, of all collections; None for those that come with the app."""

        def on_checked(_: object) -> None:
            self._preferences.set_value("embedding_model", str(path) if path else "")
            self.list_collections(self._index_again, self)

        self._run(lambda _: self.check_model(path) if path else None, on_checked)

    def _index_again(self, found: "Sequence[Collection]") -> None:
        """Index these collections, but for those that are paused, and conversations' own that were since the start."""
        for name in dict.fromkeys([*(each.name for each in found), *self._queue.looked]):
            if name not in self._queue.paused:
                self._queue.index_soon(name)
        self.changed.emit()

    def list_collections(self, then: "Callable[[Sequence[Collection]], None]", owner: QObject) -> None:
        """Call `then` with all collections that belong to no conversation."""
        self._run(lambda _: self._library().collections(), then, owner)

    def list_used(
        self, session: Session, then: "Callable[[Sequence[FileStatus], set[str]], None]", owner: QObject
    ) -> None:
        """Call `then` with the own files of `session`, and the names of collections that it uses and that are gone."""
        names, own, coming = self.used(session), session.conversation.id, {*self._state.adding}

        def work(_: CancelToken) -> "tuple[Sequence[FileStatus], set[str]]":
            library = self._library()
            known = {each.name for each in library.collections()}
            return library.files(own) if own in names else (), {*names} - known - coming - {own}

        def on_result(found: "tuple[Sequence[FileStatus], set[str]]") -> None:
            self._state.note_due(own, found[0])
            self._gone = (self._gone - {*names} | found[1]) | (self._gone & {own})
            then(*found)

        self._run(work, on_result, owner)

    def list_files(self, name: str, then: "Callable[[Sequence[FileStatus]], None]", owner: QObject) -> None:
        """Call `then` with the files of a collection."""
        self._run(lambda _: self._library().files(name), then, owner)

    @Slot()
    def index_waiting(self) -> None:
        """Index all collections in which files wait or may have changed, but for those that are paused.

        Whether they can be read is told on use.
        """
        self._tasks.run(lambda _: self._library().collections(), self._index_those, lambda _: None, owner=self)

    def _index_those(self, found: "Sequence[Collection]") -> None:
        for each in found:
            if each.name not in self._queue.paused and (each.waiting or self._may_have_changed(each.name)):
                self.index(each.name)

    def _may_have_changed(self, name: str) -> bool:
        return time.monotonic() > self._queue.looked.get(name, -LOOK_AGAIN) + LOOK_AGAIN

    def may_find_more(self, session: Session, sources: Sources) -> bool:
        """Whether another search may find more than `sources`; not where all that they lack is known to be gone."""
        missing = {name or session.conversation.id for name in sources.missing}
        return bool(self.used(session) and (sources.unfinished or missing - self._gone))

    def search(self, session: Session) -> CancelToken | None:
        """Search what `session` uses for its last question; None if it uses nothing, or all was searched already."""
        names = self.used(session)
        question = next((each for each in reversed(session.conversation.path()) if each.role is Role.USER), None)
        if not names or question is None or not question.text.strip():
            return None
        if question.sources is not None and not question.sources.is_partial:
            return None
        stop = CancelToken()
        own = session.conversation.id
        has_failed = own in self._state.failed
        if own in names and has_failed:
            self._state.unread.add(own)  # so that it is waited for
        is_due = has_failed or own in self._state.due or self._may_have_changed(own)
        if own in names and is_due and own not in self._state.reading:
            self._queue.index_soon(own)
        context = self._context()
        budgets = context // 2, passage_tokens(self._preferences.current.passage_tokens, context)

        def on_result(result: Sources | None) -> None:
            if result:
                self._gone.update(name or own for name in result.missing)
                self.found.emit(stop, result)
                if result.missing:
                    self.changed.emit()

        self._tasks.run(
            partial(self._source_search.find, names, own, question.text, budgets),
            on_result,
            partial(self.search_failed.emit, stop),
            cancel=stop,
        )
        return stop

    def close(self) -> None:
        """End everything that is under way."""
        self._queue.close()
        self._tasks.close()

    def _run(
        self, work: Callable[[CancelToken], object], then: Callable[..., object], owner: QObject | None = None
    ) -> None:
        self._tasks.run(work, then, self.failed.emit, owner=owner)
