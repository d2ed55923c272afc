"""Several answers of a server at the same time, each over a connection of its own."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue

from phichat.cancellation import CancelToken
from phichat.chat.conversation import Piece
from phichat.engine.base import Event
from phichat.errors import ServerBusy

MOST_AT_ONCE = 4  # requests; servers in common setups answer no more at once

Source = Callable[[CancelToken], Iterator[Event]]


class SeveralAnswers:
    """Yields what all of `sources` yield, as it comes. The thread that iterates is the only one that sees events.

    The first one begins alone: once it has, the server has read the prompt, which the others have in common. One that
    the server was too busy for, asked for beside others, is asked for again beside fewer. After any other error, no
    more are begun.
    """

    def __init__(self, sources: Sequence[Source], stop: CancelToken) -> None:
        self._sources, self._stop = sources, stop
        self._events: SimpleQueue[tuple[int, Event | Exception | None]] = SimpleQueue()
        self._waiting = deque(range(len(sources)))
        self._running: dict[int, tuple[threading.Thread, CancelToken]] = {}
        self._beside: set[int] = set()  # those that are not asked for alone
        self._begun: set[int] = set()
        self._most = 1

    def events(self) -> Iterator[tuple[int, Event]]:
        """Yield events with the number of their answer; when all have ended, raise the error of one that failed."""
        troubles: list[Exception] = []
        self._stop.set_callback(self._pass_on)
        try:
            self._start()
            while self._running:
                number, event = self._events.get()
                if event is None or isinstance(event, Exception):
                    troubles += self._ended(number, event)
                else:
                    if isinstance(event, Piece):
                        self._note_begun(number)
                    yield number, event
                self._start()
        finally:
            self._stop.set_callback(None)
            self._end()
        if troubles:
            raise troubles[0]

    def _start(self) -> None:
        while self._waiting and len(self._running) < self._most:
            number, stop = self._waiting.popleft(), CancelToken()
            thread = threading.Thread(target=self._answer, args=(number, stop), name=f"answer {number}")
            self._beside |= {number} if self._running else set()
            self._running[number] = thread, stop
            self._pass_on()
            thread.start()

    def _answer(self, number: int, stop: CancelToken) -> None:
        try:
            for event in self._sources[number](stop):
                self._events.put((number, event))
        except Exception as error:  # noqa: BLE001 - it is raised where the events are
            self._events.put((number, error))
        else:
            self._events.put((number, None))

    def _note_begun(self, number: int) -> None:
        if not self._begun:
            self._most = MOST_AT_ONCE
        self._begun.add(number)

    def _ended(self, number: int, error: Exception | None) -> list[Exception]:
        """Note that an answer has ended; return its error unless it is asked for again."""
        thread, _ = self._running.pop(number)
        thread.join()
        if error is None:
            self._note_begun(number)
            return []
        if isinstance(error, ServerBusy) and number in self._beside - self._begun:
            self._most = max(len(self._running), 1)
            self._beside.discard(number)
            self._waiting.append(number)
            return []
        self._waiting.clear()
        return [error]

    def _pass_on(self) -> None:
        """Stop or hurry all that are asked for, as the user wants."""
        for _, stop in list(self._running.values()):
            if self._stop.is_set():
                stop.set(final=self._stop.is_final)
            elif self._stop.is_hurried():
                stop.hurry()

    def _end(self) -> None:
        for _, stop in self._running.values():
            stop.set()
        for thread, _ in self._running.values():
            if thread.is_alive():  # the last one may not have been started
                thread.join()
