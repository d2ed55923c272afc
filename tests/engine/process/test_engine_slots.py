"""Slots of an engine in a process: several threads ask, and a death of the child is an error for all of them."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from phichat.chat.conversation import Ending, Piece
from phichat.engine.base import AnswerEvent, CancelToken, Done, EngineSettings, Event, ModelRef, Request
from phichat.engine.process.engine_process import EngineProcess
from phichat.engine.process.engine_slots import EngineSlots
from phichat.engine.slots import open_slots
from phichat.errors import EngineDied, PhichatError, PromptTooLong
from tests.support import tiny_models

Ask = Callable[..., Request]


class Client:
    """Notes what becomes of a request."""

    def __init__(self, slots: EngineSlots, request: Request) -> None:
        self.events: list[Event | PhichatError] = []
        self.stop = CancelToken()
        self.begun, self.ended = threading.Event(), threading.Event()
        slots.submit(request, self.stop, self.tell)

    def tell(self, event: Event | PhichatError) -> None:
        self.events.append(event)
        if isinstance(event, Piece | AnswerEvent):
            self.begun.set()
        if isinstance(event, Done | PhichatError):
            self.ended.set()

    @property
    def tokens(self) -> list[int]:
        assert self.ended.wait(30)
        return [event.token for event in self.events if isinstance(event, Piece)]

    @property
    def last(self) -> Event | PhichatError:
        assert self.ended.wait(30)
        return self.events[-1]


@pytest.fixture
def engine(hosted: EngineProcess, settings: EngineSettings, tmp_path: Path) -> EngineProcess:
    """With a model that says "abab…" until its context of 20,000 tokens is full."""
    path = tiny_models.chatml(tmp_path / "endless.gguf", speech=[*b"\naba"], context=20_000)
    settings = replace(settings, looks_up=False, context=20_000)
    hosted.load(ModelRef.of_file(path), settings, CancelToken(), lambda _: None)
    return hosted


@pytest.fixture
def slots(engine: EngineProcess) -> Iterator[EngineSlots]:
    slots = open_slots(engine, 3)
    assert isinstance(slots, EngineSlots)
    yield slots
    slots.close()


def test_requests_are_answered_at_the_same_time(slots: EngineSlots, ask: Ask) -> None:
    long = Client(slots, ask("Hi", max_tokens=15_000, repeat_penalty=1))
    assert long.begun.wait(30)
    short = [Client(slots, ask("Hi", max_tokens=9, repeat_penalty=1)) for _ in range(5)]
    assert [len(client.tokens) for client in short] == [9] * 5
    assert not long.ended.is_set()
    long.stop.set()
    assert isinstance(long.last, Done)
    assert long.last.reason is Ending.CANCELLED


def test_several_answers_to_one_of_them(slots: EngineSlots, ask: Ask) -> None:
    client = Client(slots, replace(ask("Hi", repeat_penalty=1), count=2))
    assert isinstance(client.last, Done)
    assert client.last.completion_tokens == 40
    assert {event.answer for event in client.events if isinstance(event, AnswerEvent)} == {0, 1}


def test_an_error_of_one_is_no_error_of_others(slots: EngineSlots, ask: Ask) -> None:
    fine, broken = Client(slots, ask("Hi", repeat_penalty=1)), Client(slots, ask("word " * 20_000))
    assert isinstance(broken.last, PromptTooLong)
    assert broken.last.tokens > 15_000
    assert len(fine.tokens) == 20


@pytest.mark.skipif(sys.platform == "win32", reason="signals end processes differently there")
def test_a_death_ends_all_and_the_next_request_is_answered(engine: EngineProcess, slots: EngineSlots, ask: Ask) -> None:
    request = ask("Hi", max_tokens=15_000, repeat_penalty=1)
    clients = [Client(slots, request) for _ in range(2)]
    assert all(client.begun.wait(30) for client in clients)
    assert engine.pid
    os.kill(engine.pid, signal.SIGKILL)
    assert all(isinstance(client.last, EngineDied) for client in clients)
    assert len(Client(slots, ask("Hi", repeat_penalty=1)).tokens) == 20


@pytest.mark.skipif(sys.platform == "win32", reason="signals end processes differently there")
def test_what_is_asked_when_a_death_is_told_is_answered(engine: EngineProcess, slots: EngineSlots, ask: Ask) -> None:
    """At once, by whoever is told, while the others aren't yet."""

    class Again(Client):
        def tell(self, event: Event | PhichatError) -> None:
            if isinstance(event, EngineDied):
                again.append(Client(slots, ask("Hi", repeat_penalty=1)))
            super().tell(event)

    again: list[Client] = []
    clients = [Again(slots, ask("Hi", max_tokens=15_000, repeat_penalty=1)) for _ in range(2)]
    assert all(client.begun.wait(30) for client in clients)
    assert engine.pid
    os.kill(engine.pid, signal.SIGKILL)
    assert all(isinstance(client.last, EngineDied) for client in clients)
    assert [len(client.tokens) for client in again] == [20, 20]


def test_closing_ends_all_and_the_engine_answers_as_before(engine: EngineProcess, slots: EngineSlots, ask: Ask) -> None:
    request = ask("Hi", max_tokens=15_000, repeat_penalty=1)
    client = Client(slots, request)
    assert client.begun.wait(30)
    slots.close()
    late = Client(slots, request)
    for each in (client, late):
        assert isinstance(each.last, Done)
        assert each.last.reason is Ending.CANCELLED
    done = list(engine.generate(ask("Hi", repeat_penalty=1), CancelToken()))[-1]
    assert isinstance(done, Done)
    assert done.completion_tokens == 20


def test_closing_the_engine_closes_its_slots(engine: EngineProcess, ask: Ask) -> None:
    client = Client(open_slots(engine, 2), ask("Hi", max_tokens=15_000, repeat_penalty=1))  # type: ignore[arg-type]
    assert client.begun.wait(30)
    engine.close()
    assert isinstance(client.last, Done)
