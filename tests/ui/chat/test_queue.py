"""A message that is sent while the model is busy waits for its turn, and Stop ends the reply that is shown."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget

from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


@pytest.fixture
def busy(person: Person, engine: ScriptedEngine, gate: threading.Event) -> Iterator[Person]:
    """In a new conversation, while a reply about boats is written in another one."""
    engine.enqueue("Half ", gate, "whole")
    person.ask("Boats")
    person.wait(lambda: person.message(1) == "Half ")
    person.click("newConversationButton")
    yield person
    gate.set()


def asked(engine: ScriptedEngine) -> list[str]:
    return [request.turns[-1].text for request in engine.requests]


def queue(person: Person) -> str:
    """What is said about the message that waits."""
    row = person.window.findChild(QWidget, "queueRow")
    return row.findChildren(QLabel)[0].text() if row and row.isVisible() else ""


def everything_answered(person: Person, engine: ScriptedEngine, count: int) -> Callable[[], bool]:
    return lambda: len(engine.requests) == count and person.window.generation.state is GenerationState.IDLE


def test_a_message_waits_for_the_reply_in_another_conversation(
    busy: Person, engine: ScriptedEngine, gate: threading.Event
) -> None:
    busy.ask("Bread")
    assert busy.written() == "Bread"
    assert queue(busy) == "Your message will be sent when the answer in “Boats” is finished."
    assert asked(engine) == ["Boats"]
    gate.set()
    busy.wait(everything_answered(busy, engine, 2))
    assert (busy.message(0), busy.message(1)) == ("Bread", "Bread")
    assert (busy.written(), queue(busy)) == ("", "")


def test_several_wait_in_turn_each_in_its_conversation(
    busy: Person, engine: ScriptedEngine, gate: threading.Event
) -> None:
    busy.ask("Bread")
    busy.click("newConversationButton")
    assert queue(busy) == ""
    busy.ask("Tea")
    busy.click("newConversationButton")
    busy.type("not sent")
    gate.set()
    busy.wait(everything_answered(busy, engine, 3))
    assert asked(engine) == ["Boats", "Bread", "Tea"]
    assert busy.written() == "not sent"
    busy.open("Bread")
    busy.wait(lambda: busy.window.findChild(QWidget, "message-1") and busy.message(1) == "Bread")


@pytest.mark.parametrize("how", ["button", "edit"])
def test_a_message_is_held_back(busy: Person, engine: ScriptedEngine, gate: threading.Event, how: str) -> None:
    busy.ask("Bread")
    if how == "button":
        busy.click("unqueueButton")
    else:
        busy.type("!")
    assert queue(busy) == ""
    assert ("You changed your message" in busy.status()) == (how == "edit")
    gate.set()
    busy.wait_for(GenerationState.IDLE)
    busy.qtbot.wait(100)
    assert asked(engine) == ["Boats"]
    assert busy.written().startswith("Bread")


def test_a_message_waits_for_the_reply_above_it(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("Half ", gate := threading.Event(), "whole")
    person.ask("Boats")
    person.wait(lambda: person.message(1) == "Half ")
    person.ask("And ships?")
    assert queue(person) == "Your message will be sent when this answer is finished."
    gate.set()
    person.wait(everything_answered(person, engine, 2))
    assert [person.message(number) for number in range(4)] == ["Boats", "Half whole", "And ships?", "And ships?"]


def test_files_that_wait_and_are_taken_away_are_not_sent(
    busy: Person, engine: ScriptedEngine, gate: threading.Event, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("words")
    busy.window._attachments.attach([tmp_path / "notes.txt"])
    busy.wait(lambda: busy.window.session.attached)
    busy.press(Qt.Key.Key_Return)
    assert "will be sent" in queue(busy)
    busy.click("chipRemove")
    gate.set()
    busy.wait_for(GenerationState.IDLE)
    busy.qtbot.wait(100)
    assert asked(engine) == ["Boats"]


def test_an_idea_waits_too(busy: Person, engine: ScriptedEngine, gate: threading.Event) -> None:
    button = next(
        child for child in busy.find("welcome").findChildren(QWidget) if "haiku" in str(child.property("text"))
    )
    assert button.isEnabled()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert "will be sent" in queue(busy)
    gate.set()
    busy.wait(everything_answered(busy, engine, 2))
    assert asked(engine)[1] == button.text()


def test_stop_ends_what_is_shown_and_nothing_else(busy: Person, engine: ScriptedEngine, gate: threading.Event) -> None:
    assert busy.find("sendButton").isVisible()
    assert not busy.find("stopButton").isVisible()
    assert not busy.window.commands.stop.isEnabled()
    QTest.keyClick(busy.find("composer"), Qt.Key.Key_Escape)
    assert busy.window.generation.is_answering()
    busy.open("Boats")
    busy.wait(lambda: busy.find("stopButton").isVisible())
    assert busy.window.commands.stop.isEnabled()
    busy.click("stopButton")
    busy.wait_for(GenerationState.IDLE)
    assert busy.message(1) == "Half "
    assert not gate.is_set()


def test_an_edit_box_says_why_it_cannot_send(person: Person, engine: ScriptedEngine) -> None:
    person.ask("First")
    person.wait_for(GenerationState.IDLE)
    engine.enqueue("Half ", gate := threading.Event(), "whole")
    person.ask("Second")
    person.wait(lambda: person.message(3) == "Half ")
    person.press_in(0, "Edit")
    field = person.find("editField")
    QTest.keyClicks(field, " anew")
    QTest.keyClick(field, Qt.Key.Key_Return)
    words = [label.text() for label in person.find("editBox").findChildren(QLabel)]
    assert "The model is busy. Try again when the answer is finished." in words
    assert field.toPlainText() == "First anew"
    gate.set()
    person.wait(lambda: person.find("editSend").isEnabled())
    assert "busy" not in "".join(label.text() for label in person.find("editBox").findChildren(QLabel))
    QTest.keyClick(field, Qt.Key.Key_Return)
    person.wait(lambda: person.message(0) == "First anew")
    person.wait_for(GenerationState.IDLE)


def test_keys_that_ask_say_that_the_model_is_busy(busy: Person, engine: ScriptedEngine, gate: threading.Event) -> None:
    busy.open("Boats")
    busy.wait(lambda: busy.window.findChild(QWidget, "message-1") is not None)
    QTest.keyClick(busy.window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert busy.status() == "The model is busy. Try again when the answer is finished."
    assert len(engine.requests) == 1
