"""Models of several makers, asked and answering: what is written arrives, and a turn ends where its makers end it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from phichat.chat.conversation import Ending, text_of, thinking_of, tokens_of
from phichat.engine.base import CancelToken, Done, EngineSettings, Event, ModelRef, Notice, Piece, PromptReady, Request
from phichat.engine.llama.engine import LlamaEngine
from tests.support import tiny_models
from tests.support.tiny_models import Words

Ask = Callable[..., Request]
Talk = Callable[..., list[Event]]


@pytest.fixture
def talk(llama: LlamaEngine, settings: EngineSettings, tmp_path: Path, ask: Ask) -> Talk:
    """Builds a model that says `speech`, asks it, and returns the events."""

    def make(words: Words, template: str | None, question: str, speech: list[int], **sampling: Any) -> list[Event]:
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


def test_marks_of_thoughts_are_told_from_the_answer_though_the_template_has_none(talk: Talk) -> None:
    words = tiny_models.qwen_words()
    think, done = words.id("<think>"), words.id("</think>")
    events = talk(words, tiny_models.CHATML, "Hi", [ord("\n"), think, *b"Hm", done, *b"Yo", words.eos])
    pieces = [event for event in events if isinstance(event, Piece)]
    assert (thinking_of(pieces), text_of(pieces)) == ("Hm", "Yo")
    assert tokens_of(pieces) == (think, *b"Hm", done, *b"Yo")


def test_marks_of_thoughts_in_an_answer_are_text(talk: Talk) -> None:
    words = tiny_models.qwen_words()
    marks = [words.id("<think>"), words.id("</think>")]
    events = talk(words, tiny_models.CHATML, "Hi", [ord("\n"), *b"Yo", *marks, words.eos])
    assert said(events) == "Yo<think></think>"


def test_a_turn_ends_where_the_template_ends_it_if_the_file_does_not_say(talk: Talk) -> None:
    words = tiny_models.byte_words(("<|stop|>", "[Q]", "[/Q]"), "<|stop|>")
    template = "{% for m in messages %}[Q]{{ m.content }}[/Q]{% endfor %}[Q]"
    speech = [words.id("[Q]"), *b"Yo", words.id("[/Q]"), *b"abc", words.eos]
    events = talk(words, template, "Hi", speech)
    assert said(events) == "Yo"
    assert ending(events) == "stop"


def test_a_turn_may_end_in_words(talk: Talk) -> None:
    words = tiny_models.byte_words(("<|stop|>",), "<|stop|>")
    template = "{% for m in messages %}{{ m.role }}\n{{ m.content }}<end>\n{% endfor %}assistant\n"
    events = talk(words, template, "Hi", [*b"tYo<end>ac", words.eos], max_tokens=40)
    assert said(events) == "Yo"
    assert ending(events) == "stop"


def test_only_the_users_own_text_is_said_to_have_ended_an_answer(talk: Talk) -> None:
    words = tiny_models.byte_words(("<|stop|>",), "<|stop|>")
    template = "{% for m in messages %}{{ m.role }}\n{{ m.content }}<end>\n{% endfor %}assistant\n"
    for stop, by in (("o<", "o<"), ("zz", "")):
        events = talk(words, template, "Hi", [*b"tYo<end>ac", words.eos], max_tokens=40, stop=(stop,))
        [done] = [event for event in events if isinstance(event, Done)]
        assert (done.reason, done.stopped_by) == (Ending.STOP, by)


def test_a_reply_without_a_word_is_told(talk: Talk) -> None:
    words = tiny_models.byte_words(tiny_models.CHATML_SPECIALS, "<|im_end|>")
    events = talk(words, tiny_models.CHATML, "Hi", [ord("\n"), words.eos])
    assert said(events) == ""
    assert [event.text for event in events if isinstance(event, Notice)] == [
        "The model didn’t write anything. Regenerate the answer, or rephrase your message."
    ]
    assert isinstance(events[-1], Done)
