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
from phichat.documents.base import Box, DocumentReader, Outline, PagePicture, Part
from phichat.documents.process.document_process import DocumentProcess
from phichat.errors import DocumentLocked
from phichat.ui.documents.viewer import DocumentViewer
from phichat.ui.theme.theme import Theme


class SlowReader:
    """Implements DocumentReader: each page is drawn once its event in `events` is set; the first is the first asked."""

    def __init__(self, password: str = "") -> None:
        self.events = [threading.Event() for _ in range(20)]
        self.count, self._password = 0, password

    def read(self, path: Path, *, password: str = "", stop: CancelToken | None = None) -> Iterator[Part]:
        yield Outline(pages=3)

    def render_page(self, path: Path, page: int, width: int, *, password: str = "") -> PagePicture:
        if password != self._password:
            raise DocumentLocked("a.pdf is protected. Enter its password.")
        number, self.count = self.count, self.count + 1
        self.events[number].wait(20)
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

    def open_one(reader: DocumentReader, file: str = "/a.pdf") -> DocumentViewer:
        readers.append(reader)
        viewer = DocumentViewer(Theme(qapp), parent, [Source(file, "text", page=1)], 0, lambda: reader, {})
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
