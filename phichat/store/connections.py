"""A pool of read-only connections for several threads."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from phichat.store import migrations

_Read = TypeVar("_Read")


class ConnectionPool:
    """Lends read-only connections to one file; `mode` as in `migrations.connect`."""

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
            connection = self._idle.pop() if self._idle else migrations.connect(self._file, self._mode)
            self._lent += 1
            return connection

    def _return(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            connection.rollback()
        with self._changed:
            self._idle.append(connection)
            self._lent -= 1
            self._changed.notify_all()


class PoolClosed(Exception):
    """The pool is closed: the file is being replaced."""
