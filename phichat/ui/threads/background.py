"""Work beside the main thread, with results as signals or callbacks in it; and work in idle moments."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import SimpleQueue

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from shiboken6 import isValid

from phichat.cancellation import CancelToken
from phichat.errors import PhichatError
from phichat.i18n import tr

Job = Callable[[CancelToken], Iterator[object]]
"""Yields what is to be told, until it is done or asked to end."""

PATIENCE = 3.0  # seconds for jobs to end when the window closes; looking up a host's name cannot be broken off

_abandoned: list["JobPool"] = []


class JobPool(QObject):
    """Does up to `at_once` jobs side by side, the others in the order they came.

    Orders return at once with the job's CancelToken. `close` stops all jobs and waits a little; a thread that is stuck
    then goes with the process.

    Signals:
        happened(CancelToken, object): what a job yields.
        ended(CancelToken): it is over, as it was stopped or is done.
        failed(CancelToken, str): it is over, and why; one sentence for people.
    """

    happened = Signal(object, object)
    ended = Signal(object)
    failed = Signal(object, str)

    def __init__(self, name: str, at_once: int = 1, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name, self._at_once = name, at_once
        self._orders: SimpleQueue[tuple[Job, CancelToken] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._open: deque[CancelToken] = deque()
        self._is_closed = False
        self.ended.connect(self._forget)
        self.failed.connect(self._forget)

    def submit(self, job: Job) -> CancelToken:
        """Have `job` done; the CancelToken that its signals will carry."""
        stop = CancelToken()
        if self._is_closed:
            stop.set(final=True)
            return stop
        self._open.append(stop)
        self._orders.put((job, stop))
        if len(self._threads) < min(len(self._open), self._at_once):
            self._start()
        return stop

    def stop(self) -> None:
        """Ask everything to end; nothing is told any more."""
        self._is_closed = True
        for stop in self._open:
            stop.set(final=True)

    def close(self) -> None:
        """End everything, and wait a little for that. A second call does nothing."""
        self.stop()
        for _ in self._threads:
            self._orders.put(None)
        until = time.monotonic() + PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            self.setParent(None)  # it may still be spoken to
            _abandoned.append(self)
        self._threads.clear()

    def _start(self) -> None:
        # Python's threads, not Qt's: one that is stuck in a system call can be left alone when the process ends.
        thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while order := self._orders.get():
            self._do(*order)

    def _do(self, job: Job, stop: CancelToken) -> None:
        sentence = ""
        try:
            if not stop.is_set():
                self._tell(job, stop)
        except PhichatError as error:
            sentence = str(error)
        except Exception as error:  # the window goes on, whatever it was
            logging.getLogger(__name__).exception("a job failed")
            sentence = tr("Something unexpected went wrong: {error}").format(error=error)
        if stop.is_final:
            return
        if sentence:
            self.failed.emit(stop, sentence)
        else:
            self.ended.emit(stop)

    def _tell(self, job: Job, stop: CancelToken) -> None:
        for event in job(stop):
            if not stop.is_final:
                self.happened.emit(stop, event)

    @Slot(object)
    def _forget(self, stop: CancelToken) -> None:
        if stop in self._open:
            self._open.remove(stop)


class BackgroundTasks(JobPool):
    """Jobs whose results go back to whoever ordered them, in the thread that this lives in."""

    def __init__(self, name: str, at_once: int = 4, parent: QObject | None = None) -> None:
        super().__init__(name, at_once, parent)
        self._callers: dict[CancelToken, tuple[Callable[[object], None], Callable[[str], None]]] = {}
        self.happened.connect(self._hand_on)
        self.ended.connect(self._end)
        self.failed.connect(self._end)

    def run(self, job: Job, told: Callable[..., None], ended: Callable[[str], None]) -> CancelToken:
        """Have `job` done: `told` hears each event, `ended` the end, with a sentence if it failed."""
        stop = self.submit(job)
        self._callers[stop] = told, ended
        return stop

    def close(self) -> None:
        """As any jobs'; nobody is kept alive by what they asked for."""
        super().close()
        self._callers.clear()

    @Slot(object, object)
    def _hand_on(self, stop: CancelToken, event: object) -> None:
        if stop in self._callers and not stop.is_set():
            self._callers[stop][0](event)

    @Slot(object)
    @Slot(object, str)
    def _end(self, stop: CancelToken, sentence: str = "") -> None:
        if stop in self._callers:
            self._callers.pop(stop)[1](sentence)


def single_result(work: Callable[[CancelToken], object]) -> Job:
    """A job that tells what `work` returns."""

    def job(stop: CancelToken) -> Iterator[object]:
        yield work(stop)

    return job


_log = logging.getLogger(__name__)

Work = Callable[[], object]
OnResult = Callable[..., None]


class RenderThread(QObject):
    """Does one piece of work after the other, in a thread that is there only while there is some.

    Nobody need wait for that thread: a piece takes milliseconds, and those to come are dropped with this object.
    """

    _done = Signal(int, object)
    _ended = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._orders: deque[tuple[int, Work]] = deque()
        self._callers: dict[int, tuple[QObject, OnResult]] = {}
        self._count = 0
        self._is_working = False
        self._done.connect(self._hand_on)
        self._ended.connect(self._rest)

    def run(self, who: QObject, work: Work, told: OnResult) -> None:
        """Have `work` done, and `told` called with what it returns, None if it fails, as long as there is `who`."""
        self._count += 1
        self._callers[self._count] = who, told
        self._orders.append((self._count, work))
        if not self._is_working:
            self._start()

    def _start(self) -> None:
        self._is_working = True
        threading.Thread(target=_work, args=(self, self._orders), name="aside", daemon=True).start()

    def tell(self, number: int, result: object) -> None:
        """From the thread: that is the result of the work of that number."""
        self._done.emit(number, result)

    def end(self) -> None:
        """From the thread: there is no more to do."""
        self._ended.emit()

    @Slot(int, object)
    def _hand_on(self, number: int, result: object) -> None:
        who, told = self._callers.pop(number)
        if isValid(who):
            told(result)

    @Slot()
    def _rest(self) -> None:
        self._is_working = False
        if self._orders:
            self._start()


def _work(render_thread: RenderThread, orders: deque[tuple[int, Work]]) -> None:
    with suppress(RuntimeError):  # it is gone with the window
        while orders:
            number, work = orders.popleft()
            render_thread.tell(number, _result(work))
        render_thread.end()


def _result(work: Work) -> object:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - it is shown as it was written then
        _log.debug("Work aside failed: %s", type(error).__name__)
        return None


def run_when_idle(steps: Iterator[None], parent: QObject) -> None:
    """Take the next of `steps` whenever no event waits, to their end; not after `parent` is gone."""
    _IdleSteps(steps, parent)


class _IdleSteps(QObject):
    def __init__(self, steps: Iterator[None], parent: QObject) -> None:
        super().__init__(parent)
        self._steps = steps
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._step)
        self._timer.start()

    @Slot()
    def _step(self) -> None:
        for _ in self._steps:
            return  # the next one when the window is idle again
        self._timer.stop()
        self.deleteLater()
