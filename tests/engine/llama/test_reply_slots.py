"""Requests in the slots of one model: each gets the answer that it gets alone, whatever the others do."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from phichat.chat.conversation import Ending, text_of
from phichat.engine.base import AnswerEvent, CancelToken, Done, EngineSettings, Event, ModelRef, Piece, Request
from phichat.engine.llama.engine import LlamaEngine
from phichat.engine.llama.reply_slots import ReplySlots
from phichat.errors import PromptTooLong
from tests.support import memory_models, tiny_models

Ask = Callable[..., Request]
Load = Callable[..., LlamaEngine]


@pytest.fixture
def load(llama: LlamaEngine, settings: EngineSettings) -> Load:
    """Loads a model, without prompt lookup, as that would round differently."""

    def load(path: Path, **changes: Any) -> LlamaEngine:
        llama.load(ModelRef.of_file(path), replace(settings, looks_up=False, **changes), CancelToken(), lambda _: None)
        return llama

    return load


@pytest.fixture
def endless(load: Load, tmp_path: Path) -> LlamaEngine:
    """With a model that says "abab…" for ever."""
    return load(tiny_models.chatml(tmp_path / "endless.gguf", speech=[*b"\naba"]))


class Clients:
    """Requests to slots, by their numbers from 1, and what they were told."""

    def __init__(self, slots: ReplySlots) -> None:
        self.slots = slots
        self.events: dict[int, list[Event]] = {}
        self.stops: dict[int, CancelToken] = {}

    def ask(self, *requests: Request, is_urgent: bool = False) -> int:
        """Submit requests; the number of the last."""
        for request in requests:
            number = len(self.events) + 1
            self.events[number], self.stops[number] = [], CancelToken()
            self.slots.submit(number, request, self.stops[number], is_urgent=is_urgent)
        return number

    def step(self, steps: int = 1) -> None:
        for _ in range(steps):
            for number, event in self.slots.run():
                self.events[number].append(event)

    def finish(self) -> None:
        while not self.slots.is_idle:
            self.step()

    def tokens(self, number: int) -> list[int]:
        return [event.token for event in self.events[number] if isinstance(event, Piece)]

    def done(self, number: int) -> Done:
        last = self.events[number][-1]
        assert isinstance(last, Done)
        return last


def answers(engine: LlamaEngine, requests: list[Request], count: int = 3) -> tuple[list[list[int]], list[list[int]]]:
    """The tokens of each request alone, and of all in slots."""
    alone = [
        [event.token for event in engine.generate(request, CancelToken()) if isinstance(event, Piece)]
        for request in requests
    ]
    clients = Clients(engine.open_slots(count))
    clients.ask(*requests)
    clients.finish()
    clients.slots.close()
    return alone, [clients.tokens(number + 1) for number in range(len(requests))]


@pytest.mark.parametrize("kind", ["llama", "mamba", "lfm2", "qwen35", "gemma3"])
def test_each_request_gets_the_answer_it_gets_alone(
    load: Load, ask: Ask, kind: str, chatml_model: Path, tmp_path: Path
) -> None:
    engine = load(chatml_model if kind == "llama" else memory_models.build(tmp_path / "model.gguf", kind))
    requests = [  # greedy, as a prompt that is read beside others is rounded differently
        ask("Tell me something about ferries.", repeat_penalty=1.4, repeat_last_n=64),
        ask("Hi", presence_penalty=2.0, repeat_penalty=1.0),
        ask("What is this? " * 12, repeat_penalty=1.0, max_tokens=9),
        ask("Hi", repeat_penalty=1.0),
    ]
    alone, together = answers(engine, requests)
    assert together == alone


def test_the_next_turn_is_not_read_again(load: Load, chatml_model: Path, ask: Ask) -> None:
    clients = Clients(load(chatml_model).open_slots(3))
    requests = [ask(f"{number} question " * 8) for number in range(3)]
    clients.ask(*requests)
    clients.finish()
    assert [clients.done(number).cached_tokens for number in (1, 2, 3)] == [clients.done(1).cached_tokens] * 3
    clients.ask(*reversed(requests))
    clients.finish()
    for number in (4, 5, 6):
        assert clients.done(number).cached_tokens == clients.done(number).prompt_tokens - 1


def test_the_turns_of_more_clients_than_slots_are_not_read_again(load: Load, chatml_model: Path, ask: Ask) -> None:
    clients = Clients(load(chatml_model).open_slots(1))
    requests = [ask(f"{number} question " * 8) for number in range(4)]
    clients.ask(*requests)
    clients.finish()
    clients.ask(*requests)
    clients.finish()
    for number in range(5, 9):
        assert clients.tokens(number) == clients.tokens(number - 4)
        assert clients.done(number).cached_tokens == clients.done(number).prompt_tokens - 1


@pytest.mark.parametrize("kind", ["mamba", "lfm2", "qwen35", "gemma3"])
def test_parked_memories_of_all_kinds_go_on_where_they_were(load: Load, ask: Ask, kind: str, tmp_path: Path) -> None:
    engine = load(memory_models.build(tmp_path / "model.gguf", kind))
    short, long = (replace(ask("", repeat_penalty=1, max_tokens=1), raw="word " * count) for count in (30, 40))
    (alone, _), _ = answers(engine, [replace(long, sampling=replace(long.sampling, max_tokens=20)), short])
    clients = Clients(engine.open_slots(1))
    clients.ask(short, ask("Other"), ask("Another"), replace(long, sampling=replace(long.sampling, max_tokens=20)))
    clients.finish()
    assert clients.done(4).cached_tokens == clients.done(1).prompt_tokens
    assert clients.tokens(4) == alone


def test_a_reply_alone_does_not_attend_to_what_others_left(load: Load, chatml_model: Path, ask: Ask) -> None:
    engine = load(chatml_model)
    clients = Clients(engine.open_slots(3))
    clients.ask(*[ask(f"{number} question " * 8) for number in range(3)])
    clients.finish()
    clients.ask(ask("Hi", repeat_penalty=1))
    clients.step(3)
    assert engine._open
    llama = engine._open.llama
    assert sum(llama.first_position(number) >= 0 for number in range(llama.sequences)) == 1


def test_what_two_requests_begin_with_is_read_once(load: Load, chatml_model: Path, ask: Ask) -> None:
    clients = Clients(load(chatml_model).open_slots(3))
    clients.ask(ask("The same beginning of a text, and one.", max_tokens=200))
    clients.step(5)
    number = clients.ask(ask("The same beginning of a text, and another."))
    clients.finish()
    assert clients.done(number).cached_tokens > 30


def test_one_that_is_stopped_frees_its_slot_and_leaves_the_others_alone(endless: LlamaEngine, ask: Ask) -> None:
    clients = Clients(endless.open_slots(2))
    clients.ask(*[ask("Hi", max_tokens=40, repeat_penalty=1)] * 3)
    clients.step(10)
    assert not clients.tokens(3)
    clients.stops[1].set()
    clients.finish()
    assert clients.done(1).reason is Ending.CANCELLED
    assert 0 < len(clients.tokens(1)) < 40
    assert len(clients.tokens(2)) == len(clients.tokens(3)) == 40


def test_one_that_waits_can_be_stopped(endless: LlamaEngine, ask: Ask) -> None:
    clients = Clients(endless.open_slots(1))
    clients.ask(*[ask("Hi", repeat_penalty=1)] * 2)
    clients.step(3)
    clients.stops[2].set()
    clients.step()
    assert clients.done(2).reason is Ending.CANCELLED
    clients.finish()
    assert len(clients.tokens(1)) == 20


def test_what_is_urgent_has_the_others_wait(endless: LlamaEngine, ask: Ask) -> None:
    clients = Clients(endless.open_slots(2))
    clients.ask(*[ask("Hi", repeat_penalty=1)] * 3)
    clients.step(6)
    before = len(clients.tokens(1))
    urgent = clients.ask(ask("Hi", repeat_penalty=1), is_urgent=True)
    while not clients.events[urgent] or not isinstance(clients.events[urgent][-1], Done):
        clients.step()
    assert len(clients.tokens(urgent)) == 20
    assert len(clients.tokens(1)) <= before + 1
    clients.finish()
    assert [len(clients.tokens(number)) for number in (1, 2, 3)] == [20, 20, 20]


def test_a_full_context_has_the_last_wait(load: Load, chatml_model: Path, ask: Ask) -> None:
    engine = load(chatml_model, context=192)
    alone, together = answers(engine, [ask(f"Question {number}? " * 4, max_tokens=60) for number in range(3)])
    assert together == alone


def test_a_reply_that_fills_the_context_ends_by_length(load: Load, ask: Ask, tmp_path: Path) -> None:
    engine = load(tiny_models.chatml(tmp_path / "endless.gguf", speech=[*b"\naba"]), context=128)
    requests = [ask(question, max_tokens=400, repeat_penalty=1) for question in ("Hi", "Ho")]
    alone, together = answers(engine, requests)
    assert together == alone


def test_a_long_prompt_is_read_in_parts_while_others_are_written(endless: LlamaEngine, ask: Ask) -> None:
    clients = Clients(endless.open_slots(2))
    clients.ask(ask("Hi", max_tokens=100, repeat_penalty=1))
    clients.step(4)
    before = len(clients.tokens(1))
    long = clients.ask(ask("word " * 60, repeat_penalty=1))
    while not clients.tokens(long):
        clients.step()
    assert len(clients.tokens(1)) > before + 1


def test_a_prompt_that_does_not_fit_is_refused_and_the_others_go_on(endless: LlamaEngine, ask: Ask) -> None:
    clients = Clients(endless.open_slots(2))
    clients.ask(ask("Hi", repeat_penalty=1))
    clients.step(4)
    with pytest.raises(PromptTooLong):
        clients.ask(ask("word " * 600))
    clients.stops.pop(2)
    clients.finish()
    assert clients.done(1).reason is Ending.LENGTH


def test_several_answers_share_the_slots(load: Load, chatml_model: Path, ask: Ask) -> None:
    engine = load(chatml_model)
    request = ask("Hi", temperature=1.0, seed=5)
    expected = [
        [
            event.token
            for event in engine.generate(replace(request, sampling=replace(request.sampling, seed=seed)), CancelToken())
            if isinstance(event, Piece)
        ]
        for seed in range(5, 9)
    ]
    clients = Clients(engine.open_slots(2))
    clients.ask(replace(request, count=4))
    clients.finish()
    told = [event for event in clients.events[1] if isinstance(event, AnswerEvent)]
    assert expected == [
        [event.event.token for event in told if event.answer == number and isinstance(event.event, Piece)]
        for number in range(4)
    ]
    assert clients.done(1).completion_tokens == sum(map(len, expected))


def test_after_closing_the_conversation_goes_on_where_it_was(load: Load, chatml_model: Path, ask: Ask) -> None:
    engine = load(chatml_model)
    request = ask("A question. " * 20)
    before = [event for event in engine.generate(request, CancelToken()) if isinstance(event, Piece)]
    clients = Clients(engine.open_slots(2))
    clients.ask(ask("Hi"))
    clients.step(3)
    clients.slots.close()
    events = list(engine.generate(request, CancelToken()))
    assert text_of(event for event in events if isinstance(event, Piece)) == text_of(before)
    assert isinstance(events[-1], Done)
    assert events[-1].cached_tokens == events[-1].prompt_tokens - 1
