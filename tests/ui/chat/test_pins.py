"""Messages that the model is always to remember."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu, QTextBrowser, QWidget

from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedEngine
from tests.support.stored_history import put
from tests.ui.conftest import Person

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def ask(person: Person, *texts: str) -> None:
    for text in texts:
        person.ask(text)
        person.wait_for(GenerationState.IDLE)


def show(person: Person, title: str) -> None:
    person.open(title)
    person.wait(lambda: person.message(0) == f"Tell me of {title}")


def pinned(person: Person) -> list[int]:
    """The numbers of the messages that show a pin, and are called pinned."""
    found = []
    for number in range(len(person.window.session.conversation.path())):
        view: Any = person.find(f"message-{number}")
        mark = view.findChild(QWidget, "pinMark")
        shows = mark is not None and not mark.isHidden()
        for widget in (view, *view.findChildren(QTextBrowser)):
            assert widget.accessibleName().endswith(", pinned") is shows
        found += [number] if shows else []
    return found


def press(person: Person, key: Qt.Key, modifier: Qt.KeyboardModifier) -> None:
    QTest.keyClick(person.window, key, modifier)


def test_pins_are_there_at_the_next_start(person: Person, open_window: Callable[[], Person]) -> None:
    ask(person, "One", "Two")
    person.choose_in(1, "Pin")
    person.choose_in(2, "Pin")
    person.wait(lambda: person.find("message-1").findChild(QMenu) is None)
    person.choose_in(1, "Unpin")
    person.window.close()
    again = open_window()
    again.wait(lambda: again.titles() == ["One"])
    again.open("One")
    again.wait(lambda: again.message(3) == "Two")
    assert pinned(again) == [2]


def test_a_message_is_pinned_by_key_and_by_menu_shows_a_pin_and_the_model_is_told(
    person: Person, engine: ScriptedEngine
) -> None:
    ask(person, "One", "Two")
    press(person, Qt.Key.Key_P, CONTROL | SHIFT)
    assert pinned(person) == [3]
    person.find("message-0").take_focus()
    press(person, Qt.Key.Key_P, CONTROL | SHIFT)
    assert pinned(person) == [0, 3]
    press(person, Qt.Key.Key_P, CONTROL | SHIFT)
    assert pinned(person) == [3]
    person.click("newConversationButton")
    ask(person, "My name is Ada", "Hello")
    assert pinned(person) == []
    person.choose_in(0, "Pin")
    person.choose_in(3, "Pin")
    assert pinned(person) == [0, 3]
    ask(person, "Who am I?")
    assert [turn.is_pinned for turn in engine.requests[-1].turns] == [True, False, False, True, False]
    person.choose_in(3, "Unpin")
    assert pinned(person) == [0]
    person.find("message-0").take_focus()
    assert person.window.focusWidget().accessibleName() == "Your message, pinned"


def test_pinning_is_undone_and_done_again(person: Person, home: Path) -> None:
    ask(person, "One")
    person.choose_in(0, "Pin")
    undo_stack = person.window.conversations.undo_stack
    assert undo_stack.undoText() == "Message pinned."
    assert person.window.findChild(QWidget, "undoBar") is None, "one sees it anyway"
    undo_stack.undo()
    assert pinned(person) == []
    undo_stack.redo()
    assert pinned(person) == [0]
    undo_stack.undo()
    assert [turn.is_pinned for turn in person.window.session.turns("")] == [False, False]


def test_pinning_is_undone_where_another_conversation_is_shown(home: Path, open_window: Callable[[], Person]) -> None:
    put(home, *((f"Talk {number}", number) for number in range(12)))
    person = open_window()
    person.wait(lambda: len(person.titles()) == 12)
    show(person, "Talk 0")
    person.choose_in(0, "Pin")
    for number in (*range(1, 12), 0, 5):  # more than are kept in memory: the first one is read again
        show(person, f"Talk {number}")
    person.window.conversations.undo_stack.undo()
    assert pinned(person) == []
    show(person, "Talk 0")
    assert pinned(person) == []


def test_a_pinned_question_that_is_written_anew_stays_pinned(person: Person, engine: ScriptedEngine) -> None:
    ask(person, "My name is Ida")
    person.choose_in(0, "Pin")
    press(person, Qt.Key.Key_E, CONTROL)
    mark, box = person.find("pinMark"), person.find("editBox")
    person.wait(lambda: box.y() > mark.y())
    field = person.find("editField")
    field.selectAll()
    QTest.keyClicks(field, "My name is Ada")
    QTest.keyClick(field, Qt.Key.Key_Return)
    person.wait(lambda: len(engine.requests) == 2 and person.window.generation.state is GenerationState.IDLE)
    assert person.message(0) == "My name is Ada"
    assert pinned(person) == [0]


def test_nothing_without_words_is_pinned(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue(RuntimeError("broken"))
    ask(person, "One")
    person.press_in(1, "More actions")
    actions = {action.text(): action.isEnabled() for action in person.find("message-1").findChild(QMenu).actions()}
    person.close_menu()
    assert not actions["Pin"]
    press(person, Qt.Key.Key_P, CONTROL | SHIFT)
    assert pinned(person) == []


def test_what_is_pinned_is_read_anew_while_nobody_writes(person: Person, engine: ScriptedEngine) -> None:
    ask(person, "One")
    person.wait(lambda: engine.drafts)
    read = len(engine.drafts)
    person.choose_in(0, "Pin")
    person.wait(lambda: len(engine.drafts) > read)
