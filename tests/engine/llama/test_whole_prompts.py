"""Prompts of other programs: of which nothing is left out, and those without a chat template."""

from pathlib import Path

import pytest

from phichat.chat.conversation import Ending, Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken, Done, EngineSettings, ModelRef, PromptReady, Request
from phichat.engine.llama.engine import LlamaEngine
from phichat.errors import PromptError, PromptTooLong
from tests.support import tiny_models

SHORT = Sampling(temperature=0, seed=1, max_tokens=4)


@pytest.fixture
def loaded(llama: LlamaEngine, chatml_model: Path, settings: EngineSettings) -> LlamaEngine:
    llama.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
    return llama


def prompt_of(engine: LlamaEngine, request: Request) -> PromptReady:
    return next(event for event in engine.generate(request, CancelToken()) if isinstance(event, PromptReady))


def raw(prompt: str | tuple[int, ...]) -> Request:
    return Request((), SHORT, raw=prompt, keeps_all=True)


def talk(count: int) -> tuple[Turn, ...]:
    """So many questions of about fifty tokens, with answers between them."""
    turns = [
        Turn(Role.USER, f"{number} " * 20) if number % 2 else Turn(Role.ASSISTANT, "Yes")
        for number in range(1, 2 * count)
    ]
    return tuple(turns)


def test_all_turns_stay_or_it_is_an_error(loaded: LlamaEngine) -> None:
    assert prompt_of(loaded, Request(talk(20), SHORT)).dropped
    with pytest.raises(PromptTooLong, match="the context only holds 512") as error:
        prompt_of(loaded, Request(talk(20), SHORT, keeps_all=True))
    assert error.value.tokens > 512


def test_a_prompt_may_fill_the_context_but_for_a_token(loaded: LlamaEngine) -> None:
    turns = (Turn(Role.USER, "x" * 480),)
    events = list(loaded.generate(Request(turns, Sampling(max_tokens=400), keeps_all=True), CancelToken()))
    assert isinstance(events[-1], Done)
    assert events[-1].prompt_tokens > 480
    assert events[-1].reason in {Ending.LENGTH, Ending.STOP}


def test_a_raw_prompt_has_no_template_but_special_tokens(loaded: LlamaEngine) -> None:
    prompt = prompt_of(loaded, raw("<|im_start|>user\nHi"))
    assert prompt.text == "<|im_start|>user\nHi"
    assert prompt.tokens[0] == tiny_models.byte_words(tiny_models.CHATML_SPECIALS, "<|im_end|>").id("<|im_start|>")
    assert len(prompt.tokens) == 1 + len("user\nHi")


def test_a_raw_prompt_may_be_tokens(loaded: LlamaEngine) -> None:
    assert prompt_of(loaded, raw(tuple(b"Hi"))).tokens == tuple(b"Hi")
    for unknown in (-1, 10**6):
        with pytest.raises(PromptError, match="token IDs"):
            prompt_of(loaded, raw((unknown,)))


def test_a_raw_prompt_begins_as_the_model_wants(llama: LlamaEngine, phi3_model: Path, settings: EngineSettings) -> None:
    llama.load(ModelRef.of_file(phi3_model), settings, CancelToken(), lambda _: None)
    for text in ("Hi", "<s>Hi"):
        assert prompt_of(llama, raw(text)).text.count("<s>") == 1


def test_a_raw_prompt_of_nothing(loaded: LlamaEngine) -> None:
    with pytest.raises(PromptError):
        prompt_of(loaded, raw(""))
