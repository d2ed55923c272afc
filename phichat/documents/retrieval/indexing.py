"""Indexing: reads the files of a collection one after another, each stored as a whole, so that it can end anywhere.

What was read is found by its words at once. Vectors, which take longer, are made when all files are read.
"""

import hashlib
import os
import stat
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from sqlite3 import Connection

from phichat.cancellation import CancelToken
from phichat.documents.base import LARGEST_FILE, DocumentReader, Finding, Note, Outline, Part, Section
from phichat.documents.embeddings.base import Embedder
from phichat.documents.folders import files_in
from phichat.documents.library import NO_PASSWORDS, FileState, Passwords, Progress
from phichat.documents.passages import cut_passages
from phichat.documents.store import catalog, texts
from phichat.documents.store.catalog import NO_VERSION, StoredFile
from phichat.documents.store.database import DocumentDatabase
from phichat.documents.store.texts import DocumentText, StoredPassage
from phichat.errors import DocumentDamaged, DocumentError, DocumentLocked, DocumentTooLarge, DocumentUnreachable
from phichat.i18n import format_size, reading_failure, tr
from phichat.unicode import replace_surrogates

TOLD_EVERY = 0.2  # seconds between two reports of the page

BATCH = 64
"""Passages that are embedded at once, and then stored: less than a second's work of the sentence encoder, and some
seconds' of an embedding model, which are lost if the process is killed."""


@dataclass(frozen=True)
class _Outcome:
    """What came of reading a file: why that failed, as a sentence, or how many pages it has.

    `locked` is its path if it wants a password.
    """

    error: str = ""
    pages: int = 0
    locked: Path | None = None


class Indexer:
    """Brings a collection up to date with the disk.

    Attributes:
        embedders: make vectors, one after another; none to find passages by their words alone.
    """

    def __init__(self, database: DocumentDatabase, reader: DocumentReader, embedders: Sequence[Embedder]) -> None:
        self._database, self._reader, self.embedders = database, reader, embedders
        self._passwords: Passwords = NO_PASSWORDS
        self._retries = False

    def run(
        self, name: str, stop: CancelToken, passwords: Passwords = NO_PASSWORDS, *, retries: bool = False
    ) -> Iterator[Progress]:
        """See DocumentLibrary.index."""
        self._passwords, self._retries = passwords, retries
        waiting = self._scan(name, stop)
        last, read = _Outcome(), 0
        for done, file in enumerate(waiting):
            progress = Progress(done, len(waiting), file.path, last.error, pages_in_all=read, locked=last.locked)
            yield progress
            if stop.is_set():
                return
            last = yield from self._index(file, progress, stop)
            read += last.pages
        everything = Progress(len(waiting), len(waiting), error=last.error, locked=last.locked)
        yield everything
        for done, passages in self._embed(name, stop):
            yield replace(everything, error="", locked=None, embedded=done, passages=passages)

    def _embed(self, name: str, stop: CancelToken) -> Iterator[tuple[int, int]]:
        """Make the vectors that are lacking; yield of how many passages so far, and in all, once for each embedder."""
        lacking = [
            self._database.read(partial(texts.count_without_vectors, embedder=embedder.id, name=name))
            for embedder in self.embedders
        ]
        for number, embedder in enumerate(self.embedders):
            before = sum(lacking[:number])
            for done, _ in embed_collection(self._database, embedder, name, stop):
                yield before + done, max(sum(lacking), before + done)
            if not stop.is_set():
                self._delete_former(embedder, stop)

    def _delete_former(self, embedder: Embedder, stop: CancelToken) -> None:
        """Delete vectors that no code asks for any more, of passages that have others by now."""
        former = embedder.former_ids
        if not self._database.read(lambda connection: texts.has_embedders(connection, former)):
            return
        work = partial(texts.delete_former_vectors, embedder=embedder.id, former=former, most=BATCH)
        while self._database.write(work) and not stop.is_set():
            pass
        if not self._database.read(lambda connection: texts.has_embedders(connection, former)):
            self._database.give_space_back()

    def _scan(self, name: str, stop: CancelToken) -> list[StoredFile]:
        """Compare what is stored with the disk; return the files that are to be read."""
        waiting: list[StoredFile] = []
        for number, path in self._database.read(lambda connection: catalog.sources(connection, name)):
            found = list(_files_in(path, stop))
            if stop.is_set():  # else what was not looked at would count as gone
                return []
            waiting += self._compare(number, found)
        return waiting

    def _compare(self, source: int, found: Sequence[Path]) -> list[StoredFile]:
        self._database.write(lambda connection: catalog.add_files(connection, source, found))
        known = self._database.read(lambda connection: catalog.files_of(connection, source))
        there = {*found}
        for file in (file for file in known if file.path not in there):
            if _leads_somewhere(file.path):  # what it leads to is read by its own name by now
                self._database.write(partial(catalog.remove_file, number=file.number))
            elif file.state is not FileState.MISSING:
                self._set_state(file, FileState.MISSING)
        return [file for file in known if file.path in there and (_is_due(file) or self._is_tried_again(file))]

    def _is_tried_again(self, file: StoredFile) -> bool:
        return file.state is FileState.FAILED and (self._retries or file.path in self._passwords)

    def _set_state(self, file: StoredFile, state: FileState) -> None:
        self._database.write(lambda connection: catalog.set_state(connection, file.number, state))

    def _index(self, file: StoredFile, progress: Progress, stop: CancelToken) -> Generator[Progress, None, _Outcome]:
        """Read and store one file."""
        size, modified = 0, 0
        try:
            size, modified = _version_of(file.path)
            if size > LARGEST_FILE:
                raise DocumentTooLarge(_too_large(file.path))
            sha256 = _checksum(file.path, stop)
            document = None if self._is_known(sha256) else (yield from self._read(file.path, sha256, progress, stop))
        except FileNotFoundError:
            self._set_state(file, FileState.MISSING)
            return _Outcome()
        except OSError as error:
            return self._put_off(file, reading_failure(error, file.path.name))
        except DocumentUnreachable as error:
            return self._put_off(file, str(error))
        except DocumentError as error:
            is_locked = isinstance(error, DocumentLocked)
            sentence = self._fail(file, str(error), size, modified, is_locked=is_locked)
            return _Outcome(sentence, locked=file.path if is_locked else None)
        if not stop.is_set():
            self._store(file, sha256, document, size, modified)
        return _Outcome(pages=document.pages if document else 0)

    def _put_off(self, file: StoredFile, error: str) -> _Outcome:
        """Leave a file due that the disk can't read: what was read of it before still counts. That is told once."""
        error = self._fail(file, error, *NO_VERSION, keeps_text=True)
        is_known = file.state is FileState.FAILED and file.error == error and not self._retries
        return _Outcome("" if is_known else error)

    def _is_known(self, sha256: str) -> bool:
        return self._database.read(lambda connection: texts.text_number(connection, sha256)) is not None

    def _fail(self, file: StoredFile, error: str, size: int, modified: int, **more: bool) -> str:
        error = replace_surrogates(error)
        self._database.write(lambda connection: catalog.set_failed(connection, file, error, size, modified, **more))
        return error

    def _read(
        self, path: Path, sha256: str, progress: Progress, stop: CancelToken
    ) -> Generator[Progress, None, DocumentText]:
        document = DocumentText(sha256, replace_surrogates(path.stem), 0)
        notes: list[str] = []
        sections: list[Section] = []
        told = time.monotonic()
        for part in self._parts(path, stop):
            match part:
                case Outline():
                    document.title, document.pages = replace_surrogates(part.title or path.stem), part.pages
                case Note():
                    notes.append(replace_surrogates(part.sentence))
                case Section():
                    sections.append(_storable(part))
                    page = part.place.page or 0
                    if page and time.monotonic() > told + TOLD_EVERY:
                        told = time.monotonic()
                        yield _at_page(progress, page, document.pages)
        document.passages, document.notes = list(cut_passages(sections)), notes
        return document

    def _parts(self, path: Path, stop: CancelToken) -> Iterator[Part]:
        """Yield the parts of a document; raise OSError if it seems damaged because the disk can't read it by now."""
        is_damaged = False
        try:
            for part in self._reader.read(path, password=self._passwords.get(path, ""), stop=stop):
                is_damaged = is_damaged or (isinstance(part, Note) and part.finding is Finding.DAMAGED)
                yield part
        except DocumentDamaged:
            _checksum(path, stop)
            raise
        if is_damaged:
            _checksum(path, stop)

    def _store(self, file: StoredFile, sha256: str, document: DocumentText | None, size: int, modified: int) -> None:
        """Store a text with its passages, and that the file has it: all at once, or nothing."""

        def work(connection: Connection) -> None:
            number = texts.add_text(connection, document) if document else texts.text_number(connection, sha256)
            if number is not None:  # else another program has just removed it; it stays due
                catalog.set_indexed(connection, file, number, size, modified)

        self._database.write(work)


def _at_page(progress: Progress, page: int, pages: int) -> Progress:
    in_all = progress.pages_in_all + page
    return replace(progress, error="", locked=None, page=page, pages=max(pages, page), pages_in_all=in_all)


def _files_in(path: Path, stop: CancelToken) -> Iterator[Path]:
    """Yield a file, or those of a folder that may be documents."""
    if os.path.isdir(path):  # noqa: PTH112 - Path's raises PermissionError where nobody may look
        yield from files_in(path, stop)
    elif os.path.exists(path):  # noqa: PTH110 - the same
        yield path


def _leads_somewhere(path: Path) -> bool:
    """Return whether a path is a link to what is there."""
    return os.path.islink(path) and os.path.exists(path)  # noqa: PTH110, PTH114 - the same


def _storable(section: Section) -> Section:
    """Return the section without lone surrogates, which neither SQLite nor a tokenizer takes."""
    text, header = replace_surrogates(section.text), replace_surrogates(section.header)
    heading = tuple(map(replace_surrogates, section.place.heading))
    return Section(text, replace(section.place, heading=heading), header)


def _is_due(file: StoredFile) -> bool:
    """Return whether a file is new, has changed, or is back."""
    if file.state in {FileState.WAITING, FileState.MISSING}:
        return True
    try:
        return _version_of(file.path) != (file.size, file.modified)
    except (OSError, DocumentUnreachable):
        return True


def _version_of(path: Path) -> tuple[int, int]:
    """Return size and time of modification.

    Raise OSError, and DocumentUnreachable for what is no file, as reading that may never end.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise DocumentUnreachable(tr("{file} isn’t a file. Choose a different one.").format(file=path.name))
    return found.st_size, found.st_mtime_ns


def _checksum(path: Path, stop: CancelToken) -> str:
    checksum = hashlib.sha256()
    with path.open("rb") as file:
        while not stop.is_set() and (block := file.read(1 << 20)):
            checksum.update(block)
    return checksum.hexdigest()


def _too_large(path: Path) -> str:
    return tr("{file} is too large to read (the limit is {size}). Split it, then add the parts.").format(
        file=path.name, size=format_size(LARGEST_FILE)
    )


def embed_collection(
    database: DocumentDatabase, embedder: Embedder, name: str, stop: CancelToken
) -> Iterator[tuple[int, int]]:
    """Make the vectors that the passages of a collection lack; yield how many were made so far, of how many.

    Nothing is yielded if that takes no longer than one batch.
    """
    from phichat.documents.retrieval.vectors import pack  # noqa: PLC0415 - brings numpy, where there are vectors

    total = database.read(lambda connection: texts.count_without_vectors(connection, embedder.id, name))
    done, rest = 0, _next(database, embedder, name, 0)
    while rest:
        if total > BATCH:
            yield done, max(total, done)
        if stop.is_set():
            return
        made = embedder.embed_passages([each.passage for each in rest])
        rows = [(each.number, pack(vectors)) for each, vectors in zip(rest, made, strict=True)]
        if not stop.is_set():  # else their collection may be gone
            database.write(partial(texts.add_vectors, embedder=embedder.id, vectors=rows))
        done += len(rest)
        rest = _next(database, embedder, name, rest[-1].number)


def _next(database: DocumentDatabase, embedder: Embedder, name: str, after: int) -> list[StoredPassage]:
    return database.read(lambda connection: texts.passages_without_vectors(connection, embedder.id, name, after, BATCH))
