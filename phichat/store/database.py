"""The database of the history: write its file, and keep in memory what that cannot take."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection
from time import monotonic
from typing import Any, TypeVar

from phichat.errors import StoreError
from phichat.files import is_there
from phichat.i18n import tr
from phichat.store import connections, writes
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
from phichat.store.history_file import close_history, open_history, open_read_only
from phichat.store.locking import FileId
from phichat.store.writer_thread import Job

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

    def __init__(
        self,
        file: Path,
        notify: Callable[[str], None],
        on_saved: Callable[[str], None] | None = None,
        *,
        is_guest: bool = False,
    ) -> None:
        self.file, self._is_guest = file, is_guest
        self.fallback = MemoryFallback()
        self.generation = 0
        self.is_check_due = False
        self._notify = notify
        self._on_saved = on_saved or (lambda sentence: notify(sentence) if sentence else None)
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
        was_open = self._file_id is not None
        try:
            opened = open_history(self.file, is_guest=self._is_guest, was_open=was_open, damaged=damaged)
        except Exception as error:
            self._trouble = error
            if self._readers is None or self._readers.is_closed:  # a closed one has reads fail, not find nothing
                self._readers = open_read_only(self.file) or self._readers
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
        if self._readers is not None:
            return True
        with suppress(OSError):
            return self.file.parent.is_dir() and not is_there(self.file)
        return False

    def seconds_to_retry(self) -> float | None:
        """Return in how many seconds `run` should try again to write to the file; None if there is no need or hope."""
        if self._trouble is None or self._is_newer():
            return None
        return max(0.0, self._last_attempt + RETRY_SECONDS - monotonic())

    def run(self, jobs: list[Job]) -> None:
        """Commit the jobs, or keep their changes in memory, and complete their futures.

        What is in memory is written first if that is possible again, also without any jobs.
        """
        self._retry()
        if not jobs:
            return
        if self._trouble is None:
            self._run_all(jobs)
        else:
            for job in jobs:
                self._run_one(job)

    def recover(self) -> None:
        """Recover the damaged file. Raise StoreError."""
        if self._recoveries >= MAX_RECOVERIES or self._connection is None:
            raise StoreError(error_message(DatabaseDamaged(), self.file))
        self._reopen(self._file_id)
        self._recoveries += 1
        self.generation += 1
        if self.fallback.unsaved:  # before anything else of these conversations is written
            self._store_fallback()

    def _reopen(self, damaged: FileId | None = None) -> None:
        """Close all connections, and open the file as `open` does; whoever reads meanwhile waits. Raise StoreError."""
        if self._readers:
            self._readers.close()
        if self._connection:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None
        if notice := self.open(damaged):
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
        """Run one job; in memory if others of its conversations are kept there."""
        trouble = self._trouble
        if trouble and (self._connection is None or self._follows_kept(job)):
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
        if any(job.deletes_all for job in jobs):
            self.fallback.clear()
        for job in jobs:
            if job.after:
                job.after(self._connection)
        return results

    def _handle_failure(self, job: Job, error: BaseException) -> None:
        if classify_error(error) is FailureKind.DAMAGED and self._connection is not None:
            try:
                self.recover()
            except Exception as worse:  # noqa: BLE001 - the future carries it
                self._trouble = error = worse.__cause__ or worse
            else:
                self._run_one(job)
                return
        is_known = error is self._trouble
        if is_known or classify_error(error) in TEMPORARY_FAILURES or self._connection is None:
            self._trouble = error
            self._keep_in_memory(job)
        job.future.set_exception(as_store_error(error, self.file, is_guest=self._is_guest))

    def _follows_kept(self, job: Job) -> bool:
        """Return whether `job` has to wait for others that are kept, as they may concern the same conversations."""
        unsaved = self.fallback.unsaved
        is_about_none = job.message is None and not job.conversations  # or about all
        if not unsaved or is_about_none:
            return bool(unsaved) and job.follows_all
        names = self._conversations_of(job)
        is_unknown = not names or "" in unsaved  # what could not be read may be about any conversation
        return is_unknown or not unsaved.isdisjoint(names)

    def _keep_in_memory(self, job: Job) -> None:
        names = self._conversations_of(job)
        if not names and job.message is None:  # if all could not be deleted, all stay here, too
            return
        self._last_attempt = self._last_attempt or monotonic()
        for name in names:
            self._copy_to_memory(name)
        self.fallback.keep(job, names)

    def _copy_to_memory(self, name: str) -> None:
        if self._readers and not self.fallback.is_copied(name):
            with suppress(Exception):  # whatever it is, the job is kept; with the next one, this is tried again
                self._readers.read(lambda connection: self.fallback.copy_from(name, connection))

    def _conversations_of(self, job: Job) -> tuple[str, ...]:
        """Return the ids of the conversations that `job` concerns."""
        if job.message is None:
            return job.conversations
        name = job.message
        found = self.fallback.read(lambda connection: writes.conversation_of(connection, name))
        if found is None:
            with suppress(sqlite3.Error, OSError, PoolClosed):
                found = self.read(lambda connection: writes.conversation_of(connection, name))
        return (found,) if found else ()

    def _retry(self) -> None:
        if self._trouble is None or monotonic() - self._last_attempt < RETRY_SECONDS:
            return
        if self._connection is None and not self._is_newer():
            with suppress(StoreError):
                if notice := self.open():
                    self._notify(notice)
        self._store_fallback()
        kind = classify_error(self._trouble) if self._trouble else None
        with suppress(StoreError):
            if kind is FailureKind.DAMAGED:
                self.recover()
            elif kind is FailureKind.BROKEN and self._connection:  # which a disk that is back no longer knows
                self._reopen()
                self._store_fallback()
        self._last_attempt = monotonic()  # not when it began: it may have waited for another program

    def _is_newer(self) -> bool:
        return self._connection is None and isinstance(self._trouble, NewerHistory)

    def _store_fallback(self) -> None:
        """Make the changes in the file that were kept in memory."""
        if (connection := self._connection) is None:
            return
        is_any = bool(self.fallback.unsaved)
        try:
            connection.execute("PRAGMA busy_timeout = 250")
            self._commit([Job(self.fallback.store)])
        except Exception as error:  # noqa: BLE001 - tried again later
            self._trouble = error
        else:
            self.fallback.clear()
            self._trouble = None
            said = tr("Recent messages that were only kept in memory have now been saved.")
            self._on_saved(said if is_any else "")
        finally:
            connection.execute(f"PRAGMA busy_timeout = {int(connections.BUSY_TIMEOUT * 1000)}")
