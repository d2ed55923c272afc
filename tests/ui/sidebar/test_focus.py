"""Where letters go after something was done in the list, and what they can do there."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget

from phichat.ui.controllers.generation import GenerationState
from tests.support.stored_history import put
from tests.ui.conftest import Person

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def four(home: Path, open_window: Callable[[], Person]) -> Person:
    """In front of a window with four conversations."""
    put(home, *((title, number / 1000) for number, title in enumerate(["Whales", "Bread", "Boats", "Tea"], 1)))
    person = open_window()
    person.wait(lambda: len(person.titles()) == 4)
    person.wait_for(GenerationState.IDLE)
    return person


def type_anywhere(text: str) -> None:
    for letter in text:
        focus = QApplication.focusWidget()
        assert focus
        QTest.keyClicks(focus, letter)


def selected(person: Person) -> list[str]:
    return [index.data() for index in person.find("conversationList").selectedIndexes()]


def is_shown(person: Person, title: str) -> Callable[[], bool]:
    return lambda: person.window.session.conversation.title == title


BEGINNINGS: list[tuple[str, Callable[[Person], None]]] = [
    ("button", lambda person: person.click("newConversationButton")),
    ("key", lambda person: QTest.keyClick(person.find("conversationList"), Qt.Key.Key_N, CONTROL)),
    ("temporary", lambda person: QTest.keyClick(person.find("conversationList"), Qt.Key.Key_N, CONTROL | SHIFT)),
    ("menu", lambda person: person.window.commands.new.trigger()),
    ("space", lambda person: QTest.keyClick(person.find("newConversationButton"), Qt.Key.Key_Space)),
]


def test_after_a_new_conversation_one_writes(four: Person) -> None:
    for name, begin in BEGINNINGS:
        four.open("Bread")
        four.wait(is_shown(four, "Bread"))
        four.find("conversationList").setFocus()
        begin(four)
        type_anywhere("Tea, whales")
        assert four.written() == "Tea, whales"
        assert four.window.session.conversation.path() == []
        assert selected(four) == [], name
        four.find("composer").clear()


def test_after_a_click_one_writes_in_what_it_opened_wherever_the_focus_is_then(four: Person) -> None:
    four.open("Bread")
    assert four.find("composer").hasFocus()
    four.wait(is_shown(four, "Bread"))
    type_anywhere("with butter")
    QTest.keyClick(four.find("composer"), Qt.Key.Key_Backspace)
    assert four.written() == "with butte"
    assert len(four.titles()) == 4
    four.find("composer").clear()
    four.open("Whales")
    four.wait(is_shown(four, "Whales"))
    view = four.find("conversationList")
    view.setFocus()
    type_anywhere("tea")
    view.setFocus()
    QGuiApplication.clipboard().setText(" and bread")
    QTest.keyClick(view, Qt.Key.Key_V, CONTROL)
    assert four.written() == "tea and bread"
    assert four.window.session.conversation.title == "Whales"
    four.find("composer").clear()
    four.open("Whales")
    four.wait(lambda: four.window.findChild(QWidget, "message-1") is not None)
    QTest.mouseClick(four.find("message-1").text_edits()[0].viewport(), Qt.MouseButton.LeftButton)
    assert not four.find("composer").hasFocus()
    type_anywhere("why?")
    assert four.written() == "why?"
    four.find("composer").clear()
    four.open("Bread")
    four.wait(is_shown(four, "Bread"))
    view = four.find("conversationList")
    below = QPoint(20, view.viewport().height() - 5)
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=below)
    assert selected(four) == ["Bread"]
    assert four.find("composer").hasFocus()


def test_a_search_result_that_is_clicked_and_letters_in_the_results_lead_to_the_field(four: Person) -> None:
    four.find("searchField").setText("Boats")
    four.wait(lambda: four.window.findChild(QWidget, "searchResults") and four.titles("searchResults"))
    four.open(four.titles("searchResults")[0], "searchResults")
    four.wait(is_shown(four, "Boats"))
    assert four.find("composer").hasFocus()
    four.find("searchField").clear()
    four.find("searchField").setText("Boats")
    four.wait(lambda: four.window.findChild(QWidget, "searchResults") and four.titles("searchResults"))
    QTest.keyClick(four.find("searchField"), Qt.Key.Key_Down)
    type_anywhere("and")
    assert four.written() == "and"


def test_letters_on_a_button_go_to_the_field(four: Person) -> None:
    QGuiApplication.clipboard().setText(" and bread")
    for name in ("modelButton", "attachButton", "binButton", "temperatureSlider", "randomSeedCheck"):
        four.find("composer").clear()
        widget = four.find(name)
        widget.setFocus()
        assert widget.hasFocus()
        type_anywhere("tea")
        widget.setFocus()
        QTest.keyClick(widget, Qt.Key.Key_V, CONTROL)
        assert four.written() == "tea and bread"


def test_letters_in_the_bin_go_into_no_conversation(four: Person) -> None:
    four.open("Boats")
    four.wait(is_shown(four, "Boats"))
    QTest.keyClick(four.find("conversationList"), Qt.Key.Key_Delete)
    four.click("binButton")
    four.wait(lambda: four.window.findChild(QWidget, "binList") and four.titles("binList"))
    four.open("Boats", "binList")
    type_anywhere("!")
    four.find("binList").setFocus()
    QGuiApplication.clipboard().setText(" Bread")
    QTest.keyClick(four.find("binList"), Qt.Key.Key_V, CONTROL)
    assert four.written() == ""


def test_after_the_column_with_the_focus_is_folded_one_writes(four: Person) -> None:
    for field, key in (("searchField", Qt.Key.Key_B), ("systemPrompt", Qt.Key.Key_Period)):
        four.window.resize(1200, 700)
        four.wait(lambda: four.find("systemPrompt").isVisible())
        four.find(field).setFocus()
        QTest.keyClick(four.find(field), key, CONTROL)
        assert not four.find(field).isVisible()
        type_anywhere("tea")
        assert four.written() == "tea"
        four.find("composer").clear()


def test_who_renames_while_writing_goes_on_writing(four: Person) -> None:
    four.open("Tea")
    four.wait(is_shown(four, "Tea"))
    for end in (Qt.Key.Key_Escape, Qt.Key.Key_Return):
        type_anywhere("a draf")
        four.press(Qt.Key.Key_F2)
        type_anywhere("Green")
        focus = QApplication.focusWidget()
        assert focus
        QTest.keyClick(focus, end)
        four.wait(four.find("composer").hasFocus)
        type_anywhere("t")
        assert four.written() == "a draft"
        assert ("Green" in four.titles()) is (end is Qt.Key.Key_Return)
        four.find("composer").clear()


def test_who_renames_in_the_list_or_goes_elsewhere_stays_there(four: Person) -> None:
    view, search = four.find("conversationList"), four.find("searchField")
    four.open("Tea")
    four.wait(is_shown(four, "Tea"))
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_F2)
    QTest.keyClick(four.find("renameField"), Qt.Key.Key_Return)
    four.wait(view.hasFocus)
    four.find("composer").setFocus()
    four.press(Qt.Key.Key_F2)
    search.setFocus()
    assert search.hasFocus()


def test_f2_in_the_list_renames_the_selected_conversation_even_before_it_is_shown(four: Person) -> None:
    four.open("Bread")
    four.wait(is_shown(four, "Bread"))
    view = four.find("conversationList")
    view.setFocus()
    view.setCurrentIndex(four.row("Tea"))
    QTest.keyClick(view, Qt.Key.Key_F2)
    assert four.find("renameField").text() == "Tea"
    four.wait(is_shown(four, "Tea"))
    assert four.find("renameField").text() == "Tea"


def test_a_click_with_control_or_a_double_click_stays_in_the_list(four: Person) -> None:
    view = four.find("conversationList")
    four.open("Bread")
    place = view.visualRect(four.row("Tea")).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, CONTROL, place)
    assert sorted(selected(four)) == ["Bread", "Tea"]
    assert not four.find("composer").hasFocus()
    four.open("Tea")
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    four.wait(is_shown(four, "Tea"))
    type_anywhere("Green ")
    assert four.find("renameField").text() == "Green "


def test_all_conversations_are_deleted_only_after_a_question_and_none_by_backspace(four: Person) -> None:
    four.open("Bread")
    four.wait(is_shown(four, "Bread"))
    four.find("conversationList").setFocus()
    QTest.keyClick(four.find("conversationList"), Qt.Key.Key_Backspace)
    assert len(four.titles()) == 4
    for key in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
        view = four.find("conversationList")
        view.setFocus()
        QTest.keyClick(view, Qt.Key.Key_A, CONTROL)
        assert len(selected(four)) == 4
        QTest.keyClick(view, key)
        assert len(four.titles()) == 4
        box = four.window.findChild(QMessageBox, "deleteQuestion")
        assert (box is not None) is (key is Qt.Key.Key_Delete)
        if box:
            QTest.keyClick(box, Qt.Key.Key_Return)
        assert len(four.titles()) == 4


def test_after_others_were_deleted_what_is_shown_is_selected(four: Person) -> None:
    four.open("Tea")
    four.wait(is_shown(four, "Tea"))
    view = four.find("conversationList")
    for title in ("Bread", "Whales", "Tea"):  # the last is shown, and not to be deleted
        place = view.visualRect(four.row(title)).center()
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, CONTROL, place)
    QTest.keyClick(view, Qt.Key.Key_Delete)
    four.click("agreeButton")
    assert sorted(four.titles()) == ["Boats", "Tea"]
    assert selected(four) == ["Tea"]
    assert four.window.session.conversation.title == "Tea"


def test_what_is_selected_with_control_held_is_alone(four: Person) -> None:
    """A shortcut with Ctrl that shows another conversation does not add to the selection."""
    four.open("Bread")
    four.wait(is_shown(four, "Bread"))
    QTest.keyPress(four.find("composer"), Qt.Key.Key_Control)
    try:
        four.window.conversations.current.open_conversation(four.row("Tea").data(Qt.ItemDataRole.UserRole).id)
        four.wait(is_shown(four, "Tea"))
        assert selected(four) == ["Tea"]
    finally:
        QTest.keyRelease(four.find("composer"), Qt.Key.Key_Control)
