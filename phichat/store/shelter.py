"""Conversations in memory, for as long as the file cannot take them."""

import threading
from collections.abc import Callable
from sqlite3 import Connection
from typing import Any, TypeVar

from phichat.store import schema
from phichat.store.copying import copy

_Read = TypeVar("_Read")


class Shelter:
    """A database like the file's. Any thread may read.

    Attributes:
        names: the conversations that are here, or were deleted here: what the file has of them is out of date.
    """

    def __init__(self) -> None:
        self.names: frozenset[str] = frozenset()
        self._lock = threading.RLock()
        self._connection: Connection | None = None

    def read(self, work: Callable[[Connection], _Read]) -> _Read:
        """What `work` reads here."""
        with self._lock:
            return work(self._database())

    def run(self, work: Callable[[Connection], Any]) -> None:
        """Make a change here, for what it is worth: its failure is told already."""
        with self._lock:
            database = self._database()
            database.execute("BEGIN")
            try:
                work(database)
                database.execute("COMMIT")
            except Exception:  # noqa: BLE001 - see above
                database.execute("ROLLBACK")

    def take(self, name: str, source: Connection | None) -> None:
        """From now on, the conversation is here, as it is in `source`."""
        with self._lock:
            self.names |= {name}
            if source:
                copy(source, self._database(), name)

    def give(self, target: Connection) -> None:
        """Make all conversations in `target` what they are here."""
        with self._lock:
            for name in self.names:
                copy(self._database(), target, name)

    def clear(self) -> None:
        """Nothing is here any more."""
        with self._lock:
            self.names = frozenset()
            self.close()

    def close(self) -> None:
        """Let go of the memory."""
        with self._lock:
            if self._connection:
                self._connection.close()
            self._connection = None

    def _database(self) -> Connection:
        if self._connection is None:
            self._connection = schema.connect(None)
            schema.prepare_for_writing(self._connection)
            schema.migrate(self._connection)
        return self._connection
