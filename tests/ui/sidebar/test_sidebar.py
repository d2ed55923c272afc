"""The list of conversations, as a person uses it."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QDir, QEvent, QItemSelectionModel, QPersistentModelIndex, QPoint, QPointF, QStandardPaths, Qt
from PySide6.QtGui import QAction, QContextMenuEvent, QHelpEvent, QMouseEvent
from PySide6.QtTest import QAbstractItemModelTester, QSignalSpy, QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QListView, QMenu, QMessageBox, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from phichat import i18n
from phichat.errors import StoreError
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.store.history import History
from phichat.ui.controllers import file_watch
from phichat.ui.controllers.conversation_model import ConversationListModel, sections
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.sidebar.delegates import ConversationDelegate
from phichat.ui.sidebar.list_view import ListView
from phichat.ui.theme.theme import Theme
from tests.support.fakes import ScriptedEngine
from tests.support.stored_history import put, talk
from tests.ui.conftest import Person

DAY = 86_400


def rows(person: Person) -> list[str]:
    """Everything the list says, the names of sections in capitals."""
    model = person.find("conversationList").model()
    found = [model.index(row, 0) for row in range(model.rowCount())]
    return [
        str(index.data()) if index.flags() & Qt.ItemFlag.ItemIsSelectable else str(index.data()).upper()
        for index in found
    ]


def choose(person: Person, *titles: str) -> None:
    view = person.find("conversationList")
    view.setFocus()
    view.clearSelection()
    for title in titles:
        view.selectionModel().setCurrentIndex(person.row(title), QItemSelectionModel.SelectionFlag.Select)


def press(person: Person, key: Qt.Key, *, control: bool = False) -> None:
    modifier = Qt.KeyboardModifier.ControlModifier if control else Qt.KeyboardModifier.NoModifier
    QTest.keyClick(person.find("conversationList"), key, modifier)


@pytest.fixture
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have windows look for what another program has written 75 times as often."""
    monkeypatch.setattr(file_watch, "POLL_INTERVAL", 20)


@pytest.fixture
def two(home: Path, open_window: Callable[[], Person]) -> Person:
    """In front of a window with conversations about whales and bread."""
    put(home, ("Whales", 0.001), ("Bread", 0.002))
    person = open_window()
    person.wait(lambda: person.titles() == ["Whales", "Bread"])
    person.wait_for(GenerationState.IDLE)
    return person


def test_a_title_is_told_in_full_where_the_mouse_rests(home: Path, open_window: Callable[[], Person]) -> None:
    title = "<b>A title</b> that is longer than the list is wide, and goes on"
    put(home, (title, 0.001))
    person = open_window()
    person.wait(lambda: person.titles() == [title])
    view = person.find("conversationList")
    place = view.visualRect(person.row(title)).center()
    QApplication.sendEvent(view.viewport(), QHelpEvent(QEvent.Type.ToolTip, place, view.viewport().mapToGlobal(place)))
    assert escape(title) in QToolTip.text()
    QToolTip.hideText()


def test_marks_that_are_stacked_stay_in_their_row(home: Path, open_window: Callable[[], Person]) -> None:
    put(home, ("Above", 0), ("Z", 1))
    person = open_window()
    person.wait(lambda: person.titles() == ["Above", "Z"])
    person.wait_for(GenerationState.IDLE)
    view = person.find("conversationList", QListView)
    summaries = person.window.conversations.list_model.summaries()
    name, above = next(each.id for each in summaries if each.title == "Z"), person.row("Above")
    pictures = []
    for title in ("Z", "Z" + "\N{COMBINING ACUTE ACCENT}" * 300):
        person.window.conversations.commands.rename(name, title)
        pictures.append(view.viewport().grab().copy(view.visualRect(above)).toImage())
    assert person.titles()[1].startswith("Z\N{COMBINING ACUTE ACCENT}")
    assert pictures[0] == pictures[1]


def test_conversations_stand_under_their_days() -> None:
    now = datetime(2026, 3, 12, 15, 0)  # noqa: DTZ001 - a day in the person's calendar
    days = [-1, 0, 0.5, 1, 3, 6, 8, 11, 12, 40, 100, 400]
    times = [(now - timedelta(days=number)).timestamp() for number in days]
    assert sections(times, now.timestamp()) == [
        (0, "Today"), (3, "Yesterday"), (4, "Previous 7 days"), (6, "March"), (8, "February"), (9, "January"),
        (10, "December 2025"), (11, "February 2025"),
    ]  # fmt: skip
    i18n.set_language("fr")
    assert [title for _, title in sections(times, now.timestamp())][2:4] == ["7 derniers jours", "Mars"]


def test_times_beyond_the_calendar_do_no_harm() -> None:
    assert sections([1e20, 1e10, 0.0, -1e20], time.time()) == [(0, "Today"), (2, "No date")]


def test_the_list_has_sections_that_cannot_be_chosen(home: Path, open_window: Callable[[], Person]) -> None:
    put(home, ("Old", 800), ("Fresh", 0))
    put(home, ("Dear", 3), is_pinned=True)
    person = open_window()
    year = time.localtime(time.time() - 800 * DAY)
    month = time.strftime("%B %Y", year).upper()
    person.wait(lambda: rows(person) == ["PINNED", "Dear", "TODAY", "Fresh", month, "Old"])
    index = person.find("conversationList").model().index(0, 0)
    assert index.flags() == Qt.ItemFlag.NoItemFlags
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "Pinned"


def test_arrows_open_and_only_the_last_is_shown(home: Path, open_window: Callable[[], Person]) -> None:
    put(home, *((f"Number {number}", number / 100) for number in range(9)))
    person = open_window()
    person.wait(lambda: len(person.titles()) == 9)
    view = person.find("conversationList")
    view.setFocus()
    for _ in range(6):
        press(person, Qt.Key.Key_Down)
    person.wait(lambda: person.window.findChild(QWidget, "message-0") and "Number 6" in person.message(0))
    assert view.currentIndex().data() == "Number 6"
    assert view.hasFocus()


def test_renaming_in_place(two: Person, open_window: Callable[[], Person]) -> None:
    choose(two, "Bread")
    press(two, Qt.Key.Key_F2)
    field = two.find("renameField")
    assert field.text() == "Bread"
    QTest.keyClicks(field, "Of <b>yeast</b> & salt")
    QTest.keyClick(field, Qt.Key.Key_Return)
    two.wait(lambda: two.titles() == ["Whales", "Of <b>yeast</b> & salt"])
    press(two, Qt.Key.Key_Z, control=True)
    assert two.titles() == ["Whales", "Bread"]
    two.window.commands.redo.trigger()
    two.wait(lambda: "Bread" in two.message(0))
    two.ask("More")
    two.wait_for(GenerationState.IDLE)
    assert two.titles() == ["Of <b>yeast</b> & salt", "Whales"]
    two.window.close()
    again = open_window()
    again.wait(lambda: again.titles() == ["Of <b>yeast</b> & salt", "Whales"])


def test_a_reply_that_ends_leaves_the_renaming_alone(two: Person, engine: ScriptedEngine) -> None:
    for title in ("Bread", "Something"):
        two.click("newConversationButton")
        _rename_meanwhile(two, engine, title)


def _rename_meanwhile(two: Person, engine: ScriptedEngine, title: str) -> None:
    gate = threading.Event()
    engine.enqueue("Half ", gate, "whole")
    two.window.submit("Something")
    two.wait(lambda: two.message(1) == "Half ")
    choose(two, title)
    press(two, Qt.Key.Key_F2)
    QTest.keyClicks(two.find("renameField"), "Loaf")
    gate.set()
    two.wait_for(GenerationState.IDLE)
    assert two.find("renameField").text() == "Loaf"
    QTest.keyClick(two.find("renameField"), Qt.Key.Key_Escape)


def test_deleting_and_taking_it_back(two: Person) -> None:
    choose(two, "Whales")
    two.wait(lambda: "Whales" in two.message(0))
    press(two, Qt.Key.Key_Delete)
    assert two.titles() == ["Bread"]
    two.wait(lambda: "Bread" in two.message(0))
    assert two.find("conversationList").hasFocus()
    assert two.find("undoBar").isVisible()
    two.click("undoButton")
    assert two.titles() == ["Whales", "Bread"]
    two.wait(lambda: "Whales" in two.message(0))
    assert [label.text() for label in two.find("undoBar").findChildren(QLabel)] == ["Undone: “Whales” deleted."]
    assert not two.find("undoButton").isVisible()
    two.click("redoButton")
    assert two.titles() == ["Bread"]
    assert two.find("undoButton").isVisible()
    assert not two.find("redoButton").isVisible()
    two.click("undoButton")
    assert two.titles() == ["Whales", "Bread"]
    choose(two, "Bread")
    press(two, Qt.Key.Key_Delete)
    two.find("composer").setFocus()
    two.type("word")
    two.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert (two.written(), two.titles()) == ("", ["Whales"])
    two.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert two.titles() == ["Whales"], "the key undoes typing and nothing else"
    two.find("conversationList").setFocus()
    press(two, Qt.Key.Key_Z, control=True)
    assert two.titles() == ["Whales", "Bread"]


def test_several_at_once(two: Person, home: Path) -> None:
    choose(two, "Whales", "Bread")
    press(two, Qt.Key.Key_Delete)
    assert two.find("deleteQuestion", QMessageBox).text() == (
        "Delete 2 conversations? They’ll stay in the trash for 30 days."
    )
    two.click("agreeButton")
    assert two.titles() == []
    assert two.window.findChild(QWidget, "message-0") is None
    press(two, Qt.Key.Key_Z, control=True)
    assert two.titles() == ["Whales", "Bread"]
    two.window.commands.redo.trigger()
    assert two.titles() == []
    two.window.close()
    history = History(home / "history.sqlite3")
    assert len(history.list_conversations(in_trash=True)) == 2
    history.close()


def test_deleting_what_is_being_answered_stops_it(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("Half ", threading.Event())
    person.ask("Tell")
    person.wait(lambda: person.message(1) == "Half ")
    choose(person, "Tell")
    press(person, Qt.Key.Key_Delete)
    person.wait_for(GenerationState.IDLE)
    assert person.titles() == []
    person.window.commands.undo.trigger()
    person.wait(lambda: person.message(1) == "Half ")


def test_pinning(two: Person) -> None:
    two.window.conversations.commands.pin(two.row("Bread").data(Qt.ItemDataRole.UserRole).id, True)
    assert rows(two) == ["PINNED", "Bread", "TODAY", "Whales"]
    two.open("Bread")
    two.wait(lambda: two.window.findChild(QWidget, "message-0") is not None)
    two.ask("More")
    two.wait_for(GenerationState.IDLE)
    assert rows(two) == ["PINNED", "Bread", "TODAY", "Whales"]
    two.window.commands.undo_change.trigger()
    assert rows(two) == ["TODAY", "Bread", "Whales"]


def test_the_menu_comes_by_mouse_and_by_key_and_a_double_click_renames(two: Person) -> None:
    view = two.find("conversationList")
    choose(two, "Bread")
    place = view.visualRect(two.row("Bread")).center()
    for reason in (QContextMenuEvent.Reason.Mouse, QContextMenuEvent.Reason.Keyboard):
        event = QContextMenuEvent(reason, place, view.viewport().mapToGlobal(place))
        QApplication.sendEvent(view.viewport(), event)
        menu = next(menu for menu in two.window.findChildren(QMenu) if menu.isVisible())
        names = [action.text() for action in menu.actions() if action.text()]
        assert names == ["Rename…", "Pin", "Export…", "Delete"]
        menu.close()
    two.qtbot.wait(10)
    place = view.visualRect(two.row("Bread")).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    twice = QMouseEvent(
        QEvent.Type.MouseButtonDblClick, QPointF(place), QPointF(view.viewport().mapToGlobal(QPoint(place))),
        Qt.MouseButton.LeftButton, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(view.viewport(), twice)
    assert two.find("renameField").isVisible()


def test_the_bin_gives_back_and_forgets(two: Person, home: Path) -> None:
    choose(two, "Whales", "Bread")
    press(two, Qt.Key.Key_Delete)
    two.click("agreeButton")
    two.click("binButton")
    two.wait(lambda: sorted(two.titles("binList")) == ["Bread", "Whales"])
    assert not two.find("restoreButton").isEnabled()
    two.open("Bread", "binList")
    two.click("restoreButton")
    two.wait(lambda: two.titles("binList") == ["Whales"])
    two.open("Whales", "binList")
    two.click("purgeButton")
    QTest.keyClick(two.find("purgeQuestion", QMessageBox), Qt.Key.Key_Return)
    two.qtbot.wait(50)
    assert two.titles("binList") == ["Whales"]
    two.click("purgeButton")
    two.click("agreeButton")
    two.wait(lambda: two.titles("binList") == [])
    two.click("binBackButton")
    two.wait(lambda: two.titles() == ["Bread"])
    assert two.find("conversationList").isVisible()
    two.window.close()
    history = History(home / "history.sqlite3")
    assert history.list_conversations(in_trash=True) == []
    history.close()


def test_what_is_in_the_bin_can_be_read_and_is_named_before_it_is_gone(two: Person) -> None:
    choose(two, "Whales")
    press(two, Qt.Key.Key_Delete)
    two.click("binButton")
    two.wait(lambda: two.titles("binList") == ["Whales"])
    two.open("Whales", "binList")
    QTest.keyClicks(two.find("binList"), "Hello")
    assert two.written() == ""
    two.click("readButton")
    two.wait(lambda: two.window.findChild(QWidget, "attachmentText"))
    assert two.find("attachmentWindow").windowTitle() == "Whales"
    two.wait(lambda: "— You" in two.find("attachmentText").toPlainText())
    two.find("attachmentWindow").close()
    two.click("purgeButton")
    question = two.find("purgeQuestion", QMessageBox)
    assert question.text() == "Delete “Whales” permanently? This can’t be undone."
    two.click("refuseButton")
    two.click("binBackButton")
    two.click("newConversationButton")
    two.type("Never sent")
    two.open("Bread")
    two.wait(lambda: "Never sent" in two.titles())
    choose(two, "Never sent")
    press(two, Qt.Key.Key_Delete)
    two.click("binButton")
    two.wait(lambda: sorted(two.titles("binList")) == ["Never sent", "Whales"])
    two.open("Never sent", "binList")
    two.click("readButton")
    two.wait(lambda: two.window.findChild(QWidget, "attachmentText"))
    two.wait(lambda: "Not sent:\n\nNever sent" in two.find("attachmentText").toPlainText())
    two.find("attachmentWindow").close()


def test_what_undo_takes_out_of_the_bin_is_not_deleted_there(two: Person, home: Path) -> None:
    choose(two, "Whales")
    press(two, Qt.Key.Key_Delete)
    two.click("binButton")
    two.wait(lambda: two.titles("binList") == ["Whales"])
    two.window.commands.undo.trigger()
    two.wait(lambda: two.find("conversationList").isVisible() and "Whales" in two.titles())
    two.window.commands.redo.trigger()
    two.wait(lambda: "Whales" not in two.titles())
    two.click("binButton")
    two.wait(lambda: two.titles("binList") == ["Whales"])
    two.window.commands.undo.trigger()
    two.window.close()
    history = History(home / "history.sqlite3")
    whales = next(summary.id for summary in history.list_conversations() if summary.title == "Whales")
    history.delete_from_trash([whales]).result()  # as from a list that is out of date
    assert whales in [summary.id for summary in history.list_conversations()]
    history.close()


def test_escape_leads_back_from_the_bin(two: Person) -> None:
    choose(two, "Whales")
    press(two, Qt.Key.Key_Delete)
    for place in ("binList", "binBackButton"):
        two.find("binButton").setFocus()
        two.click("binButton")
        two.wait(lambda: two.window.findChild(QWidget, "binList") and two.find("binList").hasFocus())
        QTest.keyClick(two.find(place), Qt.Key.Key_Escape)
        assert two.find("conversationList").hasFocus()


def test_everything_can_be_deleted_by_who_means_it(two: Person, home: Path) -> None:
    two.open("Whales")
    two.wait(lambda: "Whales" in two.message(0))
    two.window.commands.delete_everything.trigger()
    box = two.find("eraseQuestion", QMessageBox)
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert two.titles() == ["Whales", "Bread"]
    two.wait(lambda: two.window.findChild(QMessageBox, "eraseQuestion") is None)
    two.window.commands.delete_everything.trigger()
    two.click("agreeButton")
    assert two.titles() == []
    assert two.window.findChild(QWidget, "message-0") is None
    two.ask("Again from the start")
    two.wait_for(GenerationState.IDLE)
    assert two.titles() == ["Again from the start"]
    two.window.close()
    history = History(home / "history.sqlite3")
    assert [heading.title for heading in history.list_conversations()] == ["Again from the start"]
    history.close()


def test_what_could_not_be_deleted_is_listed_again(two: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    failed: Future[None] = Future()
    failed.set_exception(StoreError("The disk is full."))
    said = QSignalSpy(two.window.conversations.notified)
    with monkeypatch.context() as full:
        full.setattr(History, "delete_everything", lambda _: failed)
        two.window.conversations.delete_everything()
        two.wait(lambda: two.status() == "The disk is full.")
        two.wait(lambda: two.titles() == ["Whales", "Bread"])
    assert not said.count()
    two.window.conversations.delete_everything()
    two.wait(said.count)
    assert said.at(0) == ["All conversations deleted."]
    assert two.titles() == []


def test_what_is_brought_in_is_listed_and_can_be_undone(two: Person, tmp_path: Path, home: Path) -> None:
    file = tmp_path / "some.json"
    two.window.sidebar.import_export.export([], file)
    two.wait(lambda: "2 conversations" in two.status())
    choose(two, "Whales")
    press(two, Qt.Key.Key_Delete)
    two.wait(lambda: two.titles() == ["Bread"])
    two.window.sidebar.import_files([file])
    two.wait(lambda: "Imported" in two.status())
    two.wait(lambda: two.titles() == ["Whales", "Bread"])
    two.window.commands.undo.trigger()
    two.wait(lambda: two.titles() == ["Bread"])
    assert "imported" not in two.status()
    (tmp_path / "bad.json").write_text("{")
    two.window.sidebar.import_files([tmp_path / "bad.json"])
    two.wait(lambda: "bad.json" in two.status() and "Importing" not in two.status())


def test_no_result_of_several_imports_hides_another(two: Person, tmp_path: Path) -> None:
    file = tmp_path / "some.json"
    two.window.sidebar.import_export.export([], file)
    two.wait(lambda: "2 conversations" in two.status())
    bad = [tmp_path / "bad.json", tmp_path / "worse.json"]
    for broken in bad:
        broken.write_text("{")
    two.window.sidebar.import_files([bad[0], file, bad[1]])
    two.wait(lambda: "Imported" in two.status())
    assert all(broken.name in two.status() for broken in bad)
    assert two.find("messageLine").property("kind") == "ERROR"


def test_undoing_an_import_ends_what_goes_on_in_it(two: Person, tmp_path: Path, engine: ScriptedEngine) -> None:
    file = tmp_path / "some.json"
    two.window.sidebar.import_export.export([], file)
    two.wait(lambda: "2 conversations" in two.status())
    choose(two, "Whales")
    press(two, Qt.Key.Key_Delete)
    two.window.sidebar.import_files([file])
    two.wait(lambda: two.titles() == ["Whales", "Bread"])
    two.open("Whales")
    two.wait(lambda: two.window.session.conversation.title == "Whales")
    two.wait(lambda: "Imported" in two.window.conversations.undo_stack.undoText())
    brought = two.window.session
    engine.enqueue("Half ", threading.Event(), "whole")
    two.ask("More")
    two.wait(lambda: two.message(3) == "Half ")
    two.window.commands.undo_change.trigger()
    two.wait_for(GenerationState.IDLE)
    assert two.window.session is not brought
    two.wait(lambda: two.titles() == ["Bread"])
    two.ask("New")
    two.wait_for(GenerationState.IDLE)
    assert two.titles() == ["New", "Bread"]


def test_a_good_export_replaces_a_failed_one(two: Person, tmp_path: Path) -> None:
    transfer = two.window.sidebar.import_export
    two.open("Whales")
    transfer.export([], tmp_path / "none" / "all.json")
    two.wait(lambda: "all.json couldn’t be saved" in two.status())
    two.open("Bread")
    assert "all.json couldn’t be saved" in two.status()  # it belongs to no conversation
    transfer.export([], tmp_path / "all.json")
    two.wait(lambda: two.status() == "Exported 2 conversations to all.json.")
    two.window.feedback.end_results()
    assert two.status() == ""
    two.open("Whales")
    assert two.status() == ""


def test_exporting_one(two: Person, tmp_path: Path) -> None:
    two.open("Whales")
    two.wait(lambda: "Whales" in two.message(0))
    for ending in ("json", "md", "txt", "html"):
        _export(two, tmp_path / f"out.{ending}")


def _export(two: Person, file: Path) -> None:
    two.window.commands.export.trigger()
    dialog = two.find("exportDialog")
    dialog.fileSelected.emit(str(file))
    dialog.reject()
    two.wait(lambda: two.status() == f"Exported 1 conversation to {file.name}.")
    two.wait(lambda: not two.window.findChildren(QFileDialog))
    assert "Tell me of Whales" in file.read_text("utf-8")
    assert "Bread" not in file.read_text("utf-8")


def test_a_temporary_conversation_can_be_exported_but_not_pinned(
    person: Person, engine: ScriptedEngine, tmp_path: Path
) -> None:
    person.window.commands.temporary.trigger()
    person.window.commands.export.trigger()
    assert person.status() == "This conversation is empty, so it can’t be exported. Choose another conversation."
    engine.enqueue("A whale.")
    person.ask("What is that?")
    person.wait_for(GenerationState.IDLE)
    for number in range(2):
        if number:
            [pin, export] = [menu_of(person, "What is that?")[name] for name in ("Pin", "Export…")]
            assert not pin.isEnabled()
            export.trigger()
        else:
            person.window.commands.export.trigger()
        dialog, file = person.find("exportDialog"), tmp_path / f"{number}.md"
        dialog.fileSelected.emit(str(file))
        dialog.reject()
        person.wait(lambda: person.status() == f"Exported 1 conversation to {file.name}.")  # noqa: B023
        assert "A whale." in file.read_text("utf-8")
        person.wait(lambda: not person.window.findChildren(QFileDialog))


def menu_of(person: Person, title: str) -> dict[str, QAction]:
    """What can be done with a conversation in the list."""
    view = person.find("conversationList")
    person.open(title)
    place = view.visualRect(person.row(title)).center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, view.viewport().mapToGlobal(place))
    QApplication.sendEvent(view.viewport(), event)
    menu = next(menu for menu in person.window.findChildren(QMenu) if menu.isVisible())
    return {action.text(): action for action in menu.actions()}


def test_file_dialogs_begin_in_documents_and_then_where_the_last_one_ended(
    two: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents, used = tmp_path / "Documents", tmp_path / "used"
    documents.mkdir()
    used.mkdir()
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda _: str(documents))
    QFileDialog().setDirectory(QDir.currentPath())  # as after a start
    two.open("Whales")
    two.wait(lambda: "Whales" in two.message(0))
    begun: list[str] = []
    for _ in range(2):
        two.window.commands.export.trigger()
        dialog = two.find("exportDialog")
        begun.append(dialog.directory().absolutePath())
        dialog.fileSelected.emit(str(used / "out.json"))
        dialog.reject()
        two.wait(lambda: not two.window.findChild(QFileDialog, "exportDialog"))
    assert begun == [str(documents), str(used)]

    def choose_none(*asked: Any) -> tuple[list[str], str]:
        begun.append(asked[2])
        return [], ""

    monkeypatch.setattr(QFileDialog, "getOpenFileNames", choose_none)
    two.click("attachButton")
    assert begun[2:] == [str(used)]
    QFileDialog().setDirectory(QDir.currentPath())


def test_of_ten_thousand_conversations_only_those_are_painted_that_are_seen(
    home: Path, open_window: Callable[[], Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    painted: list[object] = []
    paint = ConversationDelegate.paint

    def counted(self: ConversationDelegate, *what: Any) -> None:
        painted.append(what[-1].row())
        paint(self, *what)

    monkeypatch.setattr(ConversationDelegate, "paint", counted)
    history = History(home / "history.sqlite3")
    for number in range(10_000):
        then = time.time() - number / 20 * DAY
        done = history.save_conversation(
            ConversationRecord(ConversationSummary(str(number), f"Number {number}", then, then))
        )
    done.result()
    history.close()
    person = open_window()
    view = person.find("conversationList")
    person.wait(lambda: view.model().rowCount() > 10_000)
    person.wait_for(GenerationState.IDLE)
    bar, most = view.verticalScrollBar(), view.viewport().height() // view.sizeHintForRow(1) + 2
    for step in range(60):
        bar.setValue(step * bar.maximum() // 60)
        QApplication.processEvents()
        painted.clear()
        view.viewport().repaint()
        assert 0 < len(painted) <= most
    last = view.model().index(view.model().rowCount() - 1, 0)
    assert last.data() == "Number 9999"
    person.window.conversations.list_model.set_values("9999", title="Other")
    assert last.data() == "Other"


def test_the_model_keeps_its_word() -> None:
    model = ConversationListModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    headings = [ConversationSummary(str(number), f"T{number}", 0, time.time() - number * DAY) for number in range(50)]
    model.set_conversations(headings)
    model.set_values("30", is_pinned=True)
    model.upsert(ConversationSummary("new", "New", 0, time.time()), is_temporary=True)
    model.remove(["0", "1", "new"])
    model.touch(headings[40], is_temporary=False)
    assert model.index_of("40").data() == "T40"
    assert model.rowCount() > 48
    model.clear()
    assert model.rowCount() == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda model, _: model.set_values("30", is_pinned=True),
        lambda model, _: model.set_values("7", is_pinned=True),
        lambda model, _: model.upsert(ConversationSummary("new", "New", 0, time.time())),
        lambda model, _: model.upsert(ConversationSummary("new", "New", 0, 0.0), is_temporary=True),
        lambda model, _: model.remove(["0", "6", "8", "49"]),
        lambda model, summaries: model.touch(replace(summaries[7], changed=time.time()), is_temporary=False),
        lambda model, summaries: model.touch(replace(summaries[48], changed=time.time()), is_temporary=False),
        lambda model, summaries: model.set_conversations(summaries[5:20]),
        lambda model, summaries: model.set_conversations([replace(one, changed=-one.changed) for one in summaries]),
    ],
)
def test_the_selection_stays_with_its_conversation(
    change: Callable[[ConversationListModel, list[ConversationSummary]], object], qtbot: QtBot
) -> None:
    model = ConversationListModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    summaries = [ConversationSummary(str(number), f"T{number}", 0, time.time() - number * DAY) for number in range(50)]
    model.set_conversations(summaries)
    view = QListView()
    qtbot.addWidget(view)
    view.setModel(model)
    view.setCurrentIndex(model.index_of("7"))
    others = {number: QPersistentModelIndex(model.index_of(str(number))) for number in range(50)}
    change(model, summaries)
    assert view.currentIndex() == view.selectedIndexes()[0] == model.index_of("7")
    assert view.currentIndex().data() == "T7"
    assert all(index == model.index_of(str(number)) for number, index in others.items())


def test_removing_a_conversation_selects_no_other(qtbot: QtBot) -> None:
    model = ConversationListModel()
    summaries = [ConversationSummary(str(number), f"T{number}", 0, 1000.0 - number) for number in range(9)]
    model.set_conversations(summaries)
    view = QListView()
    qtbot.addWidget(view)
    view.setModel(model)
    view.setCurrentIndex(model.index_of("4"))
    model.remove(["4"])
    assert not view.currentIndex().isValid()
    assert not view.selectedIndexes()


def test_a_change_in_place_says_which_rows(qtbot: QtBot) -> None:
    model = ConversationListModel()
    model.set_conversations([ConversationSummary(name, name, 0, 1000.0 - at) for at, name in enumerate("abc")])
    with qtbot.waitSignal(model.dataChanged) as emitted, qtbot.assertNotEmitted(model.layoutChanged):
        model.set_values("b", title="Other")
    assert [index.row() for index in emitted.args[:2]] == [2, 2]
    assert model.index_of("b").data() == "Other"


def test_the_list_view_asks_python_for_the_number_of_rows_less_than_once_a_row(
    qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    count = ConversationListModel.rowCount

    def counted(model: ConversationListModel, *parent: Any) -> int:
        asked.append(parent)
        return count(model, *parent)

    monkeypatch.setattr(ConversationListModel, "rowCount", counted)
    model = ConversationListModel()
    view = ListView(Theme(qapp), model)
    qtbot.addWidget(view)
    view.resize(200, 400)
    view.show()
    model.set_conversations(ConversationSummary(str(at), f"T{at}", 0, 1000.0 - at) for at in range(10_000))
    qtbot.wait(10)
    model.set_values("5000", is_pinned=True)
    qtbot.wait(10)
    assert view.model().index(1, 0).data() == "T5000"
    assert len(asked) < 1000


def test_what_happens_while_the_list_is_read_counts() -> None:
    model = ConversationListModel()
    model.begin_loading()
    model.upsert(ConversationSummary("a", "A", 0, 2.0))
    model.upsert(ConversationSummary("b", "B", 0, 1.0))
    model.remove(["b"])
    model.set_conversations([ConversationSummary("b", "B", 0, 1.0), ConversationSummary("c", "C", 0, 0.5)])
    assert [heading.id for heading in model.summaries()] == ["a", "c"]


def test_another_model_than_before_is_said(home: Path, open_window: Callable[[], Person]) -> None:
    history = History(home / "history.sqlite3")
    history.save_conversation(replace(talk("Whales"), model="phi-3-mini")).result()
    history.close()
    person = open_window()
    person.wait(person.titles)
    person.wait_for(GenerationState.IDLE)
    person.open("Whales")
    person.wait(lambda: "This conversation used phi-3-mini" in person.status())


def test_what_another_program_changed_is_seen_when_the_user_comes_back(two: Person, home: Path) -> None:
    two.type("a draft")
    history = History(home / "history.sqlite3", is_guest=True)
    gone = next(summary.id for summary in history.list_conversations() if summary.title == "Whales")
    history.save_conversation(talk("Boats")).result()
    history.move_to_trash([gone]).result()
    history.close()
    assert sorted(two.titles()) == ["Bread", "Whales"]
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    application.applicationStateChanged.emit(Qt.ApplicationState.ApplicationActive)
    two.wait(lambda: {"Boats", "Bread"} <= set(two.titles()) and "Whales" not in two.titles())
    assert two.written() == "a draft"


@pytest.mark.usefixtures("_looks_often")
def test_what_the_user_changed_is_not_read_again(two: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    commands, read = two.window.conversations.commands, list[bool]()
    monkeypatch.setattr(commands, "reload_list", lambda: read.append(True))
    two.ask("Boats?")
    two.wait_for(GenerationState.IDLE)
    two.open("Bread")
    two.type("a draft")
    two.window.commands.new.trigger()
    two.type("another draft")
    two.window.commands.new.trigger()
    two.window.commands.temporary.trigger()
    two.ask("Secrets?")
    two.wait_for(GenerationState.IDLE)
    two.window.commands.new.trigger()
    two.type("a third draft")
    two.window.conversations.current.save_now()
    commands.reload_if_changed()
    with two.qtbot.waitSignal(commands.trash_loaded):
        commands.list_bin()
    two.qtbot.wait(100)
    assert not read


def trash_elsewhere(home: Path, title: str, *, is_back: bool = False) -> None:
    """Do what `phichat history remove`, or `restore`, does beside the window."""
    history = History(home / "history.sqlite3", is_guest=True)
    name = next(each.id for each in history.list_conversations(in_trash=is_back) if each.title == title)
    (history.restore_conversations if is_back else history.move_to_trash)([name]).result()
    history.close()


@pytest.mark.usefixtures("_looks_often")
def test_a_shown_conversation_that_the_terminal_removes_can_be_restored(two: Person, home: Path) -> None:
    two.open("Whales")
    two.wait(lambda: two.window.session.conversation.title == "Whales")
    trash_elsewhere(home, "Whales")
    two.wait(lambda: two.window.findChild(QWidget, "trashedNotice") and two.find("trashedNotice").isVisible())
    trash_elsewhere(home, "Whales", is_back=True)
    two.wait(lambda: "Whales" in two.titles() and not two.find("trashedNotice").isVisible())
    trash_elsewhere(home, "Whales")
    two.wait(lambda: two.titles() == ["Bread"])
    assert "“Whales” was moved to the trash from the terminal." in two.find("trashedNotice").text.text()
    assert two.find("trashedNotice").isVisible()
    two.click("trashedRestoreButton")
    two.wait(lambda: "Whales" in two.titles())
    assert two.find("conversationList").isVisible(), "the trash is not opened"
    assert not two.find("trashedNotice").isVisible()
    two.ask("More?")
    two.wait_for(GenerationState.IDLE)
    assert "in the trash" not in two.status()
    trash_elsewhere(home, "Whales")
    two.wait(lambda: two.find("trashedNotice").isVisible())
    two.ask("Yet more?")
    two.wait(lambda: "It was restored" in two.status())
    two.wait(lambda: "Whales" in two.titles())
    assert not two.find("trashedNotice").isVisible()
    assert two.find("conversationList").isVisible()


def test_writing_in_a_removed_conversation_says_that_it_is_restored(two: Person, home: Path) -> None:
    two.open("Whales")
    two.wait(lambda: two.window.session.conversation.title == "Whales")
    two.window.conversations.close()  # looks no more: the message is sent before the window knows
    trash_elsewhere(home, "Whales")
    two.ask("More?")
    two.wait(lambda: "This conversation was in the trash. It was restored" in two.status())


def let_pass(person: Person, times: int) -> None:
    """Wait until it was that often time to look, which is every millisecond from now on."""
    timer = person.window.conversations._watch._timer
    timer.start(1)
    for _ in range(times):
        with person.qtbot.waitSignal(timer.timeout):
            pass


def test_a_look_for_what_others_wrote_waits_for_the_one_before(two: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, looks = threading.Event(), list[bool]()

    def look_slowly(_: History) -> tuple[tuple[int, int], ...]:
        looks.append(True)
        gate.wait(20)
        return ()

    monkeypatch.setattr(History, "file_state", look_slowly)
    let_pass(two, 6)
    two.wait(lambda: looks)
    assert looks == [True], "else it would soon take all threads, and nothing could be opened"
    gate.set()


def test_nobody_looks_for_what_others_wrote_while_the_window_is_minimized(
    two: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = list[bool]()

    def look(_: History) -> tuple[tuple[int, int], ...]:
        looks.append(True)
        return ()

    monkeypatch.setattr(History, "file_state", look)
    two.window.showMinimized()
    let_pass(two, 3)
    with two.qtbot.waitSignal(two.window.conversations.commands.trash_loaded):
        two.window.conversations.commands.list_bin()
    assert not looks
    two.window.showNormal()
    two.wait(lambda: looks)


def test_that_a_conversation_is_restored_is_said_there_alone(two: Person, home: Path) -> None:
    two.open("Whales")
    two.wait(lambda: two.window.session.conversation.title == "Whales")
    two.window.conversations.close()  # looks no more: the message is sent before the window knows
    trash_elsewhere(home, "Whales")
    untrashed = two.window.conversations.autosave.untrashed
    with two.qtbot.waitSignal(untrashed):
        two.ask("More?")
        two.window.commands.new.trigger()
    assert two.window.findChild(QWidget, "message-0") is None
    assert "in the trash" not in two.status()
    two.wait_for(GenerationState.IDLE)
    two.open("Whales")
    assert "This conversation was in the trash. It was restored" in two.status()


def test_a_conversation_that_begins_while_the_list_is_read_is_not_said_to_be_removed(
    two: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_read, may_go_on, read = threading.Event(), threading.Event(), History.list_conversations

    def read_slowly(history: History, *, in_trash: bool = False) -> list[ConversationSummary]:
        found = read(history, in_trash=in_trash)
        has_read.set()
        assert may_go_on.wait(20)
        return found

    monkeypatch.setattr(History, "list_conversations", read_slowly)
    two.window.conversations.commands.reload_if_changed()
    assert has_read.wait(20)
    two.ask("Boats?")
    two.wait_for(GenerationState.IDLE)
    monkeypatch.setattr(History, "list_conversations", read)
    with two.qtbot.waitSignal(two.window.conversations.commands.trash_loaded):
        may_go_on.set()
        two.window.conversations.commands.list_bin()
    two.qtbot.wait(100)
    assert sorted(two.titles()) == ["Boats?", "Bread", "Whales"]
    assert two.window.findChild(QWidget, "trashedNotice") is None


def purge_in_window(person: Person, title: str) -> None:
    person.click("binButton")
    person.wait(lambda: person.titles("binList") == [title])
    person.open(title, "binList")
    person.click("purgeButton")
    person.click("agreeButton")
    person.wait(lambda: person.titles("binList") == [])


def test_what_is_written_after_the_shown_conversation_is_deleted_permanently_is_stored(two: Person, home: Path) -> None:
    two.open("Whales")
    two.wait(lambda: two.window.session.conversation.title == "Whales")
    trash_elsewhere(home, "Whales")
    two.wait(lambda: two.window.findChild(QWidget, "trashedNotice") and two.find("trashedNotice").isVisible())
    purge_in_window(two, "Whales")
    assert not two.find("trashedNotice").isVisible()
    assert two.window.findChild(QWidget, "message-0") is None
    two.ask("More?")
    two.wait_for(GenerationState.IDLE)
    assert "no longer exists" not in two.status()
    two.window.close()
    history = History(home / "history.sqlite3", is_guest=True)
    stored = history.load_conversation(two.window.session.conversation.id).messages
    history.close()
    assert [message.text for message in stored] == ["More?", "More?"]


@pytest.mark.usefixtures("_looks_often")
def test_what_was_restored_elsewhere_while_one_is_asked_stays_with_its_documents(two: Person, home: Path) -> None:
    two.open("Whales")
    two.wait(lambda: two.window.session.conversation.title == "Whales")
    session, documents = two.window.session, two.window.documents._documents
    documents.use(session, "Work", is_used=True)
    trash_elsewhere(home, "Whales")
    two.wait(lambda: two.titles() == ["Bread"])
    two.click("binButton")
    two.wait(lambda: two.titles("binList") == ["Whales"])
    two.open("Whales", "binList")
    two.click("purgeButton")
    trash_elsewhere(home, "Whales", is_back=True)
    with two.qtbot.waitSignal(two.window.conversations.commands.trash_loaded):
        two.click("agreeButton")
    two.wait(lambda: two.titles("binList") == [])
    two.wait(lambda: sorted(two.titles()) == ["Bread", "Whales"])
    assert two.window.session.conversation.title == "Whales"
    assert documents.used(two.window.session) == ("Work",)


def test_an_answer_ends_when_its_conversation_is_deleted_permanently(
    two: Person, engine: ScriptedEngine, home: Path
) -> None:
    gate = threading.Event()
    engine.enqueue("Big", gate)
    two.open("Whales")
    two.wait(lambda: two.window.session.conversation.title == "Whales")
    two.ask("How big?")
    two.wait_for(GenerationState.WRITING)
    two.open("Bread")
    trash_elsewhere(home, "Whales")
    two.wait(lambda: two.titles() == ["Bread"])
    purge_in_window(two, "Whales")
    two.wait_for(GenerationState.IDLE)
    assert two.message(0) == "Tell me of Bread"
    gate.set()


def test_quitting_in_the_middle_of_an_import_asks_first(
    two: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, gate = tmp_path / "some.json", threading.Event()
    two.window.sidebar.import_export.export([], file)
    two.wait(lambda: "2 conversations" in two.status())
    importer = two.window.sidebar.import_export._import_from
    monkeypatch.setattr(
        two.window.sidebar.import_export, "_import_from", lambda *given: gate.wait(20) and importer(*given)
    )
    two.window.sidebar.import_files([file])
    two.window.commands.quit.trigger()
    question = two.find("transferQuestion", QMessageBox)
    assert question.text().startswith("Quit Phichat? some.json is still being imported.")
    QTest.keyClick(question, Qt.Key.Key_Escape)
    two.wait(lambda: two.window.findChild(QMessageBox, "transferQuestion") is None)
    assert two.window.isVisible()
    two.window.windowHandle().close()
    assert two.window.isVisible()
    gate.set()
    two.wait(lambda: "already up to date" in two.status())
    two.find("transferQuestion", QMessageBox).reject()
    two.window.commands.quit.trigger()
    two.wait(lambda: not two.window.isVisible())


def test_quitting_in_the_middle_of_an_export_asks_first(
    two: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_to, tasks = two.window.sidebar.import_export._export_to, two.window.conversations.tasks

    def until_closed(records: Iterable[ConversationRecord]) -> Iterator[ConversationRecord]:
        for record in records:
            yield record
            while tasks._callbacks:
                time.sleep(0.01)

    monkeypatch.setattr(
        two.window.sidebar.import_export, "_export_to", lambda records, file: export_to(until_closed(records), file)
    )
    two.window.sidebar.import_export.export([], tmp_path / "some.json")
    two.wait(lambda: [*tmp_path.iterdir()])
    two.window.commands.quit.trigger()
    question = two.find("transferQuestion", QMessageBox)
    assert question.text() == "Quit Phichat? some.json is still being exported. If you quit now, it won’t be saved."
    assert question.escapeButton().text() == "Keep exporting"
    QTest.keyClick(question, Qt.Key.Key_Escape)
    two.wait(lambda: two.window.findChild(QMessageBox, "transferQuestion") is None)
    two.window.windowHandle().close()
    assert two.window.isVisible()
    two.find("transferQuestion", QMessageBox).findChild(QWidget, "agreeButton").click()
    two.wait(lambda: not two.window.isVisible())
    assert not [*tmp_path.iterdir()], "nothing is left of it"
