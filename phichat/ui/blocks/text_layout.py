"""Puts a reply's paragraphs into a text document: only what changed, in colours of the palette, nothing fetched."""

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QFontInfo,
    QFontMetricsF,
    QPalette,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextOption,
)

from phichat.markdown.document import OBJECT, Paragraph, Run, Runs, Style
from phichat.markdown.serializer import clipped, markup
from phichat.ui.blocks.formulas import DISPLAY, FORMULA, LATEX, SOURCE, FormulaCache, FormulaObject, apply_drawing
from phichat.ui.widgets.plain_text import tool_tip

QUOTES = QTextFormat.Property.UserProperty + 5  # how many lists deep each quote around a paragraph began
RULE = QTextFormat.Property.UserProperty + 6

HEADINGS = (1.0, 1.5, 1.3, 1.15, 1.05, 1.0, 1.0)  # of the text's size
INDENT, QUOTE = 1.7, 1.1  # of the text's size
GAP, TIGHT, ABOVE = 0.65, 0.22, 1.0  # between paragraphs, between items, above headings; of the text's size


class TextLayout:
    """Has `document` show paragraphs. What is there stays there as long as what comes only goes on from it.

    Attributes:
        size: that of the text, in pixels.
        waits: whether there is a formula that is not drawn yet.
    """

    def __init__(self, document: QTextDocument, formula_cache: FormulaCache | None) -> None:
        self._document, self._formula_cache = document, formula_cache
        self._shown: list[tuple[Paragraph, float, int]] = []
        self._palette, self._font = QPalette(), QFont()
        self.size = self._points = 0.0
        self.has_pending_formulas = False
        document.setUndoRedoEnabled(False)
        if formula_cache:
            self._object = FormulaObject(formula_cache, document)
            document.documentLayout().registerHandler(FORMULA, self._object)

    def set_style(self, palette: QPalette, font: QFont) -> None:
        """Use these from now on."""
        self._palette, self._font = palette, font
        self._document.clear()
        self.size, self._points = QFontMetricsF(font).height() / 1.2, QFontInfo(font).pointSizeF()
        self._document.setDefaultFont(font)
        self._document.setIndentWidth(self.size * INDENT)
        self._shown.clear()

    def show(self, paragraphs: Sequence[Paragraph]) -> None:
        """Have these shown, and nothing else."""
        wanted = [
            (paragraph, self._gap(paragraphs[at - 1], paragraph) if at else 0.0, self._drawn(paragraph.runs))
            for at, paragraph in enumerate(paragraphs)
        ]
        same = next((at for at, pair in enumerate(zip(self._shown, wanted, strict=False)) if pair[0] != pair[1]), -1)
        same = min(len(self._shown), len(wanted)) if same < 0 else same
        cursor = QTextCursor(self._document)
        cursor.beginEditBlock()
        if same < len(self._shown):
            rest = _rest(self._shown[same], wanted[same]) if same == len(self._shown) - 1 < len(wanted) else None
            if rest is not None:
                cursor.movePosition(QTextCursor.MoveOperation.End)
                self.insert(cursor, rest, self._look(wanted[same][0]))
                same += 1
            else:
                self._cut(cursor, same)
        for at in range(same, len(wanted)):
            self._put(cursor, at, *wanted[at][:2])
        cursor.endEditBlock()
        self._shown = wanted
        self.has_pending_formulas = any(self.lacks_formula(paragraph.runs) for paragraph in paragraphs)

    def insert(self, cursor: QTextCursor, runs: Runs, look: QTextCharFormat) -> None:
        """Write `runs` at `cursor`; formulas as drawings, where they are drawn."""
        for run in runs:
            shape = self._shape(run, look)
            if run.latex and self._is_drawn(run):
                cursor.insertText(OBJECT, self._formula_shape(run, shape))
            elif run.latex:
                cursor.insertText(_inside(run.text), self._shape(replace(run, style=run.style | Style.CODE), look))
            else:
                cursor.insertText(_inside(run.text), shape)

    def to_markdown(self, start: int, end: int) -> str:
        """What is from `start` to before `end`, as Markdown."""
        found = []
        block = self._document.findBlock(start)
        while block.isValid() and block.position() < end and block.blockNumber() < len(self._shown):
            paragraph = self._shown[block.blockNumber()][0]
            found.append(clipped(paragraph, start - block.position(), end - block.position()))
            block = block.next()
        return markup(found)

    def lacks_formula(self, runs: Runs) -> bool:
        """Whether a formula in `runs` is not drawn yet."""
        return self._drawn(runs) < sum(1 for run in runs if run.latex)

    def text_format(self, *, is_bold: bool = False) -> QTextCharFormat:
        """That of plain words."""
        look = QTextCharFormat()
        look.setForeground(self._palette.color(QPalette.ColorRole.Text))
        if is_bold:
            look.setFontWeight(QFont.Weight.DemiBold)
        return look

    def line_color(self) -> QColor:
        """That of lines in the text."""
        return self._palette.color(QPalette.ColorRole.Mid)

    def _put(self, cursor: QTextCursor, at: int, paragraph: Paragraph, gap: float) -> None:
        cursor.movePosition(QTextCursor.MoveOperation.End)
        if at:
            cursor.insertBlock()
        cursor.setBlockFormat(self._block(paragraph, gap))
        look = self._look(paragraph)
        cursor.setBlockCharFormat(look)
        if paragraph.marker:
            cursor.insertText(paragraph.marker + "\t", look)
        self.insert(cursor, paragraph.runs, look)

    def _cut(self, cursor: QTextCursor, at: int) -> None:
        """Take away all from the paragraph of that number on."""
        if at == 0:
            self._document.clear()
            self._document.setDefaultFont(self._font)
            cursor.setPosition(0)
            return
        block = self._document.findBlockByNumber(at - 1)
        cursor.setPosition(block.position() + block.length() - 1)
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()

    def _block(self, paragraph: Paragraph, gap: float) -> QTextBlockFormat:
        block = QTextBlockFormat()
        block.setTopMargin(gap * self.size)
        block.setIndent(paragraph.depth)
        quotes = len(paragraph.quotes) * self.size * QUOTE
        tab = QTextOption.TabType.LeftTab
        if _is_rtl(paragraph.runs):
            block.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
            block.setRightMargin(quotes)
            tab = QTextOption.TabType.RightTab  # the side on which they stand is counted from the right
        else:
            block.setLeftMargin(quotes)
        if paragraph.marker:
            width = self.size * INDENT
            block.setTextIndent(-width)
            block.setTabPositions([QTextOption.Tab(width * step, tab) for step in (1, 2, 3)])
        if paragraph.heading:
            block.setHeadingLevel(paragraph.heading)
        if paragraph.quotes:
            block.setProperty(QUOTES, list(paragraph.quotes))
        if paragraph.is_rule:
            block.setProperty(RULE, True)
        return block

    def _look(self, paragraph: Paragraph) -> QTextCharFormat:
        look = self.text_format(is_bold=bool(paragraph.heading))
        if paragraph.heading:
            look.setFontPointSize(self._points * HEADINGS[paragraph.heading])
        if paragraph.is_rule:
            look.setFontPointSize(max(1.0, self._points / 2))
        return look

    def _shape(self, run: Run, look: QTextCharFormat) -> QTextCharFormat:
        shape = QTextCharFormat(look)
        if run.style & Style.BOLD:
            shape.setFontWeight(QFont.Weight.Bold)
        shape.setFontItalic(bool(run.style & Style.ITALIC))
        shape.setFontStrikeOut(bool(run.style & Style.STRUCK))
        if run.style & Style.CODE:
            shape.setFontFamilies(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).families())
            shape.setFontFixedPitch(True)
            shape.setBackground(self._palette.color(QPalette.ColorRole.Midlight))
        if run.link:
            shape.setAnchor(True)
            shape.setAnchorHref(run.link)
            shape.setFontUnderline(True)
            shape.setForeground(self._palette.color(QPalette.ColorRole.Link))
            shape.setToolTip(tool_tip(run.link))
        return shape

    def _formula_shape(self, run: Run, shape: QTextCharFormat) -> QTextCharFormat:
        drawing = self._formula_cache.get(run.latex, is_display=run.is_display) if self._formula_cache else None
        shape.setObjectType(FORMULA)
        shape.setProperty(LATEX, run.latex)
        shape.setProperty(SOURCE, run.text)
        shape.setProperty(DISPLAY, run.is_display)
        if drawing:
            apply_drawing(shape, drawing, shape.font().resolve(self._font))
        return shape

    def _is_drawn(self, run: Run) -> bool:
        return bool(self._formula_cache and self._formula_cache.get(run.latex, is_display=run.is_display))

    def _drawn(self, runs: Runs) -> int:
        """How many formulas are drawings."""
        return sum(1 for run in runs if run.latex and self._is_drawn(run))

    def _gap(self, before: Paragraph, paragraph: Paragraph) -> float:
        if paragraph.continues:
            return 0.0
        if paragraph.heading:
            return ABOVE
        are_items = before.depth and paragraph.depth and paragraph.marker and before.quotes == paragraph.quotes
        return TIGHT if are_items else GAP


def _rest(shown: tuple[Paragraph, float, int], wanted: tuple[Paragraph, float, int]) -> Runs | None:
    """What `wanted` has after what is shown; None if it is another one."""
    old, new = shown[0].runs, wanted[0].runs
    if shown[1] != wanted[1] or replace(wanted[0], runs=old) != shown[0] or any(run.latex for run in old):
        return None
    if not old:
        return new
    count = len(old) - 1
    if len(new) <= count or new[:count] != old[:count]:
        return None
    last, grown = old[count], new[count]
    if replace(grown, text=last.text) != last or not grown.text.startswith(last.text):
        return None
    more = replace(grown, text=grown.text[len(last.text) :])
    return (*([more] if more.text else []), *new[count + 1 :])


def _inside(text: str) -> str:
    """`text` as it stands within a paragraph: Qt would begin others at its ends of lines."""
    return text.replace("\n", "\u2028").replace("\u2029", "\u2028")


def _is_rtl(runs: Runs) -> bool:
    """Whether the first letter that has a direction goes from right to left."""
    for run in runs:
        for letter in run.text[:200]:
            direction = unicodedata.bidirectional(letter)
            if direction in {"R", "AL", "L"}:
                return direction != "L"
    return False
