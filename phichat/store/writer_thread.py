"""One thread that does one thing after another: what is asked for soon after another shares its commit."""

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
"""Seconds until what may wait is committed."""

MAX_BATCH = 200
"""Jobs in one commit."""


@dataclass
class Job:
    """A change that is to be made.

    Attributes:
        work: makes it, within a transaction.
        about: the conversations it concerns; or `message`, one of their messages.
        is_patient: whether it may wait for others.
        is_everything: whether it concerns all conversations.
        after: what is to be done once it is committed.
    """

    work: Callable[[Connection], Any]
    conversations: tuple[str, ...] = ()
    message: str | None = None
    can_wait: bool = False
    concerns_all: bool = False
    after: Callable[[Connection], None] | None = None
    future: Future[Any] = field(default_factory=Future)

    def __post_init__(self) -> None:
        self.future.set_running_or_notify_cancel()  # what is under way is not taken back


class WriterThread:
    """Hands jobs to `run`, in the order of asking, several at a time, in a thread of its own.

    The thread begins with `begin` and ends with `end`.
    """

    def __init__(self, begin: Callable[[], None], run: Callable[[list[Job]], None], end: Callable[[], None]) -> None:
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._is_closed = False
        self._begin, self._run, self._end = begin, run, end
        self._thread = threading.Thread(target=self._work, name="history", daemon=True)

    def start(self) -> None:
        """Begin. What `begin` uses has to be there now."""
        self._thread.start()

    def submit(self, job: Job) -> Future[Any]:
        """Ask for a change."""
        with self._lock:
            if self._is_closed:
                job.future.set_exception(StoreError(tr("The history is closed: nothing is stored any more.")))
            else:
                self._queue.put(job)
        return job.future

    def close(self) -> None:
        """Do what was asked for, then end. Closing twice changes nothing."""
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
            except Exception as error:  # noqa: BLE001 - whoever waits for a future has to know
                for job in jobs:
                    if not job.future.done():
                        job.future.set_exception(error)
        self._end()

    def _next_batch(self) -> tuple[list[Job], bool]:
        """What to do next, and whether there may be more."""
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
            return self._queue.get()
        left = until - time.monotonic()
        if left > 0 and all(job.can_wait for job in jobs):
            return self._queue.get(timeout=left)
        return self._queue.get_nowait()
