"""An in-memory database for conversations while the file cannot be written to."""

import threading
from collections.abc import Callable
from sqlite3 import Connection
from typing import Any, TypeVar

from phichat.store import connections, migrations, rows, writes
from phichat.store.rows import fetch_dicts, insert_row

_Read = TypeVar("_Read")


class MemoryFallback:
    """A database in memory with the file's schema. Thread-safe.

    Attributes:
        names: ids of the conversations that were changed or deleted here: the file's copies of them are outdated.
    """

    def __init__(self) -> None:
        self.names: frozenset[str] = frozenset()
        self._lock = threading.RLock()
        self._connection: Connection | None = None

    def read(self, work: Callable[[Connection], _Read]) -> _Read:
        """Return the result of `work` on this database."""
        with self._lock:
            return work(self._database())

    def write(self, work: Callable[[Connection], Any]) -> None:
        """Run `work` in a transaction; a failure rolls it back and is ignored, as the file's was reported already."""
        with self._lock:
            database = self._database()
            database.execute("BEGIN")
            try:
                work(database)
                database.execute("COMMIT")
            except Exception:  # noqa: BLE001 - whatever it is
                database.execute("ROLLBACK")

    def copy_from(self, name: str, source: Connection | None) -> None:
        """Copy a conversation from `source` and keep it here from now on."""
        with self._lock:
            self.names |= {name}
            if source:
                copy_conversation(source, self._database(), name)

    def copy_to(self, target: Connection) -> None:
        """Replace the conversations in `target` by the copies here."""
        with self._lock:
            for name in self.names:
                copy_conversation(self._database(), target, name)

    def clear(self) -> None:
        """Forget all conversations."""
        with self._lock:
            self.names = frozenset()
            self.close()

    def close(self) -> None:
        """Close the database, which frees its memory."""
        with self._lock:
            if self._connection:
                self._connection.close()
            self._connection = None

    def _database(self) -> Connection:
        if self._connection is None:
            self._connection = connections.connect(None)
            connections.prepare_for_writing(self._connection)
            migrations.migrate(self._connection)
        return self._connection


def copy_conversation(source: Connection, target: Connection, name: str) -> bool:
    """Replace a conversation in `target` by that in `source`, deleted branches included; return whether it exists.

    If it does not exist in `source`, it is deleted from `target`.
    """
    writes.delete_conversations(target, [name])
    found = next(fetch_dicts(source, "SELECT * FROM conversations WHERE id = ?", name), None)
    if found is None:
        return False
    number = found.pop("number")
    copied = writes.insert_conversation(target, found)
    for message in fetch_dicts(source, "SELECT * FROM messages WHERE conversation = ? ORDER BY number", number):
        del message["number"]
        insert_message(target, message | {"conversation": copied})
    return True


def insert_message(target: Connection, values: dict[str, Any]) -> None:
    """Insert a row into `messages` and index its text."""
    number = writes.allocate_message_number(target, values["conversation"], values["created"])
    insert_row(target, "messages", values | {"number": number})
    writes.index_message(target, number, rows.searchable_text(values["text"], values.get("attachments")))
