"""The database's schema, as numbered migrations."""

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from phichat.store.connections import connect
from phichat.store.failures import DatabaseDamaged

DAMAGED_VERSION = 1000
"""A `user_version` this high does not come from a later release but from damage."""


def m001_initial(connection: sqlite3.Connection) -> None:
    """Create conversations and messages, with a full-text index of messages and one of titles."""
    connection.execute("""CREATE TABLE conversations (
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
    ) STRICT""")
    # Long columns come last: a query for the others need not read past them.
    connection.execute("""CREATE TABLE messages (
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
    ) STRICT""")
    connection.execute("CREATE INDEX messages_of_conversation ON messages (conversation)")
    for table in ("message_words", "title_words"):
        connection.execute(
            f"CREATE VIRTUAL TABLE {table} USING fts5 (text, tokenize = 'ascii', prefix = '1 2 3', columnsize = 0)"
        )


def m002_trash_and_interrupted_replies(connection: sqlite3.Connection) -> None:
    """Count the days a conversation spends in the trash, and index interrupted replies and deleted messages."""
    # Finds replies that a crash interrupted without a scan of all messages.
    connection.execute("CREATE INDEX unfinished_messages ON messages (ending) WHERE ending = 'answering'")
    # The trash counts dates on which the app ran, as a clock may jump.
    connection.execute("CREATE TABLE days (number INTEGER PRIMARY KEY, day TEXT NOT NULL UNIQUE) STRICT")
    connection.execute("ALTER TABLE conversations ADD COLUMN binned_on INTEGER NOT NULL DEFAULT 0")
    connection.execute("ALTER TABLE messages ADD COLUMN binned_on INTEGER NOT NULL DEFAULT 0")
    connection.execute("CREATE INDEX deleted_messages ON messages (deleted) WHERE deleted IS NOT NULL")
    connection.execute("CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")


def m003_pinned_messages(connection: sqlite3.Connection) -> None:
    """Let a message be pinned, so that it stays in the prompt."""
    connection.execute("ALTER TABLE messages ADD COLUMN is_pinned INTEGER NOT NULL DEFAULT 0")


def m004_attachments(connection: sqlite3.Connection) -> None:
    """Store the files attached to a message and to a draft: a JSON array, or an empty string for none."""
    connection.execute("ALTER TABLE messages ADD COLUMN attachments TEXT NOT NULL DEFAULT ''")
    connection.execute("ALTER TABLE conversations ADD COLUMN attached TEXT NOT NULL DEFAULT ''")


def m005_thinking(connection: sqlite3.Connection) -> None:
    """Store what a model thought before a reply, how many tokens that took, and how many seconds."""
    connection.execute("ALTER TABLE messages ADD COLUMN thinking_tokens INTEGER NOT NULL DEFAULT 0")
    connection.execute("ALTER TABLE messages ADD COLUMN thinking_seconds REAL NOT NULL DEFAULT 0")
    connection.execute("ALTER TABLE messages ADD COLUMN thinking TEXT NOT NULL DEFAULT ''")


def m006_choices(connection: sqlite3.Connection) -> None:
    """Store where a reply branched off another, and what the model weighed at each of its tokens."""
    connection.execute("ALTER TABLE messages ADD COLUMN branched_from TEXT NOT NULL DEFAULT ''")
    # By far the longest, it comes last.
    connection.execute("ALTER TABLE messages ADD COLUMN choices BLOB NOT NULL DEFAULT x''")


def m007_sources(connection: sqlite3.Connection) -> None:
    """Store the passages of documents that went with a question: a JSON object, or an empty string for none."""
    connection.execute("ALTER TABLE messages ADD COLUMN sources TEXT NOT NULL DEFAULT ''")


def m008_undecided(connection: sqlite3.Connection) -> None:
    """Store where a model was least sure in a reply."""
    connection.execute("ALTER TABLE messages ADD COLUMN undecided BLOB NOT NULL DEFAULT x''")


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    m001_initial,
    m002_trash_and_interrupted_replies,
    m003_pinned_messages,
    m004_attachments,
    m005_thinking,
    m006_choices,
    m007_sources,
    m008_undecided,
)
"""Each takes the tables from one version to the next. A published one is never changed: append another.

Each adds or changes a table, a column or an index, by which a damaged version in the header is told from a later one.
"""

LATEST = len(MIGRATIONS)


def version(connection: sqlite3.Connection) -> int:
    """Return the schema's version (`user_version`); 0 for a new file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def require_schema_beside_version(connection: sqlite3.Connection) -> None:
    """Raise DatabaseDamaged if the tables are those of the latest version, but the header names another one."""
    with closing(connect(None)) as latest:
        for apply in MIGRATIONS:
            apply(latest)
        if version(connection) != LATEST and _schema(connection) == _schema(latest):
            raise DatabaseDamaged(f"version {version(connection)} in the header")


def _schema(connection: sqlite3.Connection) -> set[tuple[str, ...]]:
    return set(
        connection.execute(
            "SELECT schema.name, ifnull(columns.name, '') FROM sqlite_master AS schema"
            " LEFT JOIN pragma_table_info (schema.name) AS columns"
        )
    )


def read_version(connection: sqlite3.Connection) -> tuple[int, bool]:
    """Return the version and whether there are tables, read in one transaction: another program may be migrating."""
    connection.execute("BEGIN")
    try:
        return version(connection), bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    finally:
        connection.rollback()


def create(file: Path) -> None:
    """Make a new database at once: one that is empty was damaged, then, and not left by a crash."""
    fresh = file.with_name(file.name + ".new")
    for suffix in ("", "-journal"):
        fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
    with closing(connect(fresh)) as connection:
        migrate(connection)
    fresh.replace(file)


def migrate(connection: sqlite3.Connection, to: int = LATEST, back_up: Callable[[int], None] | None = None) -> None:
    """Apply the migrations up to version `to`, in one transaction.

    `back_up` is called first with the present version, while no other program can write.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = version(connection)
        if found:
            require_schema_beside_version(connection)
        if back_up:
            back_up(found)
        for number, apply in enumerate(MIGRATIONS[found:to], found + 1):
            apply(connection)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # some errors have rolled back already
            connection.execute("ROLLBACK")
        raise
