"""What was being written in place of a message is there again, wherever it was, after the window was closed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from phichat.store.base import ConversationRecord
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.transcript.message_editor import MessageEditor
from tests.support.stored_history import put
from tests.ui.conftest import Person

MANY = [f"Topic {number}" for number in range(12)]  # more than are kept in memory


@pytest.fixture
def many(home: Path, open_window: Callable[[], Person]) -> Person:
    """In front of a window with many conversations."""
    put(home, *((title, number / 1000) for number, title in enumerate(MANY, 1)))
    person = open_window()
    person.wait(lambda: len(person.titles()) == len(MANY))
    person.wait_for(GenerationState.IDLE)
    return person


def show(person: Person, title: str) -> None:
    person.open(title)
    person.wait(lambda: person.window.windowTitle().startswith(f"{title} –"))


def edit(person: Person, words: str) -> None:
    person.press_in(0, "Edit")
    QTest.keyClicks(person.find("editField"), words)


def test_edits_in_other_conversations_become_drafts(many: Person, open_window: Callable[[], Person]) -> None:
    """Those just left, and those left so long ago that they are no more in memory."""
    show(many, MANY[0])
    edit(many, " and more")
    for title in MANY[1:-1]:
        show(many, title)
    edit(many, " and less")
    show(many, MANY[-1])
    many.type("a draft")
    many.window.close()
    again = open_window()
    again.wait(lambda: len(again.titles()) == len(MANY))
    show(again, MANY[0])
    assert again.written() == f"Tell me of {MANY[0]} and more"
    show(again, MANY[-2])
    assert again.written() == f"Tell me of {MANY[-2]} and less"
    show(again, MANY[-1])
    assert again.written() == "a draft"


def test_an_edit_on_a_branch_that_is_not_shown_becomes_a_draft(many: Person, open_window: Callable[[], Person]) -> None:
    show(many, MANY[0])
    edit(many, " too")
    many.click("editSend")
    many.wait_for(GenerationState.IDLE)
    edit(many, " and more")
    many.press_in(0, "Previous version")
    many.window.close()
    again = open_window()
    again.wait(lambda: len(again.titles()) == len(MANY))
    show(again, MANY[0])
    assert again.written() == f"Tell me of {MANY[0]} too and more"


def stored(person: Person) -> ConversationRecord:
    """What would be left of the conversation shown if the power failed now."""
    conversations = person.window.conversations
    if conversations.autosave.last:
        conversations.autosave.last.result(10)
    return conversations.history().load_conversation(person.window.session.conversation.id)


def test_a_power_cut_loses_no_edit(many: Person) -> None:
    show(many, MANY[0])
    many.type("a draft")
    edit(many, " and more")
    both = f"a draft\n\n[Unsent change to an earlier message:]\nTell me of {MANY[0]} and more"
    many.wait(lambda: stored(many).draft == both)
    for title in MANY[1:]:
        show(many, title)
    show(many, MANY[0])
    assert many.written() == "a draft", "the edit is still open"
    many.click("editSend")
    many.wait_for(GenerationState.IDLE)
    many.wait(lambda: stored(many).draft == "a draft")


def test_an_edit_is_no_draft_while_the_window_is_open(many: Person) -> None:
    show(many, MANY[0])
    edit(many, " and more")
    many.find("editField").insertPlainText("A line of it.\n" * 2000)
    many.wait(lambda: stored(many).attached)
    for title in MANY[1:]:
        show(many, title)
    show(many, MANY[0])
    assert (many.written(), many.window.session.attached) == ("", ())
    assert many.find("editField").toPlainText() == f"Tell me of {MANY[0]} and more"


def test_an_edit_that_was_cancelled_is_there_when_it_is_opened_again_with_what_was_attached(many: Person) -> None:
    show(many, MANY[0])
    edit(many, " and more")
    QTest.keyClick(many.find("editField"), Qt.Key.Key_Escape)
    assert many.message(0) == f"Tell me of {MANY[0]}"
    many.wait(lambda: not many.window.findChild(MessageEditor))
    many.press_in(0, "Edit")
    field = many.find("editField")
    assert field.toPlainText() == f"Tell me of {MANY[0]} and more"
    hints = [label.text() for label in many.find("editBox").findChildren(QLabel)]
    assert "Your unsent changes were restored. Undo them to return to the original message." in hints
    field.undo()
    assert field.toPlainText() == f"Tell me of {MANY[0]}"
    many.click("editCancel")
    many.wait(lambda: not many.window.findChild(MessageEditor))
    many.press_in(0, "Edit")
    assert many.find("editField").toPlainText() == f"Tell me of {MANY[0]}"
    many.click("editCancel")
    many.wait(lambda: not many.window.findChild(MessageEditor))
    show(many, MANY[1])
    edit(many, "")
    many.find("editField").insertPlainText("A line of it.\n" * 2000)
    QTest.keyClick(many.find("editField"), Qt.Key.Key_Escape)
    many.wait(lambda: not many.window.findChild(MessageEditor))
    edit(many, "")
    assert len(many.find("editBox", MessageEditor).chips.files()) == 1


def test_text_that_was_attached_to_an_edit_is_kept_with_the_draft(
    many: Person, open_window: Callable[[], Person]
) -> None:
    show(many, MANY[0])
    edit(many, "")
    many.find("editField").insertPlainText("A line of it.\n" * 2000)
    many.wait(lambda: stored(many).attached)
    [file] = stored(many).attached
    assert many.window.session.attached == ()
    many.window.close()
    again = open_window()
    again.wait(lambda: len(again.titles()) == len(MANY))
    show(again, MANY[0])
    assert again.window.session.attached == (file,)
    assert again.written() == ""
