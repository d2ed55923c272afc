"""The search for the sources of an answer, which waits until what it searches is indexed (no widgets)."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from phichat.cancellation import CancelToken
from phichat.chat.sources import Sources
from phichat.documents.prompt import source_of

if TYPE_CHECKING:
    from phichat.documents.library import Collection, DocumentLibrary, FileStatus

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
        again: those being indexed that are to be indexed again at once, for files that came meanwhile.
        due: conversations' own with files that the disk couldn't read when they were indexed last.
    """

    indexing: dict[str, CancelToken] = field(default_factory=dict)
    adding: list[str] = field(default_factory=list)
    not_added: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    reading: set[str] = field(default_factory=set)
    again: set[str] = field(default_factory=set)
    due: set[str] = field(default_factory=set)

    def note_due(self, own: str, files: "Sequence[FileStatus]") -> None:
        """Note whether some of the `files` of a conversation's `own` documents are to be tried again."""
        (self.due.add if any(each.is_unreachable for each in files) else self.due.discard)(own)


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
        coming = [name for name in names if name not in there and name in self._state.adding]
        gone = [name for name in names if name not in {*there, *coming, *self._state.not_added}]
        missing = tuple("" if name == own else name for name in gone)
        if (collection := found.get(own)) and collection.waiting:
            self._await(lambda: own not in self._state.reading, stop)
        files = library.files(own) if own in there else ()
        self._state.note_due(own, files)
        told = self._tell_files(found[own], files) if own in there else Sources()
        others = [name for name in there if name != own]
        unfinished = [name for name in others if name in self._state.unread or found[name].waiting]
        unfinished += [name for name in coming if name != own]
        told = replace(
            told, searched=(*told.searched, *others), unfinished=(*unfinished, *told.unfinished), missing=missing
        )
        if whole := library.passages(there, budget=budgets[0]):
            return replace(told, passages=tuple(map(source_of, whole)), is_whole=True)
        findings = library.search(there, question, budget=budgets[1])
        return replace(told, passages=tuple(map(source_of, findings.passages)) if findings.fits else ())

    def _tell_files(self, own: "Collection", files: "Sequence[FileStatus]") -> Sources:
        """Return which of a conversation's own documents are searched, wait to be read, and can't be read."""
        known = {each.path: each for each in files}
        new = [path.name for path in own.paths if path not in known and own.name in self._state.failed]
        waiting = [each.path.name for each in files if not each.passages and _waits(each)]
        unreadable = [each.path.name for each in files if not each.passages and not _waits(each)]
        searched = [each.path.name for each in files if each.passages]
        return Sources(tuple(searched), unfinished=(*new, *waiting), unreadable=tuple(unreadable))

    def _await_index(self, names: Sequence[str], own: str, stop: CancelToken) -> None:
        """Wait until the conversation's own documents are read, and a while for other files that were just added."""
        until = time.monotonic() + PATIENCE
        is_new = own in names and own in self._state.unread
        self._await(lambda: own not in names or own not in self._state.unread, stop)
        self._await(lambda: time.monotonic() >= until or not self._is_coming(names, own), stop)
        until = time.monotonic() + VECTORS_PATIENCE * is_new
        self._await(lambda: time.monotonic() >= until or own not in self._state.indexing, stop)

    def _is_coming(self, names: Sequence[str], own: str) -> bool:
        """Return whether more will be found soon: own documents are looked at again if they may have changed."""
        is_own_coming = own in names and (own in self._state.reading or own in self._state.again)
        return is_own_coming or not self._state.unread.isdisjoint(names)

    def _await(self, is_done: Callable[[], bool], stop: CancelToken) -> None:
        while not is_done():
            if stop.wait(LOOK_EVERY):
                return


def _waits(file: "FileStatus") -> bool:
    """Return whether a file will be read."""
    return file.state == "waiting" or file.is_unreachable
