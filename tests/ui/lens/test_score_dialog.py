"""The dialog that shows how surprising a text is."""

import threading
from collections.abc import Iterator
from math import log

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from phichat.engine.base import Reading, Scored
from phichat.errors import EngineError
from phichat.ui.lens.score_dialog import ScoreDialog
from phichat.ui.lens.scored_text import ScoredText
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person

CAT = [
    Scored("The", 1),
    Scored(" cat", 2, log(0.5), 1, 1.0),
    Scored(" zep", 3, log(0.001), 900, 5.0),
    Scored("pelin", 4, log(0.25), 2, 2.0),
]


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


def dialog(person: Person) -> ScoreDialog:
    found = person.find("scoreDialog")
    assert isinstance(found, ScoreDialog)
    return found


def click(person: Person, name: str) -> None:
    person.find(name, QPushButton).click()


def message(person: Person) -> str:
    return str(person.find("scoreMessage", QLabel).text())


def test_a_message_is_scored_from_its_menu(person: Person, engine: ScriptedEngine) -> None:
    engine.scores = [*CAT]
    person.ask("The cat zeppelin")
    person.wait(lambda: not person.window.generation.is_answering())
    person.choose_in(0, "Score this text…")
    assert person.find("scoreField").toPlainText() == "The cat zeppelin"
    click(person, "scoreButton")
    person.wait(lambda: person.find("scoreResult").isVisible())
    assert engine.scored == ["The cat zeppelin"]
    assert person.find("scoreSummary", QLabel).text() == "Perplexity: 20.00 (4 tokens)"
    meaning = (
        "On average, guessing the next token was as hard as picking the right one out of 20 equally likely tokens."
    )
    assert any(each.text().startswith(meaning) for each in dialog(person).findChildren(QLabel))
    QTest.keyClick(person.find("scoreResult"), Qt.Key.Key_End)
    popup = dialog(person).findChildren(QLabel)
    assert "“zep”: 0.1%, ranked number 900 by likelihood" in [each.text() for each in popup]
    assert "Surprise: 10.0 bits" in [each.text() for each in popup]
    QTest.keyClick(person.find("scoreResult"), Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text().splitlines() == [
        "Word\tProbability\tSurprise (bits)\tRank",
        "The\t\t\t",
        "cat\t0.5\t1.000\t1",
        "zeppelin\t0.00025\t11.966\t900",
    ]
    assert message(person) == "Table copied."
    dialog(person).close()


def test_any_text_can_be_written_and_changed(person: Person, engine: ScriptedEngine) -> None:
    person.window.commands.score.trigger()
    assert not person.find("scoreButton").isEnabled()
    QTest.keyClicks(person.find("scoreField"), "one two")
    click(person, "scoreButton")
    person.wait(lambda: person.find("scoreResult").isVisible())
    click(person, "scoreEdit")
    QTest.keyClick(person.find("scoreField"), Qt.Key.Key_End)
    QTest.keyClicks(person.find("scoreField"), " three")
    click(person, "scoreButton")
    person.wait(lambda: engine.scored == ["one two", "one two three"])
    person.wait(lambda: person.find("scoreResult").text == "one two three")
    dialog(person).close()


def test_it_can_be_cancelled(person: Person, engine: ScriptedEngine, gate: threading.Event) -> None:
    engine.scores = [*CAT[:2], Reading(2, 4), gate, *CAT[2:]]
    person.window.answer_lens.score_requested.emit("The cat zeppelin")
    click(person, "scoreButton")
    person.wait(lambda: message(person) == "Scoring the text: 2 of 4 tokens")
    click(person, "scoreCancel")
    assert person.find("scoreButton").isVisible()
    assert person.find("scoreField").isVisible()
    engine.scores = [*CAT]
    click(person, "scoreButton")
    person.wait(lambda: person.find("scoreResult").isVisible())
    dialog(person).close()


def test_escape_stops_it_first_and_the_text_is_there_again(
    person: Person, engine: ScriptedEngine, gate: threading.Event
) -> None:
    engine.scores = [*CAT[:2], gate, *CAT[2:]]
    person.window.commands.score.trigger()
    QTest.keyClicks(person.find("scoreField"), "The cat zeppelin")
    QTest.keyClick(person.find("scoreField"), Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    person.wait(lambda: engine.scored == ["The cat zeppelin"])
    QTest.keyClick(person.find("scoreCancel"), Qt.Key.Key_Escape)
    assert person.find("scoreButton").isVisible()
    QTest.keyClick(person.find("scoreField"), Qt.Key.Key_Escape)
    person.wait(lambda: not person.window.findChild(ScoreDialog))
    person.window.answer_lens.score_requested.emit("A message")
    assert person.find("scoreField").toPlainText() == "A message"
    dialog(person).close()
    person.wait(lambda: not person.window.findChild(ScoreDialog))
    person.window.commands.score.trigger()
    assert person.find("scoreField").toPlainText() == "The cat zeppelin"
    dialog(person).close()


def test_what_is_cut_off_is_said(person: Person) -> None:
    QApplication.clipboard().setText("A line of the text.\n" * 20_000)
    person.window.commands.score.trigger()
    person.find("scoreField").paste()
    person.wait(lambda: message(person).startswith("This text is too long, so only the first "))
    QTest.keyClicks(person.find("scoreField"), "\b")
    assert not message(person)
    QApplication.clipboard().setImage(QImage(4, 4, QImage.Format.Format_RGB32))
    person.find("scoreField").paste()
    person.wait(lambda: message(person) == "Phichat can’t read images. Paste text instead.")
    dialog(person).close()


def test_closing_cancels(person: Person, engine: ScriptedEngine, gate: threading.Event) -> None:
    engine.scores = [*CAT[:2], gate, *CAT[2:]]
    person.window.answer_lens.score_requested.emit("The cat zeppelin")
    click(person, "scoreButton")
    person.wait(lambda: engine.scored)
    dialog(person).close()
    engine.enqueue("Yes.")
    person.ask("Are you there?")
    person.wait(lambda: person.message(1) == "Yes.")


def test_what_went_wrong_is_said(person: Person, engine: ScriptedEngine, gate: threading.Event) -> None:
    engine.scores = [EngineError("The model ended. Try again.")]
    person.window.answer_lens.score_requested.emit("The cat")
    click(person, "scoreButton")
    person.wait(lambda: message(person) == "The model ended. Try again.")
    assert person.find("scoreField").isEnabled()
    dialog(person).close()
    engine.enqueue("One", gate)
    person.ask("Go on")
    person.wait(person.window.generation.is_answering)
    person.window.answer_lens.score_requested.emit("The cat")
    click(person, "scoreButton")
    assert message(person) == "The model is busy. Try again when the answer is finished."
    dialog(person).close()


def test_a_single_token_has_no_perplexity() -> None:
    scored = ScoredText.of_tokens(CAT[:1])
    assert scored.summary == "The text is only one token long, which is too short to calculate its perplexity."
    assert [(word.start, word.end) for word in scored.words] == [(0, 3)]
