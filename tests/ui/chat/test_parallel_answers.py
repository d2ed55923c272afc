"""Several answers side by side: they grow together, each is a version, and one is chosen to go on with."""

import threading

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QScrollArea, QSlider

from phichat.chat.conversation import Ending, Message
from phichat.engine.base import AnswerEvent, Done, Piece
from phichat.errors import EngineError
from phichat.i18n import tr
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.transcript.answer_column import AnswerColumn
from tests.support.fakes import Line, ScriptedEngine, thought
from tests.ui.conftest import Person

SIDE_BY_SIDE = "Generate answers side by side", "Generate three answers"


def says(answer: int, text: str) -> AnswerEvent:
    return AnswerEvent(answer, Piece(text, 500 + answer))


def ends(answer: int) -> AnswerEvent:
    return AnswerEvent(answer, Done(Ending.STOP, answer, 4, 4, 2))


BEGIN: list[Line] = [says(0, "Snow"), says(1, "Rain"), says(2, "Wind")]
END: list[Line] = [ends(0), says(1, " falls"), ends(1), says(2, " blows"), ends(2)]


@pytest.fixture
def asked(person: Person, engine: ScriptedEngine) -> Person:
    """Has one answer; the next ones come side by side, and wait in their middle for the gate."""
    engine.enqueue("Fog")
    person.ask("What is winter?")
    person.wait_for(GenerationState.IDLE)
    return person


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


@pytest.fixture
def growing(asked: Person, engine: ScriptedEngine, gate: threading.Event) -> Person:
    engine.enqueue(*BEGIN, gate, *END)
    asked.choose_in(1, *SIDE_BY_SIDE)
    asked.wait(lambda: [text(asked, number) for number in (1, 2, 3)] == ["Snow", "Rain", "Wind"])
    return asked


@pytest.fixture
def written(growing: Person, gate: threading.Event) -> Person:
    gate.set()
    growing.wait_for(GenerationState.IDLE)
    return growing


def column(person: Person, number: int) -> AnswerColumn:
    found = person.find(f"answer-{number}")
    assert isinstance(found, AnswerColumn)
    return found


def text(person: Person, number: int) -> str:
    found = person.window.findChild(AnswerColumn, f"answer-{number}")
    return found.message.text if found else ""


def framed(person: Person) -> list[int]:
    return [number for number in (1, 2, 3) if column(person, number).property("framed")]


def versions(person: Person) -> list[Message]:
    conversation = person.window.session.conversation
    return conversation.siblings(conversation.path()[-1])


def stored(person: Person) -> list[str]:
    conversations = person.window.conversations
    if conversations.autosave.last:
        conversations.autosave.last.result(10)
    record = conversations.history().load_conversation(person.window.session.conversation.id)
    return [message.text for message in record.messages if message.reply]


def test_answer_now_is_there_as_long_as_any_of_them_thinks(
    asked: Person, engine: ScriptedEngine, gate: threading.Event
) -> None:
    begin: list[Line] = [AnswerEvent(number, thought("Hm")) for number in range(3)]
    engine.enqueue(*begin, says(0, "Snow"), ends(0), says(1, "Rain"), gate, says(2, "Wind"), ends(1), ends(2))
    asked.choose_in(1, *SIDE_BY_SIDE)
    asked.wait(lambda: [text(asked, number) for number in (1, 2)] == ["Snow", "Rain"])
    assert asked.find("answerNowButton").isVisible()
    asked.click("answerNowButton")
    gate.set()
    asked.wait_for(GenerationState.IDLE)
    assert not asked.find("answerNowButton").isVisible()
    replies = [message.reply for message in versions(asked)[1:]]
    assert [reply and reply.seed is not None for reply in replies] == [True, True, False]  # only one still thought


def test_three_answers_grow_together_and_each_is_a_version(growing: Person, gate: threading.Event) -> None:
    assert growing.window.session.is_answering()
    growing.window.resize(1200, 760)
    growing.wait(lambda: all(column(growing, number).isVisible() for number in (1, 2, 3)))
    assert not growing.find("transcript").isVisible()
    gate.set()
    growing.wait_for(GenerationState.IDLE)
    assert [text(growing, number) for number in (1, 2, 3)] == ["Snow", "Rain falls", "Wind blows"]
    assert [message.text for message in versions(growing)] == ["Fog", "Snow", "Rain falls", "Wind blows"]
    assert {message.reply.ending for message in versions(growing) if message.reply} == {Ending.STOP}
    assert not growing.window.session.is_answering()


def test_three_answers_are_stored_framed_copied_and_chosen_by_key(written: Person, engine: ScriptedEngine) -> None:
    assert stored(written) == ["Fog", "Snow", "Rain falls", "Wind blows"]
    request = engine.requests[-1]
    assert len({request.sampling_of(number).seed for number in range(3)}) == 3
    seeds = [message.reply.seed for message in versions(written)[1:] if message.reply]
    assert seeds == [request.sampling_of(number).seed for number in range(3)]
    assert written.window.focusWidget() is column(written, 1)
    assert framed(written) == [1]
    QTest.keyClick(column(written, 1), Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    written.wait(lambda: QApplication.clipboard().text() == "Snow")
    names = [button.accessibleName() for button in column(written, 2).findChildren(QAbstractButton)]
    assert names == [f"{tr('Copy answer')} (Answer 2)", f"{tr('Use this answer')} (Answer 2)"]
    QTest.keyClick(column(written, 1), Qt.Key.Key_Right)
    for _ in range(20):
        if written.window.focusWidget() is written.find("composer"):
            break
        QTest.keyClick(written.window.focusWidget(), Qt.Key.Key_Tab)
    assert written.window.focusWidget() is written.find("composer")
    assert framed(written) == [2]
    title = written.titles()[0]
    written.window.commands.new.trigger()
    assert not written.find("answerColumns").isVisible()
    written.open(title)
    written.wait(lambda: written.find("answerColumns").isVisible())
    assert framed(written) == [2]
    written.wait(lambda: len(written.window.findChildren(AnswerColumn, "answer-3")) == 1)
    column(written, 2).setFocus()
    QTest.keyClick(column(written, 2), Qt.Key.Key_Right)
    assert written.window.focusWidget() is column(written, 3)
    QTest.keyClick(column(written, 3), Qt.Key.Key_Return)
    assert written.message(1) == "Wind blows"


def test_a_click_chooses_one_and_the_others_stay(written: Person) -> None:
    written.click("useAnswer-2")
    assert written.find("transcript").isVisible()
    assert written.message(1) == "Rain falls"
    assert any(label.text() == "3/4" for label in written.find("message-1").findChildren(QLabel))
    assert not written.window.commands.undo.isEnabled()


def test_one_that_is_chosen_while_it_grows_goes_on_growing(growing: Person, gate: threading.Event) -> None:
    growing.click("useAnswer-3")
    assert growing.message(1) == "Wind"
    gate.set()
    growing.wait_for(GenerationState.IDLE)
    growing.wait(lambda: growing.message(1) == "Wind blows")
    assert growing.button(1, "Copy answer")


def test_stop_stops_all_of_them(growing: Person) -> None:
    growing.click("stopButton")
    growing.wait_for(GenerationState.IDLE)
    replies = [message.reply for message in versions(growing)[1:]]
    assert [reply.ending for reply in replies if reply] == [Ending.CANCELLED] * 3


def test_when_the_engine_dies_each_keeps_what_it_had(asked: Person, engine: ScriptedEngine) -> None:
    engine.enqueue(*BEGIN, ends(0), EngineError("The model crashed."))
    asked.choose_in(1, *SIDE_BY_SIDE)
    asked.wait(lambda: text(asked, 3))
    asked.wait_for(GenerationState.IDLE)
    endings = [message.reply.ending for message in versions(asked)[1:] if message.reply]
    assert endings == [Ending.STOP, Ending.ERROR, Ending.ERROR]
    assert stored(asked) == ["Fog", "Snow", "Rain", "Wind"]
    asked.click("useAnswer-2")
    assert asked.button(1, "Continue")


def test_an_answer_that_failed_before_its_first_word_cannot_be_used(asked: Person, engine: ScriptedEngine) -> None:
    engine.enqueue(says(0, "Snow"), EngineError("The model crashed."))
    asked.choose_in(1, *SIDE_BY_SIDE)
    asked.wait(lambda: text(asked, 1))
    asked.wait_for(GenerationState.IDLE)
    assert [asked.find(f"useAnswer-{number}").isEnabled() for number in (1, 2, 3)] == [True, False, False]


def test_they_are_found_in_menus_and_temperatures_and_presets_are_compared_from_one_seed(
    asked: Person, engine: ScriptedEngine
) -> None:
    engine.enqueue(*BEGIN, *END)
    asked.entry("Conversation", "Generate three answers").trigger()
    asked.wait_for(GenerationState.IDLE)
    asked.wait(lambda: text(asked, 3) == "Wind blows")
    assert "kept as versions" in asked.find("backToConversation").toolTip()
    assert "alternative versions" in asked.find("useAnswer-1").toolTip()
    asked.click("backToConversation")
    engine.enqueue(*BEGIN, *END)
    asked.choose_in(1, "Generate answers side by side", "Generate an answer at each temperature (0.35 · 0.70 · 1.05)")
    asked.wait_for(GenerationState.IDLE)
    asked.wait(lambda: text(asked, 3) == "Wind blows")
    request = engine.requests[-1]
    assert [request.sampling_of(number).temperature for number in range(3)] == [0.35, 0.7, 1.05]
    assert len({request.sampling_of(number).seed for number in range(3)}) == 1
    assert column(asked, 2).accessibleName() == "Answer 2, temperature 0.70"
    asked.click("backToConversation")
    engine.enqueue(*BEGIN, *END)
    compared = "Generate an answer with each preset (Balanced · Precise · Creative)"
    asked.choose_in(1, "Generate answers side by side", compared)
    asked.wait_for(GenerationState.IDLE)
    asked.wait(lambda: text(asked, 3) == "Wind blows")
    request = engine.requests[-1]
    assert [request.sampling_of(number).top_k for number in range(3)] == [40, 20, 0]
    assert len({request.sampling_of(number).seed for number in range(3)}) == 1
    assert [column(asked, number).accessibleName() for number in (1, 2, 3)] == [
        "Answer 1, Balanced", "Answer 2, Precise", "Answer 3, Creative",
    ]  # fmt: skip


def test_the_same_three_times_is_not_offered_at_temperature_0(asked: Person, engine: ScriptedEngine) -> None:
    asked.find("temperatureSlider", QSlider).setValue(0)
    asked.ask("What is summer?")
    asked.wait_for(GenerationState.IDLE)
    assert not asked.entry("Conversation", "Generate three answers").isEnabled()


def test_the_figures_are_those_of_the_answer_that_is_shown(growing: Person, gate: threading.Event) -> None:
    QTest.keyClick(column(growing, 2), Qt.Key.Key_Return)
    gate.set()
    growing.wait_for(GenerationState.IDLE)
    assert growing.message(1) == "Rain falls"
    growing.wait(lambda: growing.find("statusContext").text().startswith("Context: 6 of"))


def test_a_narrow_window_has_tabs(written: Person) -> None:
    written.window.resize(640, 600)
    tabs = written.find("answerTabs")
    written.wait(tabs.isVisible)
    assert [column(written, number).isVisible() for number in (1, 2, 3)] == [True, False, False]
    tabs.setCurrentIndex(1)
    assert [column(written, number).isVisible() for number in (1, 2, 3)] == [False, True, False]
    column(written, 2).setFocus()
    QTest.mouseClick(tabs, Qt.MouseButton.LeftButton, pos=tabs.tabRect(2).center())
    assert written.window.focusWidget() is tabs
    QTest.keyClick(tabs, Qt.Key.Key_Left)
    QTest.keyClick(column(written, 2), Qt.Key.Key_Return)
    assert written.message(1) == "Rain falls"
    assert written.window.focusWidget() is written.find("composer")


def test_a_question_goes_on_with_the_first_answer_unless_another_is_framed(written: Person) -> None:
    assert framed(written) == [1]
    written.ask("And then?")
    written.wait_for(GenerationState.IDLE)
    assert written.find("transcript").isVisible()
    assert written.message(1) == "Snow"


def test_a_question_goes_on_with_the_answer_that_is_framed(written: Person) -> None:
    """And a space typed on an answer goes into the question, too."""
    QTest.keyClick(column(written, 1), Qt.Key.Key_Right)
    written.type("And")
    written.find("composer").setFocus()
    assert framed(written) == [2]
    column(written, 2).setFocus()
    QTest.keyClick(column(written, 2), Qt.Key.Key_Space)
    written.ask("then?")
    written.wait_for(GenerationState.IDLE)
    assert [written.message(number) for number in (1, 2)] == ["Rain falls", "And then?"]


def test_a_question_queued_while_they_grow_goes_on_with_the_framed_one(growing: Person, gate: threading.Event) -> None:
    QTest.keyClick(column(growing, 1), Qt.Key.Key_Right)
    QTest.keyClick(column(growing, 2), Qt.Key.Key_Right)
    growing.ask("And then?")
    gate.set()
    growing.wait(lambda: growing.find("transcript").isVisible())
    growing.wait_for(GenerationState.IDLE)
    assert [growing.message(number) for number in (1, 2)] == ["Wind blows", "And then?"]


def test_escape_goes_back_to_the_conversation(written: Person) -> None:
    QTest.keyClick(column(written, 1), Qt.Key.Key_Escape)
    assert written.find("transcript").isVisible()
    assert len(versions(written)) == 4


def test_a_column_follows_its_answer_until_it_is_scrolled(
    asked: Person, engine: ScriptedEngine, gate: threading.Event
) -> None:
    more = threading.Event()
    long = "A long line of text.\n\n" * 60
    asked.window.resize(1200, 700)
    engine.enqueue(says(0, long), says(1, long), gate, says(0, long), says(1, long), more, ends(0), ends(1), ends(2))
    asked.choose_in(1, *SIDE_BY_SIDE)
    bars = [column(asked, number).findChildren(QScrollArea)[0].verticalScrollBar() for number in (1, 2)]
    asked.wait(lambda: all(0 < bar.maximum() == bar.value() for bar in bars))
    before = bars[0].maximum()
    QTest.keyClick(column(asked, 2), Qt.Key.Key_PageUp)
    place = bars[1].value()
    assert place < before
    gate.set()
    asked.wait(lambda: all(bar.maximum() > 1.5 * before for bar in bars))
    asked.wait(lambda: bars[0].value() == bars[0].maximum())
    assert bars[1].value() == place
    more.set()
    asked.wait_for(GenerationState.IDLE)


@pytest.mark.parametrize("key", [Qt.Key.Key_E, Qt.Key.Key_Up, Qt.Key.Key_F8])
def test_keys_for_messages_show_the_conversation_first(written: Person, key: Qt.Key) -> None:
    modifiers = {Qt.Key.Key_E: Qt.KeyboardModifier.ControlModifier, Qt.Key.Key_Up: Qt.KeyboardModifier.AltModifier}
    written.window.activateWindow()  # which the menu was
    written.wait(written.window.isActiveWindow)
    QTest.keyClick(written.window, key, modifiers.get(key, Qt.KeyboardModifier.NoModifier))
    assert written.find("transcript").isVisible()
    focus = written.window.focusWidget()
    assert focus is not None
    assert focus.isVisible()
    if key == Qt.Key.Key_E:
        assert written.find("editField").hasFocus()
    if key == Qt.Key.Key_Up:
        assert written.find("message-1").isAncestorOf(focus)


def test_find_looks_in_the_conversation(written: Person) -> None:
    written.window.commands.find.trigger()
    assert written.find("transcript").isVisible()
    assert written.find("findBar").isVisible()


def test_answers_that_failed_empty_are_gone_once_the_conversation_goes_on(
    asked: Person, engine: ScriptedEngine
) -> None:
    engine.enqueue(EngineError("The server is gone."))
    asked.choose_in(1, *SIDE_BY_SIDE)
    asked.wait(lambda: len(engine.requests) == 2 and asked.window.generation.state is GenerationState.IDLE)
    assert len(versions(asked)) == 4
    asked.click("backToConversation")
    conversation = asked.window.session.conversation
    asked.window.message_commands.show_message(conversation.siblings(conversation.path()[-1])[0].id)
    asked.ask("More?")
    asked.wait(lambda: len(engine.requests) == 3 and asked.window.generation.state is GenerationState.IDLE)
    assert [message.text for message in conversation.siblings(conversation.path()[1])] == ["Fog"]
