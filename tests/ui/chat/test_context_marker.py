"""A line in the conversation: from there on the model remembers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget

from phichat.chat.conversation import Conversation, Ending, Reply, Role
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.store.history import History
from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedEngine
from tests.support.stored_history import put
from tests.ui.conftest import Person


def ask(person: Person, *texts: str) -> None:
    for text in texts:
        person.ask(text)
        person.wait_for(GenerationState.IDLE)


def line(person: Person) -> str:
    """What is said right below the line; nothing if there is no line."""
    rule: Any = person.window.findChild(QWidget, "horizon")
    if rule is None or not rule.isVisible():
        return ""
    assert rule.accessibleName() == "Context starts here"
    assert rule.findChild(QLabel).text() == "Context starts here"
    column = rule.parentWidget().layout()
    below = column.itemAt(column.indexOf(rule) + 1).widget()
    return str(below.property("source")) if below else "the end"


def test_the_line_is_where_the_model_begins_to_remember(person: Person, engine: ScriptedEngine) -> None:
    ask(person, "One", "Two")
    person.wait(lambda: line(person) == "")
    engine.leaves_out = 2
    ask(person, "Three")
    person.wait(lambda: line(person) == "Two")
    engine.leaves_out = 3
    ask(person, "Four")
    person.wait(lambda: person.message(3) == line(person) == "Two")
    engine.leaves_out = 4
    ask(person, "Five")
    person.wait(lambda: line(person) == "Three")
    engine.leaves_out = 0
    ask(person, "Six")
    person.wait(lambda: line(person) == "")


def test_the_line_comes_while_one_writes(person: Person, engine: ScriptedEngine) -> None:
    ask(person, "One", "Two")
    engine.leaves_out = 2
    person.type("Thr")
    person.wait(lambda: line(person) == "Two")
    engine.leaves_out = 4
    person.type("ee")
    person.wait(lambda: line(person) == "the end")
    person.press(Qt.Key.Key_Return)
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: line(person) == "Three")


def test_what_is_no_message_does_not_move_the_line(person: Person, engine: ScriptedEngine) -> None:
    """The system prompt is no message, and an answer without words is not read."""
    engine.enqueue(RuntimeError("broken"))
    ask(person, "One", "Two")
    person.window.session.system = "Be brief."
    engine.leaves_out = 2
    ask(person, "Three")
    person.wait(lambda: line(person) == "Two")


def test_each_conversation_has_its_own_line(
    home: Path, engine: ScriptedEngine, open_window: Callable[[], Person]
) -> None:
    put(home, ("Whales", 0.001), ("Bread", 0.002))
    person = open_window()
    person.wait(lambda: person.titles() == ["Whales", "Bread"])
    person.wait_for(GenerationState.IDLE)
    engine.leaves_out = 1
    person.open("Whales")
    person.wait(lambda: line(person) == "Well.")
    engine.leaves_out = 0
    person.open("Bread")
    person.wait(lambda: person.message(0) == "Tell me of Bread")
    assert line(person) == ""
    person.wait(lambda: len(engine.drafts) == 2)
    person.open("Whales")
    assert line(person) == "Well.", "it is remembered, until something else is told"
    person.wait(lambda: line(person) == "")


def test_the_line_is_there_wherever_one_scrolls(
    home: Path, engine: ScriptedEngine, open_window: Callable[[], Person]
) -> None:
    conversation = Conversation("Long")
    for number in range(200):
        conversation.add_message(Role.USER, f"Question {number}")
        conversation.add_message(Role.ASSISTANT, "Because. " * 100, Reply("m", 7, (1,), Ending.STOP))
    history = History(home / "history.sqlite3")
    heading = ConversationSummary(conversation.id, "Long", 1.0, 2.0)
    history.save_conversation(
        ConversationRecord(heading, conversation.tip, messages=tuple(conversation.messages()))
    ).result()
    history.close()
    engine.leaves_out = 300
    person = open_window()
    person.wait(lambda: person.titles() == ["Long"])
    person.open("Long")
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: engine.drafts and person.window.findChild(QWidget, "message-399"))
    assert person.window.findChild(QWidget, "message-300") is None, "it is not there yet"
    assert line(person) == ""
    transcript = person.find("transcript")
    transcript.show_message(conversation.path()[300].id)
    person.wait(lambda: line(person) == "Question 150")
    QTest.keyClick(transcript, Qt.Key.Key_Home)
    person.wait(lambda: line(person) == "")
    transcript.show_message(conversation.path()[299].id)
    person.wait(lambda: line(person) == "Question 150")
    QTest.keyClick(transcript, Qt.Key.Key_End)
    person.wait(lambda: line(person) == "")


def test_who_reads_stays_where_they_are_when_the_line_comes(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("Because. " * 300)
    engine.enqueue("Because. " * 300)
    ask(person, "One", "Two", "Three")
    bar = person.find("transcript").verticalScrollBar()
    person.wait(lambda: bar.maximum() > 500)
    seen = person.find("message-3")
    bar.setValue(seen.mapTo(person.find("transcriptContent"), QPoint(0, 20)).y())
    before = seen.mapTo(person.window, QPoint()).y()
    engine.leaves_out = 2
    person.type("F")
    person.wait(lambda: line(person) == "Two")
    person.wait_until_still()
    assert abs(seen.mapTo(person.window, QPoint()).y() - before) <= 1
