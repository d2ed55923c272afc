"""A draft is told from a conversation in the list, for eyes and for screen readers."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt

from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedEngine
from tests.support.stored_history import put
from tests.ui.chat.test_attachments import attach
from tests.ui.conftest import Person

READ = Qt.ItemDataRole.AccessibleTextRole


def test_a_draft_says_so_until_it_is_sent(
    person: Person, engine: ScriptedEngine, open_window: Callable[[], Person]
) -> None:
    person.type("Boats to look up")
    person.window.commands.new.trigger()
    person.wait(lambda: "Boats to look up" in person.titles())
    assert person.row("Boats to look up").data(READ) == "Draft: Boats to look up"
    person.window.close()
    again = open_window()
    again.wait_for(GenerationState.IDLE)
    again.wait(lambda: "Boats to look up" in again.titles())
    assert again.row("Boats to look up").data(READ) == "Draft: Boats to look up"
    again.open("Boats to look up")
    engine.enqueue("An answer.")
    again.wait(lambda: again.written() == "Boats to look up")
    again.press(Qt.Key.Key_Return)
    again.wait(lambda: again.window.session.conversation.path() and again.titles())
    again.wait(lambda: again.row("Boats to look up").data(READ) == "Boats to look up")


def test_a_draft_that_was_only_looked_at_stays_where_it_is(
    home: Path, open_window: Callable[[], Person], tmp_path: Path
) -> None:
    put(home, ("Whales", 1), ("Bread", 2))
    (tmp_path / "a.txt").write_text("Ferry at nine.", "utf-8")
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: len(person.titles()) == 2)
    attach(person, tmp_path / "a.txt")
    person.window.commands.new.trigger()
    person.ask("Later")
    person.wait_for(GenerationState.IDLE)
    titles = ["Later", "a.txt", "Whales", "Bread"]
    person.wait(lambda: person.titles() == titles)
    person.open("a.txt")
    person.wait(lambda: person.window.session.attached)
    person.open("Whales")
    person.wait(lambda: person.window.session.conversation.title == "Whales")
    assert person.titles() == titles


def test_nothing_stays_of_a_draft_that_was_deleted_in_a_conversation_with_instructions(person: Person) -> None:
    person.find("systemPrompt").setPlainText("Answer in one word.")
    person.type("What is the rent?")
    history, name = person.window.conversations.history(), person.window.session.conversation.id
    person.wait(lambda: [each.title for each in history.list_conversations()] == ["What is the rent?"])
    person.press(Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    person.press(Qt.Key.Key_Backspace)
    person.window.commands.new.trigger()
    person.wait(lambda: [each.title for each in history.list_conversations() if each.id == name] == [""])
    assert person.titles() == ["Untitled"]
