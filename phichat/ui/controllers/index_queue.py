"""Indexing of documents in the background: a few collections at once, the most urgent first (no widgets)."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from phichat.cancellation import CancelToken
from phichat.ui.controllers.source_search import IndexState
from phichat.ui.threads.background import BackgroundTasks

if TYPE_CHECKING:
    from phichat.documents.library import DocumentLibrary, Progress

AT_ONCE = 2
"""Collections that are indexed at once: each has a process of its own, with an embedding model if one is chosen."""


class IndexQueue(QObject):
    """Indexes collections. Those that are to be read go before vectors, and conversations' own documents before others.

    What is less urgent is ended for that, and goes on later: little of it is lost.

    Attributes:
        state: how far it is.
        passwords: of protected files, by path, which are kept only here and until Phichat quits.
        looked: when a collection was indexed last, by its name; see time.monotonic.
        paused: collections that are indexed no more until somebody asks for it.

    Signals: see DocumentsController.
    """

    changed = Signal()
    progressed = Signal(str)
    page_read = Signal(str, object)
    locked = Signal(str, object, str)
    files_failed = Signal(str, object)
    failed = Signal(str)

    def __init__(
        self, library: "Callable[[], DocumentLibrary]", is_own: Callable[[str], bool], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._library, self._is_own = library, is_own
        self._tasks = BackgroundTasks("indexing", AT_ONCE, self)
        self.state = IndexState()
        self.passwords: dict[Path, str] = {}
        self.looked: dict[str, float] = {}
        self.paused: set[str] = set()
        self._retries: set[str] = set()  # collections of which also is read what could not be read before
        self._waiting: list[str] = []  # those that are not begun, or were put off
        self._running: list[str] = []
        self._put_off: set[str] = set()  # of these, what is ended for something more urgent
        self._embedding: set[str] = set()  # those that lack many vectors and nothing else
        self._at: dict[str, Path] = {}  # by collection: the file that is being read
        self._failures: dict[str, dict[Path, str]] = {}  # by collection, while it is indexed

    def index(self, name: str, *, retries: bool = False) -> None:
        """See DocumentsController.index."""
        if name in self.state.indexing:
            return
        for names in (self.state.failed, self.paused):
            names.discard(name)
        self.state.reading.add(name)
        self.looked[name] = time.monotonic()
        if retries:
            self._retries.add(name)
        self._append(name)
        self.changed.emit()

    def index_soon(self, name: str) -> None:
        """Index a collection, again if that is under way, as it began without the files that have come since."""
        if name not in self.state.indexing:
            self.index(name)
        elif name in self._waiting:
            self.state.reading.add(name)
            self._embedding.discard(name)
            self._start_next()
        else:
            self.state.again.add(name)
            self._cut_short(name)

    def go_on_without_removed(self, name: str) -> None:
        """Go on with the other files of a collection, as the one that is being read may have been removed."""
        if name in self._running and name in self.state.reading and not self.state.indexing[name].is_set():
            self.state.again.add(name)
            self.state.indexing[name].set()

    def end(self, name: str) -> None:
        """Stop indexing a collection; what was read of it stays."""
        self.state.again.discard(name)
        self._put_off.discard(name)
        if name in self._waiting:
            self._waiting.remove(name)
            self._on_ended(name)
        elif name in self._running:
            self.state.indexing[name].set()

    def note_read(self, name: str) -> None:
        """Note that the files of a collection are read, unless more are being added or read, or will be."""
        if name not in self.state.adding and name not in self.state.reading and name not in self.state.again:
            self.state.unread.discard(name)

    def close(self) -> None:
        """End everything that is under way."""
        self._waiting.clear()
        self._tasks.close()

    def _append(self, name: str) -> None:
        self.state.indexing[name] = CancelToken()
        self._waiting.append(name)
        self._start_next()

    def _start_next(self) -> None:
        """Begin what is most urgent; if there is no room, end what is less so, and begin once that has ended."""
        while self._waiting:
            name = min(self._waiting, key=self._urgency)
            if len(self._running) >= AT_ONCE:
                self._make_room_for(name)
                return
            self._waiting.remove(name)
            self._start(name)

    def _make_room_for(self, name: str) -> None:
        last = max(self._running, key=self._urgency)
        is_ending = any(self.state.indexing[each].is_set() for each in self._running)
        if self._urgency(name) < self._urgency(last) and not is_ending:
            self._put_off.add(last)
            self.state.indexing[last].set()

    def _urgency(self, name: str) -> int:
        """Return 0 for what is most urgent, as questions wait for it."""
        return 2 if name in self._embedding else 0 if self._is_own(name) else 1

    def _start(self, name: str) -> None:
        self._running.append(name)
        self._tasks.run(
            partial(self._index, name, name in self._retries),
            partial(self._on_progress, name),
            partial(self._on_failed, name),
            partial(self._on_ended, name),
            cancel=self.state.indexing[name],
        )

    def _cut_short(self, name: str) -> None:
        """Stop making a collection's vectors if it has files to read: those can wait."""
        if name in self.state.again and name not in self.state.reading:
            self.state.indexing[name].set()

    def _index(self, name: str, retries: bool, stop: CancelToken) -> "Iterator[Progress]":
        """Yield the progress. In a thread."""
        yield from self._library().index(name, stop, dict(self.passwords), retries=retries)

    def _on_progress(self, name: str, progress: "Progress") -> None:
        if progress.locked:
            self.locked.emit(name, progress.locked, progress.error)
        elif progress.error:
            self._failures.setdefault(name, {})[self._at[name]] = progress.error
        if progress.path:
            self._at[name] = progress.path
        if progress.sentence or len(self.state.indexing) == 1:
            self.progressed.emit(progress.sentence)
        if progress.path:
            self.page_read.emit(name, progress)
        elif name in self.state.reading:
            self._on_read(name)
        elif progress.sentence and name not in self._embedding:
            self._embedding.add(name)
            self._start_next()

    def _on_read(self, name: str) -> None:
        """All files are read, and found by their words; their vectors are made next."""
        self.state.reading.discard(name)
        self._retries.discard(name)
        self._tell_failures(name)
        self._cut_short(name)
        self.note_read(name)
        self.changed.emit()

    def _tell_failures(self, name: str) -> None:
        if failures := self._failures.pop(name, None):
            self.files_failed.emit(name, failures)

    def _on_failed(self, name: str, sentence: str) -> None:
        self.state.failed.add(name)
        self.failed.emit(sentence)

    def _on_ended(self, name: str) -> None:
        self.state.indexing.pop(name, None)
        if name in self._running:
            self._running.remove(name)
        is_put_off = name in self._put_off
        self._put_off.discard(name)
        if is_put_off and name not in self.state.again:
            self.state.failed.discard(name)
            self._append(name)
            return
        retries = name in self._retries
        for names in (self.state.reading, self._retries, self._embedding):
            names.discard(name)
        self._tell_failures(name)
        if name in self.state.again:
            self.index(name, retries=retries)
            self.state.again.discard(name)  # not before, as a search waits for either
        self.note_read(name)
        self._start_next()
        if not self.state.indexing:
            self.progressed.emit("")
        self.changed.emit()
