"""Several requests at once, on an engine that answers one after the other."""

import threading
from collections.abc import Callable, Iterator

import pytest

from phichat.chat.conversation import Ending, Piece, Role, Turn
from phichat.engine.base import CancelToken, Done, Event, Request
from phichat.engine.slots import Slots, open_slots
from phichat.errors import EngineDied, PhichatError
from tests.support.fakes import ScriptedEngine


class Listener:
    """Notes what becomes of one request."""

    def __init__(self) -> None:
        self.events: list[Event | PhichatError] = []
        self.ended = threading.Event()

    def tell(self, event: Event | PhichatError) -> None:
        self.events.append(event)
        if isinstance(event, Done | PhichatError):
            self.ended.set()

    @property
    def text(self) -> str:
        """The answer, once the request has ended."""
        assert self.ended.wait(20)
        return "".join(event.text for event in self.events if isinstance(event, Piece))


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def slots(engine: ScriptedEngine) -> Iterator[Slots]:
    slots = open_slots(engine, 4)
    yield slots
    slots.close()


def submit(slots: Slots, question: str, *, is_urgent: bool = False, stop: CancelToken | None = None) -> Listener:
    listener = Listener()
    request = Request((Turn(Role.USER, question),))
    slots.submit(request, stop or CancelToken(), listener.tell, is_urgent=is_urgent)
    return listener


def test_each_request_gets_its_own_answer(slots: Slots) -> None:
    assert [each.text for each in [submit(slots, question) for question in ("One", "Two", "Three")]] == [
        "One",
        "Two",
        "Three",
    ]


def test_what_is_urgent_goes_before_what_waits(
    slots: Slots, engine: ScriptedEngine, eventually: Callable[[Callable[[], object]], None]
) -> None:
    gate = threading.Event()
    engine.enqueue(gate, "Done.")
    first = submit(slots, "1")
    eventually(lambda: engine.requests)
    second, urgent = submit(slots, "2"), submit(slots, "!", is_urgent=True)
    gate.set()
    assert [each.text for each in (first, second, urgent)] == ["Done.", "2", "!"]
    assert [request.turns[0].text for request in engine.requests][-1] == "2"


def test_an_error_ends_one_request(slots: Slots, engine: ScriptedEngine) -> None:
    engine.enqueue("Half", EngineDied("It died."))
    broken, whole = submit(slots, "1"), submit(slots, "2")
    assert (broken.text, str(broken.events[-1]), whole.text) == ("Half", "It died.", "2")


def test_closing_ends_what_runs_and_what_waits(engine: ScriptedEngine) -> None:
    slots = open_slots(engine, 4)
    engine.enqueue("Half", threading.Event(), "never")
    requests = [submit(slots, "1"), submit(slots, "2")]
    slots.close()
    late = submit(slots, "3")
    for each in [*requests, late]:
        assert each.ended.is_set()
        last = each.events[-1]
        assert isinstance(last, Done)
        assert last.reason is Ending.CANCELLED


def test_a_request_can_be_stopped_while_it_waits(
    slots: Slots, engine: ScriptedEngine, eventually: Callable[[Callable[[], object]], None]
) -> None:
    gate, stop = threading.Event(), CancelToken()
    engine.enqueue(gate, "Done.")
    first = submit(slots, "1")
    eventually(lambda: engine.requests)
    second = submit(slots, "2", stop=stop)
    stop.set()
    gate.set()
    assert (first.text, second.text) == ("Done.", "")
    assert len(engine.requests) == 1
