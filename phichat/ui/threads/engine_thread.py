"""The engine's thread: orders and events are signals, and one owner ends it."""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from phichat.engine.base import CancelToken, Engine, EngineSettings, Event, ModelRef, Request
from phichat.errors import EngineError, PhichatError
from phichat.i18n import tr

if TYPE_CHECKING:
    from concurrent.futures import Future

    from phichat.engine.slots import Slots

STORING = 5.0  # seconds that a question waits to be stored: it is answered even if the disk hangs longer


class SignalBatcher(QObject):
    """Takes calls in one thread, and passes them to `receive` in its own: as many as there are each time it wakes up.

    A queued signal for each would wake up both threads, and have them wait for one another, with every token.
    """

    _filled = Signal()

    def __init__(self, receive: Callable[..., None], parent: QObject) -> None:
        super().__init__(parent)
        self._receive, self._calls, self._is_signalled = receive, deque[tuple[Any, ...]](), False
        self._filled.connect(self._empty, Qt.ConnectionType.QueuedConnection)

    def put(self, *arguments: Any) -> None:
        self._calls.append(arguments)
        if not self._is_signalled:
            self._is_signalled = True
            self._filled.emit()

    @Slot()
    def _empty(self) -> None:
        self._is_signalled = False  # first, so that what comes from now on is signalled again
        while self._calls:
            self._receive(*self._calls.popleft())


class _Worker(QObject):
    """Lives in the engine's thread and runs one order after the other.

    `tell` is called in that thread with the CancelToken of the order, and an event that the engine yields or the error
    with which the order ended, whose text is for people.
    """

    def __init__(
        self, make_engine: Callable[[], Engine], tell: Callable[[CancelToken, Event | PhichatError], None]
    ) -> None:
        super().__init__()
        self._make_engine, self._tell = make_engine, tell
        self._engine: Engine | None = None

    @property
    def pid(self) -> int | None:
        return getattr(self._engine, "pid", None)

    @Slot(object, object, object)
    def load(self, model: ModelRef, settings: Callable[[], EngineSettings], stop: CancelToken) -> None:
        with self._reporting_errors(stop):
            loaded = self._get().load(model, settings(), stop, lambda event: self._tell(stop, event))
            self._tell(stop, loaded)

    @Slot(object, object, object)
    def generate(self, request: Request, stop: CancelToken, stored: "Future[None] | None") -> None:
        with self._reporting_errors(stop):
            _wait_for(stored)
            for event in self._get().generate(request, stop):
                self._tell(stop, event)

    @Slot(object, object, object)
    def share(
        self, open_slots: "Callable[[Engine], Slots]", report: "Callable[[CancelToken, Slots | None], None]",
        stop: CancelToken,
    ) -> None:  # fmt: skip
        with self._reporting_errors(stop):
            if not stop.is_set():
                slots = open_slots(self._get())
                report(stop, slots)
                while not stop.wait(3600):
                    pass
                slots.close()
        report(stop, None)

    @Slot(str, object)
    def score(self, text: str, stop: CancelToken) -> None:
        with self._reporting_errors(stop):
            for event in self._get().score(text, stop):
                self._tell(stop, event)

    @Slot(object)
    def calibrate(self, stop: CancelToken) -> None:
        with self._reporting_errors(stop):
            for event in self._get().calibrate(stop):
                self._tell(stop, event)

    @Slot(object)
    def unload(self, stop: CancelToken) -> None:
        if stop.is_set():  # by a question that came just now
            return
        with self._reporting_errors(stop):
            self._get().unload()

    @Slot()
    def close(self) -> None:
        if self._engine:
            self._engine.close()
        QThread.currentThread().quit()

    def _get(self) -> Engine:
        self._engine = self._engine or self._make_engine()
        return self._engine

    @contextmanager
    def _reporting_errors(self, stop: CancelToken) -> Iterator[None]:
        try:
            yield
        except PhichatError as error:
            logging.getLogger(__name__).warning("an order failed: %s", type(error).__name__)
            self._tell(stop, error)
        except Exception as error:  # the window goes on, whatever it was
            logging.getLogger(__name__).exception("an order failed")
            self._tell(stop, EngineError(tr("Something went wrong ({error}). Try again.").format(error=error)))


def _wait_for(stored: "Future[None] | None") -> None:
    """Wait until the question is stored; if that fails, whoever stores it reports it, and it is answered."""
    if stored:
        with suppress(Exception):
            stored.result(STORING)


class EngineThread(QObject):
    """Runs an engine, made there when it is first needed, in a thread of its own.

    Orders return at once; `close` ends the thread and the engine.

    Signals:
        happened(CancelToken, Event): what the engine yields, with the CancelToken of the order it belongs to.
        failed(CancelToken, str): an order ended with an error; one sentence for people. raised(CancelToken,
            PhichatError) follows with the error itself.
    """

    happened = Signal(object, object)
    failed = Signal(object, str)
    raised = Signal(object, object)
    _load = Signal(object, object, object)
    _generate = Signal(object, object, object)
    _share = Signal(object, object, object)
    _score = Signal(str, object)
    _calibrate = Signal(object)
    _unload = Signal(object)
    _close = Signal()

    def __init__(self, make_engine: Callable[[], Engine], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = QThread()
        self._thread.setObjectName("engine")
        self._worker = _Worker(make_engine, SignalBatcher(self._on_told, self).put)
        self._worker.moveToThread(self._thread)
        self._load.connect(self._worker.load)
        self._generate.connect(self._worker.generate)
        self._share.connect(self._worker.share)
        self._score.connect(self._worker.score)
        self._calibrate.connect(self._worker.calibrate)
        self._unload.connect(self._worker.unload)
        self._close.connect(self._worker.close)
        self._stops: list[CancelToken] = []
        self._sharing: CancelToken | None = None
        self._is_shared_now: Callable[[], bool] = lambda: False
        self._is_awaited = False
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """Return the id of the engine's process, None if it has none; any thread may ask."""
        return self._worker.pid

    def load(self, model: ModelRef, settings: Callable[[], EngineSettings]) -> CancelToken:
        """Load a model with the settings that `settings` returns in the thread; return the token of its events."""
        stop = self._new_stop()
        self._load.emit(model, settings, stop)
        return stop

    def generate(self, request: Request, stored: "Future[None] | None" = None) -> CancelToken:
        """Generate a reply, once its question is `stored`; return the token of its events."""
        stop = self._new_stop(can_wait=request.is_draft)
        self._generate.emit(request, stop, stored)
        return stop

    def share(
        self,
        open_slots: "Callable[[Engine], Slots]",
        report: "Callable[[CancelToken, Slots | None], None]",
        is_busy: Callable[[], bool],
    ) -> CancelToken:
        """Open the engine's slots for others with `open_slots`; return the token of that.

        `report` is called in the thread with the token and the slots, and with None once they are closed, for which the
        next order sees. A draft waits as long as `is_busy`, which is asked in the main thread; call
        `end_sharing_if_awaited` when that is over.
        """
        stop = self._new_stop()
        self._sharing, self._is_shared_now, self._is_awaited = stop, is_busy, False
        self._share.emit(open_slots, report, stop)
        return stop

    def is_shared_now(self) -> bool:
        """Return whether the engine's slots are in use."""
        return self._sharing is not None and self._is_shared_now()

    def end_sharing_if_awaited(self) -> None:
        """Close the slots if an order waits for that."""
        if self._sharing and self._is_awaited:
            self._end_sharing()

    def score(self, text: str) -> CancelToken:
        """Tell how surprising `text` is; return the token of its events."""
        stop = self._new_stop()
        self._score.emit(text, stop)
        return stop

    def calibrate(self) -> CancelToken:
        """Find the fastest settings; return the token of its events."""
        stop = self._new_stop()
        self._calibrate.emit(stop)
        return stop

    def unload(self) -> CancelToken:
        """Free the model's memory until the next order, unless the returned token is set before."""
        stop = self._new_stop()
        self._unload.emit(stop)
        return stop

    def close(self) -> None:
        """Stop whatever is under way, close the engine, and wait for the thread. A second call does nothing."""
        if not self._thread.isRunning():
            return
        for stop in self._stops:
            stop.set(final=True)
        self._close.emit()
        self._thread.wait()

    def _on_told(self, stop: CancelToken, what: Event | PhichatError) -> None:
        if isinstance(what, PhichatError):
            self.failed.emit(stop, str(what))
            self.raised.emit(stop, what)
        else:
            self.happened.emit(stop, what)

    def _end_sharing(self) -> None:
        if self._sharing:
            self._sharing.set()
            self._sharing = None

    def _new_stop(self, *, can_wait: bool = False) -> CancelToken:
        if can_wait and self.is_shared_now():
            self._is_awaited = True
        else:
            self._end_sharing()
        self._stops = [stop for stop in self._stops[-3:] if not stop.is_set()]
        stop = CancelToken()
        self._stops.append(stop)
        return stop
