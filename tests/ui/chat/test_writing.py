"""What is written in the message field arrives as it was meant, where it was meant."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTextEdit

from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person

MUCH = "some words in a line\n" * 2000


@pytest.fixture
def alone(open_window: Callable[[], Person], monkeypatch: pytest.MonkeyPatch) -> Person:
    """In front of a window without any model."""
    monkeypatch.setattr("phichat.models.library.STARTER_PACKAGE", "no_such_package")
    person = open_window()
    person.wait(lambda: "No model" in str(person.find("modelButton").property("text")))
    return person


def _get_model(person: Person, file: Path) -> None:
    person.window.model_selection.open_file(str(file))
    person.wait_for(GenerationState.IDLE)


def test_what_was_asked_without_a_model_is_asked_where_it_was_asked(
    alone: Person, engine: ScriptedEngine, phi3_model: Path
) -> None:
    alone.ask("Early")
    alone.click("newConversationButton")
    alone.type("half a thou")
    _get_model(alone, phi3_model)
    assert [request.turns[-1].text for request in engine.requests if not request.is_draft] == ["Early"]
    assert alone.written() == "half a thou"
    alone.open("Early")
    alone.wait(lambda: alone.message(1) == "Early")
    assert alone.written() == ""


def asked_after(person: Person, engine: ScriptedEngine, text: str) -> list[str]:
    """All that was asked once what is in the message field, and `text`, has been answered."""

    def asked() -> list[str]:
        return [request.turns[-1].text for request in engine.requests if not request.is_draft]

    person.wait_for(GenerationState.IDLE)
    person.ask(text)
    person.wait(lambda: any(each.endswith(text) for each in asked()))
    person.wait_for(GenerationState.IDLE)
    return asked()


def test_what_was_asked_without_a_model_is_not_asked_once_it_is_changed(
    alone: Person, engine: ScriptedEngine, phi3_model: Path
) -> None:
    alone.ask("Early")
    alone.type(", no")
    alone.press(Qt.Key.Key_Backspace)
    _get_model(alone, phi3_model)
    assert alone.written() == "Early, n"
    assert asked_after(alone, engine, "o") == ["Early, no"]


def test_what_was_asked_without_a_model_is_not_asked_once_it_is_deleted(
    alone: Person, engine: ScriptedEngine, phi3_model: Path
) -> None:
    alone.ask("Early")
    name = alone.window.session.conversation.id
    alone.click("newConversationButton")
    alone.wait(lambda: alone.titles() == ["Early"])
    alone.window.conversations.commands.delete([name])
    _get_model(alone, phi3_model)
    assert asked_after(alone, engine, "Later") == ["Later"]


SPACES = [
    ("Bonjour\u00a0!\u202f?", "Bonjour\u00a0!\u202f?"),
    ("    if x:\n        y()\n", "    if x:\n        y()"),
    ("\n  \n\tgo:\u2028 \n\n end \n ", "\tgo:\n \n\n end"),
]


def test_a_question_keeps_its_spaces(person: Person) -> None:
    for pasted, asked in SPACES:
        person.click("newConversationButton")
        _paste_and_ask(person, pasted, asked)


def _paste_and_ask(person: Person, pasted: str, asked: str) -> None:
    _paste(person.find("composer"), pasted)
    person.press(Qt.Key.Key_Return)
    person.wait_for(GenerationState.IDLE)
    assert person.window.session.conversation.path()[0].text == asked
    person.press_in(0, "Edit")
    field = person.find("editField")
    assert field.text() == asked
    _paste(field, "\u00a0;")
    QTest.keyClick(field, Qt.Key.Key_Return)
    person.wait_for(GenerationState.IDLE)
    assert person.window.session.conversation.path()[0].text == f"{asked}\u00a0;"


def test_a_draft_keeps_its_spaces(person: Person, open_window: Callable[[], Person]) -> None:
    _paste(person.find("composer"), "  Bonjour\u00a0!")
    person.window.close()
    second = open_window()
    second.wait(lambda: second.find("composer").text() == "  Bonjour\u00a0!")


def _paste(field: QTextEdit, text: str) -> None:
    data = QMimeData()
    data.setText(text)
    field.insertFromMimeData(data)


def test_a_long_text_is_read_a_few_times_a_second(person: Person) -> None:
    person.find("composer").setPlainText(MUCH)
    said: list[str] = []
    person.window.conversations.current.draft_changed.connect(said.append)
    person.find("composer").moveCursor(QTextCursor.MoveOperation.End)
    person.type("twenty keys in a row")
    assert len(said) < 10
    person.wait(lambda: person.window.session.draft == MUCH + "twenty keys in a row")


def test_the_end_of_a_long_text_is_kept_wherever_one_goes(person: Person, open_window: Callable[[], Person]) -> None:
    _write_much(person, " one")
    first = person.window.session
    person.window.conversations.current.start_new()
    assert first.draft == MUCH + " one"
    assert person.written() == ""
    _write_much(person, " two")
    person.window.close()
    second = open_window()
    second.wait(lambda: second.written() == MUCH + " two")
    second.window.conversations.current.open_conversation(first.conversation.id)
    second.wait(lambda: second.written() == MUCH + " one")


def test_an_edit_that_was_not_sent_is_in_the_message_field_next_time(
    person: Person, open_window: Callable[[], Person]
) -> None:
    person.ask("Question")
    person.wait_for(GenerationState.IDLE)
    person.type("draft")
    person.press_in(0, "Edit")
    _paste(person.find("editField"), " anew")
    person.window.close()
    second = open_window()
    second.wait(lambda: second.titles() == ["Question"])
    second.open("Question")
    second.wait(lambda: second.written() == "draft\n\n[Unsent change to an earlier message:]\nQuestion anew")


def _write_much(person: Person, end: str) -> None:
    field = person.find("composer")
    field.setPlainText(MUCH)
    field.moveCursor(QTextCursor.MoveOperation.End)
    field.insertPlainText(end)
