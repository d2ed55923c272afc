"""The document viewer: a page of a PDF file, or the text of another one, with a passage marked."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QColor, QKeyEvent, QTextCursor
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QSplitter,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from phichat.cancellation import CancelToken
from phichat.chat.sources import Source
from phichat.documents.base import Box, DocumentReader, Outline, PagePicture, Section
from phichat.errors import DocumentLocked
from phichat.i18n import format_number, tr
from phichat.ui.a11y.announce import announce
from phichat.ui.documents.page_area import PageArea
from phichat.ui.theme.scaling import resize_window
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.threads.background import BackgroundTasks
from phichat.ui.widgets.controls import push_button
from phichat.ui.widgets.dialogs import close_button_box
from phichat.ui.widgets.foreign_text import ElidedLabel, PlainTextEdit, plain_label, tool_tip

WIDTH, HEIGHT = 860, 900  # pixels
MARKED_WORDS = 12  # at the beginning and the end of a passage, by which it is found in a text
LOADING_AFTER = 150  # milliseconds until it is said that a page is still being drawn
RESIZED_AFTER = 200  # milliseconds until a page is drawn for another width


@dataclass(frozen=True)
class _Page:
    """A page as an image, and where the passage is on it; `order` counts what was drawn."""

    passage: Source
    number: int
    order: int
    picture: PagePicture
    boxes: Sequence[Box]


def beginning(path: Path) -> Source:
    """Return a passage without any text, by which a viewer shows a whole document."""
    return Source(str(path), "", page=1 if path.suffix.lower() == ".pdf" else None)


class DocumentViewer(QDialog):
    """Opens a document at a passage, and goes on to the other passages and pages.

    Page Up and Page Down scroll, and turn pages at their ends; Alt with the arrow keys goes to other passages.
    """

    def __init__(
        self,
        theme: Theme,
        parent: QWidget,
        passages: Sequence[Source],
        at: int,
        reader: Callable[[], DocumentReader],
        passwords: dict[Path, str],
    ) -> None:
        super().__init__(parent)
        self.setObjectName("documentViewer")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._theme, self._passages, self._at, self._reader = theme, passages, at, reader
        self._passwords = passwords
        self._tasks = BackgroundTasks("viewer", parent=self)
        self._drawing: CancelToken | None = None
        self._ordered = self._shown = 0  # how many pages were drawn, and which of these is shown
        self._asks_password = False
        self._refused: dict[str, str] = {}  # files whose password was not given, and the sentence that asks for it
        self._texts: dict[str, dict[int, str]] = {}  # of each file, by page; 0 for one without pages
        self._pages: dict[str, int] = {}
        self._page = 1
        self._drawn: tuple[Source, int] | None = None
        self._title = ElidedLabel()
        self._title.setObjectName("viewerTitle")
        self._note = muted(plain_label())
        self._note.setWordWrap(True)
        self._note.hide()
        self._picture = PageArea(theme)
        self._text = PlainTextEdit()
        self._text.setObjectName("viewerText")
        self._text.setReadOnly(True)
        self._text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._text.setTabChangesFocus(True)
        self._previous_passage = push_button("previousPassage", tr("Previous passage"))
        self._next_passage = push_button("nextPassage", tr("Next passage"))
        self._previous_page = push_button("previousPage", tr("Previous page"))
        self._next_page = push_button("nextPage", tr("Next page"))
        for button, keys in ((self._previous_passage, "Alt+Left"), (self._next_passage, "Alt+Right")):
            button.setShortcut(keys)
            button.setToolTip(tool_tip(keys))
        self._slow = QTimer(self, interval=LOADING_AFTER, singleShot=True)
        self._slow.timeout.connect(self._picture.show_loading)
        self._redraw = QTimer(self, interval=RESIZED_AFTER, singleShot=True)
        self._redraw.timeout.connect(self._draw)
        self._lay_out()
        self._connect()
        resize_window(self, WIDTH, HEIGHT)
        self.finished.connect(self._tasks.close)
        self._show_passage()

    @property
    def passage(self) -> Source:
        """The passage that is shown."""
        return self._passages[self._at]

    def _lay_out(self) -> None:
        top, below = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self._title, 1)
        for button in (self._previous_passage, self._next_passage):
            top.addWidget(button)
        for button in (self._previous_page, self._next_page):
            below.addWidget(button)
        below.addStretch(1)
        below.addWidget(close_button_box(self))
        self._splitter = QSplitter(Qt.Orientation.Vertical)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.addWidget(self._picture)
        self._splitter.addWidget(self._text)
        self._splitter.setStretchFactor(0, 4)
        self._splitter.setStretchFactor(1, 1)
        self._splitter.setSizes([HEIGHT * 3 // 4, HEIGHT // 4])
        column = QVBoxLayout(self)
        column.addLayout(top)
        column.addWidget(self._note)
        column.addWidget(self._splitter, 1)
        column.addLayout(below)

    def _connect(self) -> None:
        self._previous_passage.clicked.connect(partial(self._go_to_passage, -1))
        self._next_passage.clicked.connect(partial(self._go_to_passage, 1))
        self._previous_page.clicked.connect(partial(self._turn, -1))
        self._next_page.clicked.connect(partial(self._turn, 1))
        self._picture.turned.connect(self._turn)
        self._picture.resized.connect(self._redraw.start)

    @Slot()
    def _go_to_passage(self, step: int) -> None:
        at = self._at + step
        if 0 <= at < len(self._passages):
            self._at = at
            self._show_passage()
            announce(self, self.passage.title)

    @Slot(int)
    def _turn(self, step: int) -> None:
        page = self._page + step
        if self._has_pages() and 1 <= page <= self._pages.get(self.passage.file, page):
            self._page = page
            self._show_page()
            self._picture.scroll_to_end(is_top=step > 0)

    def _has_pages(self) -> bool:
        return self.passage.page is not None and self.passage.file.lower().endswith(".pdf") and self._has_file()

    def _has_file(self) -> bool:
        """Return whether it is known where the document is; of an attachment it is not."""
        return Path(self.passage.file).is_absolute()

    def _show_passage(self) -> None:
        self._page = self.passage.page or 1
        self._note.hide()
        self._picture.setVisible(self._has_pages())
        for button in (self._previous_page, self._next_page):
            button.setVisible(self._has_pages())
        for button in (self._previous_passage, self._next_passage):
            button.setVisible(bool(self.passage.text))
        self._previous_passage.setEnabled(self._at > 0)
        self._next_passage.setEnabled(self._at + 1 < len(self._passages))
        is_new = self.passage.file not in self._texts
        self._texts.setdefault(self.passage.file, {})
        self._show_page()
        if is_new and self._has_file():  # the page comes first, as that takes less time
            self._read_text(self.passage.file)

    def _show_page(self) -> None:
        number = tr("Passage {number} of {total}").format(
            number=format_number(self._at + 1), total=format_number(len(self._passages))
        )
        place = self.passage.place
        if self._has_pages():
            place = tr("p. {page}").format(page=format_number(self._page))
        title = tr("{file}, {place}").format(file=self.passage.name, place=place) if place else self.passage.name
        self.setWindowTitle(title)
        self._title.setText(f"{title} · {number}" if self.passage.text else title)
        self._show_text()
        self._draw()

    def _show_text(self) -> None:
        """Show the text of the page or the file as far as it was read, else the passage alone."""
        known = self._texts[self.passage.file]
        text = known.get(0 if self.passage.page is None else self._page, "")  # slides have no picture, but numbers
        if not text and not self.passage.text and self.passage.page is None:
            text = "\n\n".join(known.values())
        is_here = not self._has_pages() or self._page == self.passage.page
        if not text and is_here:
            text = self.passage.text
        if text != self._text.toPlainText():
            self._text.setPlainText(text)
        name = tr("Text of {name}").format(name=self.windowTitle())
        self._text.setAccessibleName(name)
        self._picture.setAccessibleName(self.windowTitle())
        self._picture.setAccessibleDescription(text)
        self._mark(text)

    def _mark(self, text: str) -> None:
        found = find_passage(text, self.passage.text)
        if found is None:
            self._text.setExtraSelections([])
            return
        cursor = QTextCursor(self._text.document())
        cursor.setPosition(found[0])
        self._text.setTextCursor(cursor)
        self._text.centerCursor()
        cursor.setPosition(found[1], QTextCursor.MoveMode.KeepAnchor)
        selection = QTextEdit.ExtraSelection()
        selection.cursor = cursor
        selection.format.setBackground(QColor(self._theme.colors.mark))
        self._text.setExtraSelections([selection])

    @Slot()
    def _draw(self) -> None:
        if not self._has_pages():
            self._drawn = None
            return
        refused = self._refused.get(self.passage.file)
        if self._drawn != (self.passage, self._page):  # else that page is shown until it is drawn in its new size
            self._drawn = self.passage, self._page
            self._shown = self._ordered
            self._note.hide()
            if self._drawing:
                self._drawing.set()
            if refused:
                self._show_problem(self._drawn, refused)
            else:
                self._slow.start()
        if refused:
            return
        self._ordered += 1
        width = max(self._picture.page_width(), 200)
        work = partial(self._render, self.passage, self._page, self._ordered, width)
        self._drawing = self._tasks.run(work, self._on_drawn, partial(self._show_problem, self._drawn))

    def _render(self, passage: Source, page: int, order: int, width: int, _: CancelToken) -> "_Page | DocumentLocked":
        """Return a page with the places of the passage. In a thread."""
        reader, path = self._reader(), Path(passage.file)
        password = self._passwords.get(path, "")
        try:
            picture = reader.render_page(path, page, width, password=password)
            boxes = reader.find_on_page(path, page, passage.text, password=password)
        except DocumentLocked as error:
            return error
        return _Page(passage, page, order, picture, boxes)

    def _on_drawn(self, page: "_Page | DocumentLocked") -> None:
        if isinstance(page, DocumentLocked):
            self._ask_password(str(page))
        elif (page.passage, page.number) == self._drawn and page.order > self._shown:
            self._shown = page.order
            self._slow.stop()
            self._picture.show_page(page.picture, page.boxes)

    def _ask_password(self, sentence: str) -> None:
        """Ask for the password of the document, once at a time."""
        from phichat.ui.widgets.password_dialog import PasswordDialog  # noqa: PLC0415 - with the first such file

        if not self._asks_password:
            self._asks_password = True
            dialog = PasswordDialog(self, sentence)
            dialog.entered.connect(partial(self._unlock, self.passage.file))
            dialog.rejected.connect(partial(self._on_no_password, self.passage.file, sentence))
            dialog.open()

    def _unlock(self, file: str, password: str) -> None:
        self._asks_password = False
        self._passwords[Path(file)] = password
        self._draw()
        self._read_text(file)

    def _on_no_password(self, file: str, sentence: str) -> None:
        self._asks_password = False
        self._refused[file] = sentence
        if file == self.passage.file:
            self._show_problem(self._drawn, sentence)

    def _show_problem(self, page: tuple[Source, int] | None, sentence: str) -> None:
        """Show a note in the place of a page, unless another one is shown by now."""
        if page == self._drawn:
            self._slow.stop()
            self._picture.clear()
            self._show_note(sentence)

    def _read_text(self, file: str) -> None:
        self._text.setPlaceholderText(tr("Loading…"))  # where nothing of it is known
        work, on_end = partial(self._read, file), partial(self._text.setPlaceholderText, "")
        self._tasks.run(work, partial(self._on_read, file), self._show_note, on_end)

    def _read(self, file: str, stop: CancelToken) -> tuple[int, dict[int, str]]:
        """Return how many pages a document has, and its text by page. In a thread."""
        pages, texts = 0, dict[int, str]()
        password = self._passwords.get(Path(file), "")
        with suppress(DocumentLocked):  # which who draws its page asks about
            for part in self._reader().read(Path(file), password=password, stop=stop):
                if isinstance(part, Outline):
                    pages = part.pages
                elif isinstance(part, Section):
                    page = part.place.page or 0
                    texts[page] = f"{texts[page]}\n\n{part.text}" if page in texts else part.text
        return pages, texts

    def _on_read(self, file: str, read: tuple[int, dict[int, str]]) -> None:
        self._pages[file], self._texts[file] = read
        if file == self.passage.file:
            self._show_text()

    def _show_note(self, sentence: str) -> None:
        self._note.setText(sentence)
        self._note.show()
        announce(self, sentence)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_PageUp: -1, Qt.Key.Key_PageDown: 1}
        if self._has_pages() and (step := steps.get(Qt.Key(event.key()))):
            self._picture.page(step)
        else:
            super().keyPressEvent(event)


def find_passage(text: str, passage: str) -> tuple[int, int] | None:
    """Return where `passage` is in `text` by its first and last words, in UTF-16 units; None if it is not there.

    What of it is on the next page counts as going to the end.
    """
    words = passage.split()
    first = _pattern(words[:MARKED_WORDS]).search(text) if words else None
    if first is None:
        return None
    last = _pattern(words[-MARKED_WORDS:]).search(text, first.start())
    end = last.end() if last else len(text)
    return _units(text[: first.start()]), _units(text[:end])


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    return re.compile(r"\s+".join(map(re.escape, words)))


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
