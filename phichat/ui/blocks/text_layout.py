"""Lays out the paragraphs of a reply in a QTextDocument, and only those that changed."""

import unicodedata
from collections.abc import Iterable, Sequence
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

from phichat.i18n import tr
from phichat.markdown.citations import JOINER, split_citations
from phichat.markdown.document import OBJECT, Paragraph, Run, Runs, Style
from phichat.markdown.serializer import clip, to_markdown
from phichat.ui.blocks.formulas import DISPLAY, FORMULA, LATEX, SOURCE, FormulaCache, FormulaObject, Key, apply_drawing
from phichat.ui.widgets.foreign_text import tool_tip
from phichat.unicode import utf16_length

QUOTES = QTextFormat.Property.UserProperty + 5  # list[int]: the list depth at which each quote around a paragraph began
RULE = QTextFormat.Property.UserProperty + 6

CITATION = "citation"
"""The scheme of the link on a number that opens a passage; links in answers themselves lead to the web alone."""

# In units of the font size:
HEADINGS = (1.0, 1.5, 1.3, 1.15, 1.05, 1.0, 1.0)  # by level
INDENT, QUOTE, AFTER_MARKER = 2.0, 1.1, 0.3  # the first has room for "99." and what follows it
GAP, TIGHT, ABOVE = 0.65, 0.22, 1.0  # between paragraphs, between list items, above headings


Drawn = tuple[bool, ...]
"""For each formula in a text, whether its drawing is shown, not its source."""


class TextLayout:
    """Lays out paragraphs in `document`. While a reply grows, text is appended and nothing before it changes.

    Attributes:
        size: the font size in pixels.
        missing: the formulas whose source is shown, as they are not drawn yet.
        formula_object: paints the formulas; None if none are drawn.
        marked: the numbers of paragraphs beside which bars are painted, or in whose place there is a rule.
        has_code_ground: whether code in a line is on a ground of its own.
    """

    def __init__(self, document: QTextDocument, formula_cache: FormulaCache | None) -> None:
        self._document, self._formula_cache = document, formula_cache
        self._shown: list[tuple[Paragraph, float]] = []
        self._drawn: dict[int, Drawn] = {}  # by the number of the paragraph, where it has formulas
        self.missing: set[Key] = set()
        self.marked: list[int] = []
        self._palette, self._font = QPalette(), QFont()
        self.size = self._points = 0.0
        self.has_code_ground = True
        document.setUndoRedoEnabled(False)
        self.formula_object = FormulaObject(formula_cache, document) if formula_cache else None
        if self.formula_object:
            document.documentLayout().registerHandler(FORMULA, self.formula_object)

    def set_style(self, palette: QPalette, font: QFont) -> None:
        """Use this palette and font from now on; clears the document."""
        self._palette, self._font = palette, font
        self._document.clear()
        self.size, self._points = QFontMetricsF(font).height() / 1.2, QFontInfo(font).pointSizeF()
        self._document.setDefaultFont(font)
        self._document.setIndentWidth(self.size * INDENT)
        self._shown.clear()
        self._drawn.clear()

    def show(self, paragraphs: Sequence[Paragraph]) -> None:
        """Show `paragraphs` and nothing else."""
        self.draw_formulas()
        wanted = [
            (paragraph, self._gap(paragraphs[at - 1], paragraph) if at else 0.0)
            for at, paragraph in enumerate(paragraphs)
        ]
        same = common_prefix(self._shown, wanted)
        cursor = QTextCursor(self._document)
        cursor.beginEditBlock()
        if same < len(self._shown):
            is_last = same == len(self._shown) - 1 and same < len(wanted)
            rest = _appended_runs(self._shown[same], wanted[same]) if is_last else None
            if rest is not None:
                cursor.movePosition(QTextCursor.MoveOperation.End)
                self.insert(cursor, rest, self._paragraph_format(wanted[same][0]))
                same += 1
            else:
                self._truncate(cursor, same)
        for at in range(same, len(wanted)):
            self._append(cursor, at, *wanted[at])
        cursor.endEditBlock()
        self._shown = wanted
        self.marked = [at for at, paragraph in enumerate(paragraphs) if paragraph.quotes or paragraph.is_rule]
        found = ((at, self.drawn_formulas(paragraph.runs)) for at, (paragraph, _) in enumerate(wanted))
        self._drawn = {at: drawn for at, drawn in found if drawn}
        self.missing = self.missing_formulas(paragraph.runs for paragraph in paragraphs)

    def draw_formulas(self) -> None:
        """Put the drawings that are there by now in the place of the sources, and change nothing else."""
        news = [(at, drawn, self.drawn_formulas(self._shown[at][0].runs)) for at, drawn in self._drawn.items()]
        news = [(at, before, now) for at, before, now in news if before != now]
        if not news:
            return
        cursor = QTextCursor(self._document)
        cursor.beginEditBlock()
        for at, before, now in news:
            paragraph, gap = self._shown[at]
            block = self._document.findBlockByNumber(at)
            begin = block.position() + (utf16_length(paragraph.marker) + 1 if paragraph.marker else 0)
            self.replace_sources(begin, paragraph.runs, before, self._paragraph_format(paragraph))
            QTextCursor(block).setBlockFormat(self._block_format(paragraph, gap))
            self._drawn[at] = now
        cursor.endEditBlock()
        self.missing = self.missing_formulas(paragraph.runs for paragraph, _ in self._shown)

    def replace_sources(self, begin: int, runs: Runs, before: Drawn, base: QTextCharFormat) -> None:
        """Replace the source of formulas by drawings in `runs`, which begin at `begin`; those `before` were drawn then.

        What is selected stays selected.
        """
        places, was_drawn = [], iter(before)
        for run in runs:
            is_object = bool(run.latex) and next(was_drawn)
            end = begin + (1 if is_object else utf16_length(run.text))
            if run.latex and not is_object and self._is_drawn(run):
                places.append((begin, end, run))
            begin = end
        cursor = QTextCursor(self._document)
        for begin, end, run in reversed(places):
            cursor.setPosition(end)  # an end of a selection that is at `begin` does not move then
            cursor.insertText(OBJECT, self._formula_format(run, self._run_format(run, base)))
            cursor.setPosition(begin)
            cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
            cursor.removeSelectedText()

    def insert(self, cursor: QTextCursor, runs: Runs, base: QTextCharFormat) -> None:
        """Insert `runs` at `cursor`; formulas as drawings, or as code while they are not rendered."""
        for run in runs:
            if run.latex and self._is_drawn(run):
                cursor.insertText(OBJECT, self._formula_format(run, self._run_format(run, base)))
            elif run.latex or run.style & Style.CODE or JOINER not in run.text:
                shown = replace(run, style=run.style | Style.CODE) if run.latex else run
                cursor.insertText(_as_line_breaks(run.text), self._run_format(shown, base))
            else:
                for text, number in split_citations(run.text):
                    char_format = self._run_format(run, base)
                    cursor.insertText(
                        _as_line_breaks(text), self._citation_format(number, char_format) if number else char_format
                    )

    def to_markdown(self, start: int, end: int, *, is_escaped: bool = False) -> str:
        """Return the text between two positions in the document as Markdown."""
        found = []
        block = self._document.findBlock(start)
        while block.isValid() and block.position() < end and block.blockNumber() < len(self._shown):
            paragraph = self._shown[block.blockNumber()][0]
            found.append(clip(paragraph, start - block.position(), end - block.position()))
            block = block.next()
        return to_markdown(found, is_escaped=is_escaped)

    def drawn_formulas(self, runs: Runs) -> Drawn:
        """Return for each formula in `runs` whether it is drawn; the drawing of others begins."""
        return tuple(self._is_drawn(run) for run in runs if run.latex)

    def missing_formulas(self, texts: Iterable[Runs]) -> set[Key]:
        """Return the formulas in `texts` that are not drawn yet."""
        return {(run.latex, run.is_display) for runs in texts for run in runs if run.latex and not self._is_drawn(run)}

    def text_format(self, *, is_bold: bool = False) -> QTextCharFormat:
        """Return the format of plain text."""
        char_format = QTextCharFormat()
        char_format.setForeground(self._palette.color(QPalette.ColorRole.Text))
        if is_bold:
            char_format.setFontWeight(QFont.Weight.DemiBold)
        return char_format

    def line_color(self) -> QColor:
        """Return the colour of lines and bars."""
        return self._palette.color(QPalette.ColorRole.Mid)

    def _append(self, cursor: QTextCursor, at: int, paragraph: Paragraph, gap: float) -> None:
        cursor.movePosition(QTextCursor.MoveOperation.End)
        if at:
            cursor.insertBlock()
        cursor.setBlockFormat(self._block_format(paragraph, gap))
        char_format = self._paragraph_format(paragraph)
        cursor.setBlockCharFormat(char_format)
        if paragraph.marker:
            cursor.insertText(paragraph.marker + "\t", char_format)
        self.insert(cursor, paragraph.runs, char_format)

    def _truncate(self, cursor: QTextCursor, index: int) -> None:
        """Delete all from the paragraph at `index` on."""
        if index == 0:
            self._document.clear()
            self._document.setDefaultFont(self._font)
            cursor.setPosition(0)
            return
        block = self._document.findBlockByNumber(index - 1)
        cursor.setPosition(block.position() + block.length() - 1)
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()

    def _block_format(self, paragraph: Paragraph, gap: float) -> QTextBlockFormat:
        block = QTextBlockFormat()
        block.setTopMargin(gap * self.size)
        block.setIndent(paragraph.depth)
        margin, hang = len(paragraph.quotes) * self.size * QUOTE, self._hang(paragraph.marker)
        margin += hang - self.size * INDENT  # what a long marker needs beyond the indent
        tab = QTextOption.TabType.LeftTab
        if is_rtl("".join(run.text[:200] for run in paragraph.runs)):
            block.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
            block.setRightMargin(margin)
            tab = QTextOption.TabType.RightTab  # Qt counts tabs from the right here
        else:
            block.setLeftMargin(margin)
        if paragraph.marker:
            block.setTextIndent(-hang)
            block.setTabPositions([QTextOption.Tab(hang + self.size * INDENT * step, tab) for step in range(3)])
        if not paragraph.marker and len(paragraph.runs) == 1 and self._is_shown_alone(paragraph.runs[0]):
            block.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        if paragraph.heading:
            block.setHeadingLevel(paragraph.heading)
        if paragraph.quotes:
            block.setProperty(QUOTES, list(paragraph.quotes))
        if paragraph.is_rule:
            block.setProperty(RULE, True)
        return block

    def _hang(self, marker: str) -> float:
        """Return how far the text of a list item stands behind its marker, in pixels."""
        needed = QFontMetricsF(self._font).horizontalAdvance(marker) + self.size * AFTER_MARKER if marker else 0.0
        return max(self.size * INDENT, needed)

    def _paragraph_format(self, paragraph: Paragraph) -> QTextCharFormat:
        char_format = self.text_format(is_bold=bool(paragraph.heading))
        if paragraph.heading:
            char_format.setFontPointSize(self._points * HEADINGS[paragraph.heading])
        if paragraph.is_rule:
            char_format.setFontPointSize(max(1.0, self._points / 2))
        return char_format

    def _run_format(self, run: Run, base: QTextCharFormat) -> QTextCharFormat:
        char_format = QTextCharFormat(base)
        if run.style & Style.BOLD:
            char_format.setFontWeight(QFont.Weight.Bold)
        char_format.setFontItalic(bool(run.style & Style.ITALIC))
        char_format.setFontStrikeOut(bool(run.style & Style.STRUCK))
        if run.style & Style.CODE:
            char_format.setFontFamilies(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).families())
            char_format.setFontFixedPitch(True)
            if self.has_code_ground:
                char_format.setBackground(self._palette.color(QPalette.ColorRole.Midlight))
        if run.link:
            char_format.setAnchor(True)
            char_format.setAnchorHref(run.link)
            char_format.setFontUnderline(True)
            char_format.setForeground(self._palette.color(QPalette.ColorRole.Link))
            char_format.setToolTip(tool_tip(run.link))
        return char_format

    def _citation_format(self, number: int, char_format: QTextCharFormat) -> QTextCharFormat:
        char_format.setAnchor(True)
        char_format.setAnchorHref(f"{CITATION}:{number}")
        char_format.setForeground(self._palette.color(QPalette.ColorRole.Link))
        char_format.setToolTip(tr("Open this passage"))
        return char_format

    def _formula_format(self, run: Run, char_format: QTextCharFormat) -> QTextCharFormat:
        drawing = self._formula_cache.get(run.latex, is_display=run.is_display) if self._formula_cache else None
        char_format.setObjectType(FORMULA)
        char_format.setProperty(LATEX, run.latex)
        char_format.setProperty(SOURCE, run.text)
        char_format.setProperty(DISPLAY, run.is_display)
        if drawing:
            font = char_format.font().resolve(self._font)
            apply_drawing(char_format, drawing, font, is_alone=run.is_display)
        return char_format

    def _is_shown_alone(self, run: Run) -> bool:
        return run.is_display and self._is_drawn(run)

    def _is_drawn(self, run: Run) -> bool:
        return bool(self._formula_cache and self._formula_cache.get(run.latex, is_display=run.is_display))

    def _gap(self, before: Paragraph, paragraph: Paragraph) -> float:
        if paragraph.continues:
            return 0.0
        if paragraph.heading:
            return ABOVE
        are_items = before.depth and paragraph.depth and paragraph.marker and before.quotes == paragraph.quotes
        is_after_formula = bool(before.runs) and before.runs[-1].is_display
        return TIGHT if are_items and not is_after_formula else GAP


def common_prefix(old: Sequence[object], new: Sequence[object]) -> int:
    """Return how many items at the start of both are equal."""
    length = min(len(old), len(new))
    return next((index for index in range(length) if old[index] != new[index]), length)


def _appended_runs(shown: tuple[Paragraph, float], wanted: tuple[Paragraph, float]) -> Runs | None:
    """Return what `wanted` adds at the end of `shown`; None if it differs otherwise."""
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


def _as_line_breaks(text: str) -> str:
    """Return `text` with line separators, as Qt would begin a new paragraph at an end of line."""
    return text.replace("\n", "\u2028").replace("\u2029", "\u2028")


def is_rtl(text: str) -> bool:
    """Return whether the first letter with a direction is read from right to left."""
    directions = (unicodedata.bidirectional(letter) for letter in text)
    return next((direction for direction in directions if direction in {"L", "R", "AL"}), "L") != "L"
