"""Text is selected in a message, messages as a whole, and either is copied as Markdown and as rich text."""

import subprocess
import sys
import threading
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QMouseEvent, QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QTextEdit, QWidget

from phichat.chat.conversation import Conversation, Ending, Message, Reply, Role
from phichat.chat.session import Session
from phichat.exchange.html import MOST_RENDERED, markdown_html, messages_html
from phichat.markdown.streaming import parse_blocks
from phichat.ui.blocks.text_block import TextBlock
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript.copying import selection_in
from phichat.ui.transcript.viewport_filler import ALWAYS_KEPT
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
ALT, NONE = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.NoModifier
LEFT, NOTHING = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
BLOCKS = "Some *prose* first.\n\n```python\nfirst = 1\nsecond = 2\n```\n\nAnd more **prose** after."


def clipboard() -> QMimeData:
    return QGuiApplication.clipboard().mimeData()


def focused(person: Person) -> Any:
    return person.window.focusWidget()


def press(person: Person, key: Qt.Key, modifier: Qt.KeyboardModifier = NONE) -> None:
    QTest.keyClick(focused(person), key, modifier)


def fields(person: Person, number: int) -> list[Any]:
    return list(person.find(f"message-{number}").text_edits())


def place(field: Any, position: int) -> QPoint:
    cursor = QTextCursor(field.document())
    cursor.setPosition(position)
    rect = field.cursorRect(cursor)
    return QPoint(rect.left(), rect.center().y())


def click(field: Any, modifier: Qt.KeyboardModifier = NONE, position: int = 1) -> None:
    QTest.mouseClick(field.viewport(), LEFT, modifier, place(field, position))


def pull(start: Any, begin: int, end: Any, stop: int) -> None:
    """Press the mouse in one field, and let it go in another; the first one gets all of it, as on a screen."""
    viewport = start.viewport()
    QTest.mousePress(viewport, LEFT, NONE, place(start, begin))
    there = end.viewport().mapToGlobal(place(end, stop))
    here = viewport.mapFromGlobal(there)
    halfway = (place(start, begin) + here) / 2
    for at in (halfway, here):
        local, everywhere = QPointF(at), QPointF(viewport.mapToGlobal(at))
        QApplication.sendEvent(viewport, QMouseEvent(QEvent.Type.MouseMove, local, everywhere, NOTHING, LEFT, NONE))
    QTest.mouseRelease(viewport, LEFT, NONE, here)


def said(person: Person) -> str:
    """What the status line says of a selection."""
    return person.status()


def selected(person: Person) -> int:
    return len(person.find("transcript").selection.messages())


@pytest.fixture
def answer(person: Person, engine: ScriptedEngine) -> list[Any]:
    """The fields of an answer in three blocks."""
    engine.enqueue(BLOCKS)
    person.ask("Say it")
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: all(field.isVisible() for field in fields(person, 1)))
    person.wait(lambda: fields(person, 1)[1].viewport().height() > 20)
    return fields(person, 1)


def show(person: Person, pairs: int, more: str = "") -> Session:
    """A conversation of so many questions and answers."""
    conversation = Conversation("Long")
    for number in range(pairs):
        conversation.add_message(Role.USER, f"Question {number}")
        conversation.add_message(
            Role.ASSISTANT, f"Answer **{number}**{more}", Reply("starter", number, (1, 2), Ending.STOP)
        )
    session = Session(conversation)
    person.window.conversations.current.cache_session(session)
    person.window.conversations.current.open_conversation(conversation.id)
    person.wait(lambda: person.find(f"message-{2 * pairs - 1}").isVisible())
    first = max(0, 2 * pairs - ALWAYS_KEPT)  # those nearest to the end are all made, by and by
    person.wait(lambda: person.window.findChild(QWidget, f"message-{first}"))
    return session


def test_text_is_selected_over_the_blocks_of_a_message_by_mouse_and_copied(person: Person, answer: list[Any]) -> None:
    first, code, last = answer
    pull(first, 5, last, 8)
    assert [field.textCursor().selectedText() for field in answer] == [
        "prose first.",
        "first = 1\u2029second = 2",
        "And more",
    ]
    QTest.keyClick(first, Qt.Key.Key_C, CONTROL)
    assert clipboard().text() == "*prose* first.\n\n```python\nfirst = 1\nsecond = 2\n```\n\nAnd more"
    assert "<em>prose</em> first." in clipboard().html()
    assert '<pre><code class="language-python">first = 1\nsecond = 2</code></pre>' in clipboard().html()
    pull(last, 8, code, 10)
    assert [field.textCursor().selectedText() for field in answer] == ["", "second = 2", "And more"]
    click(last)
    assert not any(field.textCursor().hasSelection() for field in answer)


@pytest.fixture
def rows(person: Person, engine: ScriptedEngine) -> Any:
    """A table of fifty rows and three columns, with text around it; its parts have twenty rows."""
    body = "\n".join(f"| r{row}a | r{row}b | r{row}c |" for row in range(50))
    engine.enqueue(f"Before it.\n\n| one | two | three |\n|---|---|---|\n{body}\n\nAfter it.")
    person.ask("Say it")
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: len(fields(person, 1)) == 3 and fields(person, 1)[1].is_laid_out())
    person.wait(lambda: all(field.isVisible() for field in fields(person, 1)))
    table = fields(person, 1)[1]
    person.wait(lambda: table.viewport().height() > 50 * table.fontMetrics().height())
    return table


def inside(table: Any, cell: str) -> int:
    return int(table.toPlainText().index(cell)) + 1


def markdown_rows(cells: list[list[str]]) -> str:
    """Return a table, of which the first row is the head."""
    head, *body = (f"| {' | '.join(row)} |" for row in cells)
    return "\n".join([head, f"|{' --- |' * len(cells[0])}", *body])


def is_painted_as_selected(table: Any, cell: str) -> bool:
    """Return whether a cell is, once it is laid out again."""
    if cell not in table.toPlainText():
        return False
    cursor = QTextCursor(table.document())
    cursor.setPosition(table.toPlainText().index(cell))
    rect = table.cursorRect(cursor)
    shade = table.viewport().grab().toImage().pixelColor(rect.left() + 2, rect.top() + 1)
    return bool(shade == table.palette().highlight().color())


def test_rows_are_selected_over_the_parts_of_a_table(person: Person, rows: Any) -> None:
    """All rows of both parts were."""
    pull(rows, inside(rows, "r18b"), rows, inside(rows, "r21c"))
    QTest.keyClick(rows, Qt.Key.Key_C, CONTROL)
    assert clipboard().text() == markdown_rows([[f"r{row}b", f"r{row}c"] for row in range(18, 22)])
    assert clipboard().html().count("<tr>") == 4
    painted = [cell for row in range(16, 24) for cell in (f"r{row}a", f"r{row}b") if is_painted_as_selected(rows, cell)]
    assert painted == ["r18b", "r19b", "r20b", "r21b"]
    person.window.findChildren(Theme)[-1].set_theme("dark")
    person.wait(lambda: rows.is_laid_out() and is_painted_as_selected(rows, "r21b"))
    assert not is_painted_as_selected(rows, "r21a")
    person.window.findChildren(Theme)[-1].set_theme("light")
    person.wait(lambda: is_painted_as_selected(rows, "r21b") and rows.is_laid_out())
    pull(rows, inside(rows, "r41a"), rows, inside(rows, "r17a"))
    QTest.keyClick(rows, Qt.Key.Key_C, CONTROL)
    assert clipboard().text() == markdown_rows([[f"r{row}a"] for row in range(17, 42)])
    click(rows, SHIFT, inside(rows, "r45b"))
    QTest.keyClick(rows, Qt.Key.Key_C, CONTROL)
    assert clipboard().text() == markdown_rows([[f"r{row}a", f"r{row}b"] for row in range(41, 46)])
    click(rows, position=inside(rows, "r18a"))
    assert not rows.textCursor().hasSelection()
    assert not is_painted_as_selected(rows, "r41a")


def test_rows_are_whole_where_a_selection_leaves_the_table(person: Person, rows: Any) -> None:
    before, _, after = fields(person, 1)
    pull(rows, inside(rows, "r48b"), after, 5)
    QTest.keyClick(rows, Qt.Key.Key_C, CONTROL)
    assert clipboard().text() == markdown_rows([[f"r{row}{x}" for x in "abc"] for row in (48, 49)]) + "\n\nAfter"
    pull(before, 7, rows, inside(rows, "r1b"))
    QTest.keyClick(before, Qt.Key.Key_C, CONTROL)
    head = ["one", "two", "three"]
    assert clipboard().text() == "it.\n\n" + markdown_rows([head, *([f"r{row}{x}" for x in "abc"] for row in (0, 1))])


def test_shift_and_arrows_select_rows_over_the_parts_of_a_table(person: Person, rows: Any) -> None:
    click(rows, position=inside(rows, "r18b"))
    for key in (Qt.Key.Key_Right, *[Qt.Key.Key_Down] * 3):
        QTest.keyClick(rows, key, SHIFT)
    QTest.keyClick(rows, Qt.Key.Key_C, CONTROL)
    assert clipboard().text() == markdown_rows([[f"r{row}b"] for row in range(18, 22)])
    for _ in range(4):
        QTest.keyClick(rows, Qt.Key.Key_Up, SHIFT)
    QTest.keyClick(rows, Qt.Key.Key_C, CONTROL)
    assert clipboard().text() == markdown_rows([["r17b"], ["r18b"]])


def test_text_from_one_block_is_copied_as_it_reads(person: Person, answer: list[Any]) -> None:
    first, code, _ = answer
    pull(code, 0, code, 9)
    QTest.keyClick(code, Qt.Key.Key_C, CONTROL)
    assert clipboard().text() == "first = 1"
    pull(first, 5, first, 16)
    QTest.keyClick(first, Qt.Key.Key_C, CONTROL)
    assert clipboard().text() == "prose first"
    assert "<em>prose</em> first" in clipboard().html()
    click(answer[2])
    pull(first, 5, code, 9)
    person.choose_in(1, "Copy")
    assert clipboard().text() == "*prose* first.\n\n```\nfirst = 1\n```"
    person.choose_in(1, "Copy answer")
    assert clipboard().text() == BLOCKS
    assert "<strong>prose</strong>" in clipboard().html()


def test_text_and_messages_are_selected_by_key_and_by_a_click_with_shift(person: Person, answer: list[Any]) -> None:
    click(answer[0])
    press(person, Qt.Key.Key_A, CONTROL)
    press(person, Qt.Key.Key_C, CONTROL)
    assert clipboard().text() == BLOCKS
    assert selected(person) == 0
    press(person, Qt.Key.Key_A, CONTROL)
    assert selected(person) == 2
    press(person, Qt.Key.Key_C, CONTROL)
    assert clipboard().text() == f"## You\n\nSay it\n\n## starter\n\n{BLOCKS}\n"
    press(person, Qt.Key.Key_Escape)
    assert selected(person) == 0
    first, code, _ = answer
    click(first, position=0)
    press(person, Qt.Key.Key_Right, SHIFT | CONTROL)
    assert first.textCursor().selectedText() == "Some "
    press(person, Qt.Key.Key_End, SHIFT)
    press(person, Qt.Key.Key_Right, SHIFT)
    press(person, Qt.Key.Key_Down, SHIFT)
    assert first.textCursor().selectedText() == "Some prose first."
    assert code.textCursor().selectedText() == "first = 1\u2029"
    press(person, Qt.Key.Key_Escape)
    assert not any(field.textCursor().hasSelection() for field in answer)
    click(first, position=5)
    click(code, SHIFT, position=5)
    assert [field.textCursor().selectedText() for field in answer] == ["prose first.", "first", ""]
    click(fields(person, 0)[0], SHIFT)
    assert not any(field.textCursor().hasSelection() for field in answer)
    assert selected(person) == 2


def test_whole_messages_are_selected_by_click_and_by_key(person: Person) -> None:
    show(person, 4)
    click(fields(person, 4)[0])
    click(fields(person, 6)[0], SHIFT)
    assert said(person) == "3 messages selected"
    band, transcript = person.find("selectionBand"), person.find("transcript")
    person.wait(lambda: band.geometry().contains(person.find("message-5").geometry().translated(24, 24)))
    press(person, Qt.Key.Key_C, CONTROL)
    text = "## You\n\nQuestion 2\n\n## starter\n\nAnswer **2**\n\n## You\n\nQuestion 3\n"
    assert clipboard().text() == text
    assert clipboard().html().count("<h2>") == 3
    assert "<strong>2</strong>" in clipboard().html()
    for _ in range(3):
        press(person, Qt.Key.Key_Up, SHIFT)
    assert said(person) == "2 messages selected"
    assert [message.text for message in transcript.selection.messages()] == ["Answer **1**", "Question 2"]
    press(person, Qt.Key.Key_Escape)
    assert selected(person) == 0
    assert band.isHidden()
    press(person, Qt.Key.Key_Down, ALT | SHIFT)
    assert selected(person) == 2
    click(fields(person, 1)[0])
    assert selected(person) == 0


def test_messages_that_are_far_away_are_selected_too(person: Person) -> None:
    session = show(person, 1500, " of many words")
    person.find("message-2999").take_focus()
    press(person, Qt.Key.Key_Home, SHIFT | CONTROL)
    assert said(person) == "3,000 messages selected"
    assert person.find("message-0").isVisible()
    press(person, Qt.Key.Key_C, CONTROL)
    assert clipboard().text().count("## You") == 1500
    assert "Answer **0**" in clipboard().html()  # so much is not made rich
    session.conversation.show_branch(session.conversation.add_message(Role.USER, "One more"))
    person.window.message_commands.show_path()
    assert selected(person) == 3000


def test_the_menu_copies_all_selected_messages(person: Person) -> None:
    show(person, 3)
    click(fields(person, 2)[0])
    click(fields(person, 5)[0], SHIFT)
    person.choose_in(3, "Copy 4 messages")
    assert clipboard().text().count("##") == 4
    person.wait(lambda: person.window.findChild(QWidget, "message-0"))
    assert "Copy 4 messages" not in [action.text() for action in person.menu(0).menu().actions()]
    person.close_menu()


def test_escape_ends_a_selection_before_it_stops_an_answer(person: Person, engine: ScriptedEngine) -> None:
    import threading

    gate = threading.Event()
    engine.enqueue("Begun", gate, " and ended")
    person.ask("Say it")
    person.wait(lambda: person.window.findChild(QTextEdit, "composer") and "Begun" in person.message(1))
    person.find("message-0").take_focus()
    press(person, Qt.Key.Key_Down, SHIFT)
    assert selected(person) == 2
    press(person, Qt.Key.Key_Escape)
    assert selected(person) == 0
    assert person.window.generation.is_answering()
    gate.set()
    person.wait_for(GenerationState.IDLE)
    assert person.message(1) == "Begun and ended"


def test_keys_lead_through_the_conversation_from_wherever_one_is(person: Person) -> None:
    show(person, 300)
    person.find("composer").setFocus()
    press(person, Qt.Key.Key_Up, ALT)
    assert person.find("message-599").isAncestorOf(focused(person))
    press(person, Qt.Key.Key_Home, CONTROL)
    person.wait(lambda: person.find("message-0").isVisible())
    assert person.find("message-0").isAncestorOf(focused(person))
    bar = person.find("transcript").verticalScrollBar()
    person.wait(lambda: bar.maximum() > 1000)
    press(person, Qt.Key.Key_PageDown)
    assert bar.value() > 100
    press(person, Qt.Key.Key_End)
    assert person.find("message-599").isAncestorOf(focused(person))
    assert bar.value() == bar.maximum()
    press(person, Qt.Key.Key_Down, ALT)
    assert person.find("composer").hasFocus()
    view = next(menu for menu in person.window.menuBar().findChildren(QMenu) if menu.title() == "&View")
    next(action for action in view.actions() if action.text() == "Go to beginning").trigger()
    person.wait(lambda: person.find("message-0").isVisible())
    assert person.find("composer").hasFocus()


def test_lists_and_headings_that_are_partly_selected_are_markdown(qtbot: Any) -> None:
    prose = TextBlock()
    qtbot.addWidget(prose)
    source = (
        "## Ferries\n\nThey are\n\n1. slow\n2. *friendly*\n   - and\n   - **old**\n\n> said `he` [here](https://a.b)"
    )
    (block,) = parse_blocks(source + " in the end")
    prose.show_block(block)
    cursor = prose.textCursor()
    cursor.movePosition(QTextCursor.MoveOperation.End)
    cursor.setPosition(cursor.position() - len(" in the end"))
    cursor.setPosition(0, QTextCursor.MoveMode.KeepAnchor)
    prose.setTextCursor(cursor)
    found = selection_in([prose], prose.markdown())
    assert found
    assert found.markdown == source


@pytest.mark.parametrize(
    ("markdown", "harmless"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;"),
        ("![x](http://a/b.png)", "x"),
        ("[x](javascript:alert(1))", "[x]"),
        ("```\n<img src=http://a/b.png>\n```", "&lt;img"),
        ("<b>" * MOST_RENDERED, "&lt;b&gt;"),
    ],
)
def test_rich_text_can_do_nothing(markdown: str, harmless: str) -> None:
    for html in (
        markdown_html(markdown),
        messages_html([Message(Role.USER, markdown), Message(Role.ASSISTANT, markdown)]),
    ):
        assert harmless in html
        assert not any(bad in html for bad in ("<script", "<img", "href", "<b>"))


def test_rich_text_has_formulas_as_they_were_written() -> None:
    for formula in (r"\(x\)", r"\[ a \\ \{b\} \]", r"$20\%$", r"$a\,b$"):
        assert formula in markdown_html(f"Words {formula} words")
        assert formula in messages_html([Message(Role.USER, "Hi"), Message(Role.ASSISTANT, formula)])


def test_what_was_copied_outlives_the_program_without_a_crash() -> None:
    script = (
        "from PySide6.QtWidgets import QApplication; application = QApplication([]);"
        "from phichat.ui.widgets.clipboard import copy_to_clipboard, mime_data;"
        "copy_to_clipboard(mime_data('a', '<b>a</b>'))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_selection_begins_anew_where_its_block_has_become_a_table(person: Person, engine: ScriptedEngine) -> None:
    gate = threading.Event()
    engine.enqueue("```\nfirst = 1\n```\n\na or b", gate, " | c\n---|---\n1 | 2\n")
    person.ask("Say it")
    person.wait(lambda: len(fields(person, 1)) == 2 and "b" in fields(person, 1)[1].toPlainText())
    click(fields(person, 1)[1], position=0)
    for _ in range(2):
        press(person, Qt.Key.Key_Left, SHIFT)
    gate.set()
    person.wait_for(GenerationState.IDLE)
    first = fields(person, 1)[0]
    first.setFocus()
    press(person, Qt.Key.Key_Left, SHIFT)
    assert first.textCursor().hasSelection()
