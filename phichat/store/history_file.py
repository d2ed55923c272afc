"""The file of the history: open it, migrated or recovered, for writing or only for reading, and close it."""

import os
import shutil
import sqlite3
import stat
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from sqlite3 import Connection

from phichat.files import (
    atomic_write,
    create_private,
    is_held_by_another_user,
    is_open_to_others,
    is_there,
    make_private,
)
from phichat.store import connections, file_header, integrity, migrations, recovery, rows
from phichat.store.connections import ConnectionPool
from phichat.store.failures import DatabaseDamaged, FailureKind, HistoryGone, NewerHistory, classify_error
from phichat.store.locking import FileId, file_id, lock_folder, require_exclusive_access
from phichat.store.rows import decode_json
from phichat.store.write_ahead_log import has_lost_commits, read_log
from phichat.store.writes import index_message, record_today

RECOVERED_SUFFIX = ".recovered"
"""Suffix of a recovered file that is about to replace the damaged one."""


@dataclass(frozen=True)
class OpenedHistory:
    """An open history file.

    Attributes:
        connection: the connection that writes.
        file_id: device and inode of the file.
        notice: a message for the user, or "".
        is_check_due: whether the file's integrity should be checked.
    """

    connection: Connection
    file_id: FileId | None
    notice: str = ""
    is_check_due: bool = False


def open_history(
    file: Path, *, is_guest: bool = False, was_open: bool = False, damaged: FileId | None = None
) -> OpenedHistory:
    """Open the file, recovering it first if it still is `damaged`. Raise OSError, sqlite3.Error or NewerHistory.

    A guest does not mark replies as interrupted: the window may be generating them. Nor does who had it open before
    (`was_open`), for whom it is not made anew, either: raise HistoryGone. In a file that was recovered all but a guest
    do, as its marks are gone; a reply that is being generated loses that mark as it ends.
    """
    if was_open and not is_there(file) and not is_there(file.with_name(file.name + RECOVERED_SUFFIX)):
        raise HistoryGone
    make_private(file.parent)
    connections.require_files(file)
    with lock_folder(file.parent):
        _restore_privacy(file)
        recovered = file.with_name(file.name + RECOVERED_SUFFIX)
        if is_there(recovered) and not is_there(file):  # a crash between the two renames of a recovery
            recovered.replace(file)
        if not is_there(file):
            migrations.create(file)
        notice = recovery.notice_of_empty(file)
        if damaged is None or damaged != file_id(file):
            try:
                if has_lost_commits(file) or (notice and read_log(file).frames):
                    raise DatabaseDamaged("the write-ahead log")
                return replace(_open(file, is_guest=is_guest or was_open), notice=notice)
            except (sqlite3.Error, UnicodeError, NewerHistory) as error:
                if classify_error(error) is not FailureKind.DAMAGED and not file_header.is_damaged(file):
                    raise
        require_exclusive_access(file)
        notice = recovery.recover(file, recovered)
        return replace(_open(file, is_guest=is_guest), notice=notice)


def _restore_privacy(file: Path) -> None:
    """Replace a file that other users could open: one who has it open would go on reading it, or keep it locked."""
    index = file.with_name(file.name + "-shm")
    if not is_open_to_others(file) and not is_held_by_another_user(index):
        return
    try:
        require_exclusive_access(file)
        index.unlink(missing_ok=True)  # SQLite creates it again
        if is_open_to_others(file):
            for path in (file, file.with_name(file.name + "-wal")):
                _replace_with_private_copy(Path(os.path.realpath(path)))
    except (OSError, sqlite3.Error):  # in use, or no space: try again at the next start
        return


def _replace_with_private_copy(path: Path) -> None:
    """Replace a file that nobody writes to by a private copy of it. Raise OSError."""
    if not path.exists():
        return
    owners = path.stat().st_mode & stat.S_IRWXU
    with path.open("rb") as source, atomic_write(path, "wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
    if owners != stat.S_IRUSR | stat.S_IWUSR:
        path.chmod(owners)


def close_history(connection: Connection, *, is_guest: bool = False) -> None:
    """Record a clean exit, checkpoint the write-ahead log and close the connection."""
    if not is_guest:
        with suppress(sqlite3.Error):
            connection.execute("DELETE FROM marks WHERE name = 'running'")
    with suppress(sqlite3.Error):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    with suppress(sqlite3.Error):
        connection.close()


def open_read_only(file: Path) -> ConnectionPool | None:
    """Return a pool for a file that cannot be written to; None if it cannot be read either."""
    try:
        connections.require_files(file)
    except OSError:
        return None
    has_log = False
    with suppress(OSError):
        has_log = bool(read_log(file).frames)
    for mode in ("ro", "copy" if has_log else "immutable"):
        try:
            with closing(connections.connect(file, mode)) as connection:
                if migrations.version(connection) == migrations.LATEST:
                    return ConnectionPool(file, mode)
        except (OSError, sqlite3.Error):
            continue
    return None


def _open(file: Path, *, is_guest: bool) -> OpenedHistory:
    connection = connections.connect(file)
    try:
        _migrate(connection, file)
        connections.prepare_for_writing(connection)
        if file.stat().st_size < integrity.SMALL_FILE_BYTES:
            integrity.check_integrity(connection)
            integrity.record_check(connection)
        opened = OpenedHistory(connection, file_id(file), is_check_due=integrity.is_check_due(connection))
        if not is_guest:
            _mark_interrupted_replies(connection)
    except BaseException:
        connection.close()
        raise
    return opened


def _migrate(connection: Connection, file: Path) -> None:
    found, has_tables = migrations.read_version(connection)
    if found == migrations.LATEST:
        return
    if not 0 <= found < migrations.DAMAGED_VERSION:
        raise DatabaseDamaged(f"version {found}")
    if found > migrations.LATEST:
        migrations.require_schema_beside_version(connection)
        raise NewerHistory
    if has_tables and not found:
        raise DatabaseDamaged("tables without a version")
    if not found:
        connections.prepare_for_writing(connection)
    migrations.migrate(connection, back_up=lambda version: _back_up(file, version))


def _back_up(file: Path, version: int) -> None:
    """Back the file up before a migration, unless it is new or another program has migrated it in the meantime."""
    if version in {0, migrations.LATEST}:
        return
    backup = file.with_name(f"{file.name}.v{version}.bak")
    fresh = backup.with_name(backup.name + ".new")
    fresh.unlink(missing_ok=True)
    create_private(fresh)
    with closing(connections.connect(file, "ro")) as source, closing(sqlite3.connect(fresh)) as target:
        if rows.fetch_value(source, "PRAGMA integrity_check(1)") != "ok":
            raise DatabaseDamaged("before a migration")
        source.backup(target)
    fresh.replace(backup)


def _mark_interrupted_replies(connection: Connection) -> None:
    """Mark replies that a crash interrupted as cancelled, so that they can be continued, and index them."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        record_today(connection)
        connection.execute("INSERT OR REPLACE INTO marks VALUES ('running', 'yes')")
        unfinished = connection.execute("SELECT number, statistics, text FROM messages WHERE ending = 'answering'")
        for number, statistics, text in unfinished.fetchall():
            known = rows.encode_json(decode_json(statistics) | {"interrupted": True})
            connection.execute(
                "UPDATE messages SET ending = 'cancelled', statistics = ? WHERE number = ?", (known, number)
            )
            index_message(connection, number, text)
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
