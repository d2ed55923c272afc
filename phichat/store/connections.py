"""Open connections to the database, and lend read-only ones to several threads."""

import errno
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

from phichat.files import create_private
from phichat.store import file_header
from phichat.store.write_ahead_log import PAGE_SIZE, read_log

BUSY_TIMEOUT = 10.0
"""Seconds to wait for another program's lock, as SQLite's `busy_timeout`."""

_Read = TypeVar("_Read")


def connect(file: Path | None, mode: str = "rwc") -> sqlite3.Connection:
    """Open a connection to `file`, or to a database in memory; `mode` as in SQLite's URIs, `immutable`, or `copy`.

    A copy in memory has what is in the write-ahead log, which SQLite cannot read where it cannot write.
    Raise OSError if the file cannot be created.
    """
    if file and mode == "rwc":
        create_private(file)  # SQLite would let everybody read it; its journals inherit the file's permissions
    if file and mode == "copy":
        return _copy_in_memory(file)
    query = "mode=ro&immutable=1" if mode == "immutable" else f"mode={mode}"
    name = f"{file.absolute().as_uri()}?{query}" if file else "file::memory:"
    connection = sqlite3.connect(name, BUSY_TIMEOUT, isolation_level=None, check_same_thread=False, uri=True)
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def require_files(file: Path) -> None:
    """Raise OSError if a pipe or a device is in the place of `file`, or of what SQLite has beside it.

    To open or read one could take for ever. A folder is for SQLite to refuse.
    """
    for ending in ("", "-wal", "-shm", "-journal"):
        path = file.with_name(file.name + ending)
        with suppress(FileNotFoundError):
            mode = path.stat().st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                raise OSError(errno.EINVAL, "not a file", str(path))


def _copy_in_memory(file: Path) -> sqlite3.Connection:
    log = read_log(file)
    size = log.frames[-1].pages * PAGE_SIZE
    content = bytearray(file.read_bytes()[:size].ljust(size, b"\0"))
    for number, page in log.pages().items():
        content[(number - 1) * PAGE_SIZE : number * PAGE_SIZE] = page
    header = file_header.repaired(bytes(content[: file_header.LENGTH]), size // PAGE_SIZE)
    content[: file_header.LENGTH] = header
    del content[size:]
    connection = connect(None)
    connection.deserialize(content)
    return connection


def prepare_for_writing(connection: sqlite3.Connection) -> None:
    """Set WAL mode and full sync: commits survive a power cut, and readers and the writer do not block each other."""
    for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
        _execute_when_unlocked(connection, f"PRAGMA {setting}")


def _execute_when_unlocked(connection: sqlite3.Connection, statement: str) -> None:
    """Execute `statement`, retrying while another program switches the journal: SQLite ignores the timeout then."""
    until = monotonic() + BUSY_TIMEOUT
    while True:
        try:
            connection.execute(statement).fetchall()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or monotonic() > until:
                raise
            sleep(0.02)
        else:
            return


class ConnectionPool:
    """Lends read-only connections to one file; `mode` as in `connect`."""

    def __init__(self, file: Path, mode: str = "ro") -> None:
        self._file, self._mode = file, mode
        self._idle: list[sqlite3.Connection] = []
        self._lent = 0
        self._is_closed = False
        self._changed = threading.Condition()

    def read(self, work: Callable[[sqlite3.Connection], _Read]) -> _Read:
        """Return the result of `work`, run in one read transaction. Raise sqlite3.Error or PoolClosed."""
        connection = self._borrow()
        try:
            connection.execute("BEGIN")
            return work(connection)
        finally:
            self._return(connection)

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be read any more."""
        return self._is_closed

    def close(self) -> None:
        """Wait until no connection is in use, and close them all."""
        with self._changed:
            self._is_closed = True
            self._changed.wait_for(lambda: not self._lent)
            while self._idle:
                self._idle.pop().close()

    def _borrow(self) -> sqlite3.Connection:
        with self._changed:
            if self._is_closed:
                raise PoolClosed
            connection = self._idle.pop() if self._idle else connect(self._file, self._mode)
            self._lent += 1
            return connection

    def _return(self, connection: sqlite3.Connection) -> None:
        with suppress(sqlite3.Error):  # what the disk can't do ends the transaction, too
            if connection.in_transaction:
                connection.rollback()
        with self._changed:
            self._idle.append(connection)
            self._lent -= 1
            self._changed.notify_all()


class PoolClosed(Exception):
    """The pool is closed: the file is being replaced."""
