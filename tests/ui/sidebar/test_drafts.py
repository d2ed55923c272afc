"""A draft is told from a conversation in the list, for eyes and for screen readers."""

from collections.abc import Callable

from PySide6.QtCore import Qt

from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedEngine
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
