"""The schema of the documents' database, as numbered migrations."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress


def m001_initial(connection: sqlite3.Connection) -> None:
    """Create collections with the paths that were added, their files, and the passages of each text.

    A text is stored once, by its checksum, however many files have it.
    """
    connection.execute("""CREATE TABLE collections (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        conversation TEXT NOT NULL DEFAULT '',
        created REAL NOT NULL
    ) STRICT""")
    connection.execute("""CREATE TABLE sources (
        number INTEGER PRIMARY KEY,
        collection INTEGER NOT NULL REFERENCES collections (number) ON DELETE CASCADE,
        path TEXT NOT NULL,
        UNIQUE (collection, path)
    ) STRICT""")
    connection.execute("""CREATE TABLE texts (
        number INTEGER PRIMARY KEY,
        sha256 TEXT NOT NULL UNIQUE,
        title TEXT NOT NULL,
        pages INTEGER NOT NULL,
        words INTEGER NOT NULL,
        notes TEXT NOT NULL
    ) STRICT""")
    connection.execute("""CREATE TABLE files (
        number INTEGER PRIMARY KEY,
        source INTEGER NOT NULL REFERENCES sources (number) ON DELETE CASCADE,
        path TEXT NOT NULL,
        state TEXT NOT NULL,
        size INTEGER NOT NULL DEFAULT 0,
        modified INTEGER NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT '',
        text INTEGER REFERENCES texts (number),
        UNIQUE (source, path)
    ) STRICT""")
    connection.execute("CREATE INDEX files_of_text ON files (text)")
    # Long columns come last: a query for the others need not read past them.
    connection.execute("""CREATE TABLE passages (
        number INTEGER PRIMARY KEY,
        text INTEGER NOT NULL REFERENCES texts (number),
        position INTEGER NOT NULL,
        words INTEGER NOT NULL,
        page INTEGER,
        line INTEGER,
        heading TEXT NOT NULL,
        header TEXT NOT NULL,
        body TEXT NOT NULL,
        UNIQUE (text, position)
    ) STRICT""")
    connection.execute("CREATE TABLE embedders (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE) STRICT")
    connection.execute("""CREATE TABLE vectors (
        embedder INTEGER NOT NULL REFERENCES embedders (number),
        passage INTEGER NOT NULL,
        vectors BLOB NOT NULL,
        PRIMARY KEY (embedder, passage)
    ) STRICT, WITHOUT ROWID""")
    connection.execute("CREATE INDEX vectors_of_passage ON vectors (passage)")
    connection.execute("CREATE VIRTUAL TABLE passage_words USING fts5 (text, tokenize = 'ascii', prefix = '3 4 5')")
    connection.execute("CREATE VIRTUAL TABLE vocabulary USING fts5vocab (passage_words, 'row')")


def m002_locked_files(connection: sqlite3.Connection) -> None:
    """Note which files could not be read because they want a password."""
    connection.execute("ALTER TABLE files ADD COLUMN is_locked INTEGER NOT NULL DEFAULT 0")


def m003_numbers_that_are_given_once(connection: sqlite3.Connection) -> None:
    """Note the last number of a passage: vectors in memory, or being made, may still be of one that was removed."""
    connection.execute("CREATE TABLE last_passage (number INTEGER NOT NULL) STRICT")
    connection.execute("INSERT INTO last_passage SELECT ifnull(max(number), 0) FROM passages")


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    m001_initial,
    m002_locked_files,
    m003_numbers_that_are_given_once,
)
"""Each takes the tables from one version to the next. A published one is never changed: append another."""

LATEST = len(MIGRATIONS)


def version(connection: sqlite3.Connection) -> int:
    """Return the schema's version (`user_version`); 0 for a new file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection) -> None:
    """Apply the migrations that are missing, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for number, apply in enumerate(MIGRATIONS[version(connection) :], version(connection) + 1):
            apply(connection)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # some errors have rolled back already
            connection.execute("ROLLBACK")
        raise
