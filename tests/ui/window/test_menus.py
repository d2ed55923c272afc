"""The Edit menu acts on what has the focus, the Conversation menu on what is shown; the title is there twice."""

import sys
from collections.abc import Callable

from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget

from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import PHI_3, ScriptedEngine, ScriptedShelf
from tests.ui.conftest import Person


def converse(person: Person, engine: ScriptedEngine, question: str) -> None:
    engine.enqueue("An answer.")
    person.ask(question)
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: question in person.titles())


def is_pinned(person: Person) -> bool:
    summary = person.window.conversations.list_model.summary(person.window.session.conversation.id)
    return summary is not None and summary.is_pinned


def test_edit_acts_on_the_field_that_has_the_focus(person: Person) -> None:
    field = person.find("composer")
    field.setFocus()
    person.type("one two")
    assert not person.entry("Edit", "Cut").isEnabled(), "nothing is selected"
    person.entry("Edit", "Select all").trigger()
    assert field.textCursor().selectedText() == "one two"
    person.entry("Edit", "Cut").trigger()
    assert (person.written(), QApplication.clipboard().text()) == ("", "one two")
    search = person.find("searchField")
    search.setFocus()
    person.entry("Edit", "Paste").trigger()
    assert (search.text(), person.written()) == ("one two", "")
    search.selectAll()
    search.setText(search.text() + "!")
    search.selectAll()
    person.entry("Edit", "Copy").trigger()
    assert QApplication.clipboard().text() == "one two!"
    keys = {"Find in conversation…": "Ctrl+F", "Find next": "F3", "Find previous": "Shift+F3"}
    assert {name: person.entry("Edit", name).shortcut().toString() for name in keys} == keys


def test_what_there_is_no_message_for_is_greyed_and_a_conversation_is_changed_from_its_menu(
    person: Person, engine: ScriptedEngine
) -> None:
    assert not any(person.entry("Conversation", name).isEnabled() for name in ("Rename…", "Pin", "Delete conversation"))
    names = ("Regenerate", "Edit message", "Quote in message", "Copy conversation")
    assert not any(person.entry("Conversation", name).isEnabled() for name in names)
    converse(person, engine, "Ships")
    assert all(person.entry("Conversation", name).isEnabled() for name in names)
    assert not person.entry("Conversation", "Continue answer").isEnabled(), "it is finished"
    person.find("message-1").take_focus()
    words = person.find("message-1").text_edits()[0]
    assert words.hasFocus()
    assert not person.entry("Edit", "Paste").isEnabled()
    assert not person.entry("Edit", "Cut").isEnabled()
    words.selectAll()
    person.entry("Edit", "Copy").trigger()
    assert QApplication.clipboard().text().strip() == "An answer."
    person.entry("Conversation", "Pin").trigger()
    assert is_pinned(person)
    person.entry("Conversation", "Unpin").trigger()
    assert not is_pinned(person)
    person.entry("Conversation", "Rename…").trigger()
    editor = person.find("renameField")
    editor.setText("Boats")
    editor.editingFinished.emit()
    QApplication.sendEvent(editor, QEvent(QEvent.Type.FocusOut))
    person.find("composer").setFocus()
    person.wait(lambda: "Boats" in person.titles())
    person.entry("Conversation", "Delete conversation").trigger()
    person.wait(lambda: "Boats" not in person.titles())


def test_the_title_is_in_the_windows_title_and_above_the_messages(person: Person, engine: ScriptedEngine) -> None:
    person.window.resize(1600, 700)
    title = person.find("conversationTitle")
    assert (person.window.windowTitle(), title.text()) == ("Phichat", "")
    converse(person, engine, "Ships [*] & <b>boats</b>")
    assert title.text() == "Ships [*] & <b>boats</b>"
    own = "" if sys.platform == "darwin" else " – Phichat"
    middle = title.mapTo(person.find("header"), title.contentsRect().center()).x()
    assert abs(middle - person.find("header").width() // 2) <= 1
    assert person.window.windowTitle() == "Ships [*][*] & <b>boats</b>" + own, "as Qt wants it, to show one star"
    person.window.conversations.commands.rename(person.window.session.conversation.id, "Long " * 40)
    assert title.accessibleName().startswith("Long Long")
    assert title.text().endswith("…")
    assert "Long Long" in person.window.windowTitle()
    person.window.commands.new.trigger()
    assert (person.window.windowTitle(), title.text()) == ("Phichat", "")


def test_the_settings_are_folded_while_the_first_page_asks_its_question(
    open_window: Callable[[], Person], engine: ScriptedEngine, shelf: ScriptedShelf
) -> None:
    shelf.rows[PHI_3.name] = PHI_3
    person = open_window()
    person.window.resize(1180, 700)
    person.wait(lambda: person.find("firstRun").isVisible())
    panel = person.find("settingsPanel")
    person.wait(lambda: not panel.isVisible())
    assert person.find("composer").isVisible()
    person.wait_for(GenerationState.IDLE)
    converse(person, engine, "Ships")
    assert panel.isVisible()
    person.window.commands.new.trigger()
    assert not panel.isVisible()
    person.window.commands.panel.trigger()
    assert panel.isVisible(), "whoever wants to see them, can"


def is_asked_for(person: Person) -> bool:
    overlay = person.window.findChild(QWidget, "dropOverlay")
    return overlay is not None and overlay.isVisible()


def test_files_over_the_window_are_asked_for_unless_they_would_be_moved(person: Person) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile("/none.txt")])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(person.window, QDragEnterEvent(QPoint(9, 9), Qt.DropAction.MoveAction, data, left, none))
    assert not is_asked_for(person)
    for how in ("leave", "drop"):
        _drag_over(person, how)


def _drag_over(person: Person, how: str) -> None:
    data = QMimeData()
    for urls, is_shown in (([], False), ([QUrl.fromLocalFile("/none.txt")], True)):
        data.setUrls(urls)
        copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
        none = Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(person.window, QDragEnterEvent(QPoint(300, 300), copy, data, left, none))
        assert is_asked_for(person) is is_shown
    assert person.find("dropOverlay").geometry() == person.window._columns.geometry()
    ends = {"leave": QDragLeaveEvent(), "drop": QDropEvent(QPointF(300, 300), copy, data, left, none)}
    QApplication.sendEvent(person.window, ends[how])
    assert not is_asked_for(person)
