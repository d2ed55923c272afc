"""The viewer of documents shows its page however slowly that is drawn, and asks for passwords."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from phichat.cancellation import CancelToken
from phichat.chat.sources import Source
from phichat.documents.base import Box, DocumentReader, Outline, PagePicture, Part, Place, Section
from phichat.documents.process.document_process import DocumentProcess
from phichat.errors import DocumentDamaged, DocumentLocked
from phichat.ui.documents.viewer import LOADING_AFTER, RESIZED_AFTER, DocumentViewer
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.password_dialog import PasswordDialog


class SlowReader:
    """Implements DocumentReader: each page is drawn once its event in `events` is set; the first is the first asked."""

    def __init__(self, password: str = "", damaged: Sequence[int] = ()) -> None:
        self.events = [threading.Event() for _ in range(20)]
        self.count, self._password, self._damaged = 0, password, damaged

    def read(self, path: Path, *, password: str = "", stop: CancelToken | None = None) -> Iterator[Part]:
        yield Outline(pages=3)
        for page in range(1, 4):
            yield Section(f"The text of page {page}.", Place(page))

    def render_page(self, path: Path, page: int, width: int, *, password: str = "") -> PagePicture:
        if password != self._password:
            raise DocumentLocked("a.pdf is protected. Enter its password.")
        number, self.count = self.count, self.count + 1
        self.events[number].wait(20)
        if page in self._damaged:
            raise DocumentDamaged(f"Page {page} can’t be shown.")
        return PagePicture(10 * page, 1, bytes(40 * page))

    def find_on_page(self, path: Path, page: int, text: str, *, password: str = "") -> Sequence[Box]:
        return ()


Open = Callable[..., DocumentViewer]


@pytest.fixture
def open_viewer(qtbot: QtBot, qapp: QApplication) -> Iterator[Open]:
    parent = QWidget()
    parent.resize(900, 900)
    qtbot.addWidget(parent)
    readers: list[DocumentReader] = []

    def open_one(reader: DocumentReader, *files: str, page: int = 1) -> DocumentViewer:
        readers.append(reader)
        passages = [Source(file, "text", page=page) for file in files or ("/a.pdf",)]
        viewer = DocumentViewer(Theme(qapp), parent, passages, 0, lambda: reader, {})
        viewer.show()
        return viewer

    yield open_one
    for event in (event for reader in readers if isinstance(reader, SlowReader) for event in reader.events):
        event.set()
    for viewer in parent.findChildren(DocumentViewer):
        viewer.reject()


def _page(viewer: DocumentViewer) -> int:
    """Return which page is shown, by the width of its picture; 0 for none."""
    return round(_label(viewer).pixmap().width() / 10)


def _label(viewer: DocumentViewer) -> QLabel:
    return viewer._picture._label


def test_a_page_that_is_drawn_again_for_another_size_is_shown_meanwhile(open_viewer: Open, qtbot: QtBot) -> None:
    reader = SlowReader()
    viewer = open_viewer(reader)
    qtbot.waitUntil(lambda: _label(viewer).text() == "Loading page…")
    viewer.resize(500, 800)
    qtbot.waitUntil(lambda: reader.count >= 2)
    reader.events[0].set()  # the first is late, and superseded, but better than none
    qtbot.waitUntil(lambda: _page(viewer) == 1)


def test_a_page_that_was_left_is_not_shown(open_viewer: Open, qtbot: QtBot) -> None:
    reader = SlowReader()
    viewer = open_viewer(reader)
    qtbot.waitUntil(lambda: reader.count >= 1 and viewer._pages.get("/a.pdf") == 3)
    before = reader.count
    viewer._turn(1)
    qtbot.waitUntil(lambda: reader.count > before)
    for event in reader.events[:before]:
        event.set()
    qtbot.waitUntil(lambda: _label(viewer).text() == "Loading page…")
    for event in reader.events:
        event.set()
    qtbot.waitUntil(lambda: _page(viewer) == 2)


def test_a_protected_document_asks_for_its_password(open_viewer: Open, qtbot: QtBot) -> None:
    reader = SlowReader("sesame")
    for event in reader.events:
        event.set()
    viewer = open_viewer(reader)
    qtbot.waitUntil(lambda: viewer.findChild(QLineEdit, "passwordField") is not None)
    (field,) = viewer.findChildren(QLineEdit, "passwordField")
    QTest.keyClicks(field, "sesame")
    QTest.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: _page(viewer) == 1)


def test_a_document_that_cannot_be_read_is_not_called_damaged(open_viewer: Open, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "loop.pdf").symlink_to("loop.pdf")
    sentences = {
        "gone.pdf": "gone.pdf no longer exists. It may have been moved, renamed, or deleted.",
        "loop.pdf": "loop.pdf couldn’t be read: Too many levels of symbolic links. "
        "Check that the disk it’s on is connected.",
    }
    with closing(DocumentProcess()) as process:
        for name, sentence in sentences.items():
            viewer = open_viewer(process, str(tmp_path / name))
            qtbot.waitUntil(lambda: not viewer._note.isHidden())  # noqa: B023 - it is waited for here
            assert viewer._note.text() == sentence
            viewer.reject()


def _note(viewer: DocumentViewer) -> str:
    return "" if viewer._note.isHidden() else viewer._note.text()


def _open_all(reader: SlowReader) -> SlowReader:
    for event in reader.events:
        event.set()
    return reader


def test_a_password_that_is_refused_is_told_and_asked_for_once_a_file(open_viewer: Open, qtbot: QtBot) -> None:
    viewer = open_viewer(_open_all(SlowReader("sesame")), "/a.pdf", "/b.pdf")
    for at in range(2):
        qtbot.waitUntil(lambda: len(_open_passwords(viewer)) == 1)
        _open_passwords(viewer)[0].reject()
        qtbot.waitUntil(lambda: not _open_passwords(viewer))
        assert _note(viewer) == "a.pdf is protected. Enter its password."
        viewer._go_to_passage(1 - 2 * at)
    assert _note(viewer) == "a.pdf is protected. Enter its password."
    viewer.resize(500, 800)
    qtbot.wait(LOADING_AFTER + RESIZED_AFTER)
    assert (_label(viewer).text(), _open_passwords(viewer)) == ("", [])


def test_a_password_that_is_refused_is_told_again_after_a_text_was_looked_at(open_viewer: Open, qtbot: QtBot) -> None:
    viewer = open_viewer(_open_all(SlowReader("sesame")), "/a.pdf", "/notes.txt")
    qtbot.waitUntil(lambda: len(_open_passwords(viewer)) == 1)
    _open_passwords(viewer)[0].reject()
    viewer._go_to_passage(1)
    assert _note(viewer) == ""
    viewer._go_to_passage(-1)
    assert _note(viewer) == "a.pdf is protected. Enter its password."


def _open_passwords(viewer: DocumentViewer) -> list[PasswordDialog]:
    return [each for each in viewer.findChildren(PasswordDialog) if each.isVisible()]


def test_a_page_that_cannot_be_shown_says_so_alone(open_viewer: Open, qtbot: QtBot) -> None:
    viewer = open_viewer(_open_all(SlowReader(damaged=[2])))
    qtbot.waitUntil(lambda: _page(viewer) == 1 and viewer._pages.get("/a.pdf") == 3)
    viewer._turn(1)
    qtbot.waitUntil(lambda: _note(viewer) == "Page 2 can’t be shown.")
    assert _page(viewer) == 0
    viewer._turn(1)
    qtbot.waitUntil(lambda: _page(viewer) == 3)
    assert _note(viewer) == ""


def test_a_page_that_is_shown_stays_when_one_before_cannot_be(open_viewer: Open, qtbot: QtBot) -> None:
    reader = SlowReader(damaged=[1])
    viewer = open_viewer(reader)
    qtbot.waitUntil(lambda: reader.count >= 1 and viewer._pages.get("/a.pdf") == 3)
    before = reader.count
    viewer._turn(1)
    for event in reader.events[before:]:
        event.set()
    qtbot.waitUntil(lambda: _page(viewer) == 2)
    for event in reader.events:
        event.set()
    qtbot.waitUntil(lambda: not viewer._tasks._callbacks)
    assert (_page(viewer), _note(viewer)) == (2, "")


def test_a_slide_is_shown_as_text(open_viewer: Open, qtbot: QtBot) -> None:
    viewer = open_viewer(SlowReader(), "/talk.pptx", page=2)
    qtbot.waitUntil(lambda: viewer._text.toPlainText() == "The text of page 2.")
