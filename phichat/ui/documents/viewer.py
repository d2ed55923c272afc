"""The document viewer: a page of a PDF file, or the text of another one, with a passage marked."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QImage, QKeyEvent, QPainter, QPixmap, QResizeEvent, QTextCursor
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QScrollArea,
    QSplitter,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from phichat.cancellation import CancelToken
from phichat.chat.sources import Source
from phichat.documents.base import Box, DocumentReader, Outline, PagePicture, Section
from phichat.i18n import format_number, tr
from phichat.ui.a11y.announce import announce
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.threads.background import BackgroundTasks
from phichat.ui.widgets.controls import push_button
from phichat.ui.widgets.dialogs import close_button_box
from phichat.ui.widgets.foreign_text import PlainTextEdit, plain_label, tool_tip

SIZE = QSize(860, 900)
MARKED_WORDS = 12  # at the beginning and the end of a passage, by which it is found in a text
RESIZED_AFTER = 200  # milliseconds until a page is drawn for another width


@dataclass(frozen=True)
class _Page:
    """A page as an image, and where the passage is on it."""

    number: int
    picture: PagePicture
    boxes: Sequence[Box]


class DocumentViewer(QDialog):
    """Opens a document at a passage, and goes on to the other passages and pages.

    Page Up and Page Down scroll, and turn pages at their ends; Alt with the arrow keys goes to other passages.
    """

    def __init__(
        self, theme: Theme, parent: QWidget, passages: Sequence[Source], at: int, reader: Callable[[], DocumentReader]
    ) -> None:
        super().__init__(parent)
        self.setObjectName("documentViewer")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._theme, self._passages, self._at, self._reader = theme, passages, at, reader
        self._tasks = BackgroundTasks("viewer", parent=self)
        self._drawing: CancelToken | None = None
        self._texts: dict[str, dict[int, str]] = {}  # of each file, by page; 0 for one without pages
        self._pages: dict[str, int] = {}
        self._page = 1
        self._title = plain_label()
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
        self._redraw = QTimer(self, interval=RESIZED_AFTER, singleShot=True)
        self._redraw.timeout.connect(self._draw)
        self._lay_out()
        self._connect()
        self.resize(SIZE.boundedTo(parent.size()))
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
        self._splitter.setSizes([SIZE.height() * 3 // 4, SIZE.height() // 4])
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
        return self.passage.page is not None and self.passage.file.lower().endswith(".pdf")

    def _show_passage(self) -> None:
        self._page = self.passage.page or 1
        self._note.hide()
        self._picture.setVisible(self._has_pages())
        for button in (self._previous_page, self._next_page):
            button.setVisible(self._has_pages())
        self._previous_passage.setEnabled(self._at > 0)
        self._next_passage.setEnabled(self._at + 1 < len(self._passages))
        if self.passage.file not in self._texts:
            self._texts[self.passage.file] = {}
            file = self.passage.file
            self._tasks.run(partial(self._read, file), partial(self._on_read, file), self._show_note)
        self._show_page()

    def _show_page(self) -> None:
        number = tr("Passage {number} of {total}").format(
            number=format_number(self._at + 1), total=format_number(len(self._passages))
        )
        place = self.passage.place
        if self._has_pages():
            place = tr("p. {page}").format(page=format_number(self._page))
        title = tr("{file}, {place}").format(file=self.passage.name, place=place) if place else self.passage.name
        self.setWindowTitle(title)
        self._title.setText(f"{title} · {number}")
        self._show_text()
        self._draw()

    def _show_text(self) -> None:
        """Show the text of the page or the file as far as it was read, else the passage alone."""
        known = self._texts[self.passage.file]
        text = known.get(self._page if self._has_pages() else 0, "")
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
            return
        if self._drawing:
            self._drawing.set()
        width = max(self._picture.page_width(), 200)
        work = partial(self._render, self.passage, self._page, width)
        self._drawing = self._tasks.run(work, self._on_drawn, self._show_note)

    def _render(self, passage: Source, page: int, width: int, _: CancelToken) -> _Page:
        """Return a page with the places of the passage. In a thread."""
        reader, path = self._reader(), Path(passage.file)
        boxes = reader.find_on_page(path, page, passage.text)
        return _Page(page, reader.render_page(path, page, width), boxes)

    def _on_drawn(self, page: _Page) -> None:
        if page.number == self._page:
            self._picture.show_page(page.picture, page.boxes)

    def _read(self, file: str, stop: CancelToken) -> tuple[int, dict[int, str]]:
        """Return how many pages a document has, and its text by page. In a thread."""
        pages, texts = 0, dict[int, str]()
        for part in self._reader().read(Path(file), stop=stop):
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


class PageArea(QScrollArea):
    """Shows a page with marks on it, as wide as there is room.

    Signals: `turned(int)`: the user scrolled past its end, or its beginning (-1). `resized`: there is another width.
    """

    turned = Signal(int)
    resized = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("viewerPage")
        self.setWidgetResizable(False)
        self.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self._theme = theme
        self._label = plain_label()
        self.setWidget(self._label)

    def page_width(self) -> int:
        """Return how many pixels of the screen a page may be wide."""
        return int((self.viewport().width() - 4) * self.devicePixelRatioF())

    def show_page(self, picture: PagePicture, boxes: Sequence[Box]) -> None:
        """Show a page, with `boxes` marked, scrolled to the first of them."""
        size = 4 * picture.width
        image = QImage(picture.pixels, picture.width, picture.height, size, QImage.Format.Format_RGBA8888)
        pixmap = QPixmap.fromImage(image)
        painter = QPainter(pixmap)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Multiply)
        for box in boxes:
            corner = QPointF(box.left * picture.width, box.top * picture.height)
            end = QPointF(box.right * picture.width, box.bottom * picture.height)
            painter.fillRect(QRectF(corner, end).adjusted(-2, -1, 2, 1), QColor("#ffe27a"))
        painter.end()
        pixmap.setDevicePixelRatio(self.devicePixelRatioF())
        self._label.setPixmap(pixmap)
        self._label.resize(pixmap.deviceIndependentSize().toSize())
        if boxes:
            top = boxes[0].top * self._label.height()
            self.verticalScrollBar().setValue(round(top - self.viewport().height() / 4))

    def page(self, step: int) -> None:
        """Scroll by a page of the window; at the end, turn to the next page."""
        bar = self.verticalScrollBar()
        if bar.value() == (bar.maximum() if step > 0 else bar.minimum()):
            self.turned.emit(step)
        else:
            bar.setValue(bar.value() + step * bar.pageStep())

    def scroll_to_end(self, *, is_top: bool) -> None:
        """Scroll to the beginning or the end of the page."""
        bar = self.verticalScrollBar()
        bar.setValue(bar.minimum() if is_top else bar.maximum())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_PageUp, Qt.Key.Key_PageDown}:
            event.ignore()  # the dialog turns pages
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.resized.emit()


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
