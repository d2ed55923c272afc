"""The child's side of slots: requests come while others are answered, and events say which they belong to."""

import queue
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from phichat.engine.base import AnswerEvent, CancelToken, Done, Event, Piece, Request, as_json
from phichat.engine.process import protocol
from phichat.errors import EngineError, PhichatError

if TYPE_CHECKING:
    from phichat.engine.process.protocol import BatchedWriter

Orders = queue.SimpleQueue[tuple[protocol.Line, CancelToken]]


class BatchingSlots(Protocol):
    """Slots that one thread runs; implemented by ReplySlots."""

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""

    def submit(self, number: int, request: Request, stop: CancelToken, *, is_urgent: bool = False) -> None:
        """Add a request. Raise PhichatError."""

    def run(self) -> Iterator[tuple[int, Event]]:
        """Do one step, and yield what happens. Raise PhichatError; all requests have ended then."""

    def close(self) -> None:
        """End all requests."""


@runtime_checkable
class BatchingEngine(Protocol):
    """An engine with such slots; implemented by LlamaEngine."""

    def open_slots(self, count: int) -> BatchingSlots:
        """Return slots for so many replies at the same time. Raise PhichatError."""


class SlotsWorker:
    """Runs `orders` on `slots` until one of them closes the slots."""

    def __init__(self, slots: BatchingSlots, orders: Orders, writer: "BatchedWriter") -> None:
        self._slots, self._orders, self._writer = slots, orders, writer
        self._running: set[int] = set()

    def serve(self) -> None:
        """Answer requests until the slots are closed."""
        self._writer.send({"event": "opened"})
        while self._take_orders():
            try:
                for number, event in self._slots.run():
                    self._send(number, event)
            except Exception as error:  # noqa: BLE001 - the parent shows it
                self._fail(error, *self._running)
        self._slots.close()
        self._writer.send({"event": "closed"})

    def _take_orders(self) -> bool:
        """Take what has come, or wait for an order if there is nothing to do; return False if it is to close."""
        while self._slots.is_idle or not self._orders.empty():
            order, stop = self._orders.get()
            if order["do"] != "submit":
                return False
            self._submit(order, stop)
        return True

    def _submit(self, order: protocol.Line, stop: CancelToken) -> None:
        number = order["number"]
        self._running.add(number)
        try:
            self._slots.submit(number, protocol.request_of(order["request"]), stop, is_urgent=order["is_urgent"])
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error, number)

    def _send(self, number: int, event: Event) -> None:
        if isinstance(event, Piece) or (isinstance(event, AnswerEvent) and isinstance(event.event, Piece)):
            self._writer.send_piece(event, number)
            return
        if isinstance(event, Done):
            self._running.discard(number)
        self._writer.send({**as_json(event), "number": number})

    def _fail(self, error: Exception, *numbers: int) -> None:
        if not isinstance(error, PhichatError):
            traceback.print_exception(error)
            error = EngineError(f"{type(error).__name__}: {error}")
        for number in numbers:
            self._running.discard(number)
            self._writer.send({**protocol.error_line(error), "number": number})
