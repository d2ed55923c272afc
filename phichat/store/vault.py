"""The file and who may touch it: opened, migrated, recovered, written to; what it cannot take is kept in memory."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection
from time import monotonic
from typing import Any, TypeVar

from phichat.errors import StoreError
from phichat.i18n import tr
from phichat.store import changes, opening, schema
from phichat.store.alone import Place
from phichat.store.failures import AWAY, Damage, Trouble, as_store_error, sentence_for, trouble_of
from phichat.store.lane import Job
from phichat.store.readers import Readers, ReadersClosed
from phichat.store.shelter import Shelter

_Read = TypeVar("_Read")

TRY_AGAIN = 5.0
"""Seconds between attempts to use a file that could not be used."""

MOST_RECOVERIES = 3


class Vault:
    """All but `read` and `shelter` belongs to one thread.

    Attributes:
        shelter: conversations that the file could not take.
        generation: how many times the file was replaced by what was recovered from it.
        is_check_due: whether somebody should look if the file is whole.
    """

    def __init__(self, file: Path, notify: Callable[[str], None], *, is_guest: bool = False) -> None:
        self.file, self._is_guest = file, is_guest
        self.shelter = Shelter()
        self.generation = 0
        self.is_check_due = False
        self._notify = notify
        self._connection: Connection | None = None
        self._readers: Readers | None = None
        self._place: Place | None = None
        self._recoveries = 0
        self._tried = 0.0
        self._trouble: BaseException | None = None

    def open(self, damaged: Place | None = None) -> str:
        """Make the file usable, recovered first if it lies at `damaged`; a notice for the person, or nothing.

        Raises StoreError: then all is kept in memory.
        """
        self._tried = monotonic()
        try:
            opened = opening.open_history(self.file, is_guest=self._is_guest, damaged=damaged)
        except Exception as error:
            self._trouble = error
            self._readers = self._readers or opening.readers_of_what_is_there(self.file)
            raise as_store_error(error, self.file) from error
        if self._readers:
            self._readers.close()
        self._connection, self._place, self.is_check_due = opened.connection, opened.place, opened.is_check_due
        self._readers, self._trouble = Readers(self.file), None
        return opened.notice

    def close(self) -> None:
        """Leave one tidy file."""
        self._tried -= TRY_AGAIN
        self._try_again()
        if self._readers:
            self._readers.close()
        if self._connection:
            opening.close_history(self._connection, is_guest=self._is_guest)
        self.shelter.close()

    def read(self, work: Callable[[Connection], _Read]) -> _Read:
        """What `work` reads from the file, or from memory if there is none. Raises sqlite3.Error, ReadersClosed."""
        readers = self._readers
        return readers.read(work) if readers else self.shelter.read(work)

    def run(self, jobs: list[Job]) -> None:
        """Make changes, durably, and tell their futures."""
        if not jobs:
            return
        self._try_again()
        if self._trouble is None:
            self._run_all(jobs)
        else:
            for job in jobs:
                self._run_one(job)

    def recover(self) -> None:
        """Save what can be read into a new file. Raises StoreError."""
        self.generation += 1
        if self._recoveries >= MOST_RECOVERIES or self._connection is None:
            raise StoreError(sentence_for(Damage(), self.file))
        if self._readers:
            self._readers.close()
        self._connection.close()
        self._connection = self._readers = None
        notice = self.open(self._place)
        self._recoveries += 1
        if notice:
            self._notify(notice)

    def _run_all(self, jobs: list[Job]) -> None:
        try:
            results = self._commit(jobs)
        except Exception as error:  # noqa: BLE001 - whatever it is, the futures carry it
            if len(jobs) == 1 or trouble_of(error) is Trouble.LOCKED:
                for job in jobs:
                    self._failed(job, error)
            else:
                for job in jobs:
                    self._run_one(job)
        else:
            for job, result in zip(jobs, results, strict=True):
                job.future.set_result(result)

    def _run_one(self, job: Job) -> None:
        """As `_run_all`; what concerns conversations that are in memory happens there."""
        trouble = self._trouble
        if trouble and (self._connection is None or self.shelter.names.intersection(self._about(job))):
            self._failed(job, trouble)
        else:
            self._run_all([job])

    def _commit(self, jobs: list[Job]) -> list[Any]:
        assert self._connection is not None  # noqa: S101 - `_run_one` has looked
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            results = [job.work(self._connection) for job in jobs]
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # some failures have done so already
                self._connection.execute("ROLLBACK")
            raise
        for job in jobs:
            if job.after:
                job.after(self._connection)
        return results

    def _failed(self, job: Job, error: BaseException) -> None:
        if trouble_of(error) is Trouble.DAMAGED and self._connection is not None:
            try:
                self.recover()
            except Exception as worse:  # noqa: BLE001 - the future carries it
                error = worse
                self._trouble = self._trouble or worse
            else:
                self._run_one(job)
                return
        if trouble_of(error) in AWAY or self._connection is None:
            self._trouble = error
            self._keep_in_memory(job)
        job.future.set_exception(as_store_error(error, self.file))

    def _keep_in_memory(self, job: Job) -> None:
        names = [name for name in self._about(job) if name not in self.shelter.names]
        for name in names:
            try:
                self.read(lambda connection, name=name: self.shelter.take(name, connection))  # type: ignore[misc]
            except (sqlite3.Error, ReadersClosed):
                self.shelter.take(name, None)
        if names or self._about(job) or job.is_everything:
            self._tried = self._tried or monotonic()
            self.shelter.run(job.work)

    def _about(self, job: Job) -> tuple[str, ...]:
        """The conversations that `job` concerns."""
        if job.message is None:
            return job.about
        name = job.message
        found = self.shelter.read(lambda connection: changes.conversation_of(connection, name))
        if found is None:
            with suppress(sqlite3.Error, ReadersClosed):
                found = self.read(lambda connection: changes.conversation_of(connection, name))
        return (found,) if found else ()

    def _try_again(self) -> None:
        if self._trouble is None or monotonic() - self._tried < TRY_AGAIN:
            return
        self._tried = monotonic()
        if self._connection is None and trouble_of(self._trouble) is not Trouble.NEWER:
            with suppress(StoreError):
                if notice := self.open():
                    self._notify(notice)
        self._give_back()

    def _give_back(self) -> None:
        """Store what was kept in memory."""
        if self._connection is None or (self._trouble is None and not self.shelter.names):
            return
        try:
            self._connection.execute("PRAGMA busy_timeout = 250")
            self._commit([Job(self.shelter.give)])
            self.shelter.clear()
            self._trouble = None
            self._notify(tr("What was kept in memory is stored now."))
        except Exception as error:  # noqa: BLE001 - another time, then
            self._trouble = error
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {int(schema.PATIENCE * 1000)}")
