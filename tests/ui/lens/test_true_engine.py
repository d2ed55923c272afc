"""A word of a true answer is changed by keyboard alone, and nothing before it is read again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from phichat import app
from phichat.chat.conversation import Message
from phichat.engine.llama.engine import LlamaEngine
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.lens.lens_text import LensText
from tests.ui.conftest import Person


@pytest.fixture
def person(qtbot: QtBot, chatml_model: Path) -> Iterator[Person]:
    """In front of a window with a tiny model, which says random bytes."""
    window = app.create_window(str(chatml_model), make_engine=LlamaEngine)
    window.show()
    qtbot.waitExposed(window)
    person = Person(window, qtbot)
    person.wait(lambda: window.generation.loaded is not None)
    person.wait_for(GenerationState.IDLE)
    yield person
    window.close()


def press(key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    focus = QApplication.focusWidget()
    assert focus is not None
    QTest.keyClick(focus, key, modifier)


def last(person: Person) -> Message:
    return person.window.session.conversation.path()[-1]


def wait_for_answer(person: Person, count: int) -> None:
    def is_there() -> bool:
        reply = last(person).reply
        return len(person.window.session.conversation.messages()) == count and bool(reply and reply.statistics)

    person.wait(is_there)


def test_a_word_is_changed_by_keyboard_alone(person: Person) -> None:
    person.window.session.sampling = replace(person.window.session.sampling, max_tokens=24, seed=5)
    QTest.keyClick(person.window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    person.ask("What is there in winter?")
    wait_for_answer(person, 2)
    answer = last(person)
    QTest.keyClick(person.window, Qt.Key.Key_F8)
    text = QApplication.focusWidget()
    assert isinstance(text, LensText)
    press(Qt.Key.Key_End)
    for _ in range(3):
        press(Qt.Key.Key_Left)
    place = text.words[text.current].least_sure
    press(Qt.Key.Key_Return)
    assert QApplication.focusWidget() is person.find("lensCandidates")
    press(Qt.Key.Key_Return)
    wait_for_answer(person, 3)
    branch = last(person)
    assert branch.reply is not None
    assert answer.reply is not None
    assert branch.reply.branched_from is not None
    assert branch.reply.branched_from.message == answer.id
    assert branch.reply.tokens[: place.number] == answer.reply.tokens[: place.number]
    assert branch.reply.tokens[place.number] != answer.reply.tokens[place.number]
    statistics = branch.reply.statistics
    assert statistics["cached_tokens"] == statistics["prompt_tokens"] - 1, "all but the last"
    assert statistics["prompt_tokens"] > place.number
    person.wait(lambda: isinstance(QApplication.focusWidget(), LensText))
    assert QWidget.isVisible(person.find("lensSummary"))
