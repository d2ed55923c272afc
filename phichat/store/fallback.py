"""Conversations in memory, for as long as the file cannot take them."""

import threading
from collections.abc import Callable
from sqlite3 import Connection
from typing import Any, TypeVar

from phichat.store import migrations, rows, writes
from phichat.store.rows import fetch_value

_Read = TypeVar("_Read")


class MemoryFallback:
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

    def write(self, work: Callable[[Connection], Any]) -> None:
        """Make a change here, for what it is worth: its failure is told already."""
        with self._lock:
            database = self._database()
            database.execute("BEGIN")
            try:
                work(database)
                database.execute("COMMIT")
            except Exception:  # noqa: BLE001 - see above
                database.execute("ROLLBACK")

    def copy_from(self, name: str, source: Connection | None) -> None:
        """From now on, the conversation is here, as it is in `source`."""
        with self._lock:
            self.names |= {name}
            if source:
                copy_conversation(source, self._database(), name)

    def copy_to(self, target: Connection) -> None:
        """Make all conversations in `target` what they are here."""
        with self._lock:
            for name in self.names:
                copy_conversation(self._database(), target, name)

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
            self._connection = migrations.connect(None)
            migrations.prepare_for_writing(self._connection)
            migrations.migrate(self._connection)
        return self._connection


def copy_conversation(source: Connection, target: Connection, name: str) -> bool:
    """Make the conversation `name` in `target` what it is in `source`, deleted branches included; whether it is there.

    Where it is not, it is not in `target` either.
    """
    writes.delete_conversations(target, [name])
    found = next(_dict_rows(source, "SELECT * FROM conversations WHERE id = ?", name), None)
    if found is None:
        return False
    number = found.pop("number")
    copied = insert_conversation(target, found)
    for message in _dict_rows(source, "SELECT * FROM messages WHERE conversation = ? ORDER BY number", number):
        del message["number"]
        insert_message(target, message | {"conversation": copied})
    return True


def insert_conversation(target: Connection, values: dict[str, Any]) -> int:
    """A row of `conversations`, findable by its title; its number."""
    _insert(target, "conversations", values)
    number = int(fetch_value(target, "SELECT number FROM conversations WHERE id = ?", values["id"]))
    writes.index_title(target, number, values.get("title", ""))
    return number


def insert_message(target: Connection, values: dict[str, Any]) -> None:
    """A row of `messages`, findable by its words."""
    number = writes.allocate_message_number(target, values["conversation"], values["created"])
    _insert(target, "messages", values | {"number": number})
    writes.index_message(target, number, rows.searchable_text(values["text"], values.get("attachments")))


def _insert(target: Connection, table: str, values: dict[str, Any]) -> None:
    places = ", ".join("?" for _ in values)
    target.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", tuple(values.values()))  # noqa: S608


def _dict_rows(source: Connection, query: str, value: Any) -> Any:
    cursor = source.execute(query, (value,))
    names = [description[0] for description in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor)
