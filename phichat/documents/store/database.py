"""The documents' database: opened with the history's care, and begun anew if it is damaged, as it can be made again."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TypeVar

from phichat.documents.store import schema
from phichat.errors import StoreError
from phichat.files import make_private
from phichat.i18n import tr
from phichat.store.connections import connect, prepare_for_writing, require_files
from phichat.store.failures import DatabaseDamaged, FailureKind, NewerHistory, classify_error

DAMAGED_SUFFIX = ".damaged"

_Result = TypeVar("_Result")


class DocumentDatabase:
    """A file, or a database in memory without one. Any thread may use it; they take turns.

    Attributes:
        notice: a sentence for the user about what happened when it was opened; empty if nothing did.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.notice = ""
        self._file = file
        self._lock = threading.RLock()
        with self._phrasing_errors():
            self._connection = self._open()

    def read(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Return the result of `work`. Raise StoreError."""
        with self._lock, self._phrasing_errors():
            return work(self._connection)

    def write(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Return the result of `work`, committed as one transaction. Raise StoreError; then nothing has changed."""
        with self._lock, self._phrasing_errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(self._connection)
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # some errors have rolled back already
                    self._connection.execute("ROLLBACK")
                raise
            return result

    def give_space_back(self) -> None:
        """Give the disk back what deleted rows took, if that is possible now. Takes the memory of what is left."""
        with self._lock, suppress(sqlite3.Error, MemoryError):
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                self._connection.execute(statement).fetchall()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _open(self) -> sqlite3.Connection:
        file = self._file
        if file is None:
            return _prepared(connect(None))
        make_private(file.parent)
        require_files(file)
        try:
            return _prepared(connect(file))
        except (sqlite3.Error, DatabaseDamaged) as error:
            if classify_error(error) is not FailureKind.DAMAGED:
                raise
        _set_aside(file)
        self.notice = tr(
            "The index of your documents was damaged, so Phichat started a new one. The files themselves are fine: "
            "add them to your collections again."
        )
        return _prepared(connect(file))

    @contextmanager
    def _phrasing_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, NewerHistory) as error:
            raise StoreError(_message(error, self._file)) from error


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    try:
        if schema.version(connection) > schema.LATEST:
            raise NewerHistory
        prepare_for_writing(connection)
        if schema.version(connection) < schema.LATEST:
            schema.migrate(connection)
        # Reads a page of each table, and so notices damage before anything relies on it.
        for name in ("collections", "files", "texts", "passages", "passage_words"):
            connection.execute(f"SELECT rowid FROM {name} LIMIT 1").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _set_aside(file: Path) -> None:
    """Rename a damaged file, so that nothing of it is lost that somebody could want, nor of an earlier one."""
    names = (file.name + DAMAGED_SUFFIX + (f"-{number}" if number > 1 else "") for number in count(1))
    free = next(name for name in names if not file.with_name(name).exists())
    for ending in ("", "-wal", "-shm"):
        part = file.with_name(file.name + ending)
        with suppress(FileNotFoundError):
            part.replace(file.with_name(free + ending))


def is_healthy(file: Path) -> bool:
    """Return whether the file and its full-text index are in order; reads all of it. Raise sqlite3.Error or OSError."""
    with closing(connect(file)) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
        connection.execute("INSERT INTO passage_words (passage_words) VALUES ('integrity-check')")
    return bool(found == "ok")


def _message(error: BaseException, file: Path | None) -> str:
    match classify_error(error):
        case FailureKind.NEWER:
            text = tr("{file} was made by a newer version of Phichat. Update Phichat to use your documents.")
        case FailureKind.FULL:
            text = tr("The disk that contains {file} is full. Free up space, then try again.")
        case FailureKind.REFUSED:
            text = tr("Phichat can’t write to {file}. Check the permissions of its folder.")
        case FailureKind.LOCKED:
            text = tr("Another app is using {file}. Close that app, then try again.")
        case FailureKind.DAMAGED:
            text = tr("{file} is damaged. Restart Phichat to create a new index of your documents.")
        case _:
            text = tr("There was a problem with the index of your documents: {reason}. Restart Phichat.")
    return text.format(file=file, reason=error)
