"""Words are found in the conversation that is shown, however long it is."""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QColor, QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPlainTextEdit, QTextBrowser, QTextEdit, QWidget

from phichat.chat.conversation import Conversation, Ending, Reply, Role
from phichat.chat.session import Session
from phichat.markdown.streaming import StreamingParser
from phichat.ui.blocks import block_list
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.theme.palette import colors_of
from phichat.ui.transcript import find_bar
from phichat.ui.widgets.highlights import SearchTerms
from tests.support.fakes import ScriptedEngine
from tests.support.stored_history import put
from tests.ui.conftest import Person

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier

TOKENS = colors_of("light", "teal")


def look_for(person: Person, words: str) -> None:
    QTest.keyClick(person.window, Qt.Key.Key_F, CONTROL)
    QTest.keyClicks(person.find("findField"), words)


def press(person: Person, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(person.find("findField"), key, modifier)


def count(person: Person) -> str:
    return str(person.find("findCount").text())


def counts(person: Person, expected: str) -> None:
    person.wait(lambda: count(person) == expected)


def marked(field: QTextEdit | QPlainTextEdit, colour: str = TOKENS.mark) -> list[str]:
    """The words marked in a field in one of the two colours."""
    selections = field.extraSelections()
    return [one.cursor.selectedText() for one in selections if one.format.background().color() == QColor(colour)]


def strong(person: Person) -> list[str]:
    fields = [*person.find("transcript").findChildren(QTextBrowser)]
    fields += person.find("transcript").findChildren(QPlainTextEdit)
    return [word for field in fields for word in marked(field, TOKENS.strong_mark)]


@pytest.fixture
def long(person: Person) -> Session:
    """A conversation of 2,000 messages, shown."""
    conversation = Conversation("Long")
    for number in range(1000):
        conversation.add_message(Role.USER, f"Question {number}")
        text = f"Answer **{number}** with some words.\n\n```python\nvalue = {number}\n```\n\nAnd more of it."
        conversation.add_message(Role.ASSISTANT, text, Reply("starter", number, (1, 2, 3), Ending.STOP))
    session = Session(conversation)
    person.window.conversations.current.cache_session(session)
    person.window.conversations.current.open_conversation(conversation.id)
    return session


def is_clear(person: Person) -> bool:
    """Whether the bar holds all of its controls, and the first message begins below it."""
    bar, first = person.find("findBar"), person.find("message-0")
    controls = [child.geometry() for child in bar.children() if isinstance(child, QWidget)]
    below = first.mapToGlobal(QPoint(0, 0)).y() >= bar.mapToGlobal(QPoint(0, bar.height())).y()
    return below and all(bar.rect().contains(area) for area in controls)


def test_the_bar_covers_no_message_whatever_the_text_size(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("Some words.\n\n" * 60)
    person.window.submit("whales?")
    person.wait_for(GenerationState.IDLE)
    look_for(person, "whales?")
    counts(person, "1 of 1")
    for _ in range(6):  # up to 150%
        person.find("transcript").verticalScrollBar().setValue(0)
        person.wait(partial(is_clear, person))
        person.window.commands.larger.trigger()
    person.window.commands.reset_text_size.trigger()


def test_words_are_marked_in_prose_and_code_whatever_their_case_and_accents(
    person: Person, engine: ScriptedEngine
) -> None:
    engine.enqueue("A **Café** and a\n\n```\ncafe = 1\n```\n\nNot a c a f e.")
    person.window.submit("Where is the CAFE\u0301?")  # as pasted
    person.wait_for(GenerationState.IDLE)
    look_for(person, "")
    person.find("findField").setText("café")
    counts(person, "1 of 3")
    assert strong(person) == ["CAFE\u0301"]
    person.wait(lambda: marked(person.find("message-1").findChild(QTextBrowser)) == ["Café"])  # once it is painted
    person.wait(lambda: marked(person.find("message-1").findChild(QPlainTextEdit)) == ["cafe"])


def test_enter_and_f3_go_on_and_around(person: Person) -> None:
    person.ask("one one")
    person.wait_for(GenerationState.IDLE)
    look_for(person, "one")
    counts(person, "1 of 4")
    for number, key in enumerate([Qt.Key.Key_Return, Qt.Key.Key_F3, Qt.Key.Key_Return, Qt.Key.Key_Return], 1):
        press(person, key)
        counts(person, f"{number % 4 + 1} of 4")
    press(person, Qt.Key.Key_Return, SHIFT)
    counts(person, "4 of 4")
    press(person, Qt.Key.Key_F3, SHIFT)
    counts(person, "3 of 4")


def test_what_is_not_there_is_said(person: Person) -> None:
    person.ask("one")
    person.wait_for(GenerationState.IDLE)
    look_for(person, "two")
    counts(person, "No matches")
    assert not person.find("findNext").isEnabled()


def test_escape_takes_the_bar_and_all_marks_away(person: Person) -> None:
    person.ask("one")
    person.wait_for(GenerationState.IDLE)
    person.find("composer").setFocus()
    look_for(person, "one")
    press(person, Qt.Key.Key_Escape)
    assert not person.find("findBar").isVisible()
    assert not marked(person.find("message-0").findChild(QTextBrowser))
    assert strong(person) == []
    assert person.find("composer").hasFocus()


def test_an_answer_is_searched_while_it_comes(person: Person, engine: ScriptedEngine) -> None:
    gates = [threading.Event(), threading.Event()]
    engine.enqueue("a whale ", gates[0], "and a whale ", gates[1], "and no fish")
    person.ask("Tell me")
    person.wait(lambda: person.message(1) == "a whale ")
    look_for(person, "whale")
    counts(person, "1 of 1")
    gates[0].set()
    counts(person, "1 of 2")
    person.wait(lambda: marked(person.find("message-1").findChild(QTextBrowser)) == ["whale"])
    press(person, Qt.Key.Key_Escape)
    assert person.window.generation.is_answering()
    gates[1].set()
    person.wait_for(GenerationState.IDLE)


def test_a_place_far_down_in_code_is_brought_to_sight(person: Person, engine: ScriptedEngine) -> None:
    lines = [f"line_{number} = {'x' * 200 if number == 150 else number}" for number in range(200)]
    engine.enqueue("```\n" + "\n".join(lines) + "\n```")
    person.ask("Code")
    person.wait_for(GenerationState.IDLE)
    look_for(person, "line_150")
    code = person.find("message-1").findChild(QPlainTextEdit)
    person.wait(lambda: strong(person) == ["line_150"])
    assert code.viewport().rect().contains(code.cursorRect(code.extraSelections()[0].cursor).center())


def test_a_long_conversation_is_shown_at_once_and_never_stalls_the_window(
    person: Person, long: Session, eventually: Callable[[Callable[[], object]], None]
) -> None:
    person.window.conversations.current.start_new()
    person.qtbot.wait(20)
    person.window.conversations.current.open_conversation(long.conversation.id)
    assert person.message(1999).startswith("Answer **999**")
    assert person.window.findChild(QWidget, "message-0") is None
    person.wait(lambda: person.window.findChild(QWidget, "message-1980"))
    assert len(person.find("transcript").findChildren(QTextBrowser)) < 400


def test_scrolling_up_shows_all_of_it_without_a_jump(person: Person, long: Session) -> None:
    bar = person.find("transcript").verticalScrollBar()
    person.wait(lambda: person.window.findChild(QWidget, "message-1970"))
    person.wait_until_still()
    assert bar.value() == bar.maximum() > 2000
    bar.setValue(1000)
    seen = person.find(f"message-{person.find('transcript').first_visible()}")
    top = seen.mapToGlobal(QPoint()).y()
    person.wait(lambda: bar.value() > 1000)
    person.wait_until_still()
    assert seen.mapToGlobal(QPoint()).y() == top
    QTest.keyClick(person.find("transcript"), Qt.Key.Key_Home)
    assert person.message(0) == "Question 0"
    person.click("downButton")
    assert person.message(1999).startswith("Answer **999**")
    person.wait(lambda: bar.value() == bar.maximum())


def test_words_are_found_in_messages_that_are_far_away(person: Person, long: Session) -> None:
    look_for(person, "Answer 7")
    counts(person, "1 of 111")
    assert strong(person) == ["Answer 7"]
    assert person.message(15).startswith("Answer **7**")
    press(person, Qt.Key.Key_Return, SHIFT)
    counts(person, "111 of 111")
    assert person.message(1599).startswith("Answer **799**")


def test_counting_in_a_long_conversation_leaves_the_window_free(person: Person, long: Session) -> None:
    turns: list[str] = []
    timer = QTimer(interval=4, timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: turns.append(count(person)))
    look_for(person, "e")
    timer.start()
    person.wait(lambda: count(person).endswith("of 5,000"))
    timer.stop()
    assert len(turns) > 10, "the window had its turn in between"


def test_a_search_ends_where_another_conversation_is_opened(person: Person, long: Session) -> None:
    short = Conversation("Short")
    for number in range(4):
        short.add_message(Role.USER, f"Answer {number}")
    person.window.conversations.current.cache_session(Session(short))
    person.find("transcript").scroll_to_start()
    person.wait_until_still()
    look_for(person, "answer 700")
    assert count(person).endswith("…"), "it goes on"
    person.window.conversations.current.open_conversation(short.id)
    counts(person, "No matches")
    person.wait_until_still()
    assert [person.message(number) for number in range(4)] == [f"Answer {number}" for number in range(4)]
    person.find("findField").setText("answer 3")
    counts(person, "1 of 1")


def test_enter_in_an_empty_conversation_finds_nothing(person: Person) -> None:
    person.ask("Whales?")
    person.wait_for(GenerationState.IDLE)
    look_for(person, "whales")
    counts(person, "1 of 2")
    person.window.commands.new.trigger()
    person.find("findField").setFocus()
    press(person, Qt.Key.Key_Return)
    counts(person, "No matches")


def test_a_hit_in_a_long_conversation_is_shown(person: Person, long: Session) -> None:
    message = long.conversation.path()[401]
    person.window.message_commands.show_message(message.id, "some words")
    view = person.find("message-401")
    assert view.isVisible()
    assert strong(person) == ["some"]
    person.wait(lambda: "words" in marked(view.findChild(QTextBrowser)))


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        ("cafe", "Un CAFÉ noir", ["CAFÉ"]),
        ("STRASSE", "die Straße", ["Straße"]),
        ("a  b", "a\n b", ["a\n b"]),
        ("x", "𝕳x𝕳", ["x"]),
        ("(a+b)*", "so (A+B)* it is", ["(A+B)*"]),
        ("日本", "在日本人", ["日本"]),
        ("fi", "ﬁn", ["ﬁ"]),
        ("", "anything", []),
        ("  ", "a  b", []),
    ],
)
def test_what_is_found(words: str, text: str, found: list[str]) -> None:
    units = text.encode("utf-16-le")
    places = SearchTerms(words).find_ranges(text)
    assert [units[2 * start : 2 * end].decode("utf-16-le") for start, end in places] == found


@pytest.mark.parametrize(
    ("words", "source"), [("unbelievable", "un**believ**able"), ("a & b", "a &amp; b"), ("two links", "[two](x) links")]
)
def test_no_message_is_passed_over(words: str, source: str) -> None:
    assert SearchTerms(words).may_occur_in(source)
    assert not SearchTerms("elsewhere").may_occur_in("un**believ**able")


def test_a_long_answer_is_marked_where_it_is_in_sight(person: Person, engine: ScriptedEngine) -> None:
    """Each mark takes time: those of a letter in a megabyte stopped the window for half a minute."""
    engine.enqueue("Every sentence here.\n\n```\ne\n```\n\n" * 100)
    person.window.submit("Go on")
    person.wait_for(GenerationState.IDLE)
    look_for(person, "e")
    counts(person, "1 of 800")
    transcript = person.find("transcript")
    fields = [*transcript.findChildren(QTextBrowser), *transcript.findChildren(QPlainTextEdit)]
    person.wait(lambda: strong(person) == ["E"])
    assert sum(len(field.extraSelections()) for field in fields) < 200
    transcript.follow()
    last = person.find("message-1").findChildren(QPlainTextEdit)[-1]
    person.wait(lambda: marked(last) == ["e"])
    press(person, Qt.Key.Key_Return, SHIFT)
    counts(person, "800 of 800")
    person.wait(lambda: marked(last, TOKENS.strong_mark) == ["e"])


def test_a_letter_in_the_field_waits_for_no_long_answer(
    home: Path, open_window: Callable[[], Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of which most is behind "Show more". To parse a megabyte took a second, at every letter."""
    answer = "Every sentence here.\n\n```\ncode\n```\n\n" * 2_000
    monkeypatch.setattr(block_list, "PAGE", 1_000)
    put(home, ("Long", 1), answer=answer)
    person = open_window()
    person.wait(lambda: person.titles() == ["Long"])
    person.open("Long")
    person.wait(lambda: person.window.findChild(QWidget, "message-1") is not None)
    parsed: list[StreamingParser] = []
    step = StreamingParser.step

    def counted_step(parser: StreamingParser) -> bool:
        parsed.append(parser)
        return step(parser)

    monkeypatch.setattr(StreamingParser, "step", counted_step)
    monkeypatch.setattr(find_bar, "SLICE", 0)
    person.window.commands.find.trigger()
    QTest.keyClicks(person.find("findField"), "here")
    assert len(parsed) < 20
    monkeypatch.setattr(find_bar, "SLICE", 0.008)
    counts(person, "1 of 2,000")


def test_a_long_selection_is_not_written_as_markdown_to_open_the_bar(
    person: Person, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.enqueue("whale and a long text after it " * 10)
    person.ask("Question")
    person.wait_for(GenerationState.IDLE)
    field = person.find("message-1").findChild(QTextBrowser)
    field.setFocus()
    cursor = field.textCursor()
    cursor.setPosition(200, QTextCursor.MoveMode.KeepAnchor)
    field.setTextCursor(cursor)
    monkeypatch.setattr(type(field), "selected_markdown", None)
    QTest.keyClick(person.window, Qt.Key.Key_F, CONTROL)
    assert person.find("findField").text() == ""


def test_the_tab_key_follows_an_answer_of_many_blocks(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("".join(f"Number {number}\n\n```\n{number}\n```\n\n" for number in range(60)))
    person.window.submit("Go on")
    person.wait_for(GenerationState.IDLE)
    view = person.find("message-1")
    person.wait(lambda: len(view.text_edits()) == 120 and view.text_edits()[-1].isVisible())
    stops = view.tab_stops()
    stops[0].setFocus()
    followed = [stops[0]]
    while followed[-1] is not stops[-1]:
        QTest.keyClick(followed[-1], Qt.Key.Key_Tab)
        focus = person.window.focusWidget()
        assert focus
        followed.append(focus)
    assert followed == stops
