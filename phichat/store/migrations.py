"""The database's tables, as numbered migrations, and how it is connected to."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from phichat.files import create_private

BUSY_TIMEOUT = 10.0
"""Seconds to wait for another program that is writing."""

DAMAGED_VERSION = 1000
"""A version so high is no later Phichat's, but damage."""

_FIRST = (
    """CREATE TABLE conversations (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        title TEXT NOT NULL DEFAULT '',
        is_own_title INTEGER NOT NULL DEFAULT 0,
        created REAL NOT NULL,
        changed REAL NOT NULL,
        is_pinned INTEGER NOT NULL DEFAULT 0,
        deleted REAL,
        tip TEXT,
        model TEXT NOT NULL DEFAULT '',
        origin TEXT NOT NULL DEFAULT '',
        sampling TEXT NOT NULL DEFAULT '{}',
        system TEXT NOT NULL DEFAULT '',
        draft TEXT NOT NULL DEFAULT ''
    ) STRICT""",
    # Long columns come last: whoever reads only the others need not pass over them.
    """CREATE TABLE messages (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        conversation INTEGER NOT NULL REFERENCES conversations (number) ON DELETE CASCADE,
        parent TEXT,
        role TEXT NOT NULL,
        created REAL NOT NULL,
        deleted REAL,
        ending TEXT,
        model TEXT,
        model_sha256 TEXT,
        seed INTEGER,
        sampling TEXT,
        engine TEXT,
        statistics TEXT,
        tokens BLOB,
        text TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX messages_of_conversation ON messages (conversation)",
    "CREATE VIRTUAL TABLE message_words USING fts5 (text, tokenize = 'ascii', prefix = '1 2 3', columnsize = 0)",
    "CREATE VIRTUAL TABLE title_words USING fts5 (text, tokenize = 'ascii', prefix = '1 2 3', columnsize = 0)",
)

_SECOND = (
    # Replies that the program's death interrupted are found without looking at all messages.
    "CREATE INDEX unfinished_messages ON messages (ending) WHERE ending = 'answering'",
    # The bin counts dates on which the app ran, as a clock may jump.
    "CREATE TABLE days (number INTEGER PRIMARY KEY, day TEXT NOT NULL UNIQUE) STRICT",
    "ALTER TABLE conversations ADD COLUMN binned_on INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE messages ADD COLUMN binned_on INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX deleted_messages ON messages (deleted) WHERE deleted IS NOT NULL",
    "CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
)

_THIRD = ("ALTER TABLE messages ADD COLUMN is_pinned INTEGER NOT NULL DEFAULT 0",)

_FOURTH = (
    # Files that go with a question, and with what is being written: a JSON array, or nothing.
    "ALTER TABLE messages ADD COLUMN attachments TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE conversations ADD COLUMN attached TEXT NOT NULL DEFAULT ''",
)

MIGRATIONS = (_FIRST, _SECOND, _THIRD, _FOURTH)
"""What leads from each version to the next. Published ones are never changed: another is appended."""

LATEST = len(MIGRATIONS)


def connect(file: Path | None, mode: str = "rwc") -> sqlite3.Connection:
    """A connection to `file`, or to a database in memory; `mode` as in SQLite's URIs, or `immutable`.

    Raises OSError where the file cannot be made.
    """
    if file and mode == "rwc":
        create_private(file)  # with SQLite's own mode, everybody could read it; its journals take that of the file
    query = "mode=ro&immutable=1" if mode == "immutable" else f"mode={mode}"
    name = f"{file.absolute().as_uri()}?{query}" if file else "file::memory:"
    connection = sqlite3.connect(name, BUSY_TIMEOUT, isolation_level=None, check_same_thread=False, uri=True)
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def prepare_for_writing(connection: sqlite3.Connection) -> None:
    """What is committed outlives a power cut; readers and the writer do not wait for each other."""
    for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
        _execute_when_unlocked(connection, f"PRAGMA {setting}")


def _execute_when_unlocked(connection: sqlite3.Connection, statement: str) -> None:
    """Do `statement` even if another program changes the journal at the same time, for which SQLite does not wait."""
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


def version(connection: sqlite3.Connection) -> int:
    """The version its tables have; 0 if there are none."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def read_version(connection: sqlite3.Connection) -> tuple[int, bool]:
    """The version, and whether there are tables: both at one moment, as another program may be making them."""
    connection.execute("BEGIN")
    try:
        return version(connection), bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    finally:
        connection.rollback()


def _nothing(_: int) -> None:
    """Nothing is to be done first."""


def migrate(connection: sqlite3.Connection, to: int = LATEST, before: Callable[[int], None] = _nothing) -> None:
    """Bring the tables to a version, whole or not at all.

    `before` is told the version they have, while no other program can change them.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = version(connection)
        before(found)
        for number, statements in enumerate(MIGRATIONS[found:to], found + 1):
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # some failures have done so already
            connection.execute("ROLLBACK")
        raise
