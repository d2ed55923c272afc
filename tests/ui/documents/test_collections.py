"""A collection is made, filled and asked about in any conversation; what could not be read says why."""

import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial, partialmethod
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QLabel, QLineEdit, QMenu, QMessageBox, QScrollArea, QToolButton, QWidget
from shiboken6 import isValid

from phichat.cancellation import CancelToken
from phichat.documents.library import Progress
from phichat.documents.retrieval.library_process import LibraryProcess
from phichat.errors import StoreError
from phichat.ui.controllers import documents as controller
from phichat.ui.controllers import file_watch, source_search
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.widgets.password_dialog import PasswordDialog
from tests.support import tiny_models
from tests.support.fakes import ScriptedEngine
from tests.support.pdf_files import lines_down, page_of, pdf_file
from tests.ui.chat.test_attachments import drop
from tests.ui.conftest import Person


def test_a_collection_is_made_filled_and_used(person: Person, engine: ScriptedEngine, tmp_path: Path) -> None:
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    (tmp_path / "broken.docx").write_bytes(b"PK\x03\x04nothing")
    person.window.documents.open_collections()
    QTest.keyClicks(person.find("collectionName"), "Work")
    QTest.keyClick(person.find("collectionName"), Qt.Key.Key_Return)
    person.find("collectionsDialog")._on_folders([str(tmp_path)])  # chosen in the system's dialog
    person.wait(lambda: _files(person).keys() == {"broken.docx", "pump.txt"} and "1 passage" in _files(person).values())
    assert _files(person)["broken.docx"].startswith("broken.docx is damaged and can’t be read.")
    dialog = person.find("collectionsDialog")
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    person.wait(partial(_is_gone, dialog))
    person.window.documents._documents.progressed.emit("Reading…")  # which no dialog shows any more
    QTest.mouseClick(person.find("documentsButton"), Qt.MouseButton.LeftButton)
    person.wait(lambda: person.window.findChild(QMenu, "documentsMenu"))
    action = person.find("documentsMenu", QMenu).actions()[0]
    assert action.text() == "Work"
    action.trigger()
    person.close_menu()
    person.wait(lambda: [each.accessibleName() for each in _all(person, "documentChip")] == ["Work"])
    person.ask("With what is the pump oiled?")
    person.wait(lambda: engine.requests)
    assert "linseed oil" in engine.requests[0].turns[-1].text


def test_the_collection_in_use_is_chosen_and_its_files_are_in_the_order_of_their_numbers(
    person: Person, tmp_path: Path
) -> None:
    (tmp_path / "Pumps").mkdir()
    for number in (10, 2, 1):
        (tmp_path / "Pumps" / f"pump{number}.txt").write_text(f"Pump {number} is oiled every spring.", "utf-8")
    person.window.documents._documents.add("Another", [])
    drop(person, tmp_path / "Pumps")
    person.wait(lambda: [each.accessibleName() for each in _all(person, "documentChip")] == ["Pumps"])
    person.window.documents.open_collections()
    dialog = person.find("collectionsDialog")
    person.wait(lambda: dialog.chosen == "Pumps")
    person.wait(lambda: list(_files(person)) == ["pump1.txt", "pump2.txt", "pump10.txt"])


def test_names_that_would_look_like_others_are_harmless_in_collections(person: Person, tmp_path: Path) -> None:
    """Characters that turn text around are left out, as in chips, and the middle of what is very long."""
    (tmp_path / "rtl\u202egnp.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    (tmp_path / f"{'a' * 245}.txt").write_text("The filter is rinsed with cold water every week.", "utf-8")
    person.window.documents._documents.add("Work", [tmp_path])
    person.window.documents.open_collections()
    person.wait(lambda: list(_files(person)) == [f"{'a' * 99}…{'a' * 96}.txt", "rtlgnp.txt"])


def test_what_was_added_is_removed_a_folder_as_a_whole(person: Person, tmp_path: Path) -> None:
    """A file that came with a folder would come back with it."""
    folder = tmp_path / "Pumps"
    folder.mkdir()
    for path in (folder / "pump.txt", folder / "oil.txt", tmp_path / "filter.txt", tmp_path / "lamp.txt"):
        path.write_text(f"This is {path.name}.", "utf-8")
    documents = person.window.documents._documents
    documents.add("Work", [folder, tmp_path / "filter.txt", tmp_path / "lamp.txt"])
    person.window.documents.open_collections()
    button = person.find("removeFile")
    person.wait(lambda: list(_files(person).values()) == ["1 passage"] * 4)
    assert not button.isEnabled()
    _choose_file(person, "filter.txt")
    assert button.text() == "Remove file"
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    person.wait(lambda: list(_files(person)) == ["lamp.txt", "oil.txt", "pump.txt"])
    assert person.find("collectionFiles").currentItem().text(0) == "lamp.txt"
    assert person.find("collectionsDialog").focusWidget() is button
    _choose_file(person, "pump.txt")
    assert button.text() == button.accessibleName() == "Remove folder…"
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    question = person.find("removeQuestion", QMessageBox)
    assert question.text() == "Remove the folder “Pumps” from this collection? Its files won’t be deleted."
    next(each for each in question.buttons() if each.text() == "Remove").click()
    person.wait(lambda: _files(person) == {"lamp.txt": "1 passage"})


@pytest.mark.usefixtures("reads_the_first_forever")
def test_files_that_wait_are_read_when_another_is_removed(person: Person, tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(f"This is {name}.", "utf-8")
    person.window.documents._documents.add("Work", [tmp_path / "a.txt", tmp_path / "b.txt"])
    person.window.documents.open_collections()
    person.wait(lambda: _files(person) == {"a.txt": "reading…", "b.txt": "reading…"})
    _choose_file(person, "a.txt")
    QTest.mouseClick(person.find("removeFile"), Qt.MouseButton.LeftButton)
    person.wait(lambda: _files(person) == {"b.txt": "1 passage"})


def _choose_file(person: Person, name: str) -> None:
    tree = person.find("collectionFiles")
    tree.setCurrentItem(next(iter(tree.findItems(name, Qt.MatchFlag.MatchExactly))))


def test_nothing_found_is_told_before_the_answer(person: Person, engine: ScriptedEngine, tmp_path: Path) -> None:
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.\n\n" * 300, "utf-8")
    person.window.documents._documents.attach(person.window.session, tmp_path / "pump.txt")
    person.ask("Who won the galactic championship of 1987 on Neptune?")
    person.wait(lambda: engine.requests and not person.window.generation.is_answering())
    assert engine.requests[0].turns[-1].text.startswith("Who won")
    assert person.find("nothingFound").text() == "Nothing relevant was found in pump.txt."


def test_what_is_not_read_yet_is_told_and_found_when_it_is_asked_again(
    person: Person, engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    documents = person.window.documents._documents
    monkeypatch.setattr(source_search, "PATIENCE", 0.1)
    gate = threading.Event()
    with monkeypatch.context() as busy:
        busy.setattr(LibraryProcess, "index", partial(_read_nothing, gate))
        documents.add("Work", [tmp_path])
        documents.use(person.window.session, "Work", is_used=True)
        person.wait(lambda: documents._library().collection("Work"))
        person.ask("With what is the pump oiled?")
        person.wait(lambda: engine.requests and not person.window.generation.is_answering())
    assert person.find("nothingFound").text() == (
        "Nothing relevant was found in Work. "
        "Phichat hadn’t finished reading Work when it searched for passages. To search again, regenerate the answer."
    )
    gate.set()
    person.wait(lambda: not documents.is_indexing("Work"))
    documents.index("Work")
    person.wait(lambda: (work := documents._library().collection("Work")) and work.passages)
    person.press_in(1, "Regenerate")
    person.wait(lambda: len(engine.requests) == 2 and not person.window.generation.is_answering())
    assert "linseed oil" in engine.requests[1].turns[-1].text
    person.wait(lambda: not person.find("nothingFound").isVisible())


def test_a_collection_that_is_still_being_made_is_told(
    person: Person, engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents, gate = person.window.documents._documents, threading.Event()
    monkeypatch.setattr(source_search, "PATIENCE", 0.1)
    monkeypatch.setattr(LibraryProcess, "add", lambda *_, **__: gate.wait(20))
    documents.add("Work", [tmp_path])
    documents.use(person.window.session, "Work", is_used=True)
    person.ask("With what is the pump oiled?")
    person.wait(lambda: engine.requests and not person.window.generation.is_answering())
    assert person.find("nothingFound").text().startswith("Phichat hadn’t finished reading Work when")
    gate.set()
    person.wait(lambda: not documents._state.adding)


def test_an_answer_keeps_the_passages_it_was_given_when_more_is_found_later(
    person: Person, engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    (tmp_path / "filter.txt").write_text("The filter is rinsed with cold water every week.", "utf-8")
    documents = person.window.documents._documents
    documents.add("Work", [tmp_path / "pump.txt"])
    documents.use(person.window.session, "Work", is_used=True)
    person.wait(lambda: documents.is_indexing("Work"))
    person.wait(lambda: not documents.is_indexing("Work"))
    monkeypatch.setattr(source_search, "PATIENCE", 0.1)
    gate = threading.Event()
    with monkeypatch.context() as busy:
        busy.setattr(LibraryProcess, "index", partial(_read_nothing, gate))
        documents.add("Work", [tmp_path / "filter.txt"])
        person.wait(lambda: (work := documents._library().collection("Work")) and len(work.paths) == 2)
        engine.enqueue("The pump is oiled with linseed oil.")
        person.ask("What is to be done?")
        person.wait(lambda: engine.requests and not person.window.generation.is_answering())
    person.wait(lambda: _sources(person) == ["[1] pump.txt, line 1"])
    gate.set()
    person.wait(lambda: not documents.is_indexing("Work"))
    documents.index("Work")
    person.wait(lambda: (work := documents._library().collection("Work")) and work.passages == 2)
    engine.enqueue("The filter is rinsed with cold water. The pump is oiled with linseed oil.")
    first = person.window.session.conversation.path()[-1].id
    person.press_in(1, "Regenerate")
    person.wait(lambda: len(engine.requests) == 2 and not person.window.generation.is_answering())
    person.wait(lambda: _sources(person) == ["[1] filter.txt, line 1", "[2] pump.txt, line 1"])
    person.window.message_commands.show_message(first)
    person.wait(lambda: _sources(person) == ["[1] pump.txt, line 1"])
    person.press_in(0, "Next version")
    person.wait(lambda: _sources(person) == ["[1] filter.txt, line 1", "[2] pump.txt, line 1"])


def test_a_question_has_one_version_while_nothing_is_searched_for_again(
    person: Person, engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    documents, session = person.window.documents._documents, person.window.session
    monkeypatch.setattr(source_search, "PATIENCE", 0.1)
    gate = threading.Event()
    with monkeypatch.context() as busy:
        busy.setattr(LibraryProcess, "index", partial(_read_nothing, gate))
        documents.add("Work", [tmp_path])
        documents.use(session, "Work", is_used=True)
        person.wait(lambda: documents._library().collection("Work"))
        person.ask("With what is the pump oiled?")
        person.wait(lambda: engine.requests and not person.window.generation.is_answering())
    gate.set()
    documents.use(session, "Work", is_used=False)
    person.press_in(1, "Regenerate")
    person.wait(lambda: len(engine.requests) == 2 and not person.window.generation.is_answering())
    question, answer = session.conversation.path()
    assert len(session.conversation.siblings(question)) == 1
    assert len(session.conversation.siblings(answer)) == 2
    person.wait(lambda: not documents.is_indexing("Work"))


def test_a_file_that_is_added_while_another_is_read_is_read_too(
    person: Person, engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    (tmp_path / "filter.txt").write_text("The filter is rinsed with cold water every week.", "utf-8")
    documents, session = person.window.documents._documents, person.window.session
    gate = threading.Event()
    with monkeypatch.context() as busy:
        busy.setattr(LibraryProcess, "index", partial(_read_nothing, gate))
        documents.attach(session, tmp_path / "pump.txt")
        person.wait(lambda: documents.is_indexing(session.conversation.id))
        documents.attach(session, tmp_path / "filter.txt")
        person.wait(lambda: (own := documents._library().collection(session.conversation.id)) and len(own.paths) == 2)
    gate.set()
    person.ask("What is to be done?")
    person.wait(lambda: engine.requests)
    assert "linseed oil" in engine.requests[0].turns[-1].text
    assert "cold water" in engine.requests[0].turns[-1].text


def test_a_question_hardly_waits_for_vectors_and_a_file_that_is_added_not_at_all(
    person: Person, engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    (tmp_path / "filter.txt").write_text("The filter is rinsed with cold water every week.", "utf-8")
    documents, session = person.window.documents._documents, person.window.session
    monkeypatch.setattr(source_search, "VECTORS_PATIENCE", 0.1)
    read = LibraryProcess.index
    monkeypatch.setattr(LibraryProcess, "index", partialmethod(_make_vectors_forever, read))
    for number, (name, word) in enumerate([("pump.txt", "linseed oil"), ("filter.txt", "cold water")]):
        documents.attach(session, tmp_path / name)
        engine.enqueue("Yes.")
        person.ask("What is to be done?")
        person.wait(partial(_has, engine, number + 1))
        person.wait(lambda: not person.window.generation.is_answering())
        assert word in "".join(turn.text for turn in engine.requests[-1].turns)
        assert documents.is_indexing(session.conversation.id)


def test_a_document_that_the_disk_could_not_read_is_read_with_the_next_question_while_vectors_are_made(
    person: Person, engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pump.txt")
    (tmp_path / "filter.txt").write_text("The filter is rinsed with cold water every week.", "utf-8")
    documents, session = person.window.documents._documents, person.window.session
    monkeypatch.setattr(source_search, "VECTORS_PATIENCE", 0.1)
    read = LibraryProcess.index
    monkeypatch.setattr(LibraryProcess, "index", partialmethod(_make_vectors_forever, read))
    for name in ("pump.txt", "filter.txt"):
        documents.attach(session, tmp_path / name)
    person.ask("What is to be done?")
    person.wait(lambda: _has(engine, 1) and not person.window.generation.is_answering())
    (tmp_path / "pump.txt").unlink()
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    assert documents.is_indexing(session.conversation.id)
    person.ask("With what is the pump oiled?")
    person.wait(lambda: _has(engine, 2) and not person.window.generation.is_answering())
    assert "linseed oil" in engine.requests[1].turns[-1].text


@pytest.mark.parametrize("is_read", [True, False])
def test_a_question_does_not_wait_for_collections_that_take_long(
    person: Person, engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_read: bool
) -> None:
    """Five of them, as after an update that needs other vectors, or with files that were changed by thousands."""
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    documents, session = person.window.documents._documents, person.window.session
    index, begun = LibraryProcess.index, list[str]()

    def take_long(library: LibraryProcess, name: str, stop: CancelToken, *rest: Any, **more: Any) -> Iterator[Progress]:
        begun.append(name)
        if name == session.conversation.id:
            yield from index(library, name, stop, *rest, **more)
            return
        for total in (0, 1000) if is_read else ():
            yield Progress(0, 0, passages=total)
        while not stop.wait(0.01):
            pass

    monkeypatch.setattr(LibraryProcess, "index", take_long)
    names = [f"Work {number}" for number in range(5)]
    for name in names:
        documents._library().add(name, [])
    documents.index_waiting()
    person.wait(lambda: len(begun) >= 2 and all(documents.is_indexing(name) for name in names))
    first = min(begun[:2])  # each has a thread of its own
    documents.attach(session, tmp_path / "pump.txt")
    person.ask("With what is the pump oiled?")
    person.wait(lambda: engine.requests and not person.window.generation.is_answering())
    assert "linseed oil" in engine.requests[0].turns[-1].text
    assert all(documents.is_indexing(name) for name in names)
    for name in names:
        if name != first:
            documents.pause(name)
    person.wait(lambda: begun.count(first) >= 2)  # it was put off for the question, and goes on
    documents.pause(first)
    person.wait(lambda: not any(documents.is_indexing(name) for name in names))


@pytest.mark.parametrize("is_known", [True, False])
def test_a_document_whose_reading_failed_is_read_with_the_next_question(
    person: Person, engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    """Also if that was before its files were looked for; and an answer without it says so."""
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    documents, session = person.window.documents._documents, person.window.session
    stopped = "Document search stopped unexpectedly. Try again."
    index = LibraryProcess.index

    def fail(library: LibraryProcess, *arguments: Any, **more: Any) -> Iterator[Progress]:
        if is_known:
            yield next(index(library, *arguments, **more))
        raise StoreError(stopped)

    with monkeypatch.context() as short:
        short.setattr(LibraryProcess, "index", fail)
        documents.attach(session, tmp_path / "pump.txt")
        person.wait(lambda: person.status() == stopped)
        person.ask("With what is the pump oiled?")
        person.wait(lambda: engine.requests and not person.window.generation.is_answering())
        assert engine.requests[0].turns[-1].text == "With what is the pump oiled?"
        assert "Phichat hadn’t finished reading pump.txt" in person.find("nothingFound").text()
    person.press_in(1, "Regenerate")
    person.wait(lambda: len(engine.requests) == 2 and not person.window.generation.is_answering())
    assert "linseed oil" in engine.requests[1].turns[-1].text
    person.ask("And in spring?")
    person.wait(lambda: len(engine.requests) == 3 and not person.window.generation.is_answering())
    assert "linseed oil" in "".join(turn.text for turn in engine.requests[2].turns)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a file that can't be read")
def test_a_document_that_the_disk_could_not_read_is_read_with_the_next_question(
    person: Person, engine: ScriptedEngine, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pump.txt")
    documents, session = person.window.documents._documents, person.window.session
    documents.attach(session, tmp_path / "pump.txt")
    person.wait(lambda: "pump.txt isn’t a file" in person.status())
    for _ in range(2):  # why, is told the first time alone
        person.ask("With what is the pump oiled?")
        person.wait(lambda: engine.requests and not person.window.generation.is_answering())
    person.wait(lambda: _notices(person)[-1].startswith("Phichat hadn’t finished reading pump.txt when it searched"))
    assert "Nothing relevant" not in "".join(_notices(person))
    (tmp_path / "pump.txt").unlink()
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    person.press_in(3, "Regenerate")
    person.wait(lambda: len(engine.requests) == 3 and not person.window.generation.is_answering())
    assert "linseed oil" in engine.requests[-1].turns[-1].text


def test_a_message_tells_which_document_it_was_sent_without(
    person: Person, engine: ScriptedEngine, tmp_path: Path
) -> None:
    (tmp_path / "broken.docx").write_bytes(b"PK\x03\x04nothing")
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    documents, session = person.window.documents._documents, person.window.session
    for name in ("broken.docx", "pump.txt"):
        documents.attach(session, tmp_path / name)
    person.ask("With what is the pump oiled?")
    person.wait(lambda: engine.requests and not person.window.generation.is_answering())
    assert "linseed oil" in engine.requests[0].turns[-1].text
    told = "This message was sent without broken.docx, which couldn’t be read. Once that’s fixed, ask again."
    assert _notices(person) == [told]


def test_a_message_tells_that_it_was_sent_without_a_document_that_has_no_text(
    person: Person, engine: ScriptedEngine, tmp_path: Path
) -> None:
    """Nothing relevant was found in it, it said."""
    (tmp_path / "empty.txt").touch()
    person.window.documents._documents.attach(person.window.session, tmp_path / "empty.txt")
    person.ask("With what is the pump oiled?")
    person.wait(lambda: engine.requests and not person.window.generation.is_answering())
    (notice,) = _notices(person)
    assert notice.startswith("This message was sent without empty.txt, ")


def test_a_chip_has_room_for_the_page_that_is_read(person: Person, tmp_path: Path) -> None:
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil.", "utf-8")
    documents, name = person.window.documents._documents, person.window.session.conversation.id
    documents.attach(person.window.session, tmp_path / "pump.txt")
    person.wait(lambda: [each.accessibleDescription() for each in _all(person, "documentChip")] == ["1 passage"])
    documents.page_read.emit(name, Progress(0, 1, tmp_path / "pump.txt", page=166, pages=2261))
    (chip,) = _all(person, "documentChip")
    assert chip.text() == " pump.txt · page 166 of 2,261"
    person.wait(lambda: chip.width() >= chip.sizeHint().width())


@pytest.mark.parametrize(
    ("name", "text"), [("manual.pdf", "The filter is rinsed."), ("pump.txt", "The pump is oiled with linseed oil.")]
)
def test_a_chip_opens_its_document(person: Person, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "manual.pdf").write_bytes(pdf_file([page_of(lines_down(["The filter is rinsed."]))]))
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil.", "utf-8")
    documents = person.window.documents._documents
    documents.attach(person.window.session, tmp_path / name)
    person.wait(lambda: [each.accessibleDescription() for each in _all(person, "documentChip")] == ["1 passage"])
    person.click("documentChip")
    person.wait(lambda: person.find("viewerText").toPlainText().strip() == text)
    assert person.find("viewerTitle").text() == (f"{name}, p. 1" if name == "manual.pdf" else name)
    assert not person.find("nextPassage").isVisible()


def test_a_chip_says_why_its_document_could_not_be_read(person: Person, tmp_path: Path) -> None:
    name = f"{'manual of the pump ' * 10}.docx"
    (tmp_path / name).write_bytes(b"PK\x03\x04nothing")
    documents = person.window.documents._documents
    documents.attach(person.window.session, tmp_path / name)
    person.wait(
        lambda: [each.accessibleDescription()[:16] for each in _all(person, "documentChip")] == ["couldn’t be read"]
    )
    person.click("documentChip")
    viewer = person.find("documentViewer")
    width = viewer.width()
    person.wait(lambda: "is damaged and can’t be read" in " ".join(each.text() for each in viewer.findChildren(QLabel)))
    assert viewer.width() == width
    assert person.find("viewerText").placeholderText() == ""


def test_a_document_that_was_edited_is_read_again(
    person: Person, engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents, session = person.window.documents._documents, person.window.session
    for oil in ("butter", "linseed oil"):
        (tmp_path / "pump.txt").write_text(f"The pump is oiled with {oil} every spring.", "utf-8")
        if not documents.used(session):
            documents.attach(session, tmp_path / "pump.txt")
        engine.requests.clear()
        person.ask("With what is the pump oiled?")
        person.wait(lambda: engine.requests and not person.window.generation.is_answering())
        assert oil in engine.requests[0].turns[-1].text
        monkeypatch.setattr(controller, "LOOK_AGAIN", 0.0)


def _notices(person: Person) -> list[str]:
    labels = person.window.findChildren(QLabel, "nothingFound")
    return [label.text() for label in labels if label.isVisible()]


def test_a_question_does_not_wait_for_a_document_that_could_not_be_added(
    person: Person, engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    documents = person.window.documents._documents
    monkeypatch.setattr(source_search, "PATIENCE", 3600.0)

    def fail(*_: object, **__: object) -> None:
        raise StoreError("The disk is full.")

    with monkeypatch.context() as full:
        full.setattr(LibraryProcess, "add", fail)
        documents.attach(person.window.session, tmp_path / "pump.txt")
        documents.add("Work", [tmp_path])
        documents.use(person.window.session, "Work", is_used=True)
        person.ask("With what is the pump oiled?")
        person.wait(lambda: person.status() == "The disk is full.")
        person.wait(lambda: engine.requests and not person.window.generation.is_answering())
    person.ask("And in spring?")
    person.wait(lambda: len(engine.requests) == 2 and not person.window.generation.is_answering())
    lines = person.window.findChildren(QLabel, "nothingFound")
    assert not any(line.text() for line in lines)  # nothing is gone that never was there
    assert not _all(person, "documentChip")


def test_questions_are_answered_after_a_document_that_could_not_be_added_where_there_is_no_index(
    person: Person, engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("The disk is full.")

    for name in ("add", "collection", "passages"):
        monkeypatch.setattr(LibraryProcess, name, fail)
    documents = person.window.documents._documents
    documents.attach(person.window.session, tmp_path / "pump.txt")
    person.wait(lambda: person.status() == "The disk is full." and not documents.used(person.window.session))
    person.ask("With what is the pump oiled?")
    person.wait(lambda: engine.requests and not person.window.generation.is_answering())


def test_that_a_document_could_not_be_added_is_told_before_other_failures_of_a_full_disk(
    person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    documents, preferences = person.window.documents._documents, person.window._preferences

    def fail(*_: object, **__: object) -> None:
        raise StoreError("The documents can’t be stored: the disk is full.")

    def fail_to_save(*_: object) -> None:
        raise StoreError("The settings can’t be stored: the disk is full.")

    with monkeypatch.context() as full:
        full.setattr(LibraryProcess, "add", fail)
        full.setattr(preferences, "_write", fail_to_save)
        documents.attach(person.window.session, tmp_path / "pump.txt")
        person.wait(lambda: person.status().startswith("The documents can’t"))
        preferences.save()
        assert person.status().startswith("The documents can’t")
        person.window.feedback.dismiss()
        assert person.status().startswith("The settings can’t")


def test_a_collection_that_is_removed_is_used_no_more(person: Person, engine: ScriptedEngine, tmp_path: Path) -> None:
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    documents = person.window.documents._documents
    documents.add("Work", [tmp_path])
    documents.use(person.window.session, "Work", is_used=True)
    person.wait(lambda: [each.accessibleName() for each in _all(person, "documentChip")] == ["Work"])
    documents.remove("Work")
    person.wait(lambda: not _all(person, "documentChip"))
    person.ask("With what is the pump oiled?")
    person.wait(lambda: engine.requests and not person.window.generation.is_answering())
    assert not person.window.findChildren(QWidget, "nothingFound")


def test_a_short_collection_is_read_whole_and_once(person: Person, engine: ScriptedEngine, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    (tmp_path / "b.txt").write_text("Bananas grow in Ecuador.", "utf-8")
    documents = person.window.documents._documents
    documents.add("Work", [tmp_path])
    documents.use(person.window.session, "Work", is_used=True)
    person.wait(lambda: (work := documents._library().collection("Work")) and work.passages == 2)
    engine.enqueue("Bananas grow in Ecuador.")
    person.ask("Who won the galactic championship of 1987 on Neptune?")
    person.wait(lambda: engine.requests and not person.window.generation.is_answering())
    first = engine.requests[0].turns[-1]
    assert first.text.startswith("[1] a.txt:\n```\nThe pump is oiled")
    assert "[2] b.txt:\n```\nBananas grow in Ecuador.\n```" in first.text
    assert first.is_pinned  # so that it stays in the context, however long the conversation becomes
    engine.enqueue("The pump is oiled with linseed oil.")
    person.ask("And the pump?")
    person.wait(lambda: len(engine.requests) == 2 and not person.window.generation.is_answering())
    assert engine.requests[1].turns[0] == first
    assert engine.requests[1].turns[-1].text == "And the pump?"
    (chip,) = person.find("sources-3").findChildren(QToolButton, "sourceOpen")
    assert "a.txt" in chip.text()


def test_a_protected_file_asks_for_its_password_which_is_kept_nowhere(
    person: Person, tmp_path: Path, home: Path
) -> None:
    (tmp_path / "locked.pdf").write_bytes(pdf_file([page_of(lines_down(["The pump is oiled."]))], password="sesame"))
    documents = person.window.documents._documents
    documents.add("Work", [tmp_path / "locked.pdf"])
    for password, sentence in (("mellon", "locked.pdf is protected."), ("sesame", "That isn’t the password for")):
        person.wait(lambda: person.window.findChild(QLineEdit, "passwordField"))
        assert person.find("passwordField").accessibleDescription().startswith(sentence)
        QTest.keyClicks(person.find("passwordField"), password)
        dialog = person.find("passwordDialog")
        QTest.keyClick(person.find("passwordField"), Qt.Key.Key_Return)
        person.wait(partial(_is_gone, dialog))
    person.wait(lambda: (work := documents._library().collection("Work")) and work.passages == 1)
    person.window.close()
    kept = [path for path in home.rglob("*") if path.is_file() and b"sesame" in path.read_bytes()]
    assert kept == []


def test_all_files_of_a_folder_that_cannot_be_read_are_named(person: Person, tmp_path: Path) -> None:
    folder = tmp_path / "Pumps"
    folder.mkdir()
    (folder / "pump.txt").write_text("The pump is oiled every spring.", "utf-8")
    names = [f"broken{number}.docx" for number in range(3)]
    for name in names:
        (folder / name).write_bytes(b"PK\x03\x04nothing")
    drop(person, folder)
    person.wait(lambda: all(name in person.status() for name in names))


def test_passwords_are_asked_for_one_after_the_other(person: Person, tmp_path: Path) -> None:
    folder = tmp_path / "Pumps"
    folder.mkdir()
    names = [f"locked{number}.pdf" for number in range(3)]
    for name in names:
        (folder / name).write_bytes(pdf_file([page_of(lines_down([f"This is {name}."]))], password="sesame"))
    drop(person, folder)
    person.wait(lambda: len(person.window.findChildren(PasswordDialog)) == 3)
    for _ in names:
        person.wait(lambda: len(_open_passwords(person)) == 1)
        (dialog,) = _open_passwords(person)
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        person.wait(partial(_is_gone, dialog))
    person.wait(lambda: all(f"{name} is protected by a password and wasn’t read." in person.status() for name in names))


def test_a_password_that_is_refused_twice_is_told_once_and_not_after_it_was_dismissed(
    person: Person, tmp_path: Path
) -> None:
    names = ["first.pdf", "second.pdf"]
    for name in names:
        (tmp_path / name).write_bytes(pdf_file([page_of(lines_down([f"This is {name}."]))], password="sesame"))
    documents = person.window.documents._documents
    documents.add("Work", [tmp_path / "first.pdf"])
    told = "{} is protected by a password and wasn’t read."
    for _ in range(2):
        person.wait(lambda: _open_passwords(person))
        (dialog,) = _open_passwords(person)
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        person.wait(partial(_is_gone, dialog))
        assert person.status() == told.format("first.pdf")
        person.wait(lambda: not documents.is_indexing("Work"))
        documents.index("Work", retries=True)
    person.wait(lambda: _open_passwords(person))
    (dialog,) = _open_passwords(person)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    person.window.feedback.dismiss()
    assert told.format("first.pdf") not in person.status()
    person.wait(lambda: not documents.is_indexing("Work"))
    documents.add("Work", [tmp_path / "second.pdf"])
    person.wait(lambda: _open_passwords(person))
    (dialog,) = _open_passwords(person)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    person.wait(lambda: person.status() == told.format("second.pdf"))


def test_why_a_document_of_a_conversation_was_not_read_is_told_there(person: Person, tmp_path: Path) -> None:
    (tmp_path / "broken.docx").write_bytes(b"PK\x03\x04nothing")
    person.ask("Why?")
    person.wait_for(GenerationState.IDLE)
    name, documents = person.window.session.conversation.id, person.window.documents._documents
    documents.attach(person.window.session, tmp_path / "broken.docx")
    person.click("newConversationButton")
    person.wait(lambda: [status.error for status in documents._library().files(name)] not in ([], [""]))
    person.wait(lambda: not documents.is_indexing(name))
    assert person.status() == ""
    person.open("Why?")
    assert person.status().startswith("broken.docx is damaged and can’t be read.")


def _open_passwords(person: Person) -> list[PasswordDialog]:
    return [each for each in person.window.findChildren(PasswordDialog) if each.isVisible()]


def _read_nothing(gate: threading.Event, _: str, stop: CancelToken, *__: object, **___: object) -> Iterator[Progress]:
    """Be busy with other files until the gate is open."""
    while not gate.is_set() and not stop.wait(0.01):
        pass
    return iter(())


def _make_vectors_forever(
    library: LibraryProcess,
    read: Callable[..., Iterator[Progress]],
    name: str,
    stop: CancelToken,
    *rest: Any,
    **more: Any,
) -> Iterator[Progress]:
    yield from read(library, name, stop, *rest, **more)
    while not stop.wait(0.01):
        pass


def _has(engine: ScriptedEngine, requests: int) -> bool:
    return len(engine.requests) == requests


def _is_gone(widget: QWidget) -> bool:
    return not isValid(widget)


def _files(person: Person) -> dict[str, str]:
    tree = person.find("collectionFiles")
    items = [tree.topLevelItem(at) for at in range(tree.topLevelItemCount())]
    return {item.text(0): item.text(1) for item in items}


def _all(person: Person, name: str) -> list[QToolButton]:
    return person.window.findChildren(QToolButton, name)


def _sources(person: Person) -> list[str]:
    return [chip.text().strip() for chip in person.find("sources-1").findChildren(QToolButton, "sourceOpen")]


def test_a_folder_that_is_dropped_becomes_a_collection(person: Person, engine: ScriptedEngine, tmp_path: Path) -> None:
    folder = tmp_path / "Pumps & more"
    folder.mkdir()
    (folder / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    for _ in range(2):  # the second time, the same one
        drop(person, folder)
        person.wait(lambda: [each.accessibleName() for each in _all(person, "documentChip")] == ["Pumps & more"])
    documents = person.window.documents._documents
    person.wait(lambda: (pumps := documents._library().collection("Pumps & more")) and pumps.passages)
    assert [each.name for each in documents._library().collections()] == ["Pumps & more"]
    person.ask("With what is the pump oiled?")
    person.wait(lambda: engine.requests)
    assert "linseed oil" in engine.requests[0].turns[-1].text
    other = tmp_path / "other" / folder.name
    other.mkdir(parents=True)
    drop(person, other)
    person.wait(lambda: "Pumps & more 2" in [each.accessibleName() for each in _all(person, "documentChip")])
    QTest.mouseClick(_all(person, "documentChipRemove")[-1], Qt.MouseButton.LeftButton)
    person.wait(lambda: [each.accessibleName() for each in _all(person, "documentChip")] == ["Pumps & more"])
    person.click("undoButton")
    person.wait(lambda: len(_all(person, "documentChip")) == 2)


def test_folders_of_one_name_that_are_dropped_at_once_become_two_collections(person: Person, tmp_path: Path) -> None:
    folders = [tmp_path / parent / "Pumps" for parent in ("a", "b")]
    for folder in folders:
        folder.mkdir(parents=True)
    drop(person, *folders)
    person.wait(lambda: [each.accessibleName() for each in _all(person, "documentChip")] == ["Pumps", "Pumps 2"])
    library = person.window.documents._documents._library()
    person.wait(lambda: {each.paths for each in library.collections()} == {(folder,) for folder in folders})


def test_the_name_of_a_collection_that_was_removed_is_free_for_a_folder(person: Person, tmp_path: Path) -> None:
    """It was taken until Phichat was quit."""
    first, second = folders = [tmp_path / parent / "Pumps" for parent in ("a", "b")]
    for folder in folders:
        folder.mkdir(parents=True)
    documents = person.window.documents._documents
    library = documents._library()
    drop(person, first)
    person.wait(
        lambda: [each.paths for each in library.collections()] == [(first,)] and not documents.is_adding("Pumps")
    )
    documents.remove("Pumps")
    person.wait(lambda: not library.collections())
    drop(person, second)
    person.wait(lambda: [(each.name, each.paths) for each in library.collections()] == [("Pumps", (second,))])


def test_a_collection_alone_is_a_draft_that_is_kept(open_window: Callable[[], Person], tmp_path: Path) -> None:
    (tmp_path / "Pumps").mkdir()

    def chips() -> list[str]:
        return [each.accessibleName() for each in _all(person, "documentChip")]

    person = open_window()
    person.wait_for(GenerationState.IDLE)
    drop(person, tmp_path / "Pumps")
    person.wait(lambda: chips() == ["Pumps"])
    person.window.commands.new.trigger()
    person.wait(lambda: not chips())
    assert person.titles() == ["Untitled"]
    person.ask("Hello?")
    person.wait_for(GenerationState.IDLE)
    person.open("Untitled")
    person.wait(lambda: chips() == ["Pumps"])
    person.window.close()
    person = open_window()
    person.wait(lambda: "Untitled" in person.titles())
    person.open("Untitled")
    person.wait(lambda: chips() == ["Pumps"])
    QTest.mouseClick(_all(person, "documentChipRemove")[-1], Qt.MouseButton.LeftButton)
    person.wait(lambda: person.titles() == ["Hello?"])


def _with_pumps(open_window: Callable[[], Person], tmp_path: Path) -> Person:
    """Open a window, and drop a folder on it."""
    (tmp_path / "Pumps").mkdir()
    (tmp_path / "Pumps" / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    drop(person, tmp_path / "Pumps")
    return person


def test_a_damaged_index_is_told_and_what_is_gone_with_it(
    open_window: Callable[[], Person], home: Path, tmp_path: Path
) -> None:
    person = _with_pumps(open_window, tmp_path)
    person.wait(lambda: _all(person, "documentChip"))
    documents = person.window.documents._documents
    person.wait(lambda: (pumps := documents._library().collection("Pumps")) and pumps.passages)
    person.window.close()
    for _ in range(2):
        (home / "documents.sqlite3-wal").unlink(missing_ok=True)
        (home / "documents.sqlite3").write_bytes(b"garbage" * 10_000)
        person = open_window()
        person.wait(partial(_tells_damage, person))
        person.window.feedback.dismiss()
        person.wait_for(GenerationState.IDLE)
        person.window.close()
    assert all((home / f"documents.sqlite3.damaged{ending}").exists() for ending in ("", "-2"))
    person = open_window()
    person.wait(lambda: _all(person, "documentChip"))
    person.wait_for(GenerationState.IDLE)
    person.ask("With what is the pump oiled?")
    person.wait(lambda: person.window.findChild(QLabel, "nothingFound") and _tells_gone(person))


def test_a_collection_that_the_terminal_removes_is_marked_at_once(
    open_window: Callable[[], Person], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_watch, "POLL_INTERVAL", 20)
    person = _with_pumps(open_window, tmp_path)
    documents = person.window.documents._documents
    person.wait(lambda: (pumps := documents._library().collection("Pumps")) and pumps.passages)
    with closing(LibraryProcess(home / "documents.sqlite3")) as terminal:
        terminal.remove("Pumps")
        person.wait(lambda: [each.text() for each in _all(person, "documentChip")] == [" Pumps · missing"])
        assert "no longer exists" in person.find("documentChip").toolTip()
        assert "no longer exists" in person.find("documentChip").accessibleDescription()
        terminal.add("Pumps", [tmp_path / "Pumps"])
    person.wait(lambda: [each.text() for each in _all(person, "documentChip")] == [" Pumps · collection"])
    assert "Answers to your questions are based" in person.find("documentChip").toolTip()


def test_a_collection_that_the_terminal_removed_is_said_at_its_chip_and_below_the_answer(
    open_window: Callable[[], Person], engine: ScriptedEngine, home: Path, tmp_path: Path
) -> None:
    """It is found once it was made again, with Regenerate, too."""
    person = _with_pumps(open_window, tmp_path)
    documents = person.window.documents._documents
    person.wait(lambda: (pumps := documents._library().collection("Pumps")) and pumps.passages)
    with closing(LibraryProcess(home / "documents.sqlite3")) as terminal:
        terminal.remove("Pumps")
    person.ask("With what is the pump oiled?")
    person.wait(lambda: person.window.findChild(QLabel, "nothingFound") and _tells_gone(person))
    person.wait(lambda: [each.text() for each in _all(person, "documentChip")] == [" Pumps · missing"])
    person.wait_for(GenerationState.IDLE)
    person.window.close()
    person = open_window()
    person.wait(lambda: person.titles() == ["With what is the pump oiled?"])
    person.open("With what is the pump oiled?")
    person.wait(lambda: person.window.findChild(QLabel, "nothingFound") and _tells_gone(person))
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: [each.text() for each in _all(person, "documentChip")] == [" Pumps · missing"])
    person.press_in(1, "Regenerate")
    person.wait(lambda: len(engine.requests) == 2 and not person.window.generation.is_answering())
    question, answer = person.window.session.conversation.path()
    versions = person.window.session.conversation.siblings
    assert (len(versions(question)), len(versions(answer))) == (1, 2), "nothing more was found"
    drop(person, tmp_path / "Pumps")
    documents = person.window.documents._documents
    person.wait(lambda: (pumps := documents._library().collection("Pumps")) and pumps.passages)
    person.press_in(1, "Regenerate")
    person.wait(lambda: len(engine.requests) == 3 and not person.window.generation.is_answering())
    assert "linseed oil" in engine.requests[2].turns[-1].text
    assert (len(versions(question)), len(versions(answer))) == (2, 2)


def _tells_gone(person: Person) -> bool:
    gone = "“Pumps” no longer exists, so this message was sent without it. Choose another collection."
    return str(person.find("nothingFound").text()) == gone


def _tells_damage(person: Person) -> bool:
    chips = [each.text() for each in _all(person, "documentChip")]
    return chips == [" Pumps · missing"] and "The index of your documents was damaged" in person.status()


def test_that_a_folder_became_a_collection_does_not_hide_what_could_not_be_attached(
    person: Person, tmp_path: Path
) -> None:
    """And in a temporary conversation, a folder is refused."""
    person.window.commands.temporary.trigger()
    (tmp_path / "empty.txt").touch()
    (tmp_path / "Pumps").mkdir()
    drop(person, tmp_path / "Pumps", tmp_path / "empty.txt")
    person.wait(lambda: "empty.txt is empty" in person.status())
    assert "Folders can’t be attached to temporary conversations, so “Pumps” wasn’t attached." in person.status()
    person.click("newConversationButton")
    drop(person, tmp_path / "Pumps", tmp_path / "empty.txt")
    person.wait(lambda: [each.accessibleName() for each in _all(person, "documentChip")] == ["Pumps"])
    person.wait(lambda: "empty.txt is empty" in person.status())
    person.window.feedback.tell_attached(person.window.session.conversation.id, "Pumps is a collection.")
    assert "empty.txt is empty" in person.status()


def test_an_embedding_model_is_chosen_where_collections_are(person: Person, chatml_model: Path, tmp_path: Path) -> None:
    person.window.documents.open_collections()
    QTest.mouseClick(person.find("embeddingButton"), Qt.MouseButton.LeftButton)
    menu = person.find("embeddingMenu", QMenu)
    actions = [action for action in menu.actions() if not action.isSeparator()]
    texts = [action.text() for action in actions]
    assert texts[:3] == ["Built in", "Choose file…", "Embedding models to download"]
    assert texts[3].startswith("EmbeddingGemma: 334\xa0MB, Gemma license.")
    actions[3].trigger()
    address = person.find("linkAddress").toPlainText()
    assert address == "https://huggingface.co/ggml-org/embeddinggemma-300M-GGUF"
    person.find("linkDialog").reject()
    menu.close()
    documents = person.window.documents._documents
    (tmp_path / "notes.txt").write_text("no model", "utf-8")
    documents.choose_model(tmp_path / "notes.txt")
    person.wait(lambda: person.status().startswith("notes.txt isn’t a model file."))
    documents.choose_model(chatml_model)
    person.wait(lambda: person.status().startswith("tiny-chatml.gguf is a chat model. Choose an embedding model"))
    documents.choose_model(tiny_models.bert(tmp_path / "tiny-bert.gguf"))
    person.wait(lambda: person.find("embeddingButton").text() == "Embedding model: tiny-bert")


def test_an_embedding_model_that_cannot_be_loaded_is_told_once(
    person: Person, engine: ScriptedEngine, tmp_path: Path
) -> None:
    """Not with each question, for which it was loaded each time."""
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    model = tiny_models.bert(tmp_path / "tiny-bert.gguf")
    model.write_bytes(model.read_bytes().replace(b"attn_q", b"attn_x"))
    documents, session, told = person.window.documents._documents, person.window.session, list[str]()
    documents.failed.connect(told.append)
    documents.attach(session, tmp_path / "pump.txt")
    person.wait(lambda: (own := documents._library().collection(session.conversation.id)) and own.passages)
    documents.choose_model(model)
    person.wait(lambda: "documents are searched without this model" in person.status())
    person.wait(lambda: not documents.is_indexing(session.conversation.id))
    sentence = person.status()
    person.window.feedback.dismiss()
    for question in ("With what is the pump oiled?", "And when?"):
        engine.enqueue("Every spring.")
        person.ask(question)
        person.wait(lambda: engine.requests and not person.window.generation.is_answering())
        assert person.status() != sentence
    assert told == []
    documents.choose_model(model)
    person.wait(lambda: person.status() == sentence)


def test_another_embedding_model_makes_vectors_of_a_conversations_own_documents_too(
    person: Person, tmp_path: Path, home: Path
) -> None:
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    documents, session = person.window.documents._documents, person.window.session
    documents.attach(session, tmp_path / "pump.txt")
    person.wait(lambda: (own := documents._library().collection(session.conversation.id)) and own.passages)
    person.wait(lambda: not documents.is_indexing(session.conversation.id))
    documents.choose_model(tiny_models.bert(tmp_path / "tiny-bert.gguf"))
    with closing(sqlite3.connect(home / "documents.sqlite3")) as index:
        person.wait(lambda: index.execute("SELECT count(*) FROM vectors").fetchone() == (1,))


def test_another_embedding_model_leaves_alone_what_is_paused(person: Person, tmp_path: Path, home: Path) -> None:
    documents = person.window.documents._documents
    for name in ("Pumps", "Filters"):
        (tmp_path / f"{name}.txt").write_text(f"{name} are oiled with linseed oil.", "utf-8")
        documents.add(name, [tmp_path / f"{name}.txt"])
        person.wait(lambda: (it := documents._library().collection(name)) and it.passages)  # noqa: B023 - waited for
        person.wait(lambda: not documents.is_indexing(name))  # noqa: B023 - waited for
    documents.pause("Pumps")
    documents.choose_model(tiny_models.bert(tmp_path / "tiny-bert.gguf"))
    with closing(sqlite3.connect(home / "documents.sqlite3")) as index:
        person.wait(lambda: index.execute("SELECT count(*) FROM vectors").fetchone()[0] > 0)
        person.wait(lambda: not any(map(documents.is_indexing, ("Pumps", "Filters"))))
        assert index.execute("SELECT count(*) FROM vectors").fetchone() == (1,)


def test_an_update_tries_again_what_failed_also_if_a_file_is_removed_meanwhile(
    person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.docx").write_bytes(b"PK\x03\x04nothing")
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    documents = person.window.documents._documents
    documents.add("Work", [tmp_path / "broken.docx", tmp_path / "pump.txt"])
    person.wait(lambda: (work := documents._library().collection("Work")) and work.passages)
    person.wait(lambda: not documents.is_indexing("Work"))
    index, retries = LibraryProcess.index, list[bool]()

    def begin(library: LibraryProcess, *rest: Any, **more: Any) -> Iterator[Progress]:
        retries.append(more["retries"])
        progress = index(library, *rest, **more)
        yield next(progress)
        while len(retries) == 1 and not rest[1].wait(0.01):
            pass
        yield from progress

    monkeypatch.setattr(LibraryProcess, "index", begin)
    documents.index("Work", retries=True)
    person.wait(lambda: retries)
    documents.remove("Work", [tmp_path / "pump.txt"])
    person.wait(lambda: not documents.is_indexing("Work"))
    assert retries == [True, True]


def test_what_waits_or_has_changed_is_indexed_when_nothing_else_is_done(
    person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pump.txt").write_text("The pump is oiled every spring.", "utf-8")
    documents = person.window.documents._documents
    library = documents._library()
    library.add("Work", [tmp_path / "pump.txt"])  # as Phichat was closed before it was read
    documents.index_waiting()
    person.wait(lambda: (work := library.collection("Work")) and work.passages == 1)
    person.wait(lambda: not documents.is_indexing("Work"))
    (tmp_path / "pump.txt").write_text("The pump is painted every autumn, and never oiled.", "utf-8")
    monkeypatch.setattr(controller, "LOOK_AGAIN", 0.0)
    documents.index_waiting()
    person.wait(lambda: "painted" in "".join(each.text for each in library.whole_text(["Work"], budget=1000)))


def test_passages_of_a_document_with_a_long_name_fit_into_their_dialog(
    person: Person, engine: ScriptedEngine, tmp_path: Path
) -> None:
    name = f"{'manual of the pump ' * 7}& more.txt"
    (tmp_path / name).write_text("The pump is oiled with linseed oil every spring. " * 20, "utf-8")
    documents = person.window.documents._documents
    documents.add("Work", [tmp_path])
    documents.use(person.window.session, "Work", is_used=True)
    person.wait(lambda: (work := documents._library().collection("Work")) and work.passages)
    person.ask("With what is the pump oiled?")
    person.wait(lambda: engine.requests and not person.window.generation.is_answering())
    QTest.mouseClick(person.find("whatWasRead"), Qt.MouseButton.LeftButton)
    area = person.find("passagesDialog").findChild(QScrollArea)
    assert area.horizontalScrollBar().maximum() == 0
    check = person.find("passage-1", QCheckBox)
    assert check.text().startswith("[1] manual of the pump")
    assert check.text().endswith("&& more.txt, line 1")
    assert "…" in check.text()
    assert name in check.toolTip().replace("&amp;", "&")
    assert name in check.accessibleName()


def test_what_is_paused_waits_until_it_is_updated(
    person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pump.txt").write_text("The pump is oiled every spring.", "utf-8")
    documents = person.window.documents._documents
    index, begun = LibraryProcess.index, list[str]()

    def begin(library: LibraryProcess, name: str, stop: CancelToken, *rest: Any, **more: Any) -> Iterator[Progress]:
        begun.append(name)
        if len(begun) == 1:
            yield next(index(library, name, stop, *rest, **more))
            stop.wait(20)
        else:
            yield from index(library, name, stop, *rest, **more)

    monkeypatch.setattr(LibraryProcess, "index", begin)
    documents.add("Work", [tmp_path / "pump.txt"])
    person.window.documents.open_collections()
    button = person.find("indexButton")
    person.wait(lambda: button.text() == "Pause" and _files(person) == {"pump.txt": "reading…"})
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    person.wait(lambda: button.text() == "Update" and _files(person) == {"pump.txt": "waiting"})
    documents._library().add("Other", [tmp_path / "pump.txt"])
    documents.index_waiting()
    person.wait(lambda: "Other" in begun)
    assert not documents.is_indexing("Work")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    person.wait(lambda: _files(person) == {"pump.txt": "1 passage"})


def test_a_question_is_asked_again_without_some_passages(
    person: Person, engine: ScriptedEngine, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    (tmp_path / "b.txt").write_text("The pump is oiled with butter on Sundays.", "utf-8")
    documents = person.window.documents._documents
    documents.add("Work", [tmp_path])
    documents.use(person.window.session, "Work", is_used=True)
    person.wait(lambda: (work := documents._library().collection("Work")) and work.passages == 2)
    engine.enqueue("It is oiled with linseed oil.")
    person.ask("With what is the pump oiled?")
    person.wait(lambda: engine.requests and not person.window.generation.is_answering())
    person.find("whatWasRead").setFocus()
    QTest.keyClick(person.find("whatWasRead"), Qt.Key.Key_Space)
    assert not person.find("askAgain").isEnabled()
    person.find("passage-1").setChecked(False)
    engine.enqueue("It is oiled with butter.")
    QTest.mouseClick(person.find("askAgain"), Qt.MouseButton.LeftButton)
    person.wait(lambda: len(engine.requests) == 2 and not person.window.generation.is_answering())
    read = engine.requests[1].turns[-1].text
    assert "linseed" not in read
    assert "[1] b.txt" in read
    assert read.endswith("With what is the pump oiled?")
    assert person.message(1) == "It is oiled with butter."
    assert person.window.focusWidget() is person.find("composer")
