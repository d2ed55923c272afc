"""Several answers of a server: they come together, each with its own seed, and end together."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from phichat.chat.conversation import Ending, Piece
from phichat.engine.base import AnswerEvent, CancelToken, Done, Event
from phichat.engine.remote.base import ServerKind
from phichat.engine.remote.engine import RemoteEngine
from phichat.errors import ServerBusy, ServerError, ServerUnreachable
from tests.engine.remote.conftest import Ask, done_of, request
from tests.support.servers.chat import BREAK, ChatServer
from tests.support.watcher import once

Load = Callable[..., Any]


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture(autouse=True)
def model(load: Load) -> None:
    load(ServerKind.VLLM)


def said(events: list[Event]) -> dict[int, str]:
    """The text of each answer."""
    texts: dict[int, str] = {}
    for each in events:
        if isinstance(each, AnswerEvent) and isinstance(each.event, Piece):
            texts[each.answer] = texts.get(each.answer, "") + each.event.text
    return texts


def ends(events: list[Event]) -> dict[int, Done]:
    return {
        each.answer: each.event for each in events if isinstance(each, AnswerEvent) and isinstance(each.event, Done)
    }


def until(events: Iterator[Event], wanted: Callable[[list[Event]], bool]) -> list[Event]:
    """Events up to the one with which what came is as wanted."""
    came: list[Event] = []
    for event in events:
        came.append(event)
        if wanted(came):
            return came
    pytest.fail("it never was")


def test_each_has_a_seed_and_all_are_counted(ask: Ask, server: ChatServer) -> None:
    server.stream("red", usage={"prompt_tokens": 5, "completion_tokens": 1})
    server.stream("sea ", "green", usage={"prompt_tokens": 5, "completion_tokens": 2})
    events = ask(count=2)
    assert said(events) == {0: "red", 1: "sea green"}
    assert {number: each.seed for number, each in ends(events).items()} == {0: 7, 1: 8}
    assert [each["seed"] for each in server.chats] == [7, 8]
    assert done_of(events).completion_tokens == 3


def test_the_others_begin_when_the_first_has(engine: RemoteEngine, server: ChatServer, gate: threading.Event) -> None:
    """As the server has read the prompt then."""
    read, asked = threading.Event(), list[int]()
    server.stream(read, "red", gate, " sea")
    for _ in range(2):
        server.stream("blue", gate, " sea")

    def begin() -> None:
        gate.wait(0.05)  # for others that don't wait for it
        asked.append(len(server.chats))
        read.set()

    events = engine.generate(request(count=3), CancelToken())
    with once(lambda: server.chats, begin):
        came = until(events, lambda came: said(came) == {0: "red", 1: "blue", 2: "blue"})
    assert asked == [1]
    assert not ends(came)
    gate.set()
    came += events
    assert said(came) == {0: "red sea", 1: "blue sea", 2: "blue sea"}
    assert server.chats[0]["seed"] == 7


def test_all_stop(engine: RemoteEngine, server: ChatServer, gate: threading.Event) -> None:
    """The fifth, too, which waits for one of four to end."""
    for _ in range(4):
        server.stream("red", gate, " sea")
    stop = CancelToken()
    events = engine.generate(request(count=5), stop)
    came = until(events, lambda came: len(said(came)) == 4)
    stop.set()
    came += events
    assert len(server.chats) == 4, "the fifth isn't asked for"
    assert {number: each.reason for number, each in ends(came).items()} == dict.fromkeys(range(5), Ending.CANCELLED)
    assert done_of(came).reason is Ending.CANCELLED
    assert server.client_left.wait(10), "it stops computing"


def test_answers_that_are_left_leave_nothing_behind(
    engine: RemoteEngine, server: ChatServer, gate: threading.Event
) -> None:
    for _ in range(2):
        server.stream("red", gate)
    events = engine.generate(request(count=2), CancelToken())
    until(events, lambda came: len(said(came)) == 2)
    events.close()  # type: ignore[attr-defined]
    assert server.client_left.wait(10)
    assert not [each for each in threading.enumerate() if each.name.startswith("answer ")]


@pytest.mark.parametrize("waits", [True, False])
def test_one_that_the_server_is_too_busy_for_is_asked_for_again(
    ask: Ask, server: ChatServer, gate: threading.Event, waits: bool
) -> None:
    server.stream("red", *([gate] if waits else []))
    server.answer(429, {"error": {"message": "slow down"}})
    server.answer(503, {"error": {"message": "slow down"}})
    server.stream("blue")
    server.stream("green")
    with once(lambda: len(server.chats) >= 3, gate.set):
        came = ask(count=3)
    assert sorted(said(came).values()) == ["blue", "green", "red"]
    assert {each.reason for each in ends(came).values()} == {Ending.STOP}


def test_too_busy_for_any_is_an_error(ask: Ask, server: ChatServer) -> None:
    server.answer(429, {"error": {"message": "slow down"}})
    with pytest.raises(ServerBusy):
        ask(count=3)
    assert len(server.chats) == 1


def test_after_an_error_the_others_go_on_to_their_end(
    engine: RemoteEngine, server: ChatServer, gate: threading.Event
) -> None:
    server.stream("red", gate, " sea")
    for _ in range(2):
        server.stream("blue", gate, BREAK)
    events = engine.generate(request(count=3), CancelToken())
    came = until(events, lambda came: len(said(came)) == 3)
    gate.set()
    with pytest.raises(ServerUnreachable, match="was lost"):
        came.extend(events)
    assert said(came) == {0: "red sea", 1: "blue", 2: "blue"}
    assert ends(came)[0].reason is Ending.STOP


def test_what_no_server_would_answer_is_asked_once(ask: Ask, server: ChatServer) -> None:
    server.answer(400, {"error": {"message": "no"}})
    with pytest.raises(ServerError, match="rejected the message"):
        ask(count=3)
    assert len(server.chats) == 1


def test_what_keeps_an_answer_from_being_begun_is_told(
    engine: RemoteEngine, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where there are too many threads; those of the others end."""
    server.stream("red")
    start = threading.Thread.start

    def start_but_one(thread: threading.Thread) -> None:
        if thread.name == "answer 1":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_but_one)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        list(engine.generate(request(count=2), CancelToken()))
    assert not [each for each in threading.enumerate() if each.name.startswith("answer ")]
