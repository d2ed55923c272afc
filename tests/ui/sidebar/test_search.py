"""Finding words in all conversations while typing them."""

import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedEngine
from tests.support.stored_history import held, put
from tests.ui.conftest import Person


@pytest.fixture
def three(home: Path, open_window: Callable[[], Person]) -> Person:
    """In front of three conversations, of which two have pucks in them."""
    put(home, ("Hockey", 0.001), answer="The puck <b>slides</b> across the ice.")
    put(home, ("Bread", 0.002), answer="Knead it.")
    put(home, ("A puck of butter", 0.003), answer="Melt it.")
    person = open_window()
    person.wait(lambda: len(person.titles()) == 3)
    person.wait_for(GenerationState.IDLE)
    return person


def search(person: Person, words: str) -> None:
    field = person.find("searchField")
    field.setFocus()
    QTest.keyClicks(field, words)


def found(person: Person) -> list[str]:
    results = person.window.findChild(QWidget, "searchResults")
    return person.titles("searchResults") if results and results.isVisible() else []


def test_words_are_found_in_titles_and_texts_as_one_types(three: Person) -> None:
    search(three, "PÙC")
    three.wait(lambda: found(three) == ["A puck of butter", "Hockey", "A puck of butter"])
    assert three.find("searchResults").isVisible()
    assert not three.find("conversationList").isVisible()
    search(three, "k slid")
    three.wait(lambda: found(three) == ["Hockey"])
    hit = three.row("Hockey", "searchResults").data(Qt.ItemDataRole.UserRole)
    assert hit.excerpt == "The puck <b>slides</b> across the ice."
    assert [hit.excerpt[begin:end] for begin, end in hit.marks] == ["puck", "slid"]
    search(three, "xyz")
    three.wait(lambda: found(three) == [])
    assert three.find("searchNote").text() == "No results."


def test_titles_and_short_excerpts_leave_no_gap(three: Person) -> None:
    search(three, "puck")
    three.wait(lambda: found(three) == ["A puck of butter", "Hockey", "A puck of butter"])
    view = three.find("searchResults")
    heights = [view.visualRect(view.model().index(row, 0)).height() for row in range(3)]
    assert heights[0] < min(heights[1:])
    QTest.keyClick(three.find("searchField"), Qt.Key.Key_Escape)
    search(three, "Knead")
    three.wait(lambda: found(three) == ["Bread"])
    line = view.fontMetrics().lineSpacing()
    assert 2 * line < view.visualRect(view.model().index(0, 0)).height() < 2 * line + line / 2 + 16


def test_enter_opens_the_first_place_and_with_the_search_its_marks_go(three: Person) -> None:
    for how in ("escape", "backspace", "bin"):
        search(three, "slides")
        three.wait(lambda: found(three) == ["Hockey"])
        QTest.keyClick(three.find("searchField"), Qt.Key.Key_Return)
        three.wait(lambda: three.window.findChild(QWidget, "message-1") is not None)
        assert "slides" in three.message(1)
        assert three.find("searchResults").isVisible()
        assert three.window.session.conversation.title == "Hockey"
        _end_search(three, how)


def _end_search(three: Person, how: str) -> None:
    three.wait(lambda: three.find("message-1").match_count() == 1)
    if how == "bin":
        three.click("binButton")
    elif how == "escape":
        QTest.keyClick(three.find("searchField"), Qt.Key.Key_Escape)
    else:
        QTest.keyClick(three.find("searchField"), Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        QTest.keyClick(three.find("searchField"), Qt.Key.Key_Backspace)
    three.wait(lambda: three.find("message-1").match_count() == 0)
    assert not any(field.extraSelections() for field in three.find("message-1").text_edits())


def test_enter_does_not_wait_for_the_pause(three: Person) -> None:
    search(three, "slides")
    QTest.keyClick(three.find("searchField"), Qt.Key.Key_Return)
    three.wait(lambda: three.window.session.conversation.title == "Hockey")


def test_down_goes_into_the_results_and_up_or_escape_comes_back(three: Person) -> None:
    search(three, "puck")
    three.wait(lambda: len(found(three)) == 3)
    QTest.keyClick(three.find("searchField"), Qt.Key.Key_Down)
    results = three.find("searchResults")
    assert results.hasFocus()
    QTest.keyClick(results, Qt.Key.Key_Down)
    QTest.keyClick(results, Qt.Key.Key_Return)
    three.wait(lambda: three.window.session.conversation.title == "Hockey")
    QTest.keyClick(results, Qt.Key.Key_Up)
    QTest.keyClick(results, Qt.Key.Key_Up)
    assert three.find("searchField").hasFocus()
    QTest.keyClick(three.find("searchField"), Qt.Key.Key_Escape)
    assert three.find("conversationList").isVisible()
    assert three.find("searchField").text() == ""
    QTest.keyClick(three.find("searchField"), Qt.Key.Key_Down)
    assert three.find("conversationList").hasFocus()
    search(three, "puck")
    three.wait(lambda: len(found(three)) == 3)
    QTest.keyClick(three.find("searchField"), Qt.Key.Key_Down)
    QTest.keyClick(three.find("searchResults"), Qt.Key.Key_Escape)
    assert three.find("conversationList").hasFocus()
    assert three.find("searchField").text() == ""


def test_a_hit_on_another_branch_is_shown(person: Person, engine: object) -> None:
    person.ask("First question about whales")
    person.wait_for(GenerationState.IDLE)
    session = person.window.session
    person.window.generation.edit(session, session.conversation.path()[0], "Second one about bread")
    person.wait_for(GenerationState.IDLE)
    assert person.message(0) == "Second one about bread"
    person.click("newConversationButton")
    search(person, "whales")
    person.wait(lambda: len(found(person)) >= 2)
    person.find("searchResults").setFocus()
    QTest.keyClick(person.find("searchResults"), Qt.Key.Key_End)
    QTest.keyClick(person.find("searchResults"), Qt.Key.Key_Return)
    person.wait(lambda: person.window.findChild(QWidget, "message-0") is not None)
    person.wait(lambda: person.message(0) == "First question about whales")


@pytest.mark.parametrize("is_slow", [False, True])
def test_a_reply_that_was_just_made_is_found(person: Person, engine: ScriptedEngine, home: Path, is_slow: bool) -> None:
    engine.enqueue("A striped ", rest := threading.Event(), "zebra")
    person.ask("zebra")
    person.wait(lambda: person.message(1) == "A striped ")
    with held(home / "history.sqlite3") if is_slow else nullcontext():
        rest.set()
        person.wait_for(GenerationState.IDLE)
        search(person, "zeb")
        QTest.qWait(300)
    person.wait(lambda: len(found(person)) == 3)


def test_the_key_for_searching_leads_to_the_field(three: Person) -> None:
    three.window.commands.sidebar.setChecked(False)
    three.window.commands.search.trigger()
    assert three.find("searchField").hasFocus()
