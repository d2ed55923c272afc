"""Opens the file: made, migrated with a backup, or recovered; what the last end left unfinished is put in order."""

import os
import shutil
import sqlite3
import stat
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from sqlite3 import Connection

from phichat.files import atomic_write, create_private, is_held_by_another_user, is_open_to_others, make_private
from phichat.store import checking, rows, schema
from phichat.store.alone import Place, alone, insist_that_nobody_has_it_open, place_of
from phichat.store.changes import index_message
from phichat.store.failures import Damage, NewerHistory, Trouble, trouble_of
from phichat.store.late import decode
from phichat.store.readers import Readers

RECOVERED = ".recovered"
"""What the name of a file ends with that is to take the place of a damaged one."""


@dataclass(frozen=True)
class Opened:
    """The file is open.

    Attributes:
        connection: to write with.
        place: where it writes.
        notice: what the person should know.
        is_check_due: whether somebody should look if the file is whole.
    """

    connection: Connection
    place: Place | None
    notice: str = ""
    is_check_due: bool = False


def open_history(file: Path, *, is_guest: bool = False, damaged: Place | None = None) -> Opened:
    """Make the file usable; recovered first if it still lies at `damaged`. Raises OSError, sqlite3.Error, NewerHistory.

    A guest leaves alone what only the one who answers may judge: which replies were interrupted.
    """
    make_private(file.parent)
    with alone(file.parent):
        _take_back(file)
        recovered = file.with_name(file.name + RECOVERED)
        if recovered.exists() and not file.exists():  # the program died between two renames
            recovered.replace(file)
        if damaged is None or damaged != place_of(file):
            try:
                return _open(file, is_guest=is_guest)
            except (sqlite3.Error, UnicodeError) as error:
                if trouble_of(error) is not Trouble.DAMAGED:
                    raise
        notice = _recover(file)
        return replace(_open(file, is_guest=is_guest), notice=notice)


def _take_back(file: Path) -> None:
    """Give the history another file where other users could open it: who did goes on reading, or keeps it locked."""
    index = file.with_name(file.name + "-shm")
    if not is_open_to_others(file) and not is_held_by_another_user(index):
        return
    try:
        insist_that_nobody_has_it_open(file)
        index.unlink(missing_ok=True)  # which SQLite makes anew
        if is_open_to_others(file):
            for path in (file, file.with_name(file.name + "-wal")):
                _make_anew(Path(os.path.realpath(path)))
    except (OSError, sqlite3.Error):  # in use, or no room: at another start, then
        return


def _make_anew(path: Path) -> None:
    """Put a private copy, byte by byte, in the place of a file that nobody writes to. Raises OSError."""
    if not path.exists():
        return
    owners = path.stat().st_mode & stat.S_IRWXU
    with path.open("rb") as source, atomic_write(path, "wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
    if owners != stat.S_IRUSR | stat.S_IWUSR:
        path.chmod(owners)


def _recover(file: Path) -> str:
    """Replace a damaged file by what can be read of it; a notice."""
    from phichat.store import recovery  # noqa: PLC0415 - rarely needed

    insist_that_nobody_has_it_open(file)
    return recovery.recover(file, file.with_name(file.name + RECOVERED))


def close_history(connection: Connection, *, is_guest: bool = False) -> None:
    """Note that all is well, and leave one tidy file."""
    for statement in ("DELETE FROM marks WHERE name = 'running'", "PRAGMA wal_checkpoint(TRUNCATE)")[is_guest:]:
        with suppress(sqlite3.Error):
            connection.execute(statement).fetchall()
    with suppress(sqlite3.Error):
        connection.close()


def readers_of_what_is_there(file: Path) -> Readers | None:
    """What a file that cannot be written to holds, if it can be read."""
    for mode in ("ro", "immutable"):
        try:
            with closing(schema.connect(file, mode)) as connection:
                if schema.version(connection) == schema.LATEST:
                    return Readers(file, mode)
        except sqlite3.Error:
            continue
    return None


def note_day(connection: Connection) -> None:
    """Today has been seen. A clock that jumps is believed no more than one day at a time."""
    connection.execute("INSERT OR IGNORE INTO days (day) VALUES (?)", (date.today().isoformat(),))  # noqa: DTZ011


def _open(file: Path, *, is_guest: bool) -> Opened:
    connection = schema.connect(file)
    try:
        _bring_up_to_date(connection, file)
        schema.prepare_for_writing(connection)
        if file.stat().st_size < checking.SMALL:
            checking.check_now(connection)
            checking.note_checked(connection)
        opened = Opened(connection, place_of(file), is_check_due=checking.is_due(connection))
        if not is_guest:
            _put_in_order(connection)
    except BaseException:
        connection.close()
        raise
    return opened


def _bring_up_to_date(connection: Connection, file: Path) -> None:
    found, has_tables = schema.look(connection)
    if found == schema.LATEST:
        return
    if not 0 <= found < schema.DAMAGED_VERSION:
        raise Damage(f"version {found}")
    if found > schema.LATEST:
        raise NewerHistory
    if has_tables and not found:
        raise Damage("tables without a version")
    if not found:
        schema.prepare_for_writing(connection)
    schema.migrate(connection, before=lambda version: _back_up(file, version))


def _back_up(file: Path, version: int) -> None:
    """Keep the file as it is, unless it is new or another program has brought it up to date meanwhile."""
    if version in {0, schema.LATEST}:
        return
    backup = file.with_name(f"{file.name}.v{version}.bak")
    fresh = backup.with_name(backup.name + ".new")
    fresh.unlink(missing_ok=True)
    create_private(fresh)
    with closing(schema.connect(file, "ro")) as source, closing(sqlite3.connect(fresh)) as target:
        if rows.one(source, "PRAGMA integrity_check(1)") != "ok":
            raise Damage("before a migration")
        source.backup(target)
    fresh.replace(backup)


def _put_in_order(connection: Connection) -> None:
    """Replies that the program's death interrupted become partial ones, which can be continued, and found."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        note_day(connection)
        connection.execute("INSERT OR REPLACE INTO marks VALUES ('running', 'yes')")
        unfinished = connection.execute("SELECT number, statistics, text FROM messages WHERE ending = 'answering'")
        for number, statistics, text in unfinished.fetchall():
            known = rows.encode(decode(statistics) | {"interrupted": True})
            connection.execute(
                "UPDATE messages SET ending = 'cancelled', statistics = ? WHERE number = ?", (known, number)
            )
            index_message(connection, number, text)
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
