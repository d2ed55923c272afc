"""What can be undone and done again, and what the menu says of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QMainWindow, QMenu, QWidget

from phichat.ui.actions import Actions
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.help.shortcuts_dialog import groups
from phichat.ui.undo import UNDO_LIMIT, UndoStack
from tests.support.stored_history import put
from tests.ui.conftest import Person


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
        stack.record("Conversation pinned.", lambda: None, lambda: None, quietly=True)
    with qtbot.waitSignal(stack.announced) as happened:
        stack.record("Deleted.", lambda: None)
    assert happened.args == ["Deleted.", ""]


def test_the_menu_says_what_is_undone(stack: UndoStack, qtbot: Any) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    actions = Actions(window)
    actions.connect_undo_stack(stack)
    assert [(action.text(), action.isEnabled()) for action in (actions.undo, actions.redo)] == [
        ("Undo", False),
        ("Redo", False),
    ]
    stack.record("“A & B” deleted.", lambda: None, lambda: None)
    assert (actions.undo.text(), actions.undo.isEnabled()) == ("Undo: “A && B” deleted", True)
    actions.undo.trigger()
    assert (actions.undo.text(), actions.undo.isEnabled()) == ("Undo", False)
    assert (actions.redo.text(), actions.redo.isEnabled()) == ("Redo: “A && B” deleted", True)
    actions.redo.trigger()
    stack.record(f"{'A long name ' * 30}was removed.", lambda: None, lambda: None)
    assert len(actions.undo.text()) < 100
    assert actions.undo.text().endswith("name was removed")
    stack.clear()
    assert (actions.undo.text(), actions.redo.text(), actions.undo.isEnabled()) == ("Undo", "Redo", False)


def test_what_is_undone_is_said_with_an_offer_to_redo(stack: UndoStack, qtbot: Any) -> None:
    stack.record("Renamed.", lambda: None, lambda: None, quietly=True, place="here")
    with qtbot.waitSignal(stack.undone) as happened:
        stack.undo()
    assert happened.args == ["Renamed.", True, "here"]
    with qtbot.waitSignal(stack.announced) as happened:
        stack.redo()
    assert happened.args == ["Renamed.", "here"]
    stack.record("Gone.", lambda: None)
    with qtbot.waitSignal(stack.undone) as happened:
        stack.undo()
    assert happened.args == ["Gone.", False, ""]
    stack.clear()
    with qtbot.assertNotEmitted(stack.undone):
        stack.undo()


def _edit_menu(person: Person) -> list[str]:
    """What the Edit menu offers to undo and to redo."""
    return [action.text() for action in _undo_entries(person)]


def _keys_in_edit_menu(person: Person) -> list[str]:
    """Those of them that have keys."""
    return [action.text() for action in _undo_entries(person) if not action.shortcut().isEmpty()]


def _undo_entries(person: Person) -> list[QAction]:
    menu = next(menu for menu in person.window.menuBar().findChildren(QMenu) if menu.title() == "&Edit")
    menu.aboutToShow.emit()
    return [action for action in menu.actions()[:4] if action.isVisible() and action.isEnabled()]


def _press(widget: QWidget, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.ControlModifier) -> None:
    """Press a key as a keyboard does: the window's shortcuts come first."""
    QTest.keyClick(widget, key, modifiers)


def test_an_import_is_not_undone_from_any_text_field(
    home: Path, open_window: Callable[[], Person], tmp_path: Path
) -> None:
    put(home, ("Whales", 1), ("Bread", 2))
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: len(person.titles()) == 2)
    person.window.sidebar.import_export.export([], tmp_path / "all.json")
    person.wait(lambda: "Exported" in person.status())
    person.window.conversations.delete_everything()
    person.window.sidebar.import_files([tmp_path / "all.json"])
    person.wait(lambda: len(person.titles()) == 2)
    person.wait(person.window.conversations.undo_stack.canUndo)
    imported = "Imported 2 conversations with 4 new messages."
    person.open("Bread")
    person.wait(lambda: person.window.findChild(QWidget, "message-1") is not None)
    person.window.commands.find.trigger()
    QTest.keyClick(person.window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    names = ["composer", "searchField", "findField", "editField", "systemPrompt", "contextSpin"]
    for field in map(person.find, names):
        field.setFocus()
        assert field.hasFocus()
        for key in (Qt.Key.Key_Z, Qt.Key.Key_Y):
            _press(field, key)
        _press(field, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
        assert len(person.titles()) == 2, field.objectName()
    person.find("composer").setFocus()
    assert _edit_menu(person) == [f"Undo: {imported.removesuffix('.')}"]
    assert _keys_in_edit_menu(person) == []
    person.type("word")
    assert _edit_menu(person) == ["Undo", f"Undo: {imported.removesuffix('.')}"]
    person.window.commands.undo.trigger()
    assert (person.written(), len(person.titles())) == ("", 2)
    assert _edit_menu(person) == ["Redo", f"Undo: {imported.removesuffix('.')}"]
    person.find("conversationList").setFocus()
    assert _keys_in_edit_menu(person) == [f"Undo: {imported.removesuffix('.')}"]
    _press(person.find("conversationList"), Qt.Key.Key_Z)
    person.wait(lambda: person.titles() == [])
    bar = person.find("undoBar")
    assert [label.text() for label in bar.findChildren(QLabel) if label.isVisible()] == [f"Undone: {imported}"]
    person.click("redoButton")
    person.wait(lambda: len(person.titles()) == 2)


def test_a_conversation_that_comes_back_is_alone_selected(home: Path, open_window: Callable[[], Person]) -> None:
    put(home, ("Whales", 1), ("Bread", 2), ("Tea", 3))
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: len(person.titles()) == 3)
    person.open("Bread")
    person.wait(lambda: person.window.session.conversation.title == "Bread")
    view = person.find("conversationList")
    view.setFocus()
    _press(view, Qt.Key.Key_Delete, Qt.KeyboardModifier.NoModifier)
    person.wait(lambda: person.window.session.conversation.title == "Tea")
    person.ask("More tea")
    person.wait_for(GenerationState.IDLE)
    view.setFocus()
    _press(view, Qt.Key.Key_Z)
    person.wait(lambda: person.window.session.conversation.title == "Bread")
    assert [index.data() for index in view.selectedIndexes()] == ["Bread"]
    _press(view, Qt.Key.Key_Delete, Qt.KeyboardModifier.NoModifier)
    assert sorted(person.titles()) == ["Tea", "Whales"]


def test_the_shortcuts_name_what_the_keys_do_not_the_last_change(person: Person) -> None:
    person.window.conversations.undo_stack.record("Conversation pinned.", lambda: None, lambda: None)
    person.find("conversationList").setFocus()
    assert person.window.commands.undo.text() == "Undo: Conversation pinned"
    names = [name for _, rows in groups(person.window.menuBar()) for name, _ in rows]
    assert "Undo" in names
    assert not [name for name in names if "Conversation pinned" in name]
