"""Several answers to one question: each is the one that its seed gives alone, and the prompt is read once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from phichat.chat.conversation import Ending, text_of, thinking_of
from phichat.engine.base import (
    AnswerEvent,
    CancelToken,
    Done,
    EngineSettings,
    Event,
    ModelRef,
    Piece,
    PromptFit,
    PromptReady,
    Request,
    Undecided,
)
from phichat.engine.llama.context import LlamaContext
from phichat.engine.llama.engine import LlamaEngine
from phichat.errors import EngineError
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
def loaded(load: Load, chatml_model: Path) -> LlamaEngine:
    """With a tiny model that says random bytes."""
    return load(chatml_model)


class Heard:
    """What an engine tells of several answers."""

    def __init__(self, events: Iterator[Event]) -> None:
        self.events = list(events)

    def pieces(self, answer: int) -> list[Piece]:
        return [event for event in self.of(answer) if isinstance(event, Piece)]

    def tokens(self, answer: int) -> list[int]:
        return [piece.token for piece in self.pieces(answer)]

    def done(self, answer: int) -> Done:
        last = self.of(answer)[-1]
        assert isinstance(last, Done)
        return last

    def of(self, answer: int) -> list[Event]:
        return [event.event for event in self.events if isinstance(event, AnswerEvent) and event.answer == answer]

    @property
    def total(self) -> Done:
        assert isinstance(self.events[-1], Done)
        return self.events[-1]


def alone(engine: LlamaEngine, request: Request) -> tuple[list[int], Done]:
    events = list(engine.generate(request, CancelToken()))
    assert isinstance(events[-1], Done)
    return [event.token for event in events if isinstance(event, Piece)], events[-1]


def together(engine: LlamaEngine, request: Request, count: int, stop: CancelToken | None = None) -> Heard:
    return Heard(engine.generate(replace(request, count=count), stop or CancelToken()))


@pytest.mark.parametrize("kind", ["llama", "mamba", "lfm2", "qwen35", "gemma3"])
def test_each_answer_is_the_one_that_its_seed_gives_alone(
    load: Load, ask: Ask, kind: str, chatml_model: Path, tmp_path: Path
) -> None:
    engine = load(chatml_model if kind == "llama" else memory_models.build(tmp_path / "model.gguf", kind))
    request = ask("Tell me something.", temperature=1.0, seed=5, repeat_penalty=1.3)
    heard = together(engine, request, 3)
    for number in range(3):
        seeded = replace(request, sampling=replace(request.sampling, seed=5 + number))
        tokens, done = alone(engine, seeded)
        assert heard.tokens(number) == tokens
        assert (heard.done(number).seed, heard.done(number).reason) == (5 + number, done.reason)
    assert heard.tokens(0) != heard.tokens(1) != heard.tokens(2)


def test_the_prompt_is_read_and_told_once(loaded: LlamaEngine, ask: Ask) -> None:
    heard = together(loaded, ask("A question. " * 20, temperature=1.0), 3)
    for kind in (PromptReady, PromptFit):
        assert sum(isinstance(event, kind) for event in heard.events) == 1
    assert heard.total.completion_tokens == sum(len(heard.tokens(number)) for number in range(3))


def test_the_first_answer_is_kept_for_the_next_turn(loaded: LlamaEngine, ask: Ask) -> None:
    request = ask("A question. " * 5, temperature=1.0)
    together(loaded, request, 3)
    _, done = alone(loaded, request)
    assert done.cached_tokens == done.prompt_tokens - 1


def test_what_was_read_before_is_not_read_again(loaded: LlamaEngine, ask: Ask) -> None:
    request = ask("A question. " * 5, temperature=1.0)
    alone(loaded, request)
    fit = next(event for event in together(loaded, request, 3).events if isinstance(event, PromptFit))
    assert fit.kept == fit.tokens - 1


def test_each_can_have_its_own_settings(loaded: LlamaEngine, ask: Ask) -> None:
    request = ask("Hi", temperature=1.0, seed=5)
    samplings = tuple(replace(request.sampling, temperature=each, seed=None) for each in (0.0, 0.5, 1.5))
    heard = together(loaded, replace(request, samplings=samplings), 3)
    for number, sampling in enumerate(samplings):
        seeded = replace(request, sampling=replace(sampling, seed=5 + number))
        assert heard.tokens(number) == alone(loaded, seeded)[0]


def test_one_that_ends_early_leaves_the_others_alone(load: Load, ask: Ask, tmp_path: Path) -> None:
    engine = load(memory_models.build(tmp_path / "model.gguf", "gemma3"))  # whose first answer is short
    heard = together(
        engine, ask("Tell me about winter.", temperature=1.0, seed=5, max_tokens=40, repeat_penalty=1.2), 3
    )
    assert {heard.done(number).reason for number in range(3)} == {Ending.STOP, Ending.LENGTH}
    assert len(heard.tokens(0)) < len(heard.tokens(1))
    assert heard.total.reason is Ending.LENGTH


def test_stopping_ends_all_and_each_keeps_what_it_has(loaded: LlamaEngine, ask: Ask) -> None:
    stop, events = CancelToken(), []
    for event in loaded.generate(replace(ask("Hi", temperature=1.0), count=3), stop):
        events.append(event)
        if isinstance(event, AnswerEvent) and isinstance(event.event, Piece) and len(events) > 12:
            stop.set()
    heard = Heard(iter(events))
    for number in range(3):
        assert heard.done(number).reason is Ending.CANCELLED
        assert 0 < len(heard.tokens(number)) < 20
    assert heard.total.reason is Ending.CANCELLED
    assert alone(loaded, ask("Hi"))[1].reason is Ending.LENGTH


def test_a_full_context_has_one_wait_for_another(load: Load, chatml_model: Path, ask: Ask) -> None:
    engine = load(chatml_model, context=256)
    request = ask("A question. " * 6, max_tokens=100)  # greedy, as what is read again is rounded differently
    heard, tokens = together(engine, request, 3), alone(engine, request)[0]
    assert [heard.tokens(number) for number in range(3)] == [tokens] * 3


def test_answers_longer_than_the_context_end_by_length(load: Load, ask: Ask, tmp_path: Path) -> None:
    engine = load(tiny_models.chatml(tmp_path / "endless.gguf", speech=[*b"\naba"]), context=128)
    request = ask("Hi", repeat_penalty=1, max_tokens=400)
    heard, (tokens, done) = together(engine, request, 2), alone(engine, request)
    for number in range(2):
        assert heard.tokens(number) == tokens
        assert heard.done(number).reason is done.reason is Ending.LENGTH


def test_without_memory_for_them_they_are_written_one_after_the_other(
    loaded: LlamaEngine, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = LlamaContext.open

    def refuse(context: LlamaContext, settings: EngineSettings, sequences: int = 1) -> None:
        if sequences > 1:
            raise EngineError("There isn’t enough memory.")
        whole(context, settings, sequences)

    monkeypatch.setattr(LlamaContext, "open", refuse)
    request = ask("Hi", temperature=1.0, seed=5)
    heard = together(loaded, request, 3)
    for number in range(3):
        seeded = replace(request, sampling=replace(request.sampling, seed=5 + number))
        assert heard.tokens(number) == alone(loaded, seeded)[0]


def test_characters_that_are_split_come_whole(load: Load, ask: Ask, tmp_path: Path) -> None:
    speech = [*b"\n", *"a😀b".encode(), tiny_models.byte_words(tiny_models.CHATML_SPECIALS, "<|im_end|>").eos]
    engine = load(tiny_models.chatml(tmp_path / "speaking.gguf", speech=speech))
    heard = together(engine, ask("Hi", repeat_penalty=1), 2)
    assert [text_of(heard.pieces(number)) for number in range(2)] == ["a😀b", "a😀b"]
    assert heard.total.reason is Ending.STOP


def test_a_stop_text_ends_each_at_its_own_place(loaded: LlamaEngine, ask: Ask) -> None:
    request = ask("Hi", temperature=1.0, seed=5)
    texts = [text_of(together(loaded, request, 2).pieces(number)) for number in range(2)]
    place = next(at for at in range(3, len(texts[0])) if texts[0][at] not in texts[1] and texts[0][at].isprintable())
    stopped = replace(request, sampling=replace(request.sampling, stop=(texts[0][place],)))
    heard = together(loaded, stopped, 2)
    assert text_of(heard.pieces(0)) == texts[0][: texts[0].index(texts[0][place])]
    assert (text_of(heard.pieces(1)), heard.done(0).reason) == (texts[1], Ending.STOP)


def test_each_thinks_for_itself(load: Load, ask: Ask, tmp_path: Path) -> None:
    engine = load(tiny_models.thinker(tmp_path / "thinker.gguf"))
    heard = together(engine, ask("Hi", thinking=6, repeat_penalty=1), 2)
    for number in range(2):
        assert thinking_of(heard.pieces(number)).startswith("aba")
        assert text_of(heard.pieces(number)) == "Yo"
        assert heard.done(number).thinking_tokens


def test_candidates_and_the_least_sure_place_are_told_of_each(loaded: LlamaEngine, ask: Ask) -> None:
    request = replace(ask("Hi", temperature=1.0), candidates=3, finds_undecided=True)
    heard = together(loaded, request, 2)
    for number in range(2):
        assert all(piece.choice and len(piece.choice.candidates) == 3 for piece in heard.pieces(number))
        assert sum(isinstance(event, Undecided) for event in heard.of(number)) == 1


def test_a_listener_that_goes_away_leaves_the_engine_usable(loaded: LlamaEngine, ask: Ask) -> None:
    request = ask("Hi", temperature=1.0)
    before = alone(loaded, request)[0]
    events = loaded.generate(replace(request, count=3), CancelToken())
    while not isinstance(next(events), AnswerEvent):
        pass
    events.close()  # type: ignore[attr-defined]
    assert alone(loaded, request)[0] == before
