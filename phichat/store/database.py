"""The database file: open, migrate, recover and write it, and keep in memory what it cannot take."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from sqlite3 import Connection
from time import monotonic
from typing import Any, TypeVar

from phichat.errors import StoreError
from phichat.files import atomic_write, create_private, is_held_by_another_user, is_open_to_others, make_private
from phichat.i18n import tr
from phichat.store import connections, file_header, integrity, migrations, recovery, rows, writes
from phichat.store.connections import ConnectionPool, PoolClosed
from phichat.store.failures import (
    TEMPORARY_FAILURES,
    DatabaseDamaged,
    FailureKind,
    NewerHistory,
    as_store_error,
    classify_error,
    error_message,
)
from phichat.store.fallback import MemoryFallback
from phichat.store.locking import FileId, file_id, lock_folder, require_exclusive_access
from phichat.store.rows import decode_json
from phichat.store.write_ahead_log import has_lost_commits, read_log
from phichat.store.writer_thread import Job
from phichat.store.writes import index_message, record_today

_Read = TypeVar("_Read")

RETRY_SECONDS = 5.0
"""Seconds between attempts to use a file that could not be used."""

MAX_RECOVERIES = 3


class Database:
    """One file and its connections. Only `read` and `fallback` may be used outside the writer thread.

    Attributes:
        fallback: conversations that could not be written to the file.
        generation: counts recoveries of the file.
        is_check_due: whether the file's integrity should be checked.
    """

    def __init__(self, file: Path, notify: Callable[[str], None], *, is_guest: bool = False) -> None:
        self.file, self._is_guest = file, is_guest
        self.fallback = MemoryFallback()
        self.generation = 0
        self.is_check_due = False
        self._notify = notify
        self._connection: Connection | None = None
        self._readers: ConnectionPool | None = None
        self._file_id: FileId | None = None
        self._recoveries = 0
        self._last_attempt = 0.0
        self._trouble: BaseException | None = None

    def open(self, damaged: FileId | None = None) -> str:
        """Open the file, recovering it first if it is the file `damaged`; return a notice for the user, or "".

        Raise StoreError if it cannot be used: everything is kept in memory then.
        """
        self._last_attempt = monotonic()
        try:
            opened = open_history(self.file, is_guest=self._is_guest, damaged=damaged)
        except Exception as error:
            self._trouble = error
            self._readers = self._readers or open_read_only(self.file)
            raise as_store_error(error, self.file, is_guest=self._is_guest) from error
        if self._readers:
            self._readers.close()
        self._connection, self._file_id, self.is_check_due = opened.connection, opened.file_id, opened.is_check_due
        self._readers, self._trouble = ConnectionPool(self.file), None
        return opened.notice

    def close(self) -> None:
        """Store what is in memory if possible, and close the file."""
        self._last_attempt -= RETRY_SECONDS
        self._retry()
        if self._readers:
            self._readers.close()
        if self._connection:
            close_history(self._connection, is_guest=self._is_guest)
        self.fallback.close()

    def read(self, work: Callable[[Connection], _Read]) -> _Read:
        """Return the result of `work` on the file, or in memory without one. Raise sqlite3.Error or PoolClosed."""
        readers = self._readers
        return readers.read(work) if readers else self.fallback.read(work)

    @property
    def can_read(self) -> bool:
        """Whether all conversations can be read, also if none can be written; so it is where there is no file yet."""
        return self._readers is not None or (self.file.parent.is_dir() and not os.path.lexists(self.file))

    def run(self, jobs: list[Job]) -> None:
        """Commit the jobs, or keep their changes in memory, and complete their futures."""
        if not jobs:
            return
        self._retry()
        if self._trouble is None:
            self._run_all(jobs)
        else:
            for job in jobs:
                self._run_one(job)

    def recover(self) -> None:
        """Recover the damaged file. Raise StoreError."""
        self.generation += 1
        if self._recoveries >= MAX_RECOVERIES or self._connection is None:
            raise StoreError(error_message(DatabaseDamaged(), self.file))
        if self._readers:
            self._readers.close()
        self._connection.close()
        self._connection = self._readers = None
        notice = self.open(self._file_id)
        self._recoveries += 1
        if notice:
            self._notify(notice)

    def _run_all(self, jobs: list[Job]) -> None:
        try:
            results = self._commit(jobs)
        except Exception as error:  # noqa: BLE001 - whatever it is, the futures carry it
            if len(jobs) == 1 or classify_error(error) is FailureKind.LOCKED:
                for job in jobs:
                    self._handle_failure(job, error)
            else:
                for job in jobs:
                    self._run_one(job)
        else:
            for job, result in zip(jobs, results, strict=True):
                job.future.set_result(result)

    def _run_one(self, job: Job) -> None:
        """Run one job; in memory if the conversations it concerns are kept there."""
        trouble = self._trouble
        if trouble and (self._connection is None or self.fallback.names.intersection(self._conversations_of(job))):
            self._handle_failure(job, trouble)
        else:
            self._run_all([job])

    def _commit(self, jobs: list[Job]) -> list[Any]:
        assert self._connection is not None  # noqa: S101 - `_run_one` checked
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            results = [job.work(self._connection) for job in jobs]
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # some errors have rolled back already
                self._connection.execute("ROLLBACK")
            raise
        for job in jobs:
            if job.after:
                job.after(self._connection)
        return results

    def _handle_failure(self, job: Job, error: BaseException) -> None:
        if classify_error(error) is FailureKind.DAMAGED and self._connection is not None:
            try:
                self.recover()
            except Exception as worse:  # noqa: BLE001 - the future carries it
                error = worse
                self._trouble = self._trouble or worse
            else:
                self._run_one(job)
                return
        if classify_error(error) in TEMPORARY_FAILURES or self._connection is None:
            self._trouble = error
            self._keep_in_memory(job)
        job.future.set_exception(as_store_error(error, self.file, is_guest=self._is_guest))

    def _keep_in_memory(self, job: Job) -> None:
        names = [name for name in self._conversations_of(job) if name not in self.fallback.names]
        for name in names:
            try:
                self.read(lambda connection, name=name: self.fallback.copy_from(name, connection))  # type: ignore[misc]
            except (sqlite3.Error, PoolClosed):
                self.fallback.copy_from(name, None)
        if names or self._conversations_of(job) or job.concerns_all:
            self._last_attempt = self._last_attempt or monotonic()
            self.fallback.write(job.work)

    def _conversations_of(self, job: Job) -> tuple[str, ...]:
        """Return the ids of the conversations that `job` concerns."""
        if job.message is None:
            return job.conversations
        name = job.message
        found = self.fallback.read(lambda connection: writes.conversation_of(connection, name))
        if found is None:
            with suppress(sqlite3.Error, PoolClosed):
                found = self.read(lambda connection: writes.conversation_of(connection, name))
        return (found,) if found else ()

    def _retry(self) -> None:
        if self._trouble is None or monotonic() - self._last_attempt < RETRY_SECONDS:
            return
        self._last_attempt = monotonic()
        if self._connection is None and classify_error(self._trouble) is not FailureKind.NEWER:
            with suppress(StoreError):
                if notice := self.open():
                    self._notify(notice)
        self._store_fallback()

    def _store_fallback(self) -> None:
        """Write what was kept in memory to the file."""
        if self._connection is None or (self._trouble is None and not self.fallback.names):
            return
        try:
            self._connection.execute("PRAGMA busy_timeout = 250")
            self._commit([Job(self.fallback.copy_to)])
            self.fallback.clear()
            self._trouble = None
            self._notify(tr("Recent messages that were only kept in memory have now been saved."))
        except Exception as error:  # noqa: BLE001 - tried again later
            self._trouble = error
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {int(connections.BUSY_TIMEOUT * 1000)}")


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


def open_history(file: Path, *, is_guest: bool = False, damaged: FileId | None = None) -> OpenedHistory:
    """Open the file, recovering it first if it still is `damaged`. Raise OSError, sqlite3.Error or NewerHistory.

    A guest does not mark replies as interrupted: the window may be generating them.
    """
    make_private(file.parent)
    connections.require_files(file)
    with lock_folder(file.parent):
        _restore_privacy(file)
        recovered = file.with_name(file.name + RECOVERED_SUFFIX)
        if recovered.exists() and not file.exists():  # a crash between the two renames of a recovery
            recovered.replace(file)
        if not os.path.lexists(file):
            migrations.create(file)
        notice = recovery.notice_of_empty(file)
        if damaged is None or damaged != file_id(file):
            try:
                if has_lost_commits(file) or (notice and read_log(file).frames):
                    raise DatabaseDamaged("the write-ahead log")
                return replace(_open(file, is_guest=is_guest), notice=notice)
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
    for mode in ("ro", "copy" if read_log(file).frames else "immutable"):
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
