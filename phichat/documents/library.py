"""Types of document collections, and the DocumentLibrary protocol that window and terminal use."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from phichat.cancellation import CancelToken
from phichat.chat.sources import USUAL_TOKENS
from phichat.documents.base import Place
from phichat.i18n import format_number, tr, tr_count
from phichat.unicode import replace_surrogates

USUAL_BUDGET = USUAL_TOKENS
"""Tokens of the passages that go into a prompt."""


class FileState(StrEnum):
    """What is known of a file in a collection."""

    WAITING = "waiting"
    INDEXED = "indexed"
    FAILED = "failed"
    MISSING = "missing"
    """It was there, and is no longer; what was read of it stays."""


@dataclass(frozen=True)
class Collection:
    """A named set of files and folders.

    Attributes:
        conversation: the id of the conversation it belongs to; empty for one that any conversation can use.
        paths: the files and folders that were added.
        files: how many files they have; `waiting` are not indexed yet, `failed` could not be read, `missing` are gone.
        passages: how many passages the files have, those of equal ones each time.
    """

    name: str
    conversation: str = ""
    paths: tuple[Path, ...] = ()
    files: int = 0
    waiting: int = 0
    failed: int = 0
    missing: int = 0
    passages: int = 0


@dataclass(frozen=True)
class FileStatus:
    """A file in a collection.

    Attributes:
        error: why it could not be read, as a sentence; empty if it could.
        notes: what of it could not be read, as sentences.
        is_locked: whether it wants its password, or another one; `error` asks for it.
        is_unreachable: whether the disk couldn't read it, so that it is tried again each time.
    """

    path: Path
    state: FileState
    error: str = ""
    notes: tuple[str, ...] = ()
    title: str = ""
    pages: int = 0
    passages: int = 0
    is_locked: bool = False
    is_unreachable: bool = False


@dataclass(frozen=True)
class Progress:
    """How far indexing is: `done` of `total` files, and which one is read now. `error` is of the one just done.

    Attributes:
        path: the file that is read now; None once all are.
        page: the page of `path` that was read last, of `pages`; 0 for a file without pages.
        pages_in_all: how many pages were read of all files so far.
        locked: the file just done, if it wants its password, or another one; `error` asks for it.
        embedded: how many passages have got their vectors so far, of `passages`; that begins once all files are read.
    """

    done: int
    total: int
    path: Path | None = None
    error: str = ""
    page: int = 0
    pages: int = 0
    pages_in_all: int = 0
    locked: Path | None = None
    embedded: int = 0
    passages: int = 0

    @property
    def sentence(self) -> str:
        """What is read or made now; empty if nothing is."""
        if self.path is None:
            return self._of_vectors
        reading = tr("Reading file {number} of {total}: {file}").format(
            number=format_number(self.done + 1),
            total=format_number(self.total),
            file=replace_surrogates(self.path.name),
        )
        more = tr_count("{count} page read so far", "{count} pages read so far", self.pages_in_all) if self.done else ""
        return " · ".join(filter(None, [reading, self.place, more if self.page else ""]))

    @property
    def _of_vectors(self) -> str:
        if self.embedded == self.passages:
            return ""
        percent = format_number(100 * self.embedded // self.passages)
        return tr("Indexing passages by meaning… {percent}%").format(percent=percent)

    @property
    def place(self) -> str:
        """Where in the file, in a few words; empty if it has no pages."""
        page, pages = format_number(self.page), format_number(self.pages)
        return tr("page {page} of {pages}").format(page=page, pages=pages) if self.page else ""


@dataclass(frozen=True)
class FoundPassage:
    """A passage that may answer a question, with the neighbors that were joined to it.

    Attributes:
        numbers: of the passages it is made of; in the order of the document, and of no meaning elsewhere.
        path: the file it is in.
        place: where it begins.
        text: as a model reads it.
        score: from 0 to 1, how well it fits; only of use beside those of other passages.
    """

    numbers: tuple[int, ...]
    path: Path
    place: Place
    text: str
    score: float = 0.0


@dataclass(frozen=True)
class Findings:
    """What a search found.

    Attributes:
        passages: the best first.
        fits: whether any of them seems to be about what was asked.
    """

    passages: tuple[FoundPassage, ...] = ()
    fits: bool = False


Passwords = Mapping[Path, str]
"""Passwords of protected files by their paths."""

NO_PASSWORDS: Passwords = MappingProxyType({})


class DocumentLibrary(Protocol):
    """Collections of documents. Any thread may use it, one at a time. Every method may raise StoreError."""

    def collections(self) -> Sequence[Collection]:
        """Return all collections that belong to no conversation, by name."""

    def collection(self, name: str) -> Collection | None:
        """Return the collection of that name, None if there is none."""

    def files(self, name: str) -> Sequence[FileStatus]:
        """Return the files of a collection, by path."""

    def add(self, name: str, paths: Sequence[Path], *, conversation: str = "") -> None:
        """Add files and folders to a collection, which is made if there is none; `index` reads them."""

    def remove(self, name: str, paths: Sequence[Path] = ()) -> int:
        """Remove files and folders from a collection, or the collection; return how many. The files themselves stay."""

    def remove_own(self, conversations: Sequence[str], *, others: bool = False) -> int:
        """Remove the documents of these conversations, or of all `others`; return how many collections that were."""

    def index(
        self, name: str, stop: CancelToken, passwords: Passwords = NO_PASSWORDS, *, retries: bool = False
    ) -> Iterator[Progress]:
        """Read what is new or has changed in a collection; yield Progress before each file, and once all are read.

        From then on all of it is found by its words. Vectors, which find what is said in other words, are made next.
        Files that could not be read before are tried again if `passwords` has theirs, which is kept nowhere; or all
        of them, if it `retries`.
        What was yielded as done stays so, whatever happens then. A file that cannot be read is no error.
        """

    def search(self, names: Sequence[str], question: str, *, budget: int = USUAL_BUDGET) -> Findings:
        """Return the passages of these collections that fit a question best, with at most `budget` tokens in all."""

    def whole_text(self, names: Sequence[str], *, budget: int) -> Sequence[FoundPassage]:
        """Return all that these collections have, one for each file; none if that is more than `budget` tokens."""

    def passages(self, names: Sequence[str], *, budget: int) -> Sequence[FoundPassage]:
        """Return all passages of these collections by path, in order; none if that is more than `budget` tokens."""

    def close(self) -> None:
        """Close all files. Nothing else may be called then."""
