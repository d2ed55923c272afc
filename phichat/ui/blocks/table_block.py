"""A table in a reply. It scrolls sideways; while it grows, only its last rows are laid out again."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import cast

from PySide6.QtCore import QEvent, Qt, QTimer, Slot
from PySide6.QtGui import (
    QFontMetricsF,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextFrameFormat,
    QTextLength,
    QTextTable,
    QTextTableCell,
    QTextTableCellFormat,
    QTextTableFormat,
)
from PySide6.QtWidgets import QWidget

from phichat.i18n import tr
from phichat.markdown.document import Node, Runs, Style, Table, runs_text
from phichat.markdown.serializer import tables_to_markdown
from phichat.ui.blocks.formulas import FormulaCache, Key
from phichat.ui.blocks.table_selection import SelectableParts
from phichat.ui.blocks.text_block import STYLE_CHANGES
from phichat.ui.blocks.text_layout import Drawn, common_prefix, is_rtl

PADDING = 6  # pixels in a cell
SLICE = 0.006  # seconds of laying out before the event loop runs again
MIN_WIDTH, MAX_WIDTH, WIDTH_STEP = 32, 340, 16  # pixels of a column; it grows in steps so that it seldom has to
_ALIGNMENTS = {
    "center": Qt.AlignmentFlag.AlignHCenter,
    "right": Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignAbsolute,
    "left": Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignAbsolute,
}


@dataclass(frozen=True)
class _Incomplete:
    """A cell in which the source of a formula is shown.

    Attributes:
        part: the number of the part of the table that it is in.
        format: the format of its text.
        has_room: its column is wide enough for the sources of those that can't be drawn.
    """

    part: int
    cell: QTextTableCell
    runs: Runs
    drawn: Drawn
    format: QTextCharFormat
    has_room: bool = False


class TableBlock(SelectableParts):
    """Shows a table as a column of Qt tables that look like one.

    The parser hands over a long table in parts, so that only the last one changes while it grows. They are laid out in
    slices of idle time.
    """

    def __init__(self, formula_cache: FormulaCache | None = None, parent: QWidget | None = None) -> None:
        super().__init__(formula_cache, parent)
        self._wanted: list[Table] = []
        self._measured = 0  # parts in `_wanted` whose cells the columns are wide enough for
        self._shown: list[Table] = []
        self._incomplete: list[_Incomplete] = []
        self._widths: list[float] = []
        self._given: list[list[float]] = []  # the widths that each of `_tables` has
        self._is_rtl = False  # columns go from right to left, which Qt's tables cannot
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setAccessibleName(tr("Table"))
        self._timer = QTimer(self, interval=0, singleShot=True)
        self._timer.timeout.connect(self._go_on)

    def set_accessible_name(self, name: str) -> None:
        """Keep the name "Table"."""

    def selected_markdown(self, *, is_escaped: bool = False) -> str:
        selected = self._selected_part()
        return tables_to_markdown([selected], is_escaped=is_escaped) if selected else super().selected_text()

    def continued_markdown(self, *, is_escaped: bool = False) -> str:
        selected = self._selected_part(is_continued=True)
        rows = tables_to_markdown([selected], is_escaped=is_escaped).split("\n") if selected else [""]
        return "\n".join(rows[:1] + rows[2:])  # without the line below a head

    def selected_text(self) -> str:
        return self.selected_markdown()

    def _selected_part(self, *, is_continued: bool = False) -> Table | None:
        """Return the selected cells as a table with the first row as its head; None for one cell or a part of it.

        If it `is_continued`, the selection comes from the block before: its rows are whole.
        """
        cursor = self.textCursor()
        columns = range(len(self._shown[0].sides)) if is_continued and self._shown else self._selected_columns(cursor)
        span = self._selected_span()
        rows: list[tuple[Runs, ...]] = []
        for made, table in zip(self._tables, self._shown, strict=False):
            cells = table.rows if table.continues else (table.head, *table.rows)
            rows += [row for number, row in enumerate(cells) if _is_row_in(span, made, number)]
        if not rows or (len(rows) * len(columns) < 2 and not is_continued):
            return None
        head, *body = (row[columns.start : columns.stop] for row in rows)
        return Table(head=head, sides=self._shown[0].sides[columns.start : columns.stop], rows=tuple(body))

    def _selected_columns(self, cursor: QTextCursor) -> range:
        """Return the numbers of the columns that are selected, in reading order."""
        count = len(self._shown[0].sides) if self._shown else 0
        table = cursor.currentTable()
        if not self._cells and table and table.cellAt(cursor.anchor()) == table.cellAt(cursor.position()):
            return range(1)
        _, _, first, chosen = cast("tuple[int, int, int, int]", cursor.selectedTableCells())
        if self._cells:
            first, chosen = self._cells[0].columns.start, len(self._cells[0].columns)
        if chosen < 1:
            return range(count)
        return range(count - first - chosen, count - first) if self._is_rtl else range(first, first + chosen)

    def set_items(self, items: tuple[Node, ...]) -> None:
        wanted = [item for item in items if isinstance(item, Table)]
        if self.document().characterCount() <= 1:  # set_style cleared it
            self._shown, self._tables, self._given, self._incomplete = [], [], [], []
        self._measured = min(self._measured, common_prefix(self._wanted, wanted))
        self._wanted = wanted
        self._set_direction()
        self._lay_out(perf_counter() + SLICE)

    def is_laid_out(self) -> bool:
        is_wide = all(given is self._widths for given in self._given)
        return self._shown == self._wanted and is_wide

    def lay_out(self, seconds: float) -> None:
        if not self.is_laid_out():
            cursor, scrolled = self.textCursor(), self.horizontalScrollBar().value()
            place = cursor.anchor(), cursor.position()
            self._lay_out(perf_counter() + seconds)
            if place[0] == place[1]:  # a selection up to the end is of what comes, too, as with Select all
                self._restore_selection(*place, scrolled)
            self._fit_height()
            self._select_again()
            if self.is_laid_out():
                self._set_description()
                self.refresh_highlights()

    @Slot()
    def _go_on(self) -> None:
        self.lay_out(SLICE)

    def _lay_out(self, until: float) -> None:
        """Lay out until that time, but in any case as many parts as are shown; the rest follows when idle."""
        shown = len(self._shown)
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        self._truncate(cursor, common_prefix(self._shown, self._wanted))
        for _ in self._steps(cursor):
            if perf_counter() > until and len(self._shown) >= min(shown, len(self._wanted)):
                break
        cursor.endEditBlock()
        self.draw_formulas()
        self._awaited = self._awaited_formulas()
        if not self.is_laid_out():
            self._timer.start()

    def _steps(self, cursor: QTextCursor) -> Iterator[None]:
        """Measure the cells of parts, append parts, and widen the columns of others, one by one."""
        while self._measured < len(self._wanted):
            self._fit_columns(self._wanted[self._measured])
            self._measured += 1
            yield
        while len(self._shown) < len(self._wanted):
            part = self._wanted[len(self._shown)]
            self._append_table(cursor, part)
            self._shown.append(part)
            yield
        for number, made in enumerate(self._tables):
            if self._given[number] is not self._widths:
                made.setFormat(self._table_format())
                self._given[number] = self._widths
                yield

    def _set_direction(self) -> None:
        """Have columns go from right to left if the head does. Other tables have no need of the width of the window."""
        self._is_rtl = bool(self._wanted) and is_rtl("".join(map(runs_text, self._wanted[0].head)))
        mode = self.LineWrapMode.WidgetWidth if self._is_rtl else self.LineWrapMode.FixedPixelWidth
        if self.lineWrapMode() is not mode:
            self.setLineWrapColumnOrWidth(MIN_WIDTH)
            self.setLineWrapMode(mode)

    def draw_formulas(self) -> None:
        layout, left = self.text_layout, []
        for cell in self._incomplete:
            now = layout.drawn_formulas(cell.runs)
            if now != cell.drawn:
                layout.replace_sources(cell.cell.firstPosition(), cell.runs, cell.drawn, cell.format)
            if not all(now):
                left.append(replace(cell, drawn=now))
        self._incomplete = left
        layout.missing = layout.missing_formulas(cell.runs for cell in left)
        self._make_room()

    def _make_room(self) -> None:
        """Widen columns for the sources of formulas that turned out not to be drawable."""
        widths, metrics, cache = self._widths[:], QFontMetricsF(self.font()), self._formula_cache
        for number, cell in enumerate(self._incomplete):
            if cache and not cell.has_room and not any(map(cache.is_awaited, _formulas(cell.runs))):
                across = cell.cell.column()
                column = len(widths) - 1 - across if self._is_rtl else across
                widths[column] = max(widths[column], _text_width(cell.runs, metrics, cache))
                self._incomplete[number] = replace(cell, has_room=True)
        if widths != self._widths:
            self._widths = widths
            self._timer.start()

    def _truncate(self, cursor: QTextCursor, index: int) -> None:
        """Delete all from the table at `index` on."""
        del self._shown[index:]
        if index < len(self._tables):
            cursor.setPosition(self._tables[index].firstPosition() - 1)
            cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
            cursor.removeSelectedText()
            del self._tables[index:], self._given[index:]
            self._incomplete = [cell for cell in self._incomplete if cell.part < index]

    def _append_table(self, cursor: QTextCursor, table: Table) -> None:
        rows = table.rows if table.continues else (table.head, *table.rows)
        if not rows:
            return
        cursor.movePosition(QTextCursor.MoveOperation.End)
        self._shrink_line(cursor)
        made = cursor.insertTable(len(rows), len(table.sides), self._table_format())
        for number, row in enumerate(rows):
            is_head = number == 0 and not table.continues
            for column, cell in enumerate(row[: len(table.sides)]):
                across = len(table.sides) - 1 - column if self._is_rtl else column
                self._fill_cell(made.cellAt(number, across), cell, table.sides[column], is_head=is_head)
        cursor.movePosition(QTextCursor.MoveOperation.End)
        self._shrink_line(cursor)
        self._tables.append(made)
        self._given.append(self._widths)

    def _fill_cell(self, cell: QTextTableCell, runs: Runs, side: str, *, is_head: bool) -> None:
        cell_format = QTextTableCellFormat()
        cell_format.setPadding(PADDING)
        cell_format.setBottomBorder(1)
        cell_format.setBottomBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        cell_format.setBottomBorderBrush(self.text_layout.line_color())
        if is_head:
            cell_format.setBackground(self.palette().alternateBase())
        cell.setFormat(cell_format)
        cursor = cell.firstCursorPosition()
        if side in _ALIGNMENTS:
            block = QTextBlockFormat()
            block.setAlignment(_ALIGNMENTS[side])
            cursor.setBlockFormat(block)
        char_format = self.text_layout.text_format(is_bold=is_head)
        drawn = self.text_layout.drawn_formulas(runs)
        self.text_layout.insert(cursor, runs, char_format)
        if not all(drawn):
            self._incomplete.append(_Incomplete(len(self._tables), cell, runs, drawn, char_format))

    def _shrink_line(self, cursor: QTextCursor) -> None:
        """Make the line that Qt demands before and after a table as low as can be."""
        block = QTextBlockFormat()
        block.setLineHeight(0.01, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        look = QTextCharFormat()
        look.setFontPointSize(1)
        cursor.setBlockFormat(block)
        cursor.setBlockCharFormat(look)

    def _table_format(self) -> QTextTableFormat:
        table_format = QTextTableFormat()
        table_format.setBorder(0)
        table_format.setCellSpacing(0)
        table_format.setMargin(0)
        if self._is_rtl:
            table_format.setAlignment(Qt.AlignmentFlag.AlignRight)
        widths = self._widths[::-1] if self._is_rtl else self._widths
        table_format.setColumnWidthConstraints(
            [QTextLength(QTextLength.Type.FixedLength, width + 2 * PADDING) for width in widths]
        )
        return table_format

    def _fit_columns(self, table: Table) -> None:
        """Widen columns to fit the cells of `table`, up to `MAX_WIDTH`."""
        metrics = QFontMetricsF(self.font())
        widths = self._widths + [MIN_WIDTH] * (len(table.sides) - len(self._widths))
        for row in (table.head, *table.rows) if table is self._wanted[0] else table.rows:
            for column, cell in enumerate(row[: len(widths)]):
                if widths[column] < MAX_WIDTH:
                    widths[column] = max(widths[column], _text_width(cell, metrics, self._formula_cache))
        if widths != self._widths:
            self._widths = widths

    def _fit_height(self) -> None:
        if self.is_laid_out() or self.document().size().height() > self.height():
            super()._fit_height()  # else what is below stays where it is while this is laid out anew

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in STYLE_CHANGES:
            self._widths, self._measured = [], 0
        super().changeEvent(event)


def _is_row_in(span: tuple[int, int], made: QTextTable, row: int) -> bool:
    begin, end = made.cellAt(row, 0).firstPosition(), made.cellAt(row, made.columns() - 1).lastPosition()
    return begin <= span[1] and end >= span[0]


def _formulas(runs: Runs) -> list[Key]:
    return [(run.latex, run.is_display) for run in runs if run.latex]


def _text_width(runs: Runs, metrics: QFontMetricsF, cache: FormulaCache | None) -> float:
    """Return the width for `runs` in pixels, rounded up to `WIDTH_STEP`; bold text, code and formulas are estimated."""
    refused = {key for key in _formulas(runs) if cache and cache.is_refused(key)}
    shown = [
        replace(run, latex="", style=Style.CODE) if (run.latex, run.is_display) in refused else run for run in runs
    ]
    lines = runs_text(tuple(shown))[:400].split("\n")
    pixels = 1.1 * max(metrics.horizontalAdvance(line) for line in lines)
    wider = sum(0.4 * len(run.latex) + (0.3 * len(run.text) if run.style & Style.CODE else 0) for run in shown)
    pixels += wider * metrics.averageCharWidth()
    return min(MAX_WIDTH, -(-pixels // WIDTH_STEP) * WIDTH_STEP)
