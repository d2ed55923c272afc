"""Slots of an engine in a child process: requests from any thread, and one thread that reads what the child tells."""

import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Protocol

from phichat.engine.base import CancelToken, Done, Event, Request
from phichat.engine.process import protocol
from phichat.engine.process.child_process import ChildProcess
from phichat.engine.process.order_watch import PATIENCE
from phichat.engine.slots import Tell, cancelled
from phichat.errors import EngineError, PhichatError

_log = logging.getLogger(__name__)


class SlotHost(Protocol):
    """Has the child; implemented by EngineProcess."""

    def ready_child(self, stop: CancelToken) -> ChildProcess:
        """Return the child with the model loaded, which may take a while. Raise PhichatError."""

    def lose_child(self, *, has_answered: bool) -> EngineError:
        """Clean up after a child that died, which may have answered requests; return what is to be told."""

    def next_number(self) -> int:
        """Return the number of the next order; any thread may ask."""


@dataclass(frozen=True)
class _Submission:
    request: Request
    stop: CancelToken
    tell: Tell
    is_urgent: bool


class EngineSlots:
    """Implements Slots. A death of the child ends all requests with an error; the next one has it started again."""

    def __init__(self, host: SlotHost, count: int, closed: Callable[[], None]) -> None:
        """`closed` is called when the engine may be used otherwise again."""
        self._host, self._count, self._closed = host, count, closed
        self._open: dict[int, _Submission] = {}
        self._process: ChildProcess | None = None
        """The child in which the slots are open."""
        self._changed = threading.Condition()
        self._closing = CancelToken()
        self._has_answered = False
        self._thread = threading.Thread(target=self._run, name="slots")
        self._thread.start()

    def submit(self, request: Request, stop: CancelToken, tell: Tell, *, is_urgent: bool = False) -> None:
        """See Slots."""
        number, submission = self._host.next_number(), _Submission(request, stop, tell, is_urgent)
        with self._changed:
            is_late, process = self._closing.is_set(), self._process
            if not is_late:
                self._open[number] = submission
                self._changed.notify()
        if is_late:
            tell(cancelled(request))
        elif process:  # otherwise the thread sends it
            self._send(process, number, submission)
        stop.set_callback(lambda: self._pass_on(number, stop))

    def close(self) -> None:
        """See Slots."""
        with self._changed:
            self._closing.set()
            self._changed.notify()
            left = list(self._open.values())
        for each in left:
            each.stop.set()
        self._thread.join(PATIENCE)
        while self._thread.is_alive():  # whatever the child is doing
            if process := self._process:
                process.kill()
            self._thread.join(PATIENCE)
        self._closed()

    def _run(self) -> None:
        while self._wait():
            try:
                self._read(self._connect())
            except PhichatError as error:
                self._end_all(error)
            except Exception as error:  # noqa: BLE001 - the next request is answered, whatever it was
                _log.exception("requests failed")
                self._end_all(EngineError(f"{type(error).__name__}: {error}"))
        self._disconnect()

    def _wait(self) -> bool:
        """Wait for a request; return False once there are none and the slots are to be closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._open or self._closing.is_set())
            return bool(self._open)

    def _connect(self) -> ChildProcess:
        """Return the child once the slots are open in it, and all requests are sent. Raise PhichatError."""
        if self._process and self._process.is_alive():
            return self._process
        self._process = None
        process = self._host.ready_child(self._closing)
        process.send({"do": "slots", "count": self._count, "number": self._host.next_number()})
        line = process.receive()
        if line is None:
            raise self._host.lose_child(has_answered=False)
        if line["event"] == "error":
            raise protocol.error_of(line)
        with self._changed:
            self._process, self._has_answered = process, False
            waiting = list(self._open.items())
        for number, submission in waiting:
            self._send(process, number, submission)
        return process

    def _send(self, process: ChildProcess, number: int, submission: _Submission) -> None:
        request = asdict(submission.request)
        process.send({"do": "submit", "number": number, "request": request, "is_urgent": submission.is_urgent})
        if submission.stop.is_set() or submission.stop.is_hurried():  # perhaps before the child knew of it
            self._pass_on(number, submission.stop)

    def _pass_on(self, number: int, stop: CancelToken) -> None:
        """Have the child stop a request, or come to its point."""
        if process := self._process:
            process.send({"do": "stop" if stop.is_set() else "hurry", "number": number})

    def _read(self, process: ChildProcess) -> None:
        """Tell what the child says, until no request is left or it dies."""
        while self._open:
            line = process.receive()
            if line is None:
                with self._changed:
                    self._process = None
                self._end_all(self._host.lose_child(has_answered=self._has_answered))
                return  # what was asked meanwhile needs another child
            if line["event"] == "error":
                self._tell(line["number"], protocol.error_of(line))
            else:
                for number, event in protocol.numbered_events_of(line):
                    self._tell(number, event)

    def _tell(self, number: int, event: Event | PhichatError) -> None:
        is_last = isinstance(event, Done | PhichatError)
        with self._changed:
            submission = self._open.pop(number, None) if is_last else self._open.get(number)
        if submission is None:
            return
        self._has_answered = self._has_answered or isinstance(event, Done)
        if is_last:
            submission.stop.set_callback(None)
        submission.tell(event)

    def _end_all(self, error: PhichatError) -> None:
        for number, submission in list(self._open.items()):
            self._tell(number, cancelled(submission.request) if self._closing.is_set() else error)

    def _disconnect(self) -> None:
        """Close the slots in the child, whose next order is answered as usual."""
        if not (self._process and self._process.is_alive()):
            return
        self._process.send({"do": "close_slots", "number": self._host.next_number()})
        while (line := self._process.receive()) and line["event"] != "closed":
            pass
        if line is None:
            self._host.lose_child(has_answered=True)
