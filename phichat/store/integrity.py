"""Integrity checks: of a small file before it is used, of a large one in the background, once a week."""

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection

from phichat.store import connections, rows
from phichat.store.failures import DatabaseDamaged, FailureKind, classify_error

SMALL_FILE_BYTES = 32_000_000
"""Bytes up to which a file is checked when it is opened: 60 ms, see `python -m tests.benchmarks.history large`."""

WEEK = 7 * 86400.0


def check_integrity(connection: Connection) -> None:
    """Raise DatabaseDamaged, or another sqlite3.Error, if the file is damaged."""
    found = rows.fetch_value(connection, "PRAGMA integrity_check(1)")
    if found != "ok":
        raise DatabaseDamaged(str(found))
    if connection.execute("PRAGMA foreign_key_check").fetchone():
        raise DatabaseDamaged("messages without a conversation")


def is_check_due(connection: Connection) -> bool:
    """Return whether the last run crashed, or the last check is a week old.

    A check in the future does not count: the clock jumped.
    """
    if rows.fetch_value(connection, "SELECT 1 FROM marks WHERE name = 'running'"):
        return True
    checked = rows.fetch_value(connection, "SELECT CAST(value AS REAL) FROM marks WHERE name = 'checked'")
    return checked is None or not 0 <= time.time() - checked < WEEK


def record_check(connection: Connection) -> None:
    """Record that the file was checked now and is whole."""
    connection.execute("INSERT OR REPLACE INTO marks VALUES ('checked', ?)", (str(time.time()),))


class IntegrityChecker:
    """Checks the file in a thread, most of the time without the GIL, then calls `tell` with whether it is whole."""

    def __init__(self, file: Path, tell: Callable[[bool], None]) -> None:
        self._file, self._tell = file, tell
        self._connection: Connection | None = None
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="history check", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Interrupt the check and wait for the thread."""
        self._is_closed.set()
        while self._thread.is_alive():  # an interrupt before the query starts has no effect
            if self._connection:
                with suppress(sqlite3.Error):
                    self._connection.interrupt()
            self._thread.join(0.02)

    def _work(self) -> None:
        try:
            self._connection = connection = connections.connect(self._file, "ro")
            try:
                if not self._is_closed.is_set():
                    check_integrity(connection)
            finally:
                self._connection = None
                connection.close()
        except sqlite3.Error as error:
            is_whole = classify_error(error) is not FailureKind.DAMAGED
        else:
            is_whole = True
        if not self._is_closed.is_set():
            self._tell(is_whole)
