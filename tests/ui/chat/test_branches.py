"""Versions of questions and answers: nothing is overwritten, and each can be seen again."""

import threading

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget

from phichat.chat.conversation import Message, Role
from phichat.chat.sources import Source, Sources
from phichat.engine.base import CancelToken
from phichat.store.base import ConversationRecord
from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person

ALT = Qt.KeyboardModifier.AltModifier


@pytest.fixture
def twice(person: Person, engine: ScriptedEngine) -> Person:
    """Has two answers to one question, the newer one shown, and asked on from the older one."""
    engine.enqueue("One")
    person.ask("Choose")
    person.wait_for(GenerationState.IDLE)
    person.ask("And then?")
    person.wait_for(GenerationState.IDLE)
    engine.enqueue("Other")
    person.press_in(1, "Regenerate")
    person.wait(lambda: person.message(1) == "Other" and person.window.generation.state is GenerationState.IDLE)
    return person


def place(person: Person, number: int) -> str:
    """What the switch of a message says; empty where there is none."""
    labels = person.find(f"message-{number}").findChildren(QLabel)
    return next((label.text() for label in labels if not label.wordWrap() and not label.isHidden()), "")


def test_versions_are_seen_to_their_newest_ends_and_the_focus_stays(twice: Person) -> None:
    assert place(twice, 1) == "2/2"
    assert place(twice, 0) == ""
    assert twice.window.findChild(QWidget, "message-2") is None
    assert not twice.button(1, "Next version").isEnabled()
    assert twice.button(1, "2 of 2")
    twice.press_in(1, "Previous version")
    twice.wait(lambda: twice.window.findChild(QWidget, "message-3"))
    assert [twice.message(number) for number in range(4)] == ["Choose", "One", "And then?", "And then?"]
    assert place(twice, 1) == "1/2"
    twice.press_in(1, "Next version")
    assert twice.message(1) == "Other"
    assert twice.window.findChild(QWidget, "message-2") is None
    view = twice.find("message-1")
    view.take_focus()
    QTest.keyClick(twice.window.focusWidget(), Qt.Key.Key_Left, ALT)
    assert twice.message(1) == "One"
    assert twice.find("message-1").isAncestorOf(twice.window.focusWidget())
    twice.button(1, "Next version").setFocus()
    QTest.keyClick(twice.window.focusWidget(), Qt.Key.Key_Space)
    assert twice.message(1) == "Other"
    assert twice.window.focusWidget() is twice.button(1, "Previous version")
    conversation = twice.window.session.conversation
    message = next(one for one in conversation.messages() if one.text == "And then?")
    assert isinstance(message, Message)
    twice.window.message_commands.show_message(message.id, "THEN")
    assert twice.message(2) == "And then?"
    marks = twice.find("message-2").match_count()
    assert marks == 1


def test_the_switch_stays_under_the_mouse(person: Person, engine: ScriptedEngine) -> None:
    for text in ("short", "line\n\n" * 30):
        engine.enqueue(text)
    for _ in range(12):
        person.window.submit("before")
        person.wait_for(GenerationState.IDLE)
    engine.enqueue("short")
    engine.enqueue("line\n\n" * 30)
    person.ask("Which?")
    person.wait_for(GenerationState.IDLE)
    person.press_in(25, "Regenerate")
    person.wait(lambda: "line" in person.message(25) and person.window.generation.state is GenerationState.IDLE)
    person.wait_until_still()
    person.point_at(25)
    before = person.button(25, "Previous version").mapToGlobal(QPoint()).y()
    person.press_in(25, "Previous version")
    person.wait(lambda: person.message(25) == "short")
    person.wait(lambda: abs(person.button(25, "Next version").mapToGlobal(QPoint()).y() - before) <= 2)
    person.wait_until_still()
    assert abs(person.button(25, "Next version").mapToGlobal(QPoint()).y() - before) <= 2, "it stays there"


def test_a_question_is_edited_in_its_place_and_both_stay(person: Person, engine: ScriptedEngine) -> None:
    person.ask("Whales?")
    person.wait_for(GenerationState.IDLE)
    person.type("draft")
    person.press_in(0, "Edit")
    field = person.find("editField")
    assert field.hasFocus()
    assert field.toPlainText() == "Whales?"
    field.selectAll()
    QTest.keyClicks(field, "Bread?")
    QTest.keyClick(field, Qt.Key.Key_Return)
    person.wait(lambda: person.message(1) == "Bread?" and person.window.generation.state is GenerationState.IDLE)
    assert place(person, 0) == "2/2"
    assert person.written() == "draft"
    person.press_in(0, "Previous version")
    assert [person.message(0), person.message(1)] == ["Whales?", "Whales?"]


def _stored_sources(record: ConversationRecord) -> dict[str, Sources | None]:
    return {message.text: message.sources for message in record.messages if message.role is Role.USER}


def test_another_version_is_shown_while_documents_are_searched(
    person: Person, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.ask("Whales?")
    person.wait_for(GenerationState.IDLE)
    generation, search = person.window.generation, CancelToken()
    monkeypatch.setattr(generation, "search", lambda _: search)
    person.press_in(0, "Edit")
    QTest.keyClicks(person.find("editField"), " Or bread?")
    QTest.keyClick(person.find("editField"), Qt.Key.Key_Return)
    person.press_in(0, "Previous version")
    found = Sources(("bread.txt",), (Source("/a/bread.txt", "Bread is baked."),))
    generation.on_found(search, found)
    person.wait(lambda: len(engine.requests) == 2 and person.window.generation.state is GenerationState.IDLE)
    assert "Bread is baked." in engine.requests[-1].turns[-1].text
    history, name = person.window.conversations.history(), person.window.session.conversation.id
    person.wait(
        lambda: _stored_sources(history.load_conversation(name)) == {"Whales?": None, "Whales? Or bread?": found}
    )


def test_what_is_written_in_place_of_a_question_is_kept_while_another_one_is_read_but_not_after_escape(
    person: Person,
) -> None:
    person.ask("Whales?")
    person.wait_for(GenerationState.IDLE)
    person.press_in(0, "Edit")
    QTest.keyClicks(person.find("editField"), " Or bread?")
    QTest.keyClick(person.find("editField"), Qt.Key.Key_Escape)
    assert not person.find("message-0").findChild(QWidget, "editField").isVisible()
    assert person.message(0) == "Whales?"
    assert len(person.window.session.conversation.messages()) == 2
    person.press_in(0, "Edit")
    person.find("editField").selectAll()
    QTest.keyClicks(person.find("editField"), "Whales? Or bread?")
    person.click("newConversationButton")
    person.open("Whales?")
    assert person.find("editField").toPlainText() == "Whales? Or bread?"


def test_editing_waits_for_the_answer_under_way(person: Person, engine: ScriptedEngine) -> None:
    gate = threading.Event()
    engine.enqueue("Half ", gate, "whole")
    person.ask("Tell")
    person.wait(lambda: person.message(1) == "Half ")
    person.press_in(0, "Edit")
    field = person.find("editField")
    QTest.keyClicks(field, " me")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert not person.find("editSend").isEnabled()
    assert field.toPlainText() == "Tell me"
    gate.set()
    person.wait_for(GenerationState.IDLE)
    QTest.keyClick(field, Qt.Key.Key_Return)
    person.wait(lambda: person.message(1) == "Tell me")


def test_escape_in_the_field_does_not_stop_the_answer(person: Person, engine: ScriptedEngine) -> None:
    gate = threading.Event()
    engine.enqueue("Half ", gate, "whole")
    person.ask("Tell")
    person.wait(lambda: person.message(1) == "Half ")
    person.press_in(0, "Edit")
    QTest.keyClick(person.find("editField"), Qt.Key.Key_Escape)
    assert person.window.generation.is_answering()
    gate.set()
    person.wait(lambda: person.message(1) == "Half whole")


def test_an_answer_under_way_goes_on_in_its_branch(person: Person, engine: ScriptedEngine) -> None:
    gate = threading.Event()
    engine.enqueue("One")
    engine.enqueue("Ot", gate, "her")
    person.ask("Choose")
    person.wait_for(GenerationState.IDLE)
    person.press_in(1, "Regenerate")
    person.wait(lambda: person.message(1) == "Ot")
    person.press_in(1, "Previous version")
    assert person.message(1) == "One"
    assert not person.button(1, "Regenerate").isEnabled()
    gate.set()
    person.wait_for(GenerationState.IDLE)
    assert person.message(1) == "One"
    person.press_in(1, "Next version")
    assert person.message(1) == "Other"


def test_coming_back_to_a_branch_its_answer_is_still_seen_to_grow(person: Person, engine: ScriptedEngine) -> None:
    gate = threading.Event()
    engine.enqueue("One")
    engine.enqueue("Ot", gate, "her")
    person.ask("Choose")
    person.wait_for(GenerationState.IDLE)
    person.press_in(1, "Regenerate")
    person.wait(lambda: person.message(1) == "Ot")
    person.press_in(1, "Previous version")
    person.press_in(1, "Next version")
    assert person.message(1) == "Ot"
    gate.set()
    person.wait(lambda: person.message(1) == "Other")


def test_the_branch_that_is_shown_is_shown_at_the_next_start(twice: Person, open_window: object) -> None:
    twice.press_in(1, "Previous version")
    tip = twice.window.session.conversation.tip
    twice.window.close()
    assert callable(open_window)
    again = open_window()
    again.wait(lambda: again.titles() == ["Choose"])
    again.open("Choose")
    again.wait(lambda: again.window.session.conversation.tip == tip)
    assert again.message(1) == "One"
    assert place(again, 1) == "1/2"


def test_the_message_field_has_the_focus_after_regenerate_by_key(person: Person, engine: ScriptedEngine) -> None:
    person.ask("Choose")
    person.wait_for(GenerationState.IDLE)
    person.point_at(1)
    person.button(1, "Regenerate").setFocus()
    engine.enqueue("Other")
    QTest.keyClick(person.window.focusWidget(), Qt.Key.Key_Space)
    person.wait(lambda: person.message(1) == "Other" and person.window.generation.state is GenerationState.IDLE)
    assert person.window.focusWidget() is person.find("composer")
