"""Generation with prompt lookup: the same reply as without, in fewer steps."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from phichat.chat.conversation import Ending, Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken, Done, EngineSettings, ModelRef, Piece, Request
from phichat.engine.llama import generation, loaded_model
from phichat.engine.llama.context import LlamaContext
from phichat.engine.llama.engine import LlamaEngine
from phichat.engine.llama.prompt_lookup import FIRST_PRICES, PromptLookup, StepCosts
from tests.support import tiny_models

WILD = Sampling(temperature=1.3, top_k=0, top_p=1, min_p=0, repeat_penalty=1.2, max_tokens=120, seed=10)
TEXT = (
    "The old ferry goes over the river every morning. It carries bread, letters and people to the town on the other "
    "side. The captain is called Marie, and she has a dog that barks at the gulls. Then the people walk over the ice."
)


def write(engine: LlamaEngine, question: str, sampling: Sampling) -> tuple[list[int], str, Done]:
    """A reply's tokens, its text and its figures."""
    events = list(engine.generate(Request((Turn(Role.USER, question),), sampling), CancelToken()))
    assert isinstance(events[-1], Done)
    pieces = [event for event in events if isinstance(event, Piece)]
    return [piece.token for piece in pieces], "".join(piece.text for piece in pieces), events[-1]


class Oracle(PromptLookup):
    """Knows what will be said, and is wrong now and then."""

    def __init__(self, reply: Sequence[int], wrong_every: int) -> None:
        super().__init__([], StepCosts())
        self._reply, self._wrong_every, self._said = reply, wrong_every, 0

    def add_token(self, token: int) -> None:
        self._said += 1

    def guess(self, room: int) -> list[int]:
        told = self._reply[self._said : self._said + min(room, 9)]
        wrong = self._wrong_every
        return [token + (wrong and index % wrong == wrong - 1) for index, token in enumerate(told)]


@pytest.fixture
def make(chatml_model: Path, settings: EngineSettings) -> Iterator[Callable[..., LlamaEngine]]:
    """Loads the tiny model, with look-up or without."""

    engines: list[LlamaEngine] = []

    def load(*, looks_up: bool, path: Path = chatml_model, context: int = 512) -> LlamaEngine:
        engines.append(LlamaEngine())
        engines[-1].load(
            ModelRef.of_file(path), replace(settings, looks_up=looks_up, context=context), CancelToken(), lambda _: None
        )
        return engines[-1]

    yield load
    for engine in engines:
        engine.close()


@pytest.mark.parametrize("wrong_every", [0, 1, 2, 3, 5])
def test_the_same_seed_gives_the_same_text_whatever_is_guessed(
    make: Callable[..., LlamaEngine], monkeypatch: pytest.MonkeyPatch, wrong_every: int
) -> None:
    tokens, text, plain = write(make(looks_up=False), "Hi", WILD)
    monkeypatch.setattr(loaded_model, "PromptLookup", lambda *_: Oracle(tokens, wrong_every))
    guessed = write(make(looks_up=True), "Hi", WILD)
    assert guessed[:2] == (tokens, text)
    assert (guessed[2].reason, guessed[2].completion_tokens) == (plain.reason, plain.completion_tokens)
    assert guessed[2].looked_up_tokens > 40 or wrong_every in {1, 2}


@pytest.mark.parametrize("wrong_every", [0, 3])
def test_what_follows_such_a_reply_is_the_same_too(
    make: Callable[..., LlamaEngine], monkeypatch: pytest.MonkeyPatch, wrong_every: int
) -> None:
    """Nothing of a wrong guess stays behind, and nothing that was said is read again."""
    first, text, _ = write(make(looks_up=False), "Hi", WILD)
    turns = (Turn(Role.USER, "Hi"), Turn(Role.ASSISTANT, text, tuple(first)), Turn(Role.USER, "And then?"))
    request = Request(turns, replace(WILD, max_tokens=40))
    expected = [event for event in make(looks_up=False).generate(request, CancelToken()) if isinstance(event, Piece)]
    monkeypatch.setattr(loaded_model, "PromptLookup", lambda *_: Oracle(first, wrong_every))
    engine = make(looks_up=True)
    write(engine, "Hi", WILD)
    events = list(engine.generate(request, CancelToken()))
    assert [event for event in events if isinstance(event, Piece)] == expected
    assert isinstance(events[-1], Done)
    assert events[-1].cached_tokens >= len(first)


def test_what_goes_round_is_said_in_fewer_steps(
    make: Callable[..., LlamaEngine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiny_models.chatml(tmp_path / "round.gguf", speech=[*b"\n", *b"abcdefgh", *b"a"])
    sampling = Sampling(temperature=1, repeat_penalty=1, max_tokens=200, seed=3)
    plain = write(make(looks_up=False, path=path), "Hi", sampling)
    steps: list[int] = []
    decode = LlamaContext.decode

    def counted(self: LlamaContext, tokens: Sequence[int]) -> bool:
        steps.append(len(tokens))
        return decode(self, tokens)

    monkeypatch.setattr(LlamaContext, "decode", counted)
    monkeypatch.setattr(StepCosts, "record_larger", lambda *_: FIRST_PRICES[0])  # those of a busy computer vary
    looked_up = write(make(looks_up=True, path=path), "Hi", sampling)
    assert looked_up[:2] == plain[:2]
    assert looked_up[2].looked_up_tokens > 60
    assert len(steps) < 140


def test_the_starter_writes_a_text_again_the_same_way(starter: Path, make: Callable[..., LlamaEngine]) -> None:
    """Steps of several tokens change the arithmetic a little; here, not what is said."""
    question = f"Correct the spelling of the following text, and write it again in full:\n\n{TEXT}"
    sampling = Sampling(temperature=0, repeat_penalty=1, max_tokens=30, seed=1)
    plain = write(make(looks_up=False, path=starter), question, sampling)
    looked_up = write(make(looks_up=True, path=starter), question, sampling)
    assert looked_up[:2] == plain[:2]
    assert looked_up[2].looked_up_tokens > 0


@pytest.mark.parametrize("longest", [1, 2, 9, 10, 11, 30])
def test_the_longest_reply_is_as_long_as_that(
    make: Callable[..., LlamaEngine], monkeypatch: pytest.MonkeyPatch, longest: int
) -> None:
    tokens, _, _ = write(make(looks_up=False), "Hi", WILD)
    monkeypatch.setattr(loaded_model, "PromptLookup", lambda *_: Oracle(tokens, 0))
    said, _, done = write(make(looks_up=True), "Hi", replace(WILD, max_tokens=longest))
    assert (said, done.reason) == (tokens[:longest], Ending.LENGTH)


def test_a_full_context_ends_it_as_without_guesses(
    make: Callable[..., LlamaEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = replace(WILD, max_tokens=4096)
    tokens, _, plain = write(make(looks_up=False, context=200), "Hi", endless)
    monkeypatch.setattr(loaded_model, "PromptLookup", lambda *_: Oracle(tokens, 0))
    said, _, done = write(make(looks_up=True, context=200), "Hi", endless)
    assert (said, done.reason) == (tokens, plain.reason) == (tokens, Ending.LENGTH)


@pytest.mark.parametrize("at_once", [0.0, 60.0], ids=["while it lasts", "after it"])
def test_a_stop_ends_a_step_of_many_tokens(
    make: Callable[..., LlamaEngine], monkeypatch: pytest.MonkeyPatch, at_once: float
) -> None:
    monkeypatch.setattr(generation, "AT_ONCE", at_once)
    tokens, _, _ = write(make(looks_up=False), "Hi", WILD)
    monkeypatch.setattr(loaded_model, "PromptLookup", lambda *_: Oracle(tokens, 0))
    engine, stop = make(looks_up=True), CancelToken()
    said: list[int] = []
    for event in engine.generate(Request((Turn(Role.USER, "Hi"),), WILD), stop):
        if isinstance(event, Piece):
            said.append(event.token)
            if len(said) == 15:
                threading.Thread(target=stop.set).run()
        last = event
    assert isinstance(last, Done)
    assert (last.reason, said) == (Ending.CANCELLED, tokens[:15])
    assert write(engine, "Hi", WILD)[0] == tokens
