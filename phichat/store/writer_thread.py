"""A thread that runs write jobs in order; jobs submitted within a short time share a transaction."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from sqlite3 import Connection
from typing import Any

from phichat.errors import StoreError
from phichat.i18n import tr

BATCH_SECONDS = 0.25
"""Seconds that jobs which can wait are collected before they are committed."""

MAX_BATCH = 200
"""Jobs in one transaction."""


@dataclass
class Job:
    """A change to the database.

    Attributes:
        work: makes the change, within a transaction; its result becomes the future's.
        conversations: ids of the conversations it concerns.
        message: id of a message instead, if the conversation is not known.
        can_wait: whether its commit may wait for further jobs.
        follows_all: whether it has to wait until nothing is kept in memory, whatever that concerns.
        deletes_all: whether it deletes all conversations, those that are kept in memory included.
        part: what it changes, such as the draft of a conversation. With `sets_part`, all that was done to that before
            no longer matters.
        after: called once the transaction is committed.
        future: done once the change is committed.
    """

    work: Callable[[Connection], Any]
    conversations: tuple[str, ...] = ()
    message: str | None = None
    can_wait: bool = False
    follows_all: bool = False
    deletes_all: bool = False
    part: str = ""
    sets_part: bool = False
    after: Callable[[Connection], None] | None = None
    future: Future[Any] = field(default_factory=Future)

    def __post_init__(self) -> None:
        self.future.set_running_or_notify_cancel()  # so that it cannot be cancelled


class WriterThread:
    """Passes batches of jobs to `run` in a thread, in the order they were submitted.

    The thread calls `begin` first and `end` last. Before it waits for jobs, it asks `pause` how long, in seconds, until
    `run` is called without any; None for no limit.
    """

    def __init__(
        self,
        begin: Callable[[], None],
        run: Callable[[list[Job]], None],
        end: Callable[[], None],
        pause: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._is_closed = False
        self._begin, self._run, self._end, self._pause = begin, run, end, pause
        self._thread = threading.Thread(target=self._work, name="history", daemon=True)

    def start(self) -> None:
        """Start the thread; everything that `begin` uses must exist by now."""
        self._thread.start()

    def submit(self, job: Job) -> Future[Any]:
        """Queue a job and return its future."""
        with self._lock:
            if self._is_closed:
                job.future.set_exception(
                    StoreError(tr("Phichat can no longer save your conversations. Restart Phichat."))
                )
            else:
                self._queue.put(job)
        return job.future

    def close(self) -> None:
        """Run the jobs that are queued, then end the thread. A second call does nothing."""
        with self._lock:
            if not self._is_closed:
                self._queue.put(None)
            self._is_closed = True
        self._thread.join()

    def _work(self) -> None:
        self._begin()
        is_open = True
        while is_open:
            jobs, is_open = self._next_batch()
            try:
                self._run(jobs)
            except Exception as error:  # noqa: BLE001 - the futures carry it
                for job in jobs:
                    if not job.future.done():
                        job.future.set_exception(error)
        self._end()

    def _next_batch(self) -> tuple[list[Job], bool]:
        """Return the next batch, empty after a pause, and whether more may follow."""
        jobs: list[Job] = []
        until = time.monotonic()
        while len(jobs) < MAX_BATCH:
            try:
                job = self._next_job(jobs, until)
            except Empty:
                break
            if job is None:
                return jobs, False
            if not jobs:
                until = time.monotonic() + BATCH_SECONDS
            jobs.append(job)
        return jobs, True

    def _next_job(self, jobs: list[Job], until: float) -> Job | None:
        if not jobs:
            return self._queue.get(timeout=self._pause())
        left = until - time.monotonic()
        if left > 0 and all(job.can_wait for job in jobs):
            return self._queue.get(timeout=left)
        return self._queue.get_nowait()
