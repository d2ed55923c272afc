"""Several answers side by side by the starter model: written together, chosen, gone on with, and cut short."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from phichat import app
from phichat.chat.conversation import Ending, Message
from phichat.chat.sampling import Sampling
from phichat.engine.base import Done
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.transcript.answer_column import AnswerColumn
from tests.ui.conftest import Person


@pytest.fixture
def asked(qtbot: QtBot, starter: Path) -> Iterator[Person]:
    """In front of a window with one short answer of the starter model."""
    window = app.create_window(str(starter))
    window.show()
    person = Person(window, qtbot)
    try:
        person.wait_for(GenerationState.IDLE)
        window.session.sampling = Sampling(max_tokens=12, seed=3)
        person.ask("What do you like about winter?")
        person.wait(lambda: is_ready(person, 1))
        yield person
    finally:
        window.close()


def is_ready(person: Person, answers: int) -> bool:
    made = [message for message in person.window.session.conversation.messages() if message.reply]
    return len(made) == answers and person.window.generation.state is GenerationState.IDLE


def ask_three_times(person: Person, *, max_tokens: int) -> None:
    last = person.window.session.conversation.path()[-1]
    sampling = Sampling(max_tokens=max_tokens, seed=None)
    person.find("transcript").context.signals.several_requested.emit(last, [sampling] * 3)


def shown(person: Person) -> list[Message]:
    return [person.find(f"answer-{number}", AnswerColumn).message for number in (1, 2, 3)]


def test_the_next_question_reads_no_more_than_the_answer_that_was_chosen(asked: Person) -> None:
    figures: list[Done] = []
    asked.window.generation.measured.connect(figures.append)
    ask_three_times(asked, max_tokens=24)
    asked.wait(lambda: is_ready(asked, 4))
    assert len({message.text for message in shown(asked)}) == 3
    assert figures[-1].cached_tokens >= figures[-1].prompt_tokens - 1  # the question was read for the first answer
    asked.click("useAnswer-2")
    chosen = asked.window.session.conversation.path()[-1]
    assert asked.message(1) == chosen.text == shown(asked)[1].text
    asked.ask("Why?")
    asked.wait(lambda: is_ready(asked, 5))
    assert figures[-1].cached_tokens >= figures[0].prompt_tokens - 1


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_when_the_process_is_killed_each_keeps_what_it_had(asked: Person) -> None:
    ask_three_times(asked, max_tokens=2000)
    asked.wait(lambda: all(len(message.text) > 20 for message in shown(asked)))
    before = [message.text for message in shown(asked)]
    pid = asked.window.generation._thread.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    asked.wait(lambda: is_ready(asked, 4))
    assert [message.reply.ending for message in shown(asked) if message.reply] == [Ending.ERROR] * 3
    assert all(now.text.startswith(old) for now, old in zip(shown(asked), before, strict=True))
    asked.click("useAnswer-3")
    assert asked.button(1, "Continue")
