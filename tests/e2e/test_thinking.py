"""A model that would think for ever, in its own process, is made to answer from the window."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from phichat import app
from phichat.chat.conversation import Ending
from phichat.chat.sampling import Sampling
from phichat.ui.controllers.generation import GenerationState
from tests.support import tiny_models
from tests.ui.conftest import Person


@pytest.fixture
def person(qtbot: QtBot, tmp_path: Path) -> Iterator[Person]:
    window = app.create_window(str(tiny_models.thinker(tmp_path / "thinker.gguf", context=4096)))
    window.show()
    person = Person(window, qtbot)
    try:
        person.wait_for(GenerationState.IDLE)
        yield person
    finally:
        window.close()


def test_answer_now_in_the_middle_of_a_thought(person: Person) -> None:
    person.window.session.sampling = Sampling(temperature=0.0, max_tokens=20, repeat_penalty=1)
    assert not person.find("thinkingCombo").isHidden()
    person.ask("Why?")
    button = person.find("answerNowButton")
    person.wait(lambda: button.isVisible() and len(person.window.session.conversation.path()[-1].thinking) > 3)
    person.click("answerNowButton")
    person.wait_for(GenerationState.IDLE)
    answered = person.window.session.conversation.path()[-1]
    assert answered.reply is not None
    assert (answered.text, answered.reply.ending) == ("Yo", Ending.STOP)
    assert set(answered.thinking) == {"a", "b"}
    assert answered.reply.thinking_tokens < 3000  # it would have filled the context
    assert person.find("thinking-1", QWidget).property("source") == answered.thinking
    person.ask("And now?")  # the thought is no part of the next prompt
    person.wait(lambda: person.find("answerNowButton").isVisible())
    person.click("stopButton")
    person.wait_for(GenerationState.IDLE)
