"""Text arrives in the fields of the window by every way, is taken away from nobody, and is deleted sign by sign."""

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import (
    QAction,
    QContextMenuEvent,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QLabel, QLineEdit, QMenu, QWidget

from phichat.ui.controllers.generation import GenerationState
from phichat.ui.widgets.text_input import cluster_length
from tests.support.fakes import ScriptedEngine
from tests.support.labels import unbroken
from tests.ui.conftest import Person

CONTROL = Qt.KeyboardModifier.ControlModifier
COPY, MOVE, LINK, NONE = (
    Qt.DropAction.CopyAction, Qt.DropAction.MoveAction, Qt.DropAction.LinkAction, Qt.DropAction.IgnoreAction,
)  # fmt: skip
ADDRESS = "https://example.org/a%20b?q=%C3%A9"


def data(**formats: Any) -> QMimeData:
    """What a program puts on the clipboard, or drags."""
    made = QMimeData()
    if text := formats.get("text"):
        made.setText(text)
    if html := formats.get("html"):
        made.setHtml(html)
    if urls := formats.get("urls"):
        made.setUrls([QUrl(url) if "://" in url else QUrl.fromLocalFile(url) for url in urls])
    if formats.get("picture"):
        image = QImage(4, 4, QImage.Format.Format_RGB32)
        image.fill(Qt.GlobalColor.red)
        made.setImageData(image)
    return made


WAYS = [
    (data(text="words"), "words"),
    (data(urls=[ADDRESS]), ADDRESS),
    (data(urls=["https://a.example", "https://b.example"]), "https://a.example\nhttps://b.example"),
    (data(urls=[ADDRESS], text="what it says"), "what it says"),
    (data(urls=[ADDRESS], text="https://example.org/a b?q=é"), ADDRESS),  # as programs made with Qt offer it
    (data(urls=["mailto://me@example.org"]), "mailto://me@example.org"),
    (data(html="<p>One &amp; <b>two</b></p><ul><li>three</li></ul>"), "One & two\nthree"),
    (data(html="<b>bold</b>", text="plain"), "plain"),
    (data(picture=True, text="cells\tof a table"), "cells\tof a table"),
    (data(picture=True, html="<p>A caption<img src='x'></p>"), "A caption"),
]


def fields(person: Person) -> Iterator[Any]:
    """Each field for several lines, empty and with the focus."""
    person.ask("x")
    person.wait_for(GenerationState.IDLE)
    person.press_in(0, "Edit")
    for name in ("composer", "editField", "systemPrompt"):
        found = person.find(name)
        found.clear()
        found.setFocus()
        yield found


def _text(field: Any) -> str:
    return unbroken(str(field.property("plainText") or field.property("text") or ""))


def _target(field: Any) -> QWidget:
    return field.viewport() if isinstance(field, QAbstractScrollArea) else field


def drag(target: QWidget, what: QMimeData, offered: Qt.DropAction, proposed: Qt.DropAction) -> list[Qt.DropAction]:
    """Drag over `target`, and let go if that is accepted; return the answers to entering, moving and letting go."""
    button, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    place = QPoint(5, 5)
    kinds: list[Callable[[], QDropEvent]] = [
        lambda: QDragEnterEvent(place, offered, what, button, none),
        lambda: QDragMoveEvent(place, offered, what, button, none),
        lambda: QDropEvent(QPointF(place), offered, what, button, none),
    ]
    answers: list[Qt.DropAction] = []
    for make in kinds:
        event = make()
        event.setDropAction(proposed)
        QApplication.sendEvent(target, event)
        answers.append(event.dropAction() if event.isAccepted() else NONE)
        if not event.isAccepted():
            break
    return answers


def test_what_is_pasted_arrives(person: Person) -> None:
    for field, (pasted, arrives) in ((field, way) for field in fields(person) for way in WAYS):
        copied = QMimeData()
        for kind in pasted.formats():
            copied.setData(kind, pasted.data(kind))
        if pasted.hasImage():
            copied.setImageData(pasted.imageData())
        QGuiApplication.clipboard().setMimeData(copied)
        assert field.canPaste()
        QTest.keyClick(field, Qt.Key.Key_V, CONTROL)
        assert _text(field) == arrives
        QTest.keyClick(field, Qt.Key.Key_Z, CONTROL)
        assert _text(field) == ""


def _copy(given: QMimeData) -> None:
    """Put a copy of `given` on the clipboard, which owns what it is given."""
    copied = QMimeData()
    for kind in given.formats():
        copied.setData(kind, given.data(kind))
    QGuiApplication.clipboard().setMimeData(copied)


def test_an_address_is_dragged_into_each_field(person: Person) -> None:
    for field in fields(person):
        field.clearFocus()
        assert drag(_target(field), data(urls=[ADDRESS]), COPY | LINK | MOVE, MOVE) == [COPY] * 3
        assert _text(field) == ADDRESS
        assert field.hasFocus(), "one goes on there"


def test_what_is_pasted_or_dragged_arrives_in_a_field_of_one_line(person: Person) -> None:
    field = person.find("searchField")
    for is_dragged, (given, arrives) in product((True, False), WAYS):
        if is_dragged:
            assert drag(field, given, COPY | LINK | MOVE, MOVE) == [COPY] * 3
        else:
            _copy(given)
            QTest.keyClick(field, Qt.Key.Key_V, CONTROL)
        assert field.text() == arrives.replace("\n", " ")
        field.clear()
    for pasted, arrives in (way for way in WAYS if "\n" not in way[1]):
        _copy(pasted)
        place = QPoint(5, 5)
        asked = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, field.mapToGlobal(place))
        QApplication.sendEvent(field, asked)
        paste = field.findChild(QMenu).findChild(QAction, "edit-paste")
        assert paste.isEnabled()
        paste.trigger()
        person.close_menu()
        person.wait(lambda: field.findChild(QMenu) is None)
        assert field.text() == arrives
        field.undo()
        assert field.text() == ""
    for before, after in (pair for pair in CLUSTERS if "\n" not in pair[0]):
        field.setText(before + "end")
        field.setCursorPosition(len(before.encode("utf-16-le")) // 2)
        QTest.keyClick(field, Qt.Key.Key_Backspace)
        assert field.text() == after + "end"


def test_the_menu_pastes_an_address_and_html_loads_nothing(person: Person, tmp_path: Path) -> None:
    QGuiApplication.clipboard().setMimeData(data(urls=[ADDRESS]))
    menu = person.find("composer").createStandardContextMenu()
    assert isinstance(menu, QMenu)
    paste = next(action for action in menu.actions() if action.objectName() == "edit-paste")
    assert paste.isEnabled()
    paste.trigger()
    assert person.written() == ADDRESS
    menu.deleteLater()
    person.find("composer").clear()
    picture = tmp_path / "p.png"
    image = QImage(900, 700, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    image.save(str(picture))
    html = f"<link rel='stylesheet' href='{picture}'><body background='{picture}'>Words<img src='{picture}'></body>"
    QGuiApplication.clipboard().setMimeData(data(html=html))
    person.press(Qt.Key.Key_V, CONTROL)
    assert person.find("composer").text() == "Words"
    person.find("composer").setPlainText("one 👍🏽")
    person.press(Qt.Key.Key_A, CONTROL)
    person.press(Qt.Key.Key_Backspace)
    assert person.written() == ""


def test_a_picture_is_refused_with_a_sentence(person: Person) -> None:
    person.wait_for(GenerationState.IDLE)
    for picture in (data(picture=True), data(picture=True, html="<img src='http://a.example/p.png'>")):
        person.window.feedback.dismiss()
        assert "pictures" not in person.status()
        QGuiApplication.clipboard().setMimeData(picture)
        person.press(Qt.Key.Key_V, CONTROL)
        assert person.status() == "Phichat can’t read images. Paste text or attach a document instead."
        person.window.feedback.dismiss()
        assert person.written() == ""
    person.ask("x")
    person.wait_for(GenerationState.IDLE)
    person.press_in(0, "Edit")
    assert drag(person.find("editField").viewport(), data(picture=True), COPY | MOVE, MOVE) == [COPY] * 3
    labels = person.find("editBox").findChildren(QLabel)
    refusal = "Phichat can’t read images. Paste text or attach a document instead."
    person.wait(lambda: refusal in [label.text() for label in labels])
    QTest.keyClicks(person.find("editField"), " and more")
    assert refusal not in [label.text() for label in labels]
    QGuiApplication.clipboard().setMimeData(data(picture=True))
    QTest.keyClick(person.find("editField"), Qt.Key.Key_V, CONTROL)
    person.wait(lambda: refusal in [label.text() for label in labels])


def test_a_picture_for_the_system_prompt_is_refused_with_a_sentence(person: Person) -> None:
    person.wait_for(GenerationState.IDLE)
    person.find("advancedButton").click()
    said = "Phichat can’t read images. Paste text instead."
    for is_dragged, name in product((True, False), ("systemPrompt", "stopField")):
        field = person.find(name)
        if is_dragged:
            assert drag(field.viewport(), data(picture=True), COPY | MOVE, MOVE) == [COPY] * 3
        else:
            QGuiApplication.clipboard().setMimeData(data(picture=True))
            assert field.canPaste()
            QTest.keyClick(field, Qt.Key.Key_V, CONTROL)
        person.wait(lambda: person.status() == said)
        assert field.toPlainText() == ""
        person.window.feedback.dismiss()
    person.find("systemPrompt").paste()
    QTest.keyClicks(person.find("systemPrompt"), "Be brief.")
    assert person.status() != said


def test_a_dropped_file_is_copied_never_moved(person: Person, tmp_path: Path) -> None:
    for name in ("notes.txt", "archive.zip", "picture.png"):
        person.click("newConversationButton")
        _drop_in_all_ways(person, tmp_path, name)


def _drop_in_all_ways(person: Person, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"words" if name == "notes.txt" else b"\x89PNG\0\0\xff")
    for offered, proposed, answer in (
        (MOVE, MOVE, NONE),
        (COPY | MOVE | LINK, MOVE, COPY),
        (COPY | MOVE | LINK, LINK, COPY),
        (COPY, COPY, COPY),
        (LINK | MOVE, MOVE, LINK),
    ):
        answers = drag(person.window, data(urls=[str(tmp_path / name)]), offered, proposed)
        assert answers == ([NONE] if answer is NONE else [answer] * 3)
    person.wait(lambda: person.status() or person.window.session.attached)


def test_words_go_where_they_are_dropped_or_else_into_the_message_field(person: Person) -> None:
    made = QMimeData()
    made.setData("application/x-something", QByteArray(b"x"))
    assert drag(person.window, made, COPY | MOVE, MOVE) == [NONE]
    person.find("searchField").setFocus()
    assert drag(person.window, data(text="words"), COPY | MOVE, MOVE) == [COPY] * 3
    assert person.written() == "words"
    assert person.find("composer").hasFocus()
    assert drag(person.window, data(urls=[ADDRESS]), COPY | MOVE, MOVE) == [COPY] * 3
    assert person.written() == f"words{ADDRESS}"
    assert drag(person.window, data(text="words\n" * 20_000), COPY | MOVE, MOVE) == [COPY] * 3
    assert person.window.session.attached
    person.find("conversationList")
    person.window.commands.find.trigger()
    for name in ("composer", "searchField", "systemPrompt"):
        field = person.find(name)
        field.clear()
        assert drag(_target(field), data(text="words"), COPY | MOVE, MOVE) == [COPY] * 3
        assert _text(field) == "words"
        assert drag(_target(field), data(text="words"), MOVE, MOVE) == [NONE]


def test_files_over_any_field_are_left_to_the_window(person: Person, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("words")
    for name in ("composer", "searchField", "systemPrompt", "contextSpin"):
        field = person.find(name)
        before = _text(field)
        for widget in [_target(field), *field.findChildren(QLineEdit)]:
            assert drag(widget, data(urls=[str(tmp_path / "notes.txt")]), COPY | MOVE, MOVE) == [COPY] * 3
            person.wait(lambda: person.window.session.attached)
            person.click("chipRemove")
        assert _text(field) == before


def test_files_go_to_the_message_that_is_edited(person: Person, engine: ScriptedEngine, tmp_path: Path) -> None:
    for name in ("pasted.txt", "dropped.txt", "below.txt"):
        (tmp_path / name).write_text(f"words of {name}")
    engine.enqueue("Yes.")
    person.ask("First")
    person.wait(lambda: person.window.generation.state is GenerationState.IDLE and len(engine.requests) == 1)
    message = person.find("message-0")
    message.edit()
    field = person.find("editField")
    _copy(data(urls=[str(tmp_path / "pasted.txt")]))
    QTest.keyClick(field, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    person.wait(lambda: _chips(person) == ["pasted.txt"])
    for target in (field.viewport(), person.find("editBox")):
        assert drag(target, data(urls=[str(tmp_path / "dropped.txt")]), COPY | MOVE, MOVE) == [COPY] * 3
        person.wait(lambda: _chips(person) == ["pasted.txt", "dropped.txt"])
    person.wait(lambda: "dropped.txt is already attached." in person.status())
    assert drag(person.window, data(urls=[str(tmp_path / "below.txt")]), COPY | MOVE, MOVE) == [COPY] * 3
    person.wait(lambda: [file.name for file in person.window.session.attached] == ["below.txt"])
    assert field.toPlainText() == "First"
    QTest.keyClick(field, Qt.Key.Key_Return)
    person.wait(lambda: len(engine.requests) == 2)
    asked = engine.requests[-1].turns[-1].text
    assert [f"words of {name}.txt" in asked for name in ("pasted", "dropped", "below")] == [True, True, False]


def _chips(person: Person) -> list[str]:
    return [file.name for file in person.find("editBox").chips.files()]


CLUSTERS = [
    ("a🇫🇷", "a"), ("🇫🇷🇩🇪", "🇫🇷"), ("🇫🇷" * 20, "🇫🇷" * 19), ("👍🏽", ""), ("x👩🏽‍💻", "x"), ("👨‍👩‍👧‍👦", ""), ("❤️", ""),
    ("1️⃣", ""), ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", ""), ("🏴‍☠️", ""), ("ne\u0301", "n"), ("и\u0306", ""), ("😀", ""), ("ab", "a"), ("é", ""),
    ("ที่", "ที"), ("क्षि", "क्ष"), ("שָׁ", "שָ"), ("line\n👍🏽", "line\n"), ("👍🏽\n", "👍🏽"),
]  # fmt: skip


def test_backspace_deletes_a_whole_sign(person: Person) -> None:
    for field, (before, after) in ((field, pair) for field in fields(person) for pair in CLUSTERS):
        field.setPlainText(before)
        field.moveCursor(field.textCursor().MoveOperation.End)
        QTest.keyClick(field, Qt.Key.Key_Backspace)
        assert _text(field) == after
        QTest.keyClick(field, Qt.Key.Key_Z, CONTROL)
        assert _text(field) == before


def test_backspace_deletes_a_whole_sign_of_a_title(person: Person) -> None:
    person.ask("Title")
    person.wait_for(GenerationState.IDLE)
    view = person.find("conversationList")
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_F2)
    field = person.find("renameField")
    field.setText("Hi 👍🏽")
    QTest.keyClick(field, Qt.Key.Key_Backspace)
    QTest.keyClick(field, Qt.Key.Key_Backspace)
    QTest.keyClick(field, Qt.Key.Key_Return)
    person.wait(lambda: person.titles() == ["Hi"])


def test_text_of_letters_and_digits_is_left_to_qt() -> None:
    assert cluster_length("plain") == cluster_length("") == 0
