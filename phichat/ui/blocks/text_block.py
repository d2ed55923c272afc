"""A block of text in a message: paragraphs of a reply, or plain text."""

from math import ceil, floor

from PySide6.QtCore import QEvent, QMimeData, QPoint, QRectF, Qt, QTimer, QUrl, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent, QTextBlock, QTextCursor, QWheelEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextBrowser, QWidget

from phichat.i18n import tr
from phichat.markdown.citations import JOINER, UNSUPPORTED, without_citations
from phichat.markdown.document import OBJECT, Block, Node, Paragraph
from phichat.ui.blocks.base import BlockWidget
from phichat.ui.blocks.formulas import SOURCE, FormulaCache, Key
from phichat.ui.blocks.text_layout import CITATION, INDENT, QUOTE, QUOTES, RULE, TextLayout
from phichat.ui.theme.scaling import set_tab_width
from phichat.ui.widgets.foreign_text import SealedDocument
from phichat.ui.widgets.long_text import wrap_by_words_of

ENLARGEMENT = 1.1  # of the window's font
QUOTE_BAR = 3  # pixels
LONG_LINE = 400  # letters
_SAFE_SCHEMES = {"http", "https"}
STYLE_CHANGES = {QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange}


class TextBlock(BlockWidget, QTextBrowser):
    """Shows text, as high as the text is long.

    Nothing is fetched or run: HTML stays text, images are not loaded, and a link shows its URL before it opens.

    Signals: `citation_opened(int)`, `citation_focused(int)`: the number of the passage that a citation leads to.
    """

    citation_opened = Signal(int)
    citation_focused = Signal(int)

    _has_style = False  # a class attribute: Qt sends changeEvent before the constructor is done, too

    def __init__(self, formula_cache: FormulaCache | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        document = SealedDocument(self)
        document.setUndoRedoEnabled(False)
        document.setDefaultFont(self.font())
        self.setDocument(document)
        self._source = ""
        self._widest: int | None = None  # pixels; measured when it is asked for
        self._formula_cache = formula_cache
        self._awaited: set[Key] = set()  # formulas that may still be drawn
        self._is_behind = False  # some of them are drawn, but not shown, as nobody would see it
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
        set_tab_width(self)
        self.text_layout = TextLayout(self.document(), formula_cache)
        self.document().documentLayout().documentSizeChanged.connect(self._fit_height)
        self.anchorClicked.connect(self._open_link)
        if formula_cache:
            formula_cache.drawn.connect(self._on_drawn)

    def show_block(self, block: Block) -> None:
        if self.block != block:
            self.block = block
            self._update_document()
            self.refresh_highlights()

    def show_plain(self, source: str) -> None:
        """Show `source` as plain text."""
        if source != self._source:
            self._source, self._widest = source, None
            wrap_by_words_of(self, source)
            self.setPlainText(source)
            self.refresh_highlights()

    def text_edit(self) -> QTextBrowser:
        return self

    def selected_text(self) -> str:
        cursor = self.textCursor()
        text = cursor.selection().toPlainText()
        return self._with_formula_sources(text, cursor.selectionStart(), cursor.selectionEnd())

    def link_at(self, place: QPoint) -> str:
        link = self.anchorAt(place)
        return "" if link.startswith(f"{CITATION}:") else link

    def set_accessible_name(self, name: str) -> None:
        self.setAccessibleName(name)

    def markdown(self) -> str:
        return self.block.source.strip("\n") if self.block else self._source

    def selected_markdown(self, *, is_escaped: bool = False) -> str:
        cursor = self.textCursor()
        if self.block is None:
            return self.selected_text()
        return self.text_layout.to_markdown(cursor.selectionStart(), cursor.selectionEnd(), is_escaped=is_escaped)

    def widest_line(self) -> int:
        """Return the width in pixels that the plain text needs for each of its lines to be one."""
        if self._widest is None:
            self._widest = ceil(max(map(self._width_of, self._source.split("\n")))) + 4
        return self._widest

    def _width_of(self, line: str) -> float:
        """Return the width of `line` in pixels; of a long one, that of a part that is wider than any window's text."""
        metrics, tab, width = self.fontMetrics(), self.tabStopDistance(), 0.0
        *before, last = line[:LONG_LINE].split("\t")
        for cell in before:
            width = (floor((width + metrics.horizontalAdvance(cell)) / tab) + 1) * tab
        return width + metrics.horizontalAdvance(last)

    def set_items(self, items: tuple[Node, ...]) -> None:
        """Show the paragraphs among `items`."""
        self.text_layout.show([item for item in items if isinstance(item, Paragraph)])

    def draw_formulas(self) -> None:
        """Show the drawings that are there by now."""
        self.text_layout.draw_formulas()

    def _update_document(self) -> None:
        if self.block is None:
            return
        if self._has_style:
            self.draw_formulas()  # which keeps what is selected
        else:
            self._has_style = True
            self.text_layout.set_style(self.palette(), self.font())
        cursor, scrolled = self.textCursor(), self.horizontalScrollBar().value()
        place = cursor.anchor(), cursor.position()
        self.set_items(self.block.items)
        self._restore_selection(*place, scrolled)
        self._awaited = self._awaited_formulas()
        self._is_behind = False
        self._set_description()

    def _awaited_formulas(self) -> set[Key]:
        """Return the formulas in it that may still be drawn."""
        missing = self.text_layout.missing
        return {key for key in missing if self._formula_cache and self._formula_cache.is_awaited(key)}

    def _restore_selection(self, anchor: int, position: int, scrolled: int) -> None:
        """Restore selection and scroll position, which text inserted at the cursor moves."""
        cursor = self.textCursor()
        if (cursor.anchor(), cursor.position()) != (anchor, position):
            end = self.document().characterCount() - 1
            cursor.setPosition(min(anchor, end))
            cursor.setPosition(min(position, end), QTextCursor.MoveMode.KeepAnchor)
            self.setTextCursor(cursor)
            self.horizontalScrollBar().setValue(scrolled)

    def _set_description(self) -> None:
        """Give screen readers the source of formulas, which are one character each, and words for the quiet sign."""
        text = self.toPlainText()
        if OBJECT in text:  # Qt takes text from right to left for wide, too
            self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        if OBJECT in text or UNSUPPORTED in text:
            described = self._with_formula_sources(text, 0, self.document().characterCount())
            self.setAccessibleDescription(described.replace(UNSUPPORTED, tr("(not in your documents)")))
        elif self.accessibleDescription():
            self.setAccessibleDescription("")

    def _with_formula_sources(self, text: str, start: int, end: int) -> str:
        """Return `text`, which is from `start` to `end` in the document, with the source of each formula."""
        if OBJECT not in text:
            return text
        sources = iter(self._formula_sources(start, end))
        return "".join(next(sources, letter) if letter == OBJECT else letter for letter in text)

    def _formula_sources(self, start: int, end: int) -> list[str]:
        """Return the sources of the formulas from `start` to `end`."""
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

    @Slot(object)
    def _on_drawn(self, keys: set[Key]) -> None:
        """Show the drawings among `keys` that belong here; out of sight only once all are there."""
        if not self._has_style or keys.isdisjoint(self._awaited):
            return
        self._awaited -= keys
        if not self._awaited or not self.visibleRegion().isEmpty():
            self._show_drawings()
        else:
            self._is_behind = True

    @Slot()
    def _show_drawings(self) -> None:
        self._is_behind = False
        self.draw_formulas()
        self._set_description()
        self.refresh_highlights()

    @Slot()
    def _fit_height(self) -> None:
        size = self.document().size()
        can_be_wide = self.horizontalScrollBarPolicy() is not Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        is_wide = can_be_wide and size.width() > self.width() + 1
        bar = self.horizontalScrollBar().sizeHint().height() if is_wide else 0
        self.setFixedHeight(ceil(size.height()) + bar)

    @Slot(QUrl)
    def _open_link(self, url: QUrl) -> None:
        if url.scheme() == CITATION:
            self.citation_opened.emit(int(url.path()))
        elif url.scheme() in _SAFE_SCHEMES:
            from phichat.ui.widgets.dialogs import LinkDialog  # noqa: PLC0415 - with the first link

            LinkDialog(url, self.window()).open()

    def _paint_block(self, painter: QPainter, block: QTextBlock) -> None:
        """Paint the bars of quotes, and rules, which Qt cannot format."""
        block_format = block.blockFormat()
        area = self.document().documentLayout().blockBoundingRect(block)
        area.translate(-self.horizontalScrollBar().value(), 0)
        if block_format.hasProperty(RULE):
            painter.fillRect(QRectF(area.left(), area.center().y(), area.width(), 1), self.text_layout.line_color())
        before = block.previous().blockFormat().property(QUOTES) or []
        for number, depth in enumerate(block_format.property(QUOTES) or []):
            goes_on = number < len(before) and before[number] == depth
            top = area.top() - (block_format.topMargin() if goes_on else 0)
            along = (depth * INDENT + number * QUOTE) * self.text_layout.size
            is_rtl = block_format.layoutDirection() is Qt.LayoutDirection.RightToLeft
            left = self.viewport().width() - along - QUOTE_BAR if is_rtl else along
            painter.fillRect(QRectF(left, top, QUOTE_BAR, area.bottom() - top), self.text_layout.line_color())

    def createMimeDataFromSelection(self) -> QMimeData:
        data = QMimeData()  # Qt's own has object replacement characters for formulas, or nothing
        data.setText(without_citations(self.selected_text()))
        selection = self.textCursor().selection()
        text = selection.toPlainText()
        is_ours = OBJECT in text or JOINER in text
        data.setHtml(markdown_html(without_citations(self.selected_markdown())) if is_ours else selection.toHtml())
        return data

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._formula_cache and self._awaited:
            self._formula_cache.hurry(self._awaited)
        if self._is_behind:
            self._is_behind = False
            QTimer.singleShot(0, self._show_drawings)
        painter = QPainter(self.viewport())
        for number in self.text_layout.marked:
            block = self.document().findBlockByNumber(number)
            area = self.document().documentLayout().blockBoundingRect(block)
            top = area.top() - block.blockFormat().topMargin()
            if top <= event.rect().bottom() and area.bottom() >= event.rect().top():
                self._paint_block(painter, block)
        painter.end()
        super().paintEvent(event)
        if self.text_layout.formula_object:
            painter.begin(self.viewport())
            self.text_layout.formula_object.repaint_selected(painter)
            painter.end()

    def focusNextPrevChild(self, is_next: bool) -> bool:
        has_moved = super().focusNextPrevChild(is_next)
        link = QUrl(self.textCursor().charFormat().anchorHref()) if has_moved and self.hasFocus() else QUrl()
        if link.scheme() == CITATION:
            self.citation_focused.emit(int(link.path()))
        return has_moved

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._widest = None
            set_tab_width(self)
        if event.type() in STYLE_CHANGES and self._has_style:
            self._has_style = False
            self._update_document()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_height()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if abs(event.angleDelta().x()) > abs(event.angleDelta().y()):
            super().wheelEvent(event)
        else:
            event.ignore()  # the transcript scrolls


def markdown_html(markdown: str) -> str:
    """Return the HTML of `markdown`."""
    from phichat.markdown.html import render_html  # noqa: PLC0415 - with the first formula that is dragged or copied

    return render_html(markdown)
