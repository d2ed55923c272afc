"""What can be undone and done again, and what the menu says of it."""

from typing import Any

import pytest
from PySide6.QtWidgets import QMainWindow

from phichat.ui.actions import Actions
from phichat.ui.undo import UNDO_LIMIT, UndoStack


@pytest.fixture
def stack() -> UndoStack:
    return UndoStack()


def test_a_change_is_made_again_only_by_redo(stack: UndoStack) -> None:
    done: list[str] = []
    stack.record("One.", lambda: done.append("undo"), lambda: done.append("redo"))
    assert done == []
    stack.undo()
    stack.redo()
    stack.undo()
    stack.undo()
    assert done == ["undo", "redo", "undo"]


def test_a_change_without_redo_leaves_and_those_around_it_stay(stack: UndoStack) -> None:
    done: list[str] = []
    stack.record("One.", lambda: done.append("-1"), lambda: done.append("+1"))
    stack.record("Two.", lambda: done.append("-2"))
    stack.record("Three.", lambda: done.append("-3"), lambda: done.append("+3"))
    for _ in range(3):
        stack.undo()
    assert stack.redoText() == "One."
    for _ in range(3):
        stack.redo()
    assert done == ["-3", "-2", "-1", "+1", "+3"]


def test_a_new_change_ends_what_could_be_done_again(stack: UndoStack) -> None:
    stack.record("One.", lambda: None, lambda: None)
    stack.undo()
    stack.record("Two.", lambda: None)
    assert (stack.undoText(), stack.redoText()) == ("Two.", "")


def test_the_oldest_changes_are_let_go(stack: UndoStack) -> None:
    undone: list[int] = []
    for number in range(UNDO_LIMIT + 5):
        stack.record(str(number), lambda number=number: undone.append(number))  # type: ignore[misc]
    for _ in range(UNDO_LIMIT + 5):
        stack.undo()
    assert undone == list(range(UNDO_LIMIT + 4, 4, -1))


def test_only_what_is_not_quiet_is_announced(stack: UndoStack, qtbot: Any) -> None:
    with qtbot.assertNotEmitted(stack.announced):
        stack.record_quietly("Pinned.", lambda: None, lambda: None)
    with qtbot.waitSignal(stack.announced) as happened:
        stack.record("Deleted.", lambda: None)
    assert happened.args == ["Deleted."]


def test_the_menu_says_what_is_undone(stack: UndoStack, qtbot: Any) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    actions = Actions(window)
    actions.connect_undo_stack(stack)
    assert [(action.text(), action.isEnabled()) for action in (actions.undo, actions.redo)] == [
        ("Undo", False),
        ("Redo", False),
    ]
    stack.record("Deleted “A & B”.", lambda: None, lambda: None)
    assert (actions.undo.text(), actions.undo.isEnabled()) == ("Undo: Deleted “A && B”.", True)
    actions.undo.trigger()
    assert (actions.undo.text(), actions.undo.isEnabled()) == ("Undo", False)
    assert (actions.redo.text(), actions.redo.isEnabled()) == ("Redo: Deleted “A && B”.", True)
    actions.redo.trigger()
    stack.clear()
    assert (actions.undo.text(), actions.redo.text(), actions.undo.isEnabled()) == ("Undo", "Redo", False)
