"""The search for the sources of an answer, which waits until what it searches is indexed (no widgets)."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from phichat.cancellation import CancelToken
from phichat.chat.sources import Sources
from phichat.documents.prompt import source_of

if TYPE_CHECKING:
    from phichat.documents.library import Collection, DocumentLibrary, FileState

LOOK_EVERY = 0.1  # seconds: while a search waits for the index
PATIENCE = 10.0  # seconds that a search waits for files that were just added to a collection
VECTORS_PATIENCE = 3.0  # seconds that it waits for the vectors of a conversation's own documents that were just added


@dataclass
class IndexState:
    """How far the index is, as the window's thread knows it. All are names of collections.

    Attributes:
        indexing: those being indexed, or about to be, with what stops that.
        adding: those to which files are being added, as often as that is done.
        not_added: those that could not be made, and are not gone therefore.
        failed: those whose indexing ended with an error.
        unread: those with files that were added since they were indexed.
        reading: those being indexed of which not all files are read yet.
    """

    indexing: dict[str, CancelToken] = field(default_factory=dict)
    adding: list[str] = field(default_factory=list)
    not_added: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    reading: set[str] = field(default_factory=set)


class SourceSearch:
    """Finds what an answer is to be based on. Its methods wait, and run in a thread."""

    def __init__(self, library: "Callable[[], DocumentLibrary]", state: IndexState) -> None:
        self._library, self._state = library, state

    def find(
        self, names: Sequence[str], own: str, question: str, budgets: tuple[int, int], stop: CancelToken
    ) -> Sources | None:
        """Return what is found once the conversation's own documents are indexed: all that is there if it is short.

        `budgets` are tokens for all there is, and for passages. In a thread.
        """
        library = self._library()
        self._await_index(names, own, stop)
        if stop.is_set():
            return None
        found = {name: collection for name in names if (collection := library.collection(name))}
        there = [*found]
        gone = [name for name in names if name not in {*there, *self._state.adding, *self._state.not_added}]
        missing = tuple("" if name == own else name for name in gone)
        if (collection := found.get(own)) and collection.waiting:
            self._await(lambda: own not in self._state.reading, stop)
        searched = [name for name in there if name != own]
        states = {status.path: status.state for status in library.files(own)} if own in there else {}
        unfinished = tuple(name for name in searched if name in self._state.unread or found[name].waiting)
        if own in there:
            unfinished += self._unread_files(found[own], states)
        files = [path.name for path in states]
        if whole := library.passages(there, budget=budgets[0]):
            passages = tuple(map(source_of, whole))
            return Sources((*files, *searched), passages, is_whole=True, unfinished=unfinished, missing=missing)
        findings = library.search(there, question, budget=budgets[1])
        passages = tuple(map(source_of, findings.passages)) if findings.fits else ()
        return Sources((*files, *searched), passages, unfinished=unfinished, missing=missing)

    def _unread_files(self, own: "Collection", states: "Mapping[Path, FileState]") -> tuple[str, ...]:
        """Return the names of the files of a conversation's own documents that wait to be read."""
        unknown = "waiting" if own.name in self._state.failed else ""  # that may be before the files were looked for
        return tuple(path.name for path in own.paths if states.get(path, unknown) == "waiting")

    def _await_index(self, names: Sequence[str], own: str, stop: CancelToken) -> None:
        """Wait until the conversation's own documents are read, and a while for other files that were just added."""
        until = time.monotonic() + PATIENCE
        is_new = own in names and own in self._state.unread
        self._await(lambda: own not in names or own not in self._state.unread, stop)
        self._await(lambda: time.monotonic() >= until or self._state.unread.isdisjoint(names), stop)
        until = time.monotonic() + VECTORS_PATIENCE * is_new
        self._await(lambda: time.monotonic() >= until or own not in self._state.indexing, stop)

    def _await(self, is_done: Callable[[], bool], stop: CancelToken) -> None:
        while not is_done():
            if stop.wait(LOOK_EVERY):
                return
