"""Has a completion answered by the slots of the engine, and sends the answer as it comes or in one piece."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from phichat.cancellation import CancelToken
from phichat.engine.base import AnswerEvent, Done, Event, Piece, Request
from phichat.errors import PhichatError
from phichat.server import api_error
from phichat.server.api_error import ApiError
from phichat.server.choice import ChoiceWriter, TokenBytes
from phichat.server.completion import Completion
from phichat.server.request_log import record_usage
from phichat.server.responses import END_OF_STREAM, ResponseForm, as_event, usage
from phichat.server.served_model import ServedModel

WRITING = 60.0  # seconds that a client may take to read what was sent
STREAM_HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]

Told = tuple[int, Event | PhichatError]


class EventChannel:
    """Brings events from the threads of the slots to a coroutine, several at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._waiting: list[Told] = []
        self._ready = asyncio.Event()
        self._is_ended = False

    def put(self, number: int, event: Event | PhichatError) -> None:
        """Add an event of the choice `number`, in any thread."""
        with self._lock:
            self._waiting.append((number, event))
            is_first = len(self._waiting) == 1
        if is_first:
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                self._loop.call_soon_threadsafe(self._ready.set)

    def end(self) -> None:
        """Let `take` return nothing from now on."""
        self._is_ended = True
        self._ready.set()

    async def take(self) -> list[Told]:
        """Return what has come since the last call, at least one event; nothing once it has ended."""
        await self._ready.wait()
        if self._is_ended:
            return []
        with self._lock:
            taken, self._waiting = self._waiting, []
            self._ready.clear()
        return taken


@dataclass(frozen=True)
class _Order:
    """A request to the slots, the number of the first choice that it answers, and the CancelToken of all of them."""

    request: Request
    first: int
    stop: CancelToken = field(default_factory=CancelToken)

    @property
    def numbers(self) -> range:
        """The numbers of its choices."""
        return range(self.first, self.first + self.request.count)


def _orders(completion: Completion, *, splits: bool) -> Iterator[_Order]:
    """Yield the requests of a completion, in parts with one answer each if it `splits`."""
    for number, request in enumerate(completion.requests):
        first = number * request.count
        if not splits:
            yield _Order(request, first)
            continue
        for answer in range(request.count):
            yield _Order(replace(request, count=1, sampling=request.sampling_of(answer)), first + answer)


class Answering:
    """The answers to one completion, while they are written.

    Attributes:
        choices: all answers, `count` of them.
    """

    def __init__(self, completion: Completion, served: ServedModel, token_bytes: TokenBytes) -> None:
        self._completion, self._served = completion, served
        self._channel = EventChannel()
        self._orders = list(_orders(completion, splits=served.splits_answers))
        self.count = completion.choices
        self.choices = [
            ChoiceWriter(completion.most, completion.top, token_bytes, joins=not completion.is_chat)
            for _ in range(completion.choices)
        ]

    async def batches(self) -> AsyncIterator[set[int]]:
        """Yield the numbers of the choices that have changed, until all are done. Raise ApiError.

        After `drop`, it ends early.
        """
        for number, order in enumerate(self._orders):
            private = replace(order.request, is_temporary=self._served.is_private)
            self._served.slots.submit(private, order.stop, partial(self._channel.put, number))
        while not all(choice.done for choice in self.choices):
            told = await self._channel.take()
            if not told:
                return
            changed, failure = self._add_all(told)
            if changed:
                yield changed
            if failure:
                raise failure

    def _add_all(self, told: Iterable[Told]) -> tuple[set[int], ApiError | None]:
        """Return which choices have changed, and what went wrong after that."""
        changed = set()
        try:
            for number, event in told:
                changed |= self._add(self._orders[number], event)
        except ApiError as error:
            return changed, error
        return changed, None

    def _add(self, order: "_Order", event: Event | PhichatError) -> set[int]:
        """Take what happened to an order; return the numbers of the choices that have changed."""
        if isinstance(event, PhichatError):
            raise api_error.of_engine(event, self._served.context, is_chat=self._completion.is_chat)
        if isinstance(event, AnswerEvent):
            return self._add_to(order, order.first + event.answer, event.event)
        if isinstance(event, Done):  # of all answers, even of those that never began
            return set().union(
                *(self._add_to(order, number, event) for number in order.numbers if not self._is_done(number))
            )
        return self._add_to(order, order.first, event) if isinstance(event, Piece) else set()

    def _add_to(self, order: "_Order", number: int, event: Event) -> set[int]:
        choice = self.choices[number]
        choice.add(event)
        if all(self.choices[each].finish for each in order.numbers) and not self._is_done(number):
            order.stop.set()
        if choice.was_cut_off:
            raise api_error.closing()
        return {number}

    def _is_done(self, number: int) -> bool:
        return self.choices[number].done is not None

    def cancel(self) -> None:
        """Stop all answers, each of which then ends as cut off, unless it is done."""
        for order in self._orders:
            order.stop.set()

    def drop(self) -> None:
        """Stop all answers, of which nobody wants to know any more."""
        self.cancel()
        self._channel.end()


class CompletionResponse:
    """The response to a completion, as an ASGI application. Where the client leaves, the answers stop at once."""

    def __init__(self, completion: Completion, served: ServedModel, token_bytes: TokenBytes) -> None:
        self._completion, self._served = completion, served
        self._form = ResponseForm(completion, served.name)
        self._answering = Answering(completion, served, token_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. Raise ApiError if nothing was sent yet."""
        answering = self._answering
        leaving = asyncio.create_task(_until_gone(receive))
        leaving.add_done_callback(lambda _: answering.drop())
        self._served.running.add(answering)
        try:
            if self._completion.streams:
                await self._stream(send)
            else:
                await self._send_whole(scope, receive, send)
        finally:
            self._served.running.discard(answering)
            answering.drop()
            leaving.cancel()
            record_usage(scope, usage(answering.choices, self._completion.count))

    async def _send_whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        async for _ in self._answering.batches():
            pass
        if all(choice.done for choice in self._answering.choices):
            self._remember()
            await JSONResponse(self._form.whole(self._answering.choices))(scope, receive, send)

    async def _stream(self, send: Send) -> None:
        """Send pieces as they come. Once the first was sent, an error is an event, too."""
        stream = _Stream(send)
        try:
            async for changed in self._answering.batches():
                chunks = list(self._chunks(changed))
                if chunks and not stream.has_begun:
                    await stream.begin()
                    chunks = [*self._form.first_chunks(), *chunks]
                await stream.write(chunks)
            if all(choice.done for choice in self._answering.choices):
                self._remember()
                await stream.end(self._last_events())
        except ApiError as error:
            if not stream.has_begun:
                raise
            await stream.end([as_event(error.body)])
        except TimeoutError:  # the client does not read: the connection is closed
            return

    def _chunks(self, changed: Iterable[int]) -> Iterable[bytes]:
        for number in sorted(changed):
            choice = self._answering.choices[number]
            if delta := choice.take():
                yield self._form.chunk(number, delta)
            if choice.done:
                yield self._form.last_chunk(number, choice.finish)

    def _last_events(self) -> list[bytes]:
        usage_event = [self._form.usage_chunk(self._answering.choices)] if self._completion.includes_usage else []
        return [*usage_event, END_OF_STREAM]

    def _remember(self) -> None:
        for choice in self._answering.choices if self._completion.is_chat else ():
            self._served.replies.remember(choice.text, tuple(choice.tokens))


class _Stream:
    """A response of server-sent events. Raise TimeoutError if the client does not read.

    Attributes:
        has_begun: whether the status has been sent.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False

    async def begin(self) -> None:
        self.has_begun = True
        await self._send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})

    async def write(self, chunks: Iterable[bytes], *, is_last: bool = False) -> None:
        if (body := b"".join(chunks)) or is_last:
            async with asyncio.timeout(WRITING):
                await self._send({"type": "http.response.body", "body": body, "more_body": not is_last})

    async def end(self, chunks: Iterable[bytes]) -> None:
        await self.write(chunks, is_last=True)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
