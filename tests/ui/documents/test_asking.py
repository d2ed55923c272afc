"""A document that is too long for a message is searched: passages go with questions, and answers name their pages."""

from concurrent.futures import Future
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QToolButton

from phichat.documents.library import FileState, FileStatus
from phichat.errors import StoreError
from phichat.store.history import History
from phichat.ui.controllers import used_documents
from phichat.ui.documents.chips import DocumentChip, file_problem
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript import assistant_message
from tests.support.fakes import ScriptedEngine
from tests.support.pdf_files import lines_down, page_of, pdf_file
from tests.ui.chat.test_attachments import drop
from tests.ui.conftest import Person

PAGES = [
    ["The filter has to be rinsed every week", "with cold water and a soft brush."],
    ["A red lamp blinks seven times", "if the pump lacks oil."],
    ["The warranty ends after thirty months,", "and pumps that were opened have none."],
]
SUPPORTED, OTHER = "The filter is rinsed every week with cold water.", "Elephants like bananas very much."
FILLER = "Nothing of importance is written in this line of the manual at all."


@pytest.fixture
def manual(tmp_path: Path) -> Path:
    """Three pages, which are too long for a context of 256 tokens."""
    path = tmp_path / "manual.pdf"
    path.write_bytes(pdf_file([page_of(lines_down([*lines, *[FILLER] * 40])) for lines in PAGES]))
    return path


@pytest.fixture
def asked(person: Person, engine: ScriptedEngine, manual: Path) -> Person:
    """Has asked a question about the manual, and got an answer of which one sentence is in it."""
    person.window.model_selection.set_context(256)
    person.wait(lambda: person.window.generation.loaded and person.window.generation.loaded.context == 256)
    drop(person, manual)
    person.wait(lambda: [each for each in _chips(person) if each.endswith(("passages", "passage"))])
    documents = person.window.documents._documents
    person.wait(lambda: not documents.is_indexing(person.window.session.conversation.id))
    engine.enqueue(f"{SUPPORTED} ", OTHER)
    person.ask("How often is the filter rinsed?")
    person.wait(lambda: not person.window.generation.is_answering())
    return person


def copied() -> str:
    return QApplication.clipboard().text().replace("\xa0", " ")


def without_joiners(text: str) -> str:
    return text.replace("\u2060", "").replace("\xa0", " ")


def _chips(person: Person) -> list[str]:
    return [
        button.accessibleName() + " " + button.accessibleDescription()
        for button in person.window.findChildren(QToolButton, "documentChip")
    ]


@pytest.mark.usefixtures("by_meaning")
def test_an_answer_names_the_pages_it_is_from_and_leads_to_them(
    asked: Person, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _look_at_the_question(asked, engine)
    _look_at_the_answer(asked)
    _open_the_page_by_its_number(asked, monkeypatch)
    _copy_the_answer(asked)
    _open_the_page_by_its_source(asked)
    _look_at_what_was_read(asked)


def _look_at_the_question(asked: Person, engine: ScriptedEngine) -> None:
    """Passages go with it, but are no part of it."""
    read = engine.requests[-1].turns[-1].text
    assert "[1] manual.pdf, p. 1:" in read
    assert "rinsed every week" in read
    assert read.endswith("How often is the filter rinsed?")
    assert asked.message(0) == "How often is the filter rinsed?"


def _look_at_the_answer(asked: Person) -> None:
    """It names the page that each sentence is from."""
    sources = asked.find("sources-1")
    (chip,) = sources.findChildren(QToolButton, "sourceOpen")
    assert "manual.pdf, p. 1" in chip.text()
    shown = asked.find("message-1").text_edits()[0]
    assert without_joiners(shown.toPlainText()) == f"{SUPPORTED} [1] {OTHER} \u25e6"
    assert shown.accessibleDescription().endswith(f"{OTHER} (not in your documents)")
    assert asked.message(1) == f"{SUPPORTED} {OTHER}"


def _open_the_page_by_its_number(asked: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    text = asked.find("message-1").text_edits()[0]
    heard: list[str] = []
    monkeypatch.setattr(assistant_message, "announce", lambda _, sentence: heard.append(sentence))
    text.setFocus()
    QTest.keyClick(text, Qt.Key.Key_Tab)
    assert heard[-1] == "Source 1: manual.pdf, p. 1"
    QTest.keyClick(text, Qt.Key.Key_Return)
    viewer = asked.find("documentViewer")
    assert viewer.windowTitle() == "manual.pdf, p. 1"
    QTest.keyClick(viewer, Qt.Key.Key_Escape)
    asked.wait(lambda: asked.window.findChild(QDialog, "documentViewer") is None)
    cursor = text.document().find("1]")
    assert text.link_at(text.cursorRect(cursor).center()) == ""  # which nobody needs to copy
    cursor.setPosition(cursor.selectionStart())
    QTest.mouseClick(text.viewport(), Qt.MouseButton.LeftButton, pos=text.cursorRect(cursor).center())
    asked.find("documentViewer").reject()
    asked.wait(lambda: asked.window.findChild(QDialog, "documentViewer") is None)


def _copy_the_answer(asked: Person) -> None:
    """Copies take the sources along."""
    note = "\n\n[1] manual.pdf, p. 1"
    view = asked.find("message-1")
    view.take_focus()
    QTest.keyClick(view.text_edits()[0], Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(view.text_edits()[0], Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert copied() == f"{SUPPORTED} [1] {OTHER}{note}"
    text = view.text_edits()[0]
    text.setTextCursor(text.document().find("cold water. [\u20601]"))
    QTest.keyClick(text, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert copied() == f"cold water. [1]{note}"
    assert "[1] manual.pdf" in QApplication.clipboard().mimeData().html()
    assert view.selection().text == "cold water."  # as it is quoted
    text.setTextCursor(text.document().find("Elephants"))
    QTest.keyClick(text, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert copied() == "Elephants"
    asked.find("transcript").text_selection.clear()
    asked.find("transcript").selection.select_all()
    asked.find("transcript").selection.copy()
    assert copied().rstrip().endswith(f"{OTHER}{note}")


def _open_the_page_by_its_source(asked: Person) -> None:
    chip = asked.find("sources-1").findChildren(QToolButton, "sourceOpen")[0]
    QTest.keyClick(chip, Qt.Key.Key_Space)
    viewer = asked.find("documentViewer")
    asked.wait(lambda: FILLER in asked.find("viewerText").toPlainText())
    assert viewer.windowTitle() == "manual.pdf, p. 1"
    QTest.mouseClick(asked.find("nextPage"), Qt.MouseButton.LeftButton)
    asked.wait(lambda: "A red lamp" in asked.find("viewerText").toPlainText())
    QTest.keyClick(viewer, Qt.Key.Key_Escape)


def _look_at_what_was_read(asked: Person) -> None:
    QTest.mouseClick(asked.find("whatWasRead"), Qt.MouseButton.LeftButton)
    asked.find("passagesDialog")
    assert asked.find("passage-1").accessibleName() == "[1] manual.pdf, p. 1, 78% match"


def test_a_removed_document_comes_back_with_undo_and_goes_with_its_conversation_for_good(asked: Person) -> None:
    asked.click("documentChipRemove")
    asked.wait(lambda: not _chips(asked))
    assert [label.text() for label in asked.find("undoBar").findChildren(QLabel)] == ["manual.pdf was removed."]
    asked.click("undoButton")
    asked.wait(lambda: [each for each in _chips(asked) if each.endswith("passages")])
    documents, session = asked.window.documents._documents, asked.window.session
    assert documents.used(session) == (session.conversation.id,)
    asked.window.conversations.autosave.purged.emit([session.conversation.id])
    asked.wait(lambda: documents._library().collection(session.conversation.id) is None)
    assert documents.used(session) == ()


@pytest.mark.usefixtures("reads_the_first_forever")
def test_a_document_stays_when_another_is_removed_while_that_is_read(
    person: Person, engine: ScriptedEngine, tmp_path: Path
) -> None:
    for name, text in (("wrong.txt", "Bananas grow in Ecuador."), ("right.txt", "The pump is oiled with linseed oil.")):
        (tmp_path / name).write_text(text, "utf-8")
    documents, session = person.window.documents._documents, person.window.session
    documents.attach(session, tmp_path / "wrong.txt")
    person.wait(lambda: _chips(person))
    documents.attach(session, tmp_path / "right.txt")
    person.wait(lambda: (own := documents._library().collection(session.conversation.id)) and len(own.paths) == 2)
    person.click("documentChipRemove")
    person.wait(lambda: _chips(person) == ["right.txt 1 passage"])
    person.ask("With what is the pump oiled?")
    person.wait(lambda: engine.requests and not person.window.generation.is_answering())
    assert "linseed oil" in engine.requests[0].turns[-1].text


@pytest.mark.parametrize(("passages", "says"), [(0, "couldn’t be read"), (4, "based on these documents.")])
def test_a_chip_says_whether_answers_are_based_on_a_file_that_could_not_be_read(
    passages: int, says: str, qapp: QApplication
) -> None:
    """What was read of it before is still searched."""
    status = FileStatus(Path("manual.pdf"), FileState.FAILED, "It is damaged.", passages=passages)
    chip = DocumentChip(Theme(qapp), "manual.pdf", "couldn’t be read", "file", file_problem(status))
    button = chip.findChild(QToolButton, "documentChip")
    assert button
    assert says in button.toolTip()


def test_nothing_of_a_temporary_conversation_is_indexed(person: Person, manual: Path) -> None:
    person.window.model_selection.set_context(256)
    person.wait(lambda: person.window.generation.loaded and person.window.generation.loaded.context == 256)
    person.window.commands.temporary.trigger()
    drop(person, manual)
    person.wait(lambda: person.status().startswith("manual.pdf is too large for a temporary conversation."))
    assert _chips(person) == []


def test_what_was_read_stays_if_the_conversations_could_not_be_deleted(
    asked: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents, own = asked.window.documents._documents, asked.window.session.conversation.id
    failed: Future[None] = Future()
    failed.set_exception(StoreError("The disk is full."))
    with monkeypatch.context() as full:
        full.setattr(History, "delete_everything", lambda _: failed)
        asked.window.conversations.delete_everything()
        asked.wait(lambda: asked.status() == "The disk is full.")
    collection = documents._library().collection(own)
    assert collection is not None
    assert collection.passages
    asked.window.conversations.delete_everything()
    asked.wait(lambda: documents._library().collection(own) is None)


def test_what_was_read_goes_with_the_conversation_and_not_before(
    asked: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A conversation stays if the history can't be written, or as the terminal has restored it meanwhile."""
    documents, session = asked.window.documents._documents, asked.window.session
    own, autosave = session.conversation.id, asked.window.conversations.autosave
    failed: Future[list[str]] = Future()
    failed.set_exception(StoreError("The disk is full."))
    with monkeypatch.context() as full:
        full.setattr(History, "delete_from_trash", lambda *_: failed)
        autosave.purge([own])
        asked.wait(lambda: asked.status() == "The disk is full.")
    autosave.purge([own])
    asked.wait(lambda: autosave.last and autosave.last.done())
    assert documents._library().collection(own) is not None
    assert documents.used(session) == (own,)
    autosave.bin([own])
    autosave.purge([own])
    asked.wait(lambda: documents._library().collection(own) is None)
    assert documents.used(session) == ()


@pytest.mark.parametrize("is_all", [False, True])
def test_what_was_read_goes_with_conversations_whose_documents_are_not_remembered(
    asked: Person, monkeypatch: pytest.MonkeyPatch, is_all: bool
) -> None:
    """As the preferences were damaged, or of a conversation with documents that came before the latest 500."""
    documents, own = asked.window.documents._documents, asked.window.session.conversation.id
    documents._used.forget([own])
    if is_all:
        asked.window.conversations.delete_everything()
    else:
        asked.window.conversations.autosave.bin([own])
        asked.window.conversations.autosave.purge([own])
    asked.wait(lambda: documents._library().collection(own) is None)


def test_what_was_read_goes_with_the_last_conversation_whose_documents_are_remembered(
    asked: Person, manual: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(used_documents, "MOST_REMEMBERED", 2)
    documents, names = asked.window.documents._documents, [asked.window.session.conversation.id]
    for _ in range(2):
        asked.window.commands.new.trigger()
        session = asked.window.session
        names.append(session.conversation.id)
        documents.attach(session, manual)
        asked.wait(lambda: documents._library().collection(names[-1]))
    asked.wait(lambda: documents._library().collection(names[0]) is None)
    assert all(documents._library().collection(name) for name in names[1:])
    assert sorted(documents.remembered()) == sorted(names[1:])


def test_what_a_new_conversation_uses_stays_when_the_others_are_deleted(
    asked: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large history takes seconds to delete, and the new conversation is there at once."""
    documents, own = asked.window.documents._documents, asked.window.session.conversation.id
    done: Future[None] = Future()
    monkeypatch.setattr(History, "delete_everything", lambda _: done)
    asked.window.conversations.delete_everything()
    asked.window.commands.new.trigger()
    session = asked.window.session
    documents.use(session, "Manuals", is_used=True)
    done.set_result(None)
    asked.wait(lambda: documents._library().collection(own) is None)
    assert documents.used(session) == ("Manuals",)


def test_an_answer_names_the_pages_of_what_is_attached_whole(
    person: Person, engine: ScriptedEngine, tmp_path: Path
) -> None:
    path = tmp_path / "short.pdf"
    path.write_bytes(pdf_file([page_of(lines_down(lines)) for lines in PAGES]))
    drop(person, path)
    person.wait(lambda: person.window.session.attached)
    engine.enqueue("The red lamp blinks seven times if the pump lacks oil. ", OTHER)
    person.ask("When does the lamp blink?")
    person.wait(lambda: engine.requests and not person.window.generation.is_answering())
    (chip,) = person.find("sources-1").findChildren(QToolButton, "sourceOpen")
    assert "short.pdf, p. 2" in chip.text()
    assert "\u25e6" not in person.find("message-1").text_edits()[0].toPlainText()
    chip.click()
    assert "seven times" in person.find("viewerText").toPlainText()
    assert person.find("viewerPage").isHidden()  # where the file is was not kept
    person.find("documentViewer").reject()
    engine.enqueue(OTHER)
    person.ask("What else?")
    person.wait(lambda: len(engine.requests) == 2 and not person.window.generation.is_answering())
    assert not person.find("sources-3").isVisible()
