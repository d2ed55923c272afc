"""What is found behind "Show more" or in attached files is shown when one goes there."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFrame, QLabel, QPlainTextEdit, QTextBrowser, QToolButton, QWidget

from phichat.chat.attachments import Attachment
from phichat.chat.conversation import Conversation, Ending, Reply, Role
from phichat.chat.session import Session
from phichat.store.history import History
from phichat.ui.attachments.excerpt import _bounds
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.theme.palette import colors_of
from phichat.unicode import utf16_length
from tests.support.conversations import talk
from tests.ui.conftest import Person

STRONG = QColor(colors_of("light", "teal").strong_mark)
NOTES = "".join(f"Line {number} of the notes.\n" for number in range(1, 301)).replace(
    "Line 200 ", "Line 200, with a \N{HEAVY BLACK HEART}\ufe0f 👍🏽 Zébra and a zebra, "
)
LONG = "Words without end, and some more.\n\n" * 3000


def look_for(person: Person, words: str) -> None:
    QTest.keyClick(person.window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    person.find("findField").setText(words)


def counts(person: Person, expected: str) -> None:
    person.wait(lambda: str(person.find("findCount").text()) == expected)


def strong(person: Person) -> list[str]:
    """The words marked as the place where the search is, where they are in sight."""
    viewport = person.find("transcript").viewport()
    return [
        one.cursor.selectedText()
        for kind in (QTextBrowser, QPlainTextEdit)
        for field in viewport.findChildren(kind)
        for one in field.extraSelections()
        if field.isVisible()
        and one.format.background().color() == STRONG
        and viewport.rect().contains(
            field.viewport().mapTo(viewport, field.cursorRect(one.cursor).center() - QPoint(2, 0))
        )
    ]


def press(person: Person, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(person.find("findField"), key, modifier)


def show(person: Person, *messages: tuple[Role, str, tuple[Attachment, ...]]) -> None:
    conversation = Conversation("Hidden")
    for role, text, files in messages:
        reply = Reply("starter", 1, (1, 2), Ending.STOP) if role is Role.ASSISTANT else None
        conversation.add_message(role, text, reply, attachments=files)
    person.window.conversations.current.cache_session(Session(conversation))
    person.window.conversations.current.open_conversation(conversation.id)
    person.wait(lambda: person.window.findChild(QWidget, f"message-{len(messages) - 1}") is not None)


@pytest.mark.parametrize("role", [Role.USER, Role.ASSISTANT])
def test_behind_show_more(person: Person, role: Role) -> None:
    others = [(Role.USER, "Go on", ())] if role is Role.ASSISTANT else []
    show(person, *others, (role, f"{LONG}a Zébra in it\n\n{LONG}", ()), (Role.ASSISTANT, "An end.", ()))
    look_for(person, "zebra")
    counts(person, "1 of 1")
    person.wait(lambda: strong(person) == ["Zébra"])


def test_the_search_in_all_conversations_leads_behind_show_more(home: Path, open_window: Callable[[], Person]) -> None:
    history = History(home / "history.sqlite3")
    history.save_conversation(talk("Tell me", f"{LONG}a zebra in it\n\n{LONG}", title="Long")).result()
    history.close()
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    person.find("searchField").setText("zebra")
    person.wait(lambda: person.window.findChild(QWidget, "searchResults") and person.titles("searchResults"))
    person.open("Long", "searchResults")
    person.wait(lambda: strong(person) == ["zebra"])


def test_in_attached_files(person: Person) -> None:
    files = Attachment("other.txt", "nothing"), Attachment("notes.txt", NOTES)
    show(person, (Role.USER, "Is there a zebra?", files), (Role.ASSISTANT, "Yes, a zebra.", ()))
    look_for(person, "zebra")
    counts(person, "1 of 4")
    person.wait(lambda: strong(person) == ["Zébra"])
    excerpt = person.find("fileExcerpt")
    assert [label.text() for label in excerpt.findChildren(QLabel)][:1] == ["notes.txt, line 200"]
    assert "Line 199 of the notes." in person.find("fileExcerptText").toPlainText()
    current = [chip.file.name for chip in person.find("message-0").findChildren(QFrame) if chip.property("current")]
    assert current == ["notes.txt"]
    for number, expected, is_in_file in (
        (2, "zebra", True),
        (3, "zebra", False),
        (4, "zebra", False),
        (1, "Zébra", True),
    ):
        press(person, Qt.Key.Key_Return)
        counts(person, f"{number} of 4")
        assert (strong(person), excerpt.isVisible()) == ([expected], is_in_file)
    press(person, Qt.Key.Key_Return)
    counts(person, "2 of 4")
    opener = next(chip for chip in person.find("message-0").findChildren(QToolButton) if "notes" in chip.text())
    QTest.mouseClick(opener, Qt.MouseButton.LeftButton)
    field = person.find("attachmentText")
    before = utf16_length(NOTES[: NOTES.index("zebra")])
    person.wait(lambda: field.textCursor().position() == before)
    person.find("attachmentWindow").close()
    press(person, Qt.Key.Key_Escape)
    assert not excerpt.isVisible()


def test_the_name_of_a_file_is_found_too(person: Person) -> None:
    show(person, (Role.USER, "Look", (Attachment("zebra.txt", "stripes"),)), (Role.ASSISTANT, "Yes.", ()))
    look_for(person, "zebra")
    counts(person, "1 of 1")
    person.wait(lambda: any(chip.property("current") for chip in person.find("message-0").findChildren(QFrame)))


def test_files_of_messages_far_away_are_found(person: Person) -> None:
    middle = [(role, f"Words {number}.\n" * 9, ()) for number in range(150) for role in (Role.USER, Role.ASSISTANT)]
    first = (Role.USER, "Look", (Attachment("notes.txt", NOTES),)), (Role.ASSISTANT, "Yes.", ())
    show(person, *first, *middle)
    look_for(person, "Line 300 of")
    counts(person, "1 of 1")
    person.wait(lambda: strong(person) == ["Line 300 of"])


@pytest.mark.parametrize(
    ("text", "start", "end", "shown"),
    [
        ("a\nb\nc\nD\ne\nf\ng", 6, 7, "b\nc\nD\ne\nf"),
        ("D", 0, 1, "D"),
        ("D\nb", 0, 1, "D\nb"),
        ("a\nD", 2, 3, "a\nD"),
        ("\n\n\nD\n\n\n", 3, 4, "\n\nD\n\n"),
        ("x" * 1000 + "D" + "y" * 1000, 1000, 1001, "x" * 200 + "D" + "y" * 200),
    ],
)
def test_an_excerpt_has_whole_lines_unless_they_are_long(text: str, start: int, end: int, shown: str) -> None:
    begin, stop = _bounds(text, start, end)
    assert text[begin:stop] == shown
