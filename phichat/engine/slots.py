"""Several requests at once on one loaded model: the Slots protocol, and slots for engines that do one at a time."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from phichat.chat.conversation import Ending
from phichat.engine.base import CancelToken, Done, Engine, Event, Request
from phichat.errors import EngineError, PhichatError

Tell = Callable[[Event | PhichatError], None]
"""Is told what happens to one request: the events that `Engine.generate` yields, or the error that it raises.

Done or an error is the last. It is called in a thread of the slots, and must return soon and raise nothing.
"""

_log = logging.getLogger(__name__)


class Slots(Protocol):
    """Answers several requests at the same time. Any thread may call."""

    def submit(self, request: Request, stop: CancelToken, tell: Tell, *, is_urgent: bool = False) -> None:
        """Have `request` answered beside others, and return at once.

        Requests for which there is no room yet wait in the order they came in. What `is_urgent` goes before everything
        else, whose replies pause or slow down meanwhile. After `close`, a request ends as cancelled.
        """

    def close(self) -> None:
        """Stop all requests, each of which ends as cancelled, and wait until nothing more is told.

        The engine can then be used as before. Not to be called from `tell`.
        """


@runtime_checkable
class SlotEngine(Protocol):
    """An engine that answers several requests at once."""

    def open_slots(self, count: int) -> Slots:
        """Return slots for `count` replies at the same time on the model that was loaded last.

        Until they are closed, nothing else may be asked of the engine. If it died, it is loaded again for the next
        request.
        """


def open_slots(engine: Engine, count: int) -> Slots:
    """Return slots of `engine`; one request after the other is answered if it can do no more."""
    return engine.open_slots(count) if isinstance(engine, SlotEngine) else QueuedSlots(engine)


def cancelled(request: Request) -> Done:
    """Return how a request ends that was stopped before it began."""
    return Done(Ending.CANCELLED, request.sampling.seed or 0)


@dataclass
class _Submission:
    request: Request
    stop: CancelToken
    tell: Tell
    is_urgent: bool


class QueuedSlots:
    """Implements Slots with any engine, in a thread that answers one request after the other.

    A request that `is_urgent` waits for the reply that is being written.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: deque[_Submission] = deque()
        self._current: _Submission | None = None
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="slots")
        self._thread.start()

    def submit(self, request: Request, stop: CancelToken, tell: Tell, *, is_urgent: bool = False) -> None:
        """See Slots."""
        with self._changed:
            if self._is_closed:
                tell(cancelled(request))
                return
            urgent = sum(each.is_urgent for each in self._waiting)
            submission = _Submission(request, stop, tell, is_urgent)
            self._waiting.insert(urgent if is_urgent else len(self._waiting), submission)
            self._changed.notify()

    def close(self) -> None:
        """See Slots."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
            for each in filter(None, [self._current, *self._waiting]):
                each.stop.set()
        self._thread.join()

    def _run(self) -> None:
        while submission := self._next():
            self._answer(submission)

    def _next(self) -> _Submission | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            self._current = self._waiting.popleft() if self._waiting else None
            return self._current

    def _answer(self, submission: _Submission) -> None:
        request, stop, tell = submission.request, submission.stop, submission.tell
        if stop.is_set():
            tell(cancelled(request))
            return
        try:
            for event in self._engine.generate(request, stop):
                tell(event)
        except PhichatError as error:
            tell(error)
        except Exception as error:  # noqa: BLE001 - the other requests go on, whatever it was
            _log.exception("a request failed")
            tell(EngineError(f"{type(error).__name__}: {error}"))
