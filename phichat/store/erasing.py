"""Deletes everything, so that nothing of it can be read from the disk any more."""

import sqlite3
from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection

TABLES = ("messages", "conversations", "days", "message_words", "title_words")


def erase(connection: Connection) -> None:
    """Empty all tables."""
    for table in TABLES:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names


def leave_no_trace(connection: Connection, file: Path) -> None:
    """Leave out of the file what was deleted, and delete backups and damaged files, which hold it too."""
    for words in ("message_words", "title_words"):
        with suppress(sqlite3.Error):
            connection.execute(f"INSERT INTO {words} ({words}) VALUES ('optimize')")  # noqa: S608
    for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
        with suppress(sqlite3.Error):
            connection.execute(statement).fetchall()
    for pattern in (f"{file.name}.v*.bak*", f"{file.stem}.damaged-*"):
        for other in file.parent.glob(pattern):
            with suppress(OSError):
                other.unlink()
