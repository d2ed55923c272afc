"""Background work: functions run in threads, their results come back to the main thread; and work in idle moments."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from shiboken6 import isValid

from phichat.cancellation import CancelToken
from phichat.errors import PhichatError
from phichat.i18n import tr

Work = Callable[[CancelToken], object]

PATIENCE = 3.0  # seconds to wait for threads when closing; looking up a host's name cannot be interrupted

_abandoned: list["BackgroundTasks"] = []


@dataclass(frozen=True)
class _Callbacks:
    on_result: Callable[..., object] | None
    on_error: Callable[[str], object] | None
    on_end: Callable[[], object] | None
    owner: QObject | None


class BackgroundTasks(QObject):
    """Runs functions in up to `at_once` threads, in the order they come.

    Callbacks run in the thread that this object lives in. A thread ends when nothing is left to do. `close` cancels
    everything and waits a little; a thread that is stuck then ends with the process.
    """

    # Threads hold the work and its token alone: a callback's widget must not be freed in a thread.
    _produced = Signal(object, object)
    _ended = Signal(object, str)

    def __init__(self, name: str, at_once: int = 4, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name, self._at_once = name, at_once
        self._queue: deque[tuple[Work, CancelToken]] = deque()
        self._lock = threading.Lock()
        self._running: set[CancelToken] = set()  # whose threads will look at the queue again
        self._working = 0  # how many threads will
        self._threads: list[threading.Thread] = []
        self._callbacks: dict[CancelToken, _Callbacks] = {}
        self._is_closed = False
        self._produced.connect(self._on_produced)
        self._ended.connect(self._on_ended)

    def run(
        self,
        work: Work,
        on_result: Callable[..., object] | None = None,
        on_error: Callable[[str], object] | None = None,
        on_end: Callable[[], object] | None = None,
        *,
        cancel: CancelToken | None = None,
        owner: QObject | None = None,
    ) -> CancelToken:
        """Run `work` with its cancel token, a new one if none is given, and return that token.

        `on_result` gets what `work` returns, or each item if that is an iterator, until it is cancelled. `on_error`
        gets one sentence for people if it raises. `on_end` is called last, however it ended. Where there is an `owner`,
        nothing is called once that is deleted; nothing at all is called after `close`.
        """
        cancel = cancel or CancelToken()
        if self._is_closed:
            cancel.set(final=True)
            return cancel
        self._callbacks[cancel] = _Callbacks(on_result, on_error, on_end, owner)
        with self._lock:
            self._queue.append((work, cancel))
            is_thread_needed = self._working < self._at_once
            self._working += is_thread_needed
        if is_thread_needed:
            self._start_thread()
        return cancel

    def give_up(self, cancel: CancelToken) -> None:
        """Cancel work that may never end, as a disk doesn't answer: its thread no longer counts as one of `at_once`."""
        cancel.set()
        with self._lock:
            is_stuck = cancel in self._running
            is_thread_needed = is_stuck and bool(self._queue)
            self._running.discard(cancel)
            self._working -= is_stuck and not is_thread_needed
        if is_thread_needed:
            self._start_thread()

    def cancel_all(self) -> None:
        """Cancel everything, for good; no callback is called any more."""
        self._is_closed = True
        for cancel in self._callbacks:
            cancel.set(final=True)
        self._callbacks.clear()

    def close(self) -> None:
        """Cancel everything, and wait a little for the threads. A second call does nothing."""
        self.cancel_all()
        until = time.monotonic() + PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            self.setParent(None)  # the thread may still emit its signals
            _abandoned.append(self)
        self._threads.clear()

    def _start_thread(self) -> None:
        # Python's threads, not Qt's: one that is stuck in a system call can be left alone when the process ends.
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=self._work_off, name=self._name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work_off(self) -> None:
        with suppress(RuntimeError):  # raised by a signal whose object was deleted with its window
            while task := self._next_task():
                self._perform(*task)
                if not self._keeps_place(task[1]):
                    return

    def _next_task(self) -> tuple[Work, CancelToken] | None:
        with self._lock:
            if self._queue:
                task = self._queue.popleft()
                self._running.add(task[1])
                return task
            self._working -= 1
            return None

    def _keeps_place(self, cancel: CancelToken) -> bool:
        """Return whether the work that ended was not given up meanwhile."""
        with self._lock:
            is_kept = cancel in self._running
            self._running.discard(cancel)
            return is_kept

    def _perform(self, work: Work, cancel: CancelToken) -> None:
        sentence = ""
        try:
            if not cancel.is_set():
                self._produce(work(cancel), cancel)
        except PhichatError as error:
            sentence = str(error)
        except Exception as error:  # the window goes on, whatever it was
            logging.getLogger(__name__).exception("background work failed")
            sentence = tr("Something went wrong ({error}). Try again.").format(error=error)
        if not cancel.is_final:
            self._ended.emit(cancel, sentence)

    def _produce(self, result: object, cancel: CancelToken) -> None:
        for item in result if isinstance(result, Iterator) else (result,):
            if not cancel.is_final:
                self._produced.emit(cancel, item)

    @Slot(object, object)
    def _on_produced(self, cancel: CancelToken, item: object) -> None:
        callbacks = self._callbacks.get(cancel)
        if callbacks and callbacks.on_result and not cancel.is_set() and _is_there(callbacks.owner):
            callbacks.on_result(item)

    @Slot(object, str)
    def _on_ended(self, cancel: CancelToken, sentence: str) -> None:
        callbacks = self._callbacks.pop(cancel, None)
        if not callbacks or not _is_there(callbacks.owner):
            return
        if sentence and callbacks.on_error:
            callbacks.on_error(sentence)
        if callbacks.on_end:
            callbacks.on_end()


def _is_there(owner: QObject | None) -> bool:
    return owner is None or isValid(owner)


def run_when_idle(steps: Iterator[None], parent: QObject) -> None:
    """Take the next of `steps` whenever no event waits, to their end; not after `parent` is deleted."""
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
