"""Models of several makers, asked and answering: what is written arrives, and a turn ends where its makers end it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from phichat.engine.base import CancelToken, Done, EngineSettings, Event, ModelRef, Piece, PromptReady, Request
from phichat.engine.llama.engine import LlamaEngine
from tests.support import tiny_models
from tests.support.tiny_models import Words

Ask = Callable[..., Request]
Talk = Callable[..., list[Event]]


@pytest.fixture
def talk(llama: LlamaEngine, settings: EngineSettings, tmp_path: Path, ask: Ask) -> Talk:
    """Builds a model that says `speech`, asks it, and returns the events."""

    def make(words: Words, template: str | None, question: str, speech: list[int], **sampling: float) -> list[Event]:
        path = tiny_models.chatml(tmp_path / "speaking.gguf", words=words, template=template, speech=speech)
        heard: list[Event] = []
        llama.load(ModelRef.of_file(path), settings, CancelToken(), heard.append)
        return heard + list(llama.generate(ask(question, repeat_penalty=1, **sampling), CancelToken()))

    return make


def said(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Piece))


def read(events: list[Event]) -> str:
    return next(event.text for event in events if isinstance(event, PromptReady))


def ending(events: list[Event]) -> str:
    assert isinstance(events[-1], Done)
    return events[-1].reason


def test_letters_that_deepseek_has_as_tokens_arrive_both_ways(talk: Talk) -> None:
    words = tiny_models.deepseek_words()
    begin, end = words.id("<\uff5cAssistant\uff5c>"), words.eos
    letters = [words.id(letter) for letter in tiny_models.DEEPSEEK_LETTERS]
    events = talk(words, tiny_models.DEEPSEEK, "O\u00f9 est \u00c0?", [begin, *letters, end])
    assert "<\uff5cUser\uff5c>O\u00f9 est \u00c0?<\uff5cAssistant\uff5c>" in read(events)
    assert said(events) == tiny_models.DEEPSEEK_LETTERS


def test_html_that_gemma_has_as_tokens_arrives_both_ways(talk: Talk) -> None:
    words = tiny_models.gemma_words()
    tags = [words.id(tag) for tag in ("<table>", "<s>", "</s>", "</table>")]
    events = talk(words, tiny_models.GEMMA, "<b>1</b>", [ord("\n"), *tags, words.eos])
    assert "user\n<b>1</b><end_of_turn>" in read(events)
    assert said(events) == "<table><s></s></table>"


def test_marks_of_thoughts_are_not_lost(talk: Talk) -> None:
    words = tiny_models.qwen_words()
    think, done = words.id("<think>"), words.id("</think>")
    events = talk(words, tiny_models.CHATML, "Hi", [ord("\n"), think, *b"Hm", done, *b"Yo", words.eos])
    assert said(events) == "<think>Hm</think>Yo"
