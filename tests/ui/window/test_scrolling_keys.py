"""The keys that scroll, with the focus in the message field, where it mostly is."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from phichat.store.history import History
from phichat.ui.controllers.generation import GenerationState
from tests.support.conversations import talk
from tests.ui.conftest import Person

CONTROL, NONE = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def long(home: Path, open_window: Callable[[], Person]) -> Person:
    """At the end of a conversation of many pages."""
    history = History(home / "history.sqlite3")
    history.save_conversation(talk(*("A few words.\n\n" * 10 for _ in range(30)), title="Long")).result()
    history.close()
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: person.titles() == ["Long"])
    person.open("Long")
    person.wait(lambda: value(person) > 1000)
    person.wait_until_still()
    return person


def value(person: Person) -> int:
    return int(person.find("transcript").verticalScrollBar().value())


def top(person: Person) -> int:
    return int(person.find("transcript").first_visible())


@pytest.mark.parametrize("keypad", [NONE, Qt.KeyboardModifier.KeypadModifier])
def test_an_empty_field_leaves_them_to_the_conversation(long: Person, keypad: Qt.KeyboardModifier) -> None:
    end = value(long)
    long.press(Qt.Key.Key_PageUp, keypad)
    assert end - 600 < value(long) < end - 50
    long.press(Qt.Key.Key_PageUp, keypad)
    long.press(Qt.Key.Key_PageDown, keypad)
    long.press(Qt.Key.Key_PageDown, keypad)
    assert value(long) >= end - 5
    long.press(Qt.Key.Key_Home, CONTROL | keypad)
    long.wait(lambda: top(long) == 0)
    long.press(Qt.Key.Key_End, CONTROL | keypad)
    long.wait(lambda: top(long) > 25)
    assert long.find("composer").hasFocus()


def test_a_field_with_text_keeps_them(long: Person) -> None:
    long.find("composer").setPlainText("one\ntwo\nthree")
    before = value(long)
    long.press(Qt.Key.Key_Home, CONTROL)
    assert long.find("composer").textCursor().position() == 0
    long.press(Qt.Key.Key_End, CONTROL)
    assert long.find("composer").textCursor().atEnd()
    for key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
        long.press(key)
    assert value(long) == before


def test_an_empty_edit_leaves_them_too(long: Person) -> None:
    QTest.keyClick(long.window, Qt.Key.Key_E, CONTROL)
    field = long.find("editField")
    field.clear()
    before = value(long)
    QTest.keyClick(field, Qt.Key.Key_PageUp)
    assert value(long) < before
    QTest.keyClick(field, Qt.Key.Key_Home, CONTROL)
    long.wait(lambda: top(long) == 0)
