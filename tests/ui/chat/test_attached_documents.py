"""PDF, Word and other documents go with a message as text: read elsewhere, with their pages, passwords and gaps."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QToolButton

from phichat.chat.attachments import Attachment, AttachmentProgress
from phichat.documents import attachments
from tests.support.fakes import ScriptedEngine
from tests.support.office_files import word_file, word_paragraph
from tests.support.pdf_files import PICTURE, lines_down, page_of, pdf_file
from tests.ui.chat.test_attachments import attach, chips, drop, note
from tests.ui.conftest import Person

PAGES = [page_of(lines_down(["Ferries float"])), page_of(lines_down(["on the river."]))]


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_documents_are_attached_as_their_text_with_its_pages(
    person: Person, engine: ScriptedEngine, tmp_path: Path
) -> None:
    manual = write(tmp_path, "manual.pdf", pdf_file(PAGES))
    letter = write(tmp_path, "letter.docx", word_file(word_paragraph("Dear Ada,")))
    attach(person, manual, letter)
    assert person.window.session.attached == (
        Attachment("manual.pdf", "[Page 1]\n\nFerries float\n\n[Page 2]\n\non the river."),
        Attachment("letter.docx", "Dear Ada,"),
    )
    shown = [each.toolTip() for each in person.find("composerBox").findChildren(QToolButton, "chipOpen")]
    assert "bytes of text" in shown[0], "which is not the size of the file"
    person.ask("Why?")
    person.wait(lambda: engine.requests)
    assert "on the river." in engine.requests[0].turns[-1].text


def test_a_protected_document_asks_for_its_password_until_it_is_right(person: Person, tmp_path: Path) -> None:
    drop(person, write(tmp_path, "locked.pdf", pdf_file(PAGES, password="sesame")))
    person.wait(lambda: _asked(person) == "locked.pdf is protected. Enter its password.")
    _enter(person, "simsim")
    person.wait(lambda: _asked(person) == "That isn’t the password for locked.pdf. Try again.")
    _enter(person, "sesame")
    person.wait(lambda: chips(person) == ["locked.pdf"])


def _asked(person: Person) -> str:
    field = person.window.findChild(QLineEdit, "passwordField")
    return field.accessibleDescription() if field else ""


def _enter(person: Person, password: str) -> None:
    field = person.find("passwordField")
    assert field.echoMode() is QLineEdit.EchoMode.Password
    QTest.keyClicks(field, password)
    QTest.keyClick(field, Qt.Key.Key_Return)


def test_pages_without_text_are_told(person: Person, tmp_path: Path) -> None:
    drop(person, write(tmp_path, "mixed.pdf", pdf_file([*PAGES, PICTURE, PICTURE])))
    person.wait(lambda: person.status() == "mixed.pdf: Pages 3–4 are pictures with no readable text.")
    assert chips(person) == ["mixed.pdf"]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("scan.pdf", pdf_file([PICTURE]), "scan.pdf contains pictures of text, not actual text."),
        ("empty.docx", word_file(""), "empty.docx has no text, so it can’t be attached."),
        ("broken.docx", b"PK\x03\x04nothing", "broken.docx is damaged and can’t be read."),
    ],
)
def test_what_cannot_be_attached_says_why(person: Person, tmp_path: Path, name: str, data: bytes, words: str) -> None:
    drop(person, write(tmp_path, name, data))
    person.wait(lambda: person.status().startswith(words))
    assert chips(person) == []


def test_a_long_document_shows_the_page_that_is_read(
    person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def slowly(*_: object) -> Iterator[object]:
        yield AttachmentProgress(12, 300)
        gate.wait(10)
        yield Attachment("manual.pdf", "text")

    monkeypatch.setattr(attachments, "read_attachment", slowly)
    drop(person, write(tmp_path, "manual.pdf", pdf_file(PAGES)))
    person.wait(lambda: note(person) == "Reading manual.pdf (page 12 of 300)…")
    gate.set()
    person.wait(lambda: chips(person) == ["manual.pdf"])
    assert note(person) == ""
