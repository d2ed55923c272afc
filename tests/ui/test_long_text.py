"""Text from outside is laid out in bounded parts, however long it is and wherever it comes from."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt
from PySide6.QtGui import QAction, QClipboard, QDragEnterEvent, QDropEvent, QInputMethodEvent, QTextOption
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QPlainTextEdit, QTextEdit, QTreeWidget, QWidget

from phichat.chat.attachments import Attachment
from phichat.chat.conversation import Conversation, Ending, Reply, Role
from phichat.engine.base import ModelRef
from phichat.models.base import HubFile, Listing
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.store.history import History
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.widgets.long_text import MOST_LETTERS, MOST_LINES, pages
from tests.support.fakes import ScriptedEngine, ScriptedShelf
from tests.support.labels import unbroken
from tests.ui.conftest import Person

WORD = "QUJDabcd0123" * 90_000
LINES = "\n".join(f"line {number} of some words" for number in range(20_000))
LAID_OUT = 3 * MOST_LETTERS
SHOWN_AS_NAME = 4_100
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def clipboard(qapp: QApplication) -> Iterator[QClipboard]:
    """Empty afterwards: Qt keeps what is there for longer than Python lives, and this is an object of Python's."""
    yield qapp.clipboard()
    qapp.clipboard().clear()


@pytest.mark.parametrize("text", ["", "a", "a\nb", WORD, LINES, "\n" * 100_000, f"{WORD}\n{LINES}\n\n", "ä\n" * 70_000])
def test_pages_are_bounded_and_lose_nothing(text: str) -> None:
    found = list(pages(text))
    assert "".join(separator + page for separator, page in found) == text
    assert all(len(page) <= MOST_LETTERS and page.count("\n") <= MOST_LINES for _, page in found)
    assert len(found) <= 2 + len(text) // (MOST_LETTERS // 2) + text.count("\n") // (MOST_LINES // 2)


def test_a_paste_that_is_too_long_is_attached(person: Person, engine: ScriptedEngine, clipboard: QClipboard) -> None:
    for text in (WORD, LINES, "many words " * 90_000):
        person.click("newConversationButton")
        _paste_and_send(person, engine, clipboard, text)


def _paste_and_send(person: Person, engine: ScriptedEngine, clipboard: QClipboard, text: str) -> None:
    count = len(engine.requests)
    person.type("Sum it up: ")
    clipboard.setText(text)
    person.press(Qt.Key.Key_V, CONTROL)
    assert person.written() == "Sum it up: "
    assert person.window.session.attached == (Attachment("Pasted text.txt", text),)
    assert "attached as Pasted text.txt" in person.status()
    person.press(Qt.Key.Key_V, CONTROL)
    assert [file.name for file in person.window.session.attached] == ["Pasted text.txt", "Pasted text 2.txt"]
    person.press(Qt.Key.Key_Return)
    person.wait(lambda: len(engine.requests) > count and person.window.generation.state is GenerationState.IDLE)
    assert text in engine.requests[-1].turns[-1].text


def test_text_is_attached_by_whatever_way_it_comes(person: Person) -> None:
    field = person.find("composer")
    data, event = QMimeData(), QInputMethodEvent()
    data.setText(WORD)
    event.setCommitString(WORD)
    place, left, none = QPointF(20, 10), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    copy = Qt.DropAction.CopyAction
    ways: list[Callable[[], object]] = [
        lambda: QApplication.sendEvent(field, event),
        lambda: QApplication.sendEvent(field.viewport(), QDropEvent(place, copy, data, left, none)),
        lambda: field.insertPlainText(WORD),
        lambda: field.setPlainText(WORD),
    ]
    QApplication.sendEvent(field.viewport(), QDragEnterEvent(place.toPoint(), copy, data, left, none))
    for number, way in enumerate(ways, 1):
        way()
        assert [len(file.text) for file in person.window.session.attached] == [len(WORD)] * number
        assert person.written() == ""


def test_what_is_much_too_long_is_refused_as_an_error(person: Person, clipboard: QClipboard) -> None:
    clipboard.setText("a" * 10_000_001)
    person.press(Qt.Key.Key_V, CONTROL)
    assert person.window.session.attached == ()
    assert "10,000,001" in person.status()
    assert person.find("messageLine").property("kind") == "ERROR"


def test_a_long_word_is_broken_anywhere(person: Person, clipboard: QClipboard) -> None:
    clipboard.setText(WORD[:30_000])
    person.press(Qt.Key.Key_V, CONTROL)
    assert person.find("composer").wordWrapMode() is QTextOption.WrapMode.WrapAnywhere
    person.press(Qt.Key.Key_A, CONTROL)
    person.type("a few words")
    assert person.find("composer").wordWrapMode() is QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere
    person.press(Qt.Key.Key_Z, CONTROL)
    assert person.written() == WORD[:30_000]
    assert person.find("composer").wordWrapMode() is QTextOption.WrapMode.WrapAnywhere


@pytest.mark.parametrize("text", [WORD, LINES], ids=["word", "lines"])
def test_a_long_message_is_shown_in_pages_and_edited_as_a_file(
    person: Person, engine: ScriptedEngine, text: str
) -> None:
    show(person, text)
    message = person.find("message-0")
    assert 1 < longest(message) <= MOST_LETTERS + 1
    person.press_in(0, "Show more")
    assert len(message.text_edits()) == 2
    for field in message.text_edits():
        field.selectAll()
    assert message.selection().text == text
    message.edit()
    field = person.find("editField")
    assert field.toPlainText() == ""
    assert [file.text for file in message.findChild(QWidget, "attachments").files()] == [text]
    QTest.keyClicks(field, "Why?")
    QTest.keyClick(field, Qt.Key.Key_Return)
    person.wait(lambda: engine.requests)
    assert text in engine.requests[-1].turns[-1].text


def test_a_message_is_as_wide_as_its_longest_line(person: Person) -> None:
    numbers = "\n".join(map(str, range(1, 151)))
    pages = "\n".join(f"line {number}" for number in range(1_600))
    tabs = "\n".join("\t".join(map(str, range(first, first + 8))) for first in range(1, 80))
    for text in (numbers, pages, tabs):
        person.click("newConversationButton")
        _look_at_width(person, text)


def _look_at_width(person: Person, text: str) -> None:
    show(person, text)
    message = person.find("message-0")
    assert _broken_lines(message) == []
    button = message.findChild(QWidget, "moreButton")
    if button:
        assert button.width() >= button.sizeHint().width()
        person.press_in(0, "Show more")
        QApplication.processEvents()
        assert _broken_lines(message) == []


def _broken_lines(message: Any) -> list[str]:
    """What is shown on several lines though it is one."""
    found = []
    for field in message.text_edits():
        block = field.document().begin()
        while block.isValid():
            found += [block.text()] if block.layout().lineCount() > 1 else []
            block = block.next()
    return found


def test_a_search_shows_the_page_with_the_word(person: Person) -> None:
    show(person, f"{WORD} needle {WORD}")
    assert "needle" not in shown(person)
    person.window.message_commands.show_message(person.window.session.conversation.path()[0].id, "needle")
    person.wait(lambda: "needle" in shown(person))


def test_an_attached_text_is_shown_in_short_lines_and_copied_as_it_is(person: Person, clipboard: QClipboard) -> None:
    for text in (WORD, LINES, "\U0001f41f" * 50_000, f"a\n\n{WORD}\n\nb\n"):
        person.click("newConversationButton")
        _open_attached(person, clipboard, text)


def _open_attached(person: Person, clipboard: QClipboard, text: str) -> None:
    person.find("composer").parent().long_text_pasted.emit(text)
    person.wait(lambda: len(person.window.findChildren(QWidget, "chipOpen")) == 1)
    QTest.mouseClick(person.find("chipOpen"), Qt.MouseButton.LeftButton)
    field = person.find("attachmentText")
    assert 1 < field.document().characterCount() <= MOST_LETTERS * 2 + 100
    person.wait(lambda: len(field.toPlainText().replace("\n", "")) == len(text.replace("\n", "")))
    assert max(map(len, field.toPlainText().split("\n"))) <= 4_000
    field.selectAll()
    field.copy()
    assert clipboard.text() == text
    person.find("attachmentWindow").close()
    person.wait(lambda: person.window.findChild(QWidget, "attachmentWindow") is None)


def test_search_fields_are_bounded(person: Person, clipboard: QClipboard) -> None:
    show(person, "Hello")
    person.window.commands.find.trigger()
    clipboard.setText(WORD)
    for name in ("findField", "searchField"):
        person.find(name).setFocus()
        QTest.keyClick(person.find(name), Qt.Key.Key_V, CONTROL)
        assert 0 < len(person.find(name).text()) <= 1_000


def test_a_system_prompt_is_bounded(person: Person, clipboard: QClipboard) -> None:
    field = person.find("systemPrompt")
    clipboard.setText(WORD)
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_V, CONTROL)
    assert field.toPlainText() == WORD[: len(field.toPlainText())]
    assert 0 < len(field.toPlainText()) <= MOST_LETTERS
    person.wait(lambda: "system prompt was too long" in person.status())
    person.window.session.system = WORD
    person.window.conversations.current.session_changed.emit(person.window.session)
    assert len(field.toPlainText()) <= MOST_LETTERS
    assert field.isReadOnly()
    assert person.window.session.system == WORD


def test_names_from_outside_are_bounded_wherever_they_are_shown(home: Path, open_window: Callable[[], Person]) -> None:
    home.mkdir(parents=True)
    (home / "preferences.json").write_text(json.dumps({"presets": {WORD: {"temperature": 1.5}}, "system": WORD}))
    history = History(home / "history.sqlite3")
    history.save_conversation(_hostile()).result()
    history.close()
    person = open_window()
    person.wait(person.titles)
    person.wait_for(GenerationState.IDLE)
    person.open(person.titles()[0])
    person.wait(lambda: person.window.session.conversation.title == WORD)
    assert _too_long(person.window) == []
    person.choose_in(0, "Pin")
    person.menu(1)
    assert _too_long(person.window) == []
    person.close_menu()
    person.find("searchField").setText("QUJD")
    person.window.conversations.commands.delete([person.window.session.conversation.id])
    person.wait(lambda: not person.titles())
    assert _too_long(person.window) == []


def test_what_the_hub_says_of_a_model_is_bounded(
    open_window: Callable[[], Person], shelf: ScriptedShelf, phi3_model: Path
) -> None:
    remote = HubFile(f"owner/{WORD}", f"{WORD}.gguf")
    shelf.rows["hostile"] = Listing("hostile", WORD, remote, licence=WORD, note=WORD, is_official=False)
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    next(action for action in person.window.actions() if action.text() == "Models…").trigger()
    table = person.find("modelTable", QTreeWidget)
    person.wait(lambda: table.topLevelItemCount() == 2)
    for row in range(2):
        table.setCurrentItem(table.topLevelItem(row))
        assert _too_long(person.window) == []
    texts = [table.topLevelItem(row).text(column) for row in range(2) for column in range(6)]
    assert max(map(len, texts)) <= SHOWN_AS_NAME
    person.window.model_selection.choose(ModelRef.of_file(phi3_model, WORD, WORD))
    person.wait(lambda: "ready" in person.status())
    assert _too_long(person.window) == []


def _hostile() -> ConversationRecord:
    conversation = Conversation(WORD)
    file = Attachment(f"{WORD}.txt", WORD)
    conversation.add_message(Role.USER, WORD, attachments=(file,))
    conversation.add_message(Role.ASSISTANT, WORD, Reply(WORD, 7, (1,), Ending.STOP))
    messages = tuple(replace(message, created=1.7e9) for message in conversation.messages())
    heading = ConversationSummary(conversation.id, WORD, 1.7e9, 1.7e9 + 1)
    return ConversationRecord(heading, conversation.tip, WORD, {}, WORD, WORD, "", messages, (file,))


def _too_long(window: QWidget) -> list[str]:
    """What shows more than can be laid out at once."""
    widgets, actions = [window, *window.findChildren(QWidget)], window.findChildren(QAction)
    found = [
        f"{type(widget).__name__} {widget.objectName()} {name}: {length}"
        for widget in widgets
        for name, length, most in _lengths(widget)
        if length > most
    ]
    return found + [f"action {one.text()[:40]}" for one in actions if len(one.text() + one.toolTip()) > SHOWN_AS_NAME]


def _lengths(widget: QWidget) -> Iterator[tuple[str, int, int]]:
    for name in ("text", "toolTip", "accessibleName", "accessibleDescription", "windowTitle", "placeholderText"):
        yield name, len(unbroken(str(widget.property(name) or ""))), SHOWN_AS_NAME
    if isinstance(widget, QTextEdit | QPlainTextEdit):
        yield "document", widget.document().characterCount(), LAID_OUT
    if isinstance(widget, QComboBox):
        yield "items", max((len(widget.itemText(at)) for at in range(widget.count())), default=0), SHOWN_AS_NAME


def show(person: Person, text: str) -> None:
    session = person.window.session
    session.conversation.add_message(Role.USER, text)
    person.window.message_commands.show_path()
    person.window.message_commands.path_changed.emit(session)


def longest(widget: QWidget) -> int:
    return max(field.document().characterCount() for field in widget.findChildren(QTextEdit))


def shown(person: Person) -> str:
    fields: list[Any] = person.find("message-0").text_edits()
    return "\n".join(field.toPlainText() for field in fields)
