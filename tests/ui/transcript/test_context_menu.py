"""The menu of a message knows what is selected and what is under the mouse."""

import re
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person

DIRECT = Qt.FindChildOption.FindDirectChildrenOnly
TABLE = "| a | b |\n| --- | --: |\n| `c \\| e` | d |\n| g<br>h | **i** |"
TEXT = "Some *prose* first, [a link](https://one.example/x_(y)).\n\n```sh\nls -l\n```\n\n" + TABLE


def clipboard() -> str:
    return QGuiApplication.clipboard().text()


@pytest.fixture
def answer(person: Person, engine: ScriptedEngine) -> list[Any]:
    """The fields of an answer with prose, code and a table."""
    engine.enqueue(TEXT)
    person.ask("Say it\twith\ttabs")
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: len(person.find("message-1").text_edits()) == 3)
    fields = list(person.find("message-1").text_edits())
    person.wait(lambda: all(field.isVisible() for field in fields))
    return fields


def select(field: Any, words: str) -> QPoint:
    """Select `words`; return where they are."""
    at = field.toPlainText().index(words)
    cursor = field.textCursor()
    cursor.setPosition(at)
    start: QPoint = field.cursorRect(cursor).center()
    QTest.mouseClick(field.viewport(), Qt.MouseButton.LeftButton, pos=start)
    cursor.setPosition(at + len(words), QTextCursor.MoveMode.KeepAnchor)
    field.setTextCursor(cursor)
    return start + QPoint(2, 0)


def menu_at(person: Person, field: Any, at: QPoint, number: int = 1) -> QMenu:
    """Press the right button there, and return the menu that opens."""
    viewport = field.viewport()
    QTest.mousePress(viewport, Qt.MouseButton.RightButton, pos=at)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, viewport.mapToGlobal(at))
    QApplication.sendEvent(viewport, event)
    QTest.mouseRelease(viewport, Qt.MouseButton.RightButton, pos=at)
    menu: QMenu = person.find(f"message-{number}").findChildren(QMenu, options=DIRECT)[-1]
    return menu


def choose(menu: QMenu, label: str) -> str:
    """Choose what is called that; return what is in the clipboard then."""
    next(action for action in menu.actions() if action.text() == label).trigger()
    menu.close()
    return clipboard()


def labels(menu: QMenu) -> list[str]:
    found = [action.text() for action in menu.actions() if action.text().startswith("Copy")]
    menu.close()
    return found


def test_the_right_button_keeps_the_selection_and_copy_copies_it(person: Person, answer: list[Any]) -> None:
    person.find("transcript").text_selection.select_all(person.find("message-1"))
    for field in answer:
        assert choose(menu_at(person, field, QPoint(6, 6)), "Copy") == TEXT
        assert all(block.textCursor().hasSelection() for block in answer)
    for block, words in ((0, "prose"), (1, "ls"), (2, "d")):
        at = select(answer[block], words)
        menu = menu_at(person, answer[block], at)
        assert answer[block].textCursor().selectedText() == words
        assert choose(menu, "Copy") == words
        assert answer[block].textCursor().selectedText() == words
        assert choose(menu_at(person, answer[block], at), "Copy answer") == TEXT
    (field,) = person.find("message-0").text_edits()
    assert choose(menu_at(person, field, select(field, "with"), number=0), "Copy") == "with"
    select(answer[0], "prose")
    QTest.mouseClick(person.find("transcript").viewport(), Qt.MouseButton.LeftButton, pos=QPoint(2, 2))
    assert not answer[0].textCursor().hasSelection()


def test_code_is_copied_in_a_longer_fence_than_it_has_and_long_lines_of_it_as_one(
    person: Person, engine: ScriptedEngine
) -> None:
    engine.enqueue("Text\n\n~~~md\n```sh\nls\n```\n~~~\n\nend")
    person.ask("Code")
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: len(person.find("message-1").text_edits()) == 3)
    prose, code, _ = person.find("message-1").text_edits()
    select(prose, "Text")
    for field in (prose, code):
        field.selectAll()
    assert choose(menu_at(person, code, QPoint(5, 5)), "Copy") == "Text\n\n````md\n```sh\nls\n```\n````"
    person.click("newConversationButton")
    code = "first\n\n" + "x" * 9000 + "\nlast\n" + "y" * 8000 + "\nend"
    engine.enqueue(f"Text\n\n```\n{code}\n```\n")
    person.ask("Code")
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: len(person.find("message-1").text_edits()) == 2)
    field = person.find("message-1").text_edits()[1]
    person.wait(lambda: field.toPlainText().endswith("end"))
    field.selectAll()
    assert choose(menu_at(person, field, QPoint(5, 5)), "Copy") == code
    choose_part(field, "rst", "las")
    assert choose(menu_at(person, field, QPoint(5, 5)), "Copy") == code[2:-8006]


def test_the_message_a_link_and_a_table_are_copied_from_the_menu(person: Person, answer: list[Any]) -> None:
    assert labels(menu_at(person, answer[1], QPoint(5, 5))) == ["Copy"]
    assert choose(menu_at(person, answer[1], QPoint(5, 5)), "Copy") == TEXT
    at = answer[0].toPlainText().index("link")
    cursor = QTextCursor(answer[0].document())
    cursor.setPosition(at + 2)
    place = answer[0].cursorRect(cursor).center()
    assert labels(menu_at(person, answer[0], place)) == ["Copy link", "Copy"]
    assert choose(menu_at(person, answer[0], place), "Copy link") == "https://one.example/x_(y)"
    assert labels(menu_at(person, answer[2], QPoint(9, 9))) == ["Copy table", "Copy"]
    assert choose(menu_at(person, answer[2], QPoint(9, 9)), "Copy table") == TABLE
    assert QGuiApplication.clipboard().mimeData().html().count("<td") == 4
    for start, end, copied in (
        ("c | e", "d", r"| `c \| e` | d |" + "\n| --- | --: |"),
        ("b", "d", "| b |\n| --: |\n| d |"),
        ("a", "i", TABLE),
        ("d", "d", "d"),
        ("g", "h", "g\nh"),
    ):
        choose_part(answer[2], start, end)
        assert choose(menu_at(person, answer[2], QPoint(9, 9)), "Copy") == copied


def test_a_long_table_is_copied_whole(person: Person, engine: ScriptedEngine) -> None:
    table = "| a | b |\n| --- | --- |\n" + "\n".join(f"| {number} | x |" for number in range(1300))
    engine.enqueue(f"- item\n\n{table}\n\nend")
    person.ask("A table")
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: len(person.find("message-1").text_edits()) == 5)
    for field in person.find("message-1").text_edits()[1:4]:
        assert choose(menu_at(person, field, QPoint(9, 9)), "Copy table") == table


def choose_part(field: Any, start: str, end: str) -> None:
    """Select from the beginning of `start` to the end of `end`."""
    text = field.toPlainText()
    cursor = field.textCursor()
    cursor.setPosition(text.index(start))
    cursor.setPosition(text.index(end) + len(end), QTextCursor.MoveMode.KeepAnchor)
    field.setTextCursor(cursor)


def test_signs_that_are_no_marks_are_the_same_in_formatted_text(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("One \\*args\\* and 2\\. **bold** a_b_c &amp;lt; \\<br>\n\n5\\. five `x*y*z` \\$a\\$ $x_1$\n\nend")
    person.ask("Signs")
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: len(person.find("message-1").text_edits()) == 1)
    (field,) = person.find("message-1").text_edits()
    person.wait(lambda: "\ufffc" in field.toPlainText())
    choose_part(field, "*args", "\ufffc")
    text = choose(menu_at(person, field, QPoint(9, 9)), "Copy")
    assert text == "*args* and 2. **bold** a_b_c &lt; <br>\n\n5. five `x*y*z` $a$ $x_1$"
    html = QGuiApplication.clipboard().mimeData().html()
    assert re.sub("<.*?>", "", html) == "*args* and 2. bold a_b_c &amp;lt; &lt;br&gt;\n5. five x*y*z $a$ $x_1$\n"
