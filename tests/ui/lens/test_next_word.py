"""The section "Next word" above the sliders: what they do to the likeliest words."""

import sqlite3
import threading
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QListView, QProgressBar, QPushButton, QSlider

from phichat.chat.conversation import Ending
from phichat.chat.distribution import Distribution
from phichat.chat.sampling import Sampling
from phichat.engine.base import AnswerEvent, Done, Piece, Reading, Undecided
from phichat.store import queries
from phichat.store.history import History
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.lens.next_word import last_words
from phichat.ui.lens.places import UndecidedPlaces, pack_place, unpack_place
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person

SNOW = Undecided(Distribution((1, 2, 3), (" snow", " hot", " tea"), (2.0, 1.0, 0.0)), "In winter there is", 0.24, 2)
RAIN = Undecided(Distribution((4, 5), (" rain", " wind"), (2.0, 1.0)), "", 0.7, 4)


def rows(person: Person) -> list[str]:
    model = person.find("lensBars", QListView).model()
    return [str(model.index(row, 0).data()) for row in range(model.rowCount())]


def where(person: Person) -> str:
    return str(person.find("lensBarsPlace", QLabel).text())


def meaning(person: Person) -> str:
    return str(person.find("lensBarsMeaning", QLabel).text())


def ask(person: Person, engine: ScriptedEngine, *found: Undecided) -> None:
    engine.enqueue("An answer.", *found)
    count = len(engine.requests)
    person.ask("What is there?")
    person.wait(lambda: len(engine.requests) > count)
    person.wait_for(GenerationState.IDLE)


def test_an_example_is_there_before_anything_was_answered(person: Person) -> None:
    assert not person.window.findChild(QListView, "lensBars"), "it costs nothing until it is wanted"
    person.click("lensBarsButton")
    assert where(person).startswith("For example: “The best thing about winter is…”")
    assert rows(person)[0].startswith("the: 37%, ")
    assert rows(person)[0].endswith("% with your settings")
    assert len(rows(person)) == 10
    assert "in bold" not in meaning(person)


def test_a_slider_moves_the_bars(person: Person) -> None:
    person.click("lensBarsButton")
    slider = person.find("temperatureSlider", QSlider)
    shares = []
    for value in (10, 20, 40):  # steps of 0.05
        slider.setValue(value)
        shares.append(rows(person)[1])
    assert len({row.partition(",")[0] for row in shares}) == 1, "what the model itself weighed stays"
    assert len(set(shares)) == 3
    assert not any("removed" in row for row in shares)
    person.find("topKSlider", QSlider).setValue(1)
    assert rows(person)[1].endswith("ruled out by Top-k")
    person.find("resetButton").click()
    assert "with your settings" in rows(person)[1]


@pytest.mark.parametrize("words", ["snow", "is  SNOW", "sn"])
def test_forbidden_words_are_removed_with_the_words_before_them(words: str) -> None:
    sampling = replace(Sampling(), forbidden=(words,))
    found = SNOW.distribution.candidates(sampling, 3, SNOW.before)
    assert [each.cut_by for each in found] == ["forbidden", None, None]


def test_the_last_answer_is_shown_where_it_was_least_sure(person: Person, engine: ScriptedEngine) -> None:
    person.click("lensBarsButton")
    ask(person, engine, SNOW)
    assert engine.requests[-1].finds_undecided
    assert where(person) == "Where the model was least sure: “In winter there is…”"
    assert [row.partition(":")[0] for row in rows(person)] == ["snow", "hot", "tea"]
    assert meaning(person).endswith("The word in bold is the one the model chose.")
    ask(person, engine, RAIN)
    assert rows(person)[0].endswith("(chosen)"), "what it wrote there"
    assert where(person) == "Where the model was least sure: the first word"
    assert [row.partition(":")[0] for row in rows(person)] == ["rain", "wind"]
    person.press_in(3, "Regenerate")
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: where(person).startswith("For example"))  # as nothing is known of that version
    person.press_in(3, "Previous version")
    assert rows(person)[0].startswith("rain")


def test_each_of_several_answers_has_its_own(person: Person, engine: ScriptedEngine) -> None:
    person.click("lensBarsButton")
    ask(person, engine, SNOW)
    found = ((0, RAIN), (1, SNOW), (2, None))
    lines = [(number, (Piece("Cold."), place, Done(Ending.STOP, number, 4, 4, 2))) for number, place in found]
    engine.enqueue(*(AnswerEvent(number, event) for number, events in lines for event in events if event))
    person.choose_in(1, "Generate answers side by side", "Generate three answers")
    person.wait_for(GenerationState.IDLE)
    person.click("useAnswer-2")
    assert rows(person)[0].startswith("snow")
    person.press_in(1, "Previous version")
    assert rows(person)[0].startswith("rain")


def test_each_conversation_has_its_own(person: Person, engine: ScriptedEngine) -> None:
    person.click("lensBarsButton")
    ask(person, engine, SNOW)
    person.click("newConversationButton")
    assert where(person).startswith("For example")
    person.open(person.titles()[0])
    person.wait(lambda: rows(person)[0].startswith("snow"))


def test_it_is_there_at_once_after_a_restart(
    open_window: Callable[[], Person], person: Person, engine: ScriptedEngine
) -> None:
    person.click("lensBarsButton")
    ask(person, engine, SNOW)
    shown = rows(person)
    person.window.close()
    person = open_window()
    person.wait(person.titles)
    person.open(person.titles()[0])
    person.wait(lambda: person.window.session.conversation.tip)
    person.click("lensBarsButton")
    person.wait(lambda: where(person) == "Where the model was least sure: “In winter there is…”")
    assert rows(person) == shown
    assert len(engine.requests) == 1, "the model isn’t asked"


def test_a_slow_disk_holds_nothing_up(
    open_window: Callable[[], Person], person: Person, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.click("lensBarsButton")
    ask(person, engine, SNOW)
    person.window.close()
    gate, load = threading.Event(), History.load_undecided
    monkeypatch.setattr(History, "load_undecided", lambda *values: gate.wait(30) and load(*values))
    person = open_window()
    person.click("lensBarsButton")
    person.wait(person.titles)
    person.open(person.titles()[0])
    person.wait(lambda: person.window.session.conversation.tip)
    person.type("Meanwhile")
    assert not gate.is_set()
    assert person.written() == "Meanwhile"
    assert where(person).startswith("For example")
    gate.set()
    person.wait(lambda: where(person).startswith("Where the model was least sure"))
    assert len(engine.requests) == 1, "the model isn’t asked"


def test_an_answer_whose_place_could_not_be_loaded_is_not_reread(
    open_window: Callable[[], Person], person: Person, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.click("lensBarsButton")
    ask(person, engine, SNOW)
    person.window.close()
    failures, load = [sqlite3.OperationalError("disk I/O error")], queries.load_undecided

    def load_later(connection: sqlite3.Connection, message: str) -> bytes:
        if failures:
            raise failures.pop()
        return load(connection, message)

    monkeypatch.setattr(queries, "load_undecided", load_later)
    person = open_window()
    places = person.window.findChild(UndecidedPlaces)
    assert places
    person.wait(person.titles)
    person.open(person.titles()[0])
    person.wait(lambda: person.window.session.conversation.tip)
    person.click("lensBarsButton")
    person.wait(lambda: not failures)
    person.wait(lambda: person.window.generation.loaded)
    person.wait(lambda: not places._loading)
    for _ in range(2):
        person.click("lensBarsButton")
    person.wait(lambda: where(person).startswith("Where the model was least sure"))
    assert len(engine.requests) == 1, "the model isn’t asked"


PLACES = [SNOW, RAIN, replace(SNOW, distribution=replace(SNOW.distribution, tail=((-1.5, 400.0),), said=(7, 8)))]


@pytest.mark.parametrize("place", PLACES)
def test_a_stored_place_is_the_same(place: Undecided) -> None:
    assert unpack_place(pack_place(place)) == place


@pytest.mark.parametrize("data", [b"", b"nonsense", pack_place(SNOW)[:-9], zlib.compress(b"[]")])
def test_a_damaged_place_is_unknown(data: bytes) -> None:
    assert unpack_place(data) is None


def reread(person: Person, engine: ScriptedEngine, *events: Any) -> None:
    """Have the last answer, which nothing is known of, reread as the section is opened."""
    ask(person, engine)
    engine.enqueue(*events)
    person.click("lensBarsButton")
    person.wait(lambda: engine.requests[-1].weighs_begun)


def test_an_answer_of_before_is_read_as_the_section_opens(person: Person, engine: ScriptedEngine) -> None:
    gate = threading.Event()
    reread(person, engine, Reading(3, 10), gate, "An answer.", SNOW)
    request = engine.requests[-1]
    assert request.finds_undecided
    assert request.begun
    assert request.begun.text == "An answer."
    progress = person.find("nextWordProgress", QProgressBar)
    person.wait(lambda: progress.value() == 300)
    assert progress.isVisibleTo(person.find("settingsPanel"))
    assert where(person).startswith("For example: “The best thing about winter is…” Once the model has reread")
    gate.set()
    person.wait(lambda: where(person) == "Where the model was least sure: “In winter there is…”")
    assert rows(person)[0].startswith("snow")
    assert not progress.isVisibleTo(person.find("settingsPanel"))
    for _ in range(2):
        person.click("lensBarsButton")
    assert rows(person)[0].startswith("snow")
    assert len(engine.requests) == 2, "it is read once"


def test_reading_can_be_cancelled_and_begun_again(person: Person, engine: ScriptedEngine) -> None:
    gate = threading.Event()
    reread(person, engine, Reading(3, 10), gate, SNOW)
    person.find("nextWordCancel", QPushButton).click()
    person.wait_for(GenerationState.IDLE)
    again = person.find("nextWordRead", QPushButton)
    assert again.isVisibleTo(person.find("settingsPanel"))
    assert where(person).startswith("For example")
    gate.set()
    person.window.generation.background.prefill_finished.emit()
    assert len(engine.requests) == 2, "nobody wants it read"
    engine.enqueue("An answer.", SNOW)
    again.click()
    person.wait(lambda: rows(person)[0].startswith("snow"))


def test_a_question_comes_before_reading(person: Person, engine: ScriptedEngine) -> None:
    gate = threading.Event()
    reread(person, engine, Reading(3, 10), gate, SNOW)
    ask(person, engine, RAIN)
    assert rows(person)[0].startswith("rain")
    assert not person.find("nextWordProgress").isVisibleTo(person.find("settingsPanel"))
    gate.set()


def test_the_answer_of_another_model_is_not_read(person: Person, engine: ScriptedEngine) -> None:
    ask(person, engine)
    session = person.window.conversations.current.session
    answer = session.conversation.path()[-1]
    assert answer.reply
    session.conversation.replace_message(answer, reply=replace(answer.reply, model="another"))
    person.click("lensBarsButton")
    assert not engine.requests[-1].weighs_begun
    assert not person.find("nextWordRead").isVisibleTo(person.find("settingsPanel"))
    assert "After the next answer" in where(person)


def test_what_is_folded_asks_for_nothing(person: Person, engine: ScriptedEngine) -> None:
    ask(person, engine)
    assert not engine.requests[-1].finds_undecided
    for _ in range(2):
        person.click("lensBarsButton")
    assert not person.find("lensBars").isVisibleTo(person.find("settingsPanel"))
    ask(person, engine)
    assert not engine.requests[-1].finds_undecided
    person.find("temperatureSlider", QSlider).setValue(40)
    person.click("lensBarsButton")
    assert rows(person)[0].startswith("the: 37%, ")
    assert rows(person)[0].endswith("% with your settings")


def test_what_follows_is_on_the_side_where_the_words_go_on(person: Person, engine: ScriptedEngine) -> None:
    person.click("lensBarsButton")
    ask(person, engine, replace(SNOW, before="השלג קר"))
    mark, turn = "\N{LEFT-TO-RIGHT MARK}", "\N{RIGHT-TO-LEFT MARK}"
    assert where(person) == f"Where the model was least sure: “{mark}השלג קר…{turn}{mark}”"


def test_it_can_be_used_by_keyboard(person: Person) -> None:
    person.window.resize(1200, 760)
    button, field = person.find("lensBarsButton"), person.find("temperatureSpin")
    person.wait(field.isVisible)
    field.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(field, Qt.Key.Key_Backtab)
    assert button.hasFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    QTest.keyClick(button, Qt.Key.Key_Tab)
    bars = person.find("lensBars", QListView)
    assert bars.hasFocus()
    QTest.keyClick(bars, Qt.Key.Key_Down)
    first = bars.currentIndex().row()
    QTest.keyClick(bars, Qt.Key.Key_Down)
    assert bars.currentIndex().row() == first + 1
    person.find("topKSlider", QSlider).setValue(3)
    assert bars.currentIndex().row() == first + 1
    QTest.keyClick(bars, Qt.Key.Key_Tab)
    assert field.hasFocus()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("Short.\n\nIt is", "Short. It is"),
        ("What one loves about the cold of winter is", "…\N{NO-BREAK SPACE}one loves about the cold of winter is"),
        ("a" * 300, "…\N{NO-BREAK SPACE}" + "a" * 40),
        ("雪" * 50, "…\N{NO-BREAK SPACE}" + "雪" * 40),
    ],
)
def test_the_place_is_told_by_the_words_before_it(text: str, shown: str) -> None:
    assert last_words(text) == shown
