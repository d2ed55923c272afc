"""What the history's file could not take: changes that are kept for it, and the conversations as these leave them."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from sqlite3 import Connection, Error
from typing import Any, TypeVar

from phichat.store import connections, migrations, rows, writes
from phichat.store.failures import FailureKind, classify_error
from phichat.store.rows import fetch_dicts, fetch_value, insert_row
from phichat.store.writer_thread import Job

_Read = TypeVar("_Read")


class MemoryFallback:
    """A database in memory with the file's schema, and the jobs to run on the file. Any thread may read.

    The file may have what was never copied from it: it could not be read, or another program wrote it since. So it gets
    the jobs in their order; only what it lacks then is copied to it.

    Attributes:
        names: ids of the conversations that are here, or were deleted here: the file's copies of them are outdated.
        unsaved: ids of all conversations that the jobs concern, also where they are not here; "" for one not known.
    """

    def __init__(self) -> None:
        self.names: frozenset[str] = frozenset()
        self.unsaved: frozenset[str] = frozenset()
        self._copied: set[str] = set()
        self._jobs: list[tuple[Job, frozenset[str]]] = []  # with the ids of their conversations
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._scratch: Connection | None = None  # empty, but within `copy_from`

    def read(self, work: Callable[[Connection], _Read]) -> _Read:
        """Return the result of `work` on this database."""
        with self._lock:
            return work(self._database())

    def read_kept(self, work: Callable[[Connection], _Read]) -> tuple[frozenset[str], _Read | None]:
        """Return `names` and the result of `work`, None if nothing is here, as they are at one moment."""
        with self._lock:
            return self.names, work(self._database()) if self.names else None

    def keep(self, job: Job, conversations: Sequence[str]) -> None:
        """Keep a job about these conversations for the file, and run it here; that it fails here is ignored."""
        about = frozenset(conversations) or frozenset({""})
        with self._lock:
            if job.sets_part:
                self._jobs = [each for each in self._jobs if each[0].part != job.part]
            self._jobs.append((job, about))
            self.unsaved |= about
            with suppress(Exception):
                _attempt(self._database(), job.work)
            self.names |= {name for name in conversations if _has_conversation(self._database(), name)}

    def is_copied(self, name: str) -> bool:
        """Return whether all is here that the file has of a conversation."""
        return name in self._copied

    def copy_from(self, name: str, source: Connection) -> None:
        """Copy a conversation from the file, make the changes that are kept, and have it here from now on.

        Raise sqlite3.Error; then nothing has changed.
        """
        copy = self._scratch = self._scratch or _make_database()
        copy.execute("BEGIN")
        try:
            copy_conversation(source, copy, name)
            for job, about in self._jobs:
                if not about.isdisjoint({name, ""}):
                    _attempt(copy, job.work)
            with self._lock:
                copy_conversation(copy, self._database(), name)
                self.names |= {name}
                self._copied.add(name)
        finally:
            if copy.in_transaction:  # some errors have ended it already
                copy.execute("ROLLBACK")

    def store(self, target: Connection) -> None:
        """Make the changes in the file `target`, and add what is here and not there. Raise sqlite3.Error."""
        for job, _ in self._jobs:
            _attempt(target, job.work)
        with self._lock:
            for name in sorted(self.names):
                add_missing(self._database(), target, name)

    def clear(self) -> None:
        """Forget all conversations and changes."""
        with self._lock:
            self.names = self.unsaved = frozenset()
            self._copied.clear()
            self._jobs.clear()
            self.close()

    def close(self) -> None:
        """Close the databases, which frees their memory."""
        with self._lock:
            for connection in filter(None, (self._connection, self._scratch)):
                connection.close()
            self._connection = self._scratch = None

    def _database(self) -> Connection:
        self._connection = self._connection or _make_database()
        return self._connection


def _make_database() -> Connection:
    connection = connections.connect(None)
    connections.prepare_for_writing(connection)
    migrations.migrate(connection)
    return connection


def _attempt(connection: Connection, work: Callable[[Connection], Any]) -> None:
    """Run `work`, or nothing of it if it fails. Raise sqlite3.Error if that is the disk's fault, or the file's."""
    connection.execute("SAVEPOINT attempt")
    try:
        work(connection)
    except Exception as error:
        with suppress(Error):  # some errors have rolled all back already
            connection.execute("ROLLBACK TO attempt")
            connection.execute("RELEASE attempt")
        if isinstance(error, MemoryError) or classify_error(error) is not FailureKind.OTHER:
            raise
    else:
        connection.execute("RELEASE attempt")


def _has_conversation(connection: Connection, name: str) -> bool:
    return fetch_value(connection, "SELECT 1 FROM conversations WHERE id = ?", name) is not None


def copy_conversation(source: Connection, target: Connection, name: str) -> None:
    """Have `target` hold of a conversation what `source` does, deleted branches included; nothing if it has none."""
    writes.delete_conversations(target, [name])
    add_missing(source, target, name)


def add_missing(source: Connection, target: Connection, name: str) -> None:
    """Add to `target` what it lacks of a conversation in `source`, deleted branches included; what it has stays."""
    found = next(fetch_dicts(source, "SELECT * FROM conversations WHERE id = ?", name), None)
    if found is None:
        return
    number = found.pop("number")
    there = fetch_value(target, "SELECT number FROM conversations WHERE id = ?", name)
    copied = writes.insert_conversation(target, found) if there is None else there
    for message in fetch_dicts(source, "SELECT * FROM messages WHERE conversation = ? ORDER BY number", number):
        if fetch_value(target, "SELECT 1 FROM messages WHERE id = ?", message["id"]) is None:
            del message["number"]
            insert_message(target, message | {"conversation": copied})


def insert_message(target: Connection, values: dict[str, Any]) -> None:
    """Insert a row into `messages` and index its text."""
    number = writes.allocate_message_number(target, values["conversation"], values["created"])
    insert_row(target, "messages", values | {"number": number})
    writes.index_message(target, number, rows.searchable_text(values["text"], values.get("attachments")))
