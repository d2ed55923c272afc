"""Prose in a message: a reply's paragraphs or plain text, as high as it is long, in which nothing is fetched or run."""

from math import ceil

from PySide6.QtCore import QEvent, QMimeData, QPoint, QRectF, Qt, QUrl, Slot
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent, QTextBlock, QTextCursor, QWheelEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextBrowser, QWidget

from phichat.markdown.document import OBJECT, Block, Node, Paragraph
from phichat.ui.blocks.base import BlockWidget
from phichat.ui.blocks.formulas import SOURCE, FormulaCache
from phichat.ui.blocks.text_layout import INDENT, QUOTE, QUOTES, RULE, TextLayout
from phichat.ui.widgets.plain_text import SealedDocument

ENLARGEMENT = 1.1  # than the window's font
QUOTE_BAR = 3  # pixels: the line beside a quote
_SAFE = {"http", "https"}
_LOOKS = {QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange}


class TextBlock(BlockWidget, QTextBrowser):
    """Shows text. HTML stays text, pictures are not fetched, and a link shows where it leads before it opens."""

    _is_dressed = False

    def __init__(self, formula_cache: FormulaCache | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        document = SealedDocument(self)
        document.setUndoRedoEnabled(False)
        document.setDefaultFont(self.font())
        self.setDocument(document)
        self._source = ""
        self._formula_cache = formula_cache
        self._waits = False  # for a formula to be drawn
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)  # the message has one
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.viewport().setAutoFillBackground(False)
        self.setOpenLinks(False)
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().setDocumentMargin(0)
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * ENLARGEMENT)
        self.setFont(font)
        self.text_layout = TextLayout(self.document(), formula_cache)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self.anchorClicked.connect(self._open)
        if formula_cache:
            formula_cache.drawn.connect(self._on_drawn)

    def show_block(self, block: Block) -> None:
        if self.block != block:
            self.block = block
            self._set()
            self.refresh_highlights()

    def show_plain(self, source: str) -> None:
        """Show `source` as it is."""
        if source != self._source:
            self._source = source
            self.setPlainText(source)
            self.refresh_highlights()

    def text_edit(self) -> QTextBrowser:
        return self

    def selected_text(self) -> str:
        cursor = self.textCursor()
        text = cursor.selection().toPlainText()
        if OBJECT not in text:
            return text
        sources = iter(self._formulas(cursor.selectionStart(), cursor.selectionEnd()))
        return "".join(next(sources, letter) if letter == OBJECT else letter for letter in text)

    def link_at(self, place: QPoint) -> str:
        return self.anchorAt(place)

    def set_accessible_name(self, name: str) -> None:
        self.setAccessibleName(name)

    def markdown(self) -> str:
        return self.block.source.strip("\n") if self.block else self._source

    def selected_markdown(self) -> str:
        cursor = self.textCursor()
        if self.block is None:
            return self.selected_text()
        return self.text_layout.to_markdown(cursor.selectionStart(), cursor.selectionEnd())

    def widest_line(self) -> int:
        """Pixels that the longest of its first lines wants."""
        lines = self._source.split("\n", 60)[:60]
        return max(self.fontMetrics().horizontalAdvance(line[:400]) for line in lines) + 4

    def set_items(self, items: tuple[Node, ...]) -> None:
        """Put `items` into the document."""
        self.text_layout.show([item for item in items if isinstance(item, Paragraph)])

    def _set(self) -> None:
        if self.block is None:
            return
        if not self._is_dressed:
            self._is_dressed = True
            self.text_layout.set_style(self.palette(), self.font())
        cursor, scrolled = self.textCursor(), self.horizontalScrollBar().value()
        place = cursor.anchor(), cursor.position()
        self.set_items(self.block.items)
        self._go_back(*place, scrolled)
        if OBJECT in self.toPlainText():  # only a formula can be wide; what hangs from right to left seems to Qt to be
            self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self._waits = self.text_layout.has_pending_formulas
        self._describe()

    def _go_back(self, anchor: int, position: int, scrolled: int) -> None:
        """Have marked what was marked, and seen what was seen: text that is put where the cursor is moves it."""
        cursor = self.textCursor()
        if (cursor.anchor(), cursor.position()) != (anchor, position):
            end = self.document().characterCount() - 1
            cursor.setPosition(min(anchor, end))
            cursor.setPosition(min(position, end), QTextCursor.MoveMode.KeepAnchor)
            self.setTextCursor(cursor)
            self.horizontalScrollBar().setValue(scrolled)

    def _describe(self) -> None:
        """A screen reader hears formulas as they were written: they are one letter each in the text."""
        text = self.toPlainText()
        if OBJECT in text:
            sources = iter(self._formulas(0, self.document().characterCount()))
            self.setAccessibleDescription(
                "".join(next(sources, letter) if letter == OBJECT else letter for letter in text)
            )

    def _formulas(self, start: int, end: int) -> list[str]:
        """What was written for each formula from `start` to `end`."""
        found = []
        block = self.document().findBlock(start)
        while block.isValid() and block.position() < end:
            place = block.begin()
            while not place.atEnd():
                fragment = place.fragment()
                if fragment.charFormat().hasProperty(SOURCE):
                    begin = max(start, fragment.position())
                    count = min(end, fragment.position() + fragment.length()) - begin
                    found += [str(fragment.charFormat().property(SOURCE))] * max(0, count)
                place += 1
            block = block.next()
        return found

    @Slot()
    def _on_drawn(self) -> None:
        if self._waits:
            self._set()
            self.refresh_highlights()

    @Slot()
    def _fit(self) -> None:
        size = self.document().size()
        can_be_wide = self.horizontalScrollBarPolicy() is not Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        is_wide = can_be_wide and size.width() > self.width() + 1
        bar = self.horizontalScrollBar().sizeHint().height() if is_wide else 0
        self.setFixedHeight(ceil(size.height()) + bar)

    @Slot(QUrl)
    def _open(self, url: QUrl) -> None:
        if url.scheme() in _SAFE:
            from phichat.ui.widgets.dialogs import LinkDialog  # noqa: PLC0415 - few links are followed

            LinkDialog(url, self.window()).open()

    def _paint_signs(self, painter: QPainter, block: QTextBlock) -> None:
        """Paint what Qt has no words for: the bars of quotes, and rules."""
        shape = block.blockFormat()
        area = self.document().documentLayout().blockBoundingRect(block)
        area.translate(-self.horizontalScrollBar().value(), 0)
        if shape.hasProperty(RULE):
            painter.fillRect(QRectF(area.left(), area.center().y(), area.width(), 1), self.text_layout.line_color())
        before = block.previous().blockFormat().property(QUOTES) or []
        for number, depth in enumerate(shape.property(QUOTES) or []):
            goes_on = number < len(before) and before[number] == depth
            top = area.top() - (shape.topMargin() if goes_on else 0)
            along = (depth * INDENT + number * QUOTE) * self.text_layout.size
            is_rtl = shape.layoutDirection() is Qt.LayoutDirection.RightToLeft
            left = self.viewport().width() - along - QUOTE_BAR if is_rtl else along
            painter.fillRect(QRectF(left, top, QUOTE_BAR, area.bottom() - top), self.text_layout.line_color())

    def createMimeDataFromSelection(self) -> QMimeData:
        data = QMimeData()  # not Qt's, which has the letters that stand for formulas
        data.setText(self.selected_text())
        data.setHtml(self.textCursor().selection().toHtml())
        return data

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        layout = self.document().documentLayout()
        block = self.document().begin()
        while block.isValid():
            shape = block.blockFormat()
            if shape.hasProperty(QUOTES) or shape.hasProperty(RULE):
                area = layout.blockBoundingRect(block)
                if area.top() - shape.topMargin() <= event.rect().bottom() and area.bottom() >= event.rect().top():
                    self._paint_signs(painter, block)
            block = block.next()
        painter.end()
        super().paintEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in _LOOKS and self._is_dressed:
            self._is_dressed = False
            self._set()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if abs(event.angleDelta().x()) > abs(event.angleDelta().y()):
            super().wheelEvent(event)
        else:
            event.ignore()  # the transcript scrolls
