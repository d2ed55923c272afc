"""Answers under the lens, in the window: by mouse, and by keyboard alone."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QAction, QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QLabel,
    QListView,
    QMenu,
    QPushButton,
    QScrollArea,
    QTabBar,
    QTextEdit,
    QWidget,
)

from phichat.chat.conversation import Piece
from phichat.engine.base import Reading
from phichat.ui.a11y import announce
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.lens.lens_text import LensText
from tests.support.fakes import ScriptedEngine
from tests.support.weighed_answers import weighed_pieces
from tests.ui.conftest import Person

ANSWER = weighed_pieces(
    ("In", 0.9, 0.2),
    (" win", 0.2, 2.5),
    ("ter", 0.95, 0.1),
    (" there", 0.8, 0.3),
    (" is", 0.9, 0.2),
    (" rain", 0.05, 3.0),
)
TEXT = "In winter there is rain"


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


def answer(person: Person, engine: ScriptedEngine, *lines: Piece | threading.Event | str) -> None:
    engine.enqueue(*(lines or ANSWER))
    count = len(engine.requests)
    person.ask("What is there in winter?")
    person.wait(lambda: len(engine.requests) > count)
    person.wait_for(GenerationState.IDLE)


def lens_text(person: Person, number: int = 1) -> LensText:
    found = next(each for each in person.find(f"message-{number}").findChildren(LensText) if not each.isHidden())
    assert isinstance(found, LensText)
    return found


def is_inside(window: QWidget, popup: QWidget) -> bool:
    return window.rect().contains(popup.geometry())


def is_under_lens(person: Person, number: int = 1) -> bool:
    texts = [each for each in person.find(f"message-{number}").findChildren(QTextEdit) if each.isVisible()]
    return bool(texts) and all(isinstance(each, LensText) for each in texts)


def summary(person: Person) -> str:
    """What is said above the answer: how sure the model was, or that it is reading."""
    shown = [label for name in ("lensSummary", "lensReading") if (label := person.find(name, QLabel)).isVisible()]
    return str(shown[0].text()) if shown else ""


def press(key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    focus = QApplication.focusWidget()
    assert focus is not None
    QTest.keyClick(focus, key, modifier)


def press_shortcut(person: Person, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(person.window, key, modifier)


def candidates(person: Person) -> list[str]:
    model = person.find("lensCandidates", QListView).model()
    return [str(model.index(row, 0).data()) for row in range(model.rowCount())]


def test_the_switch_in_the_toolbar_shows_one_answer_and_its_new_versions_under_the_lens(
    person: Person, engine: ScriptedEngine
) -> None:
    answer(person, engine)
    assert not is_under_lens(person)
    person.press_in(1, "Show how sure the model was")
    assert is_under_lens(person)
    assert lens_text(person).toPlainText() == TEXT
    assert summary(person) == "The model was sure 60% of the time, with 2 hesitations."
    assert person.message(1) == TEXT
    person.press_in(1, "Show how sure the model was")
    assert not is_under_lens(person)
    person.press_in(1, "Show how sure the model was")
    engine.enqueue(*ANSWER[:4])
    person.press_in(1, "Regenerate")
    person.wait_for(GenerationState.IDLE)
    assert person.message(1) == "In winter there"
    assert is_under_lens(person)
    person.press_in(1, "Show how sure the model was")
    engine.enqueue(*ANSWER[:2])
    person.press_in(1, "Regenerate")
    person.wait_for(GenerationState.IDLE)
    assert not is_under_lens(person)


def test_what_was_read_of_documents_stands_below_it(person: Person, engine: ScriptedEngine, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Bananas grow in Ecuador.", "utf-8")
    person.window.documents._documents.attach(person.window.session, tmp_path / "notes.txt")
    answer(person, engine)
    person.press_in(1, "Show how sure the model was")
    assert is_under_lens(person)
    assert person.find("whatWasRead").isVisible()
    action = person.window.findChild(QAction, "lensAction")
    assert action
    action.trigger()
    answer(person, engine)
    assert is_under_lens(person, 3)
    assert person.find("message-3").findChild(QWidget, "whatWasRead").isVisible()


def test_the_switch_in_the_menu_is_for_all_and_asks_for_candidates(person: Person, engine: ScriptedEngine) -> None:
    answer(person, engine)
    assert engine.requests[-1].candidates == 0, "it costs nothing while it is off"
    action = person.window.findChild(QAction, "lensAction")
    assert action is not None
    assert action.text() == "Show how sure the model was for all answers"
    action.trigger()
    assert is_under_lens(person, 1)
    answer(person, engine)
    assert engine.requests[-1].candidates == 10
    assert is_under_lens(person, 3)
    person.press_in(1, "Show how sure the model was")
    assert [is_under_lens(person, number) for number in (1, 3)] == [False, True]
    action.trigger()
    assert not is_under_lens(person, 3)
    answer(person, engine)
    assert engine.requests[-1].candidates == 0


def test_a_word_is_changed_by_keyboard_alone(person: Person, engine: ScriptedEngine) -> None:
    answer(person, engine)
    press_shortcut(person, Qt.Key.Key_F8)
    text = lens_text(person)
    assert text.hasFocus()
    assert text.words[text.current].tokens[0].number == 1, "the first hesitation"
    press_shortcut(person, Qt.Key.Key_F8)
    assert (
        person.find("lensPopup").accessibleName()
        == "“rain”, 5.0%; alternatives: snow 48%, tea 24%, light 12%, ice 5.9%"
    )
    press(Qt.Key.Key_Return)
    chosen = person.find("lensCandidates", QListView)
    assert chosen.hasFocus()
    assert chosen.currentIndex().data() == "snow: 48%, 48% with your settings"
    press(Qt.Key.Key_Down)
    engine.enqueue(Piece(" tea", 50_001), Piece(" for", 7), Piece(" all.", 8))
    press(Qt.Key.Key_Return)
    person.wait(lambda: len(engine.requests) == 2)
    person.wait_for(GenerationState.IDLE)
    request = engine.requests[-1]
    assert request.begun is not None
    assert (request.begun.text, request.begun.tokens) == ("In winter there is", (100, 101, 102, 103, 104))
    assert request.forced == (50_001,)
    assert request.candidates == 10, "so that this version can be looked at, too"
    assert person.message(1) == "In winter there is tea for all."
    assert "branched: “tea” instead of “rain”" in str(note(person))
    assert person.button(1, "2 of 2") is not None
    assert is_under_lens(person)
    assert lens_text(person).hasFocus(), "so that one can go on from there"
    person.press_in(1, "Previous version")
    assert person.message(1) == TEXT


def long_answer() -> list[Piece]:
    lines = [(f" line{number}\n\n", 0.9, 0.2) for number in range(60)]
    lines[15] = (" rain\n\n", 0.05, 3.0)
    return weighed_pieces(*lines)


def test_the_text_stays_where_it_is_when_a_word_is_changed(
    person: Person, engine: ScriptedEngine, gate: threading.Event
) -> None:
    answer(person, engine, *long_answer())
    press_shortcut(person, Qt.Key.Key_F8)
    before = lens_text(person)
    top, word = height_of(person, before), before.current
    assert before.words[word].least_sure.number == 15
    rest = [Piece(f" other{number}\n\n", number) for number in range(50)]
    engine.enqueue(Piece(" tea\n\n", 50_001), *rest[:2], gate, *rest[2:])
    press(Qt.Key.Key_Return)
    press(Qt.Key.Key_Return)
    gate.set()
    person.wait(lambda: len(engine.requests) == 2)
    person.wait_for(GenerationState.IDLE)
    after = lens_text(person)
    assert after is not before
    assert after.hasFocus()
    person.wait(lambda: height_of(person, after) == top)
    press(Qt.Key.Key_Right)
    assert after.current == word, "the keys go on from the word that was chosen"
    assert height_of(person, after) == top
    press(Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert "line59" in person.message(1), "the version before"
    person.wait(lambda: height_of(person, lens_text(person)) == top)


def height_of(person: Person, text: LensText) -> int:
    QApplication.processEvents()
    return text.mapTo(person.find("transcript"), QPoint()).y()


def note(person: Person) -> str:
    found = [each.text() for each in person.find("message-1").findChildren(QLabel) if "branched" in each.text()]
    return found[0] if found else ""


def test_where_the_answer_grows_the_next_hesitation_is_promised(
    person: Person, engine: ScriptedEngine, gate: threading.Event
) -> None:
    answer(person, engine)
    person.window.commands.lens.trigger()
    engine.enqueue("One", gate, " two")
    person.window.submit("And then?")
    person.wait(lambda: person.message(3) == "One")
    press_shortcut(person, Qt.Key.Key_F8)
    assert person.status() == "You can step through the hesitations in this answer once it’s finished."
    gate.set()
    person.wait_for(GenerationState.IDLE)


def test_escape_goes_back_step_by_step_and_does_not_stop_an_answer(
    person: Person, engine: ScriptedEngine, gate: threading.Event
) -> None:
    answer(person, engine)
    press_shortcut(person, Qt.Key.Key_F8)
    engine.enqueue("One", gate, " two")
    person.window.submit("And then?")
    person.wait_for(GenerationState.WRITING)
    lens_text(person).setFocus()
    press(Qt.Key.Key_Return)
    assert not person.find("lensCandidates").hasFocus() or person.find("lensPopup").isVisible()
    while person.find("lensPopup").isVisible():
        press(Qt.Key.Key_Escape)
    assert lens_text(person).hasFocus()
    assert person.window.generation.is_answering()
    gate.set()
    person.wait_for(GenerationState.IDLE)


def test_a_word_is_looked_at_by_keyboard(person: Person, engine: ScriptedEngine) -> None:
    answer(person, engine)
    press_shortcut(person, Qt.Key.Key_F8)
    tabs = person.find("lensTokens", QTabBar)
    assert [tabs.tabText(at) for at in range(tabs.count())] == ["win", "ter"]
    assert tabs.currentIndex() == 0, "the less sure one"
    assert "Parts of the word:" in [each.text() for each in person.find("lensPopup").findChildren(QLabel)]
    assert candidates(person)[1] == "win: 20%, 20% with your settings (chosen)"
    assert candidates(person)[-1] == "ice: 5.0%, ruled out by Top-p"
    press(Qt.Key.Key_Return)
    press(Qt.Key.Key_Right)
    assert tabs.currentIndex() == 1
    assert candidates(person)[0] == "ter: 95%, 95% with your settings (chosen)"
    person.click("newConversationButton")
    answer(person, engine)
    press_shortcut(person, Qt.Key.Key_F8)
    assert lens_text(person).accessibleDescription().startswith("“winter”, 20%; alternatives: snow")
    press(Qt.Key.Key_Return)
    assert person.find("lensPopup").isVisible()
    person.find("composer").setFocus()
    assert not person.find("lensPopup").isVisible()
    person.click("newConversationButton")
    answer(person, engine)
    numbers = []
    for key in (Qt.KeyboardModifier.NoModifier,) * 2 + (Qt.KeyboardModifier.ShiftModifier,):
        press_shortcut(person, Qt.Key.Key_F8, key)
        numbers.append(lens_text(person).current)
    assert numbers == [1, 4, 1], "those with a probability under a quarter, whose tints the legend explains"
    press_shortcut(person, Qt.Key.Key_F8, Qt.KeyboardModifier.ShiftModifier)
    assert person.status() == "There are no more hesitations in this direction."
    person.find("lensNext").click()
    assert lens_text(person).current == 4
    person.click("newConversationButton")
    answer(person, engine)
    for height in (900, 480):
        person.window.resize(700, height)
        QApplication.processEvents()
        press_shortcut(person, Qt.Key.Key_F8)
        popup = person.find("lensPopup")
        person.wait(partial(is_inside, person.window, popup))
        text = lens_text(person)
        area = text.word_rect(text.current)
        place = QRect(text.viewport().mapTo(person.window, area.topLeft()), area.size())
        assert not popup.geometry().intersects(place)


def test_the_mouse_shows_and_chooses_and_a_right_click_opens_the_menu_alone(
    person: Person, engine: ScriptedEngine
) -> None:
    answer(person, engine)
    person.press_in(1, "Show how sure the model was")
    text = lens_text(person)
    text.point_at(QPointF(text.word_rect(3).center()))
    popup = person.find("lensPopup")
    assert popup.isVisible()
    QApplication.sendEvent(text, QEvent(QEvent.Type.Leave))
    person.wait(lambda: not popup.isVisible())
    text.point_at(QPointF(text.word_rect(4).center()))
    view = person.find("lensCandidates", QListView)
    engine.enqueue(Piece(" snow", 50_000))
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(view.model().index(0, 0)).center())
    person.wait(lambda: person.message(1) == "In winter there is snow")
    assert not popup.isVisible()
    person.wait_for(GenerationState.IDLE)
    person.click("newConversationButton")
    answer(person, engine)
    person.press_in(1, "Show how sure the model was")
    text = lens_text(person)
    text.point_at(QPointF(text.word_rect(1).center()))
    person.wait(lambda: person.window.findChild(QWidget, "lensPopup") and person.find("lensPopup").isVisible())
    place = text.word_rect(1).center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, text.viewport().mapToGlobal(place))
    QApplication.sendEvent(text.viewport(), event)
    menu = person.find("message-1").findChild(QMenu)
    assert menu
    assert menu.isVisible()
    assert not person.find("lensPopup").isVisible()
    person.close_menu()


def test_an_answer_of_which_nothing_or_a_part_is_known_is_read_again(
    person: Person, engine: ScriptedEngine, gate: threading.Event
) -> None:
    answer(person, engine, *(Piece(piece.text, piece.token) for piece in ANSWER))
    engine.enqueue(ANSWER[0], Reading(3, 10), gate, *ANSWER[1:])
    person.press_in(1, "Show how sure the model was")
    person.wait(lambda: summary(person) == "Reading the answer…")
    assert person.find("lensProgress").isVisible()
    assert not person.find("lensSummary").isVisible()
    assert not is_under_lens(person), "it is shown as usual"
    person.find("lensCancel", QPushButton).click()
    assert person.find("lensRead").isVisible()
    assert summary(person).endswith("” is on.")
    person.wait_for(GenerationState.IDLE)
    gate.set()
    engine.enqueue(*ANSWER)
    person.find("lensRead", QPushButton).click()
    person.wait(lambda: is_under_lens(person))
    said = "“Sure” means a probability of 50% or more; “hesitation” means under 25%."
    assert person.find("lensSummary").toolTip() == said
    request = engine.requests[-1]
    assert request.weighs_begun
    assert request.begun is not None
    assert request.begun.text == TEXT
    assert summary(person).startswith("The model was sure 60%")
    person.wait_for(GenerationState.IDLE)
    person.click("newConversationButton")
    answer(person, engine, *ANSWER[:4], Piece(" is", 104), Piece(" rain", 105))
    person.press_in(1, "Show how sure the model was")
    assert is_under_lens(person)
    engine.enqueue(*ANSWER)
    person.find("lensRead", QPushButton).click()
    person.wait(lambda: summary(person).startswith("The model was sure 60%"))
    assert not person.find("lensRead").isVisible()


def test_the_window_shows_that_a_long_answer_is_read(
    person: Person, engine: ScriptedEngine, gate: threading.Event
) -> None:
    answer(person, engine, *(Piece(f"{piece.text}\n\n", piece.token) for piece in ANSWER * 20))
    engine.enqueue(Reading(3, 10), gate, *(Piece(f"{piece.text}\n\n", piece.token) for piece in ANSWER * 20))
    person.press_in(1, "Show how sure the model was")
    person.wait(lambda: person.status() == "Reading the answer…")
    gate.set()
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: person.status() != "Reading the answer…")


def test_answers_are_read_again_one_by_one_while_nobody_needs_the_model(
    person: Person, engine: ScriptedEngine, gate: threading.Event
) -> None:
    for _ in range(3):
        answer(person, engine, *(Piece(piece.text, piece.token) for piece in ANSWER))
    lenses = person.window.answer_lens
    lenses.weigh_next()
    assert not engine.requests[-1].weighs_begun, "no answer is under the lens"
    action = person.window.findChild(QAction, "lensAction")
    assert action
    engine.enqueue(*ANSWER)
    action.trigger()
    person.wait(lambda: is_under_lens(person, 5))
    engine.enqueue(*ANSWER)
    lenses.weigh_next()
    person.wait(lambda: is_under_lens(person, 1))
    assert not is_under_lens(person, 3)
    assert len(engine.requests[-1].turns) == 1, "the first one: the model then goes on from there"

    engine.enqueue(ANSWER[0], Reading(3, 10), gate, *ANSWER[1:])
    lenses.weigh_next()
    person.wait(lambda: visible_cancel(person))
    engine.enqueue("Yes.")
    person.window.submit("A question comes first.")
    gate.set()
    person.wait(lambda: person.window.session.conversation.path()[-1].text == "Yes.")
    person.wait_for(GenerationState.IDLE)
    engine.enqueue(*ANSWER)
    lenses.weigh_next()
    person.wait(lambda: is_under_lens(person, 3))


def test_answers_are_left_alone_once_reading_them_was_cancelled(
    person: Person, engine: ScriptedEngine, gate: threading.Event
) -> None:
    for _ in range(2):
        answer(person, engine, *(Piece(piece.text, piece.token) for piece in ANSWER))
    action = person.window.findChild(QAction, "lensAction")
    assert action
    action.trigger()
    engine.enqueue(ANSWER[0], Reading(3, 10), gate, *ANSWER[1:])
    lenses = person.window.answer_lens
    lenses.weigh_next()
    person.wait(lambda: visible_cancel(person))
    visible_cancel(person)[0].click()
    gate.set()
    person.wait_for(GenerationState.IDLE)
    count = len(engine.requests)
    lenses.weigh_next()
    assert len(engine.requests) == count
    assert not visible_cancel(person)


def visible_cancel(person: Person) -> list[QPushButton]:
    return [each for each in person.window.findChildren(QPushButton, "lensCancel") if each.isVisible()]


def test_another_model_than_the_one_that_wrote_it_says_so(person: Person, engine: ScriptedEngine) -> None:
    answer(person, engine, *(Piece(piece.text, piece.token) for piece in ANSWER))
    session = person.window.session
    message = session.conversation.path()[1]
    assert message.reply is not None
    vars(message.reply)["model"] = "phi-3"
    person.press_in(1, "Show how sure the model was")
    assert summary(person).startswith("phi-3 wrote this answer,")
    engine.enqueue(*ANSWER)
    person.find("lensRead", QPushButton).click()
    person.wait(lambda: is_under_lens(person))
    assert "These probabilities come from starter, which didn’t write this answer." in summary(person)


def test_words_are_tinted_as_they_are_written(person: Person, engine: ScriptedEngine, gate: threading.Event) -> None:
    person.window.commands.lens.trigger()
    engine.enqueue(*ANSWER[:3], gate, *ANSWER[3:])
    person.ask("What is there in winter?")
    person.wait(lambda: person.window.findChild(QWidget, "message-1") and is_under_lens(person))
    person.wait(lambda: lens_text(person).toPlainText() == "In winter")
    assert [word.probability for word in lens_text(person).words] == [
        pytest.approx(0.9, abs=0.001),
        pytest.approx(0.2, abs=0.001),
    ]
    assert summary(person) == "The model is writing…"
    lens_text(person).setFocus()
    press(Qt.Key.Key_End)
    assert person.find("lensPopup").isVisible()
    gate.set()
    person.wait_for(GenerationState.IDLE)
    assert lens_text(person).toPlainText() == TEXT
    assert lens_text(person).current == 1, "the word that was looked at"
    assert summary(person).startswith("The model was sure 60%")


def test_an_answer_without_candidates_is_shown_as_usual_until_it_is_complete(
    person: Person, engine: ScriptedEngine, gate: threading.Event
) -> None:
    person.window.commands.lens.trigger()
    engine.enqueue("In", gate, " winter")
    person.ask("What is there?")
    person.wait(lambda: person.window.findChild(QWidget, "message-1") and person.message(1) == "In")
    assert not is_under_lens(person)
    assert person.find("lensSummary").isHidden() or not person.find("lensSummary").isVisible()
    gate.set()
    person.wait_for(GenerationState.IDLE)
    assert summary(person).startswith("Phichat doesn’t yet know how sure the model was of this answer.")


def test_words_are_read_out(person: Person, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("phichat.ui.lens.pointer.announce", lambda _, text: said.append(text))
    assert announce
    answer(person, engine)
    press_shortcut(person, Qt.Key.Key_F8)
    press(Qt.Key.Key_Right)
    assert said == [
        "“winter”, 20%; alternatives: snow 40%, tea 20%, light 10%, ice 5.0%",
        "“there”, 80%; alternatives: snow 10%, tea 5.0%, light 2.5%, ice 1.3%",
    ]


def test_it_is_in_the_tab_order_and_found_and_copied_like_any_text(person: Person, engine: ScriptedEngine) -> None:
    answer(person, engine)
    person.press_in(1, "Show how sure the model was")
    person.find("message-1").take_focus()
    assert lens_text(person).hasFocus()
    press(Qt.Key.Key_Backtab)
    assert QApplication.focusWidget() is person.find("lensNext")
    press(Qt.Key.Key_Tab)
    assert lens_text(person).hasFocus()
    press(Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    press(Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == TEXT
    press_shortcut(person, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    field = person.find("findBar").findChild(QWidget, "findField")
    QTest.keyClicks(field, "winter")
    person.wait(lambda: lens_text(person).extraSelections())


def change_the_first_word(person: Person, engine: ScriptedEngine, *lines: Piece | threading.Event) -> None:
    """By keyboard alone."""
    answer(person, engine)
    person.press_in(1, "Show how sure the model was")
    lens_text(person).setFocus()
    press(Qt.Key.Key_Right)
    press(Qt.Key.Key_Return)
    engine.enqueue(*lines)
    press(Qt.Key.Key_Return)


def test_the_first_word_is_changed_and_the_focus_stays(
    person: Person, engine: ScriptedEngine, gate: threading.Event
) -> None:
    first_word = threading.Event()
    snow, falls = weighed_pieces((" snow", 0.5, 1.0), (" falls", 0.5, 1.0))
    change_the_first_word(person, engine, first_word, snow, gate, falls)
    person.wait(lambda: len(engine.requests) == 2)
    assert QApplication.focusWidget() is person.find("transcript"), "no button, which a key would press"
    first_word.set()
    person.wait(lambda: person.message(1) == " snow")
    assert lens_text(person).hasFocus()
    gate.set()
    person.wait_for(GenerationState.IDLE)
    assert person.message(1) == " snow falls"
    assert lens_text(person).hasFocus()


def test_the_focus_is_not_taken_from_the_message_field_by_a_changed_word(
    person: Person, engine: ScriptedEngine, gate: threading.Event
) -> None:
    change_the_first_word(person, engine, gate, *weighed_pieces((" snow", 0.5, 1.0)))
    person.find("composer").setFocus()
    focused = QApplication.focusWidget()
    gate.set()
    person.wait(lambda: person.message(1) == " snow")
    person.wait_for(GenerationState.IDLE)
    assert QApplication.focusWidget() is focused


def test_the_switch_is_remembered(person: Person, open_window: Callable[[], Person]) -> None:
    person.window.commands.lens.trigger()
    person.window.close()
    again = open_window()
    assert again.window.commands.lens.isChecked()
    assert again.window.generation.candidates == 10


def test_the_candidates_come_back_with_their_word(person: Person, engine: ScriptedEngine) -> None:
    answer(person, engine, *long_answer())
    press_shortcut(person, Qt.Key.Key_F8)
    popup, bar = person.find("lensPopup"), person.find("transcript", QScrollArea).verticalScrollBar()
    person.wait(popup.isVisible)
    seen = bar.value()
    bar.setValue(bar.minimum() if seen - bar.minimum() > bar.maximum() - seen else bar.maximum())
    person.wait(popup.isHidden)
    bar.setValue(seen)
    person.wait(popup.isVisible)
