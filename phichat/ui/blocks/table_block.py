"""A table in a reply: as wide as it wants to be, scrolled sideways; only the rows at its end are laid out again."""

from collections.abc import Sequence
from unicodedata import bidirectional

from PySide6.QtCore import QEvent, Qt
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
from phichat.markdown.document import Node, Runs, Style, Table, text_of
from phichat.ui.blocks.formulas import FormulaCache
from phichat.ui.blocks.text_block import TextBlock

PADDING = 6  # pixels around what is in a cell
NARROWEST, WIDEST, STEP = 32, 340, 16  # pixels of a column, which grows by so many, so that it seldom does
_SIDES = {
    "center": Qt.AlignmentFlag.AlignHCenter,
    "right": Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignAbsolute,
    "left": Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignAbsolute,
}


class TableBlock(TextBlock):
    """Shows the parts of a table below each other, such that they look like one."""

    def __init__(self, formula_cache: FormulaCache | None = None, parent: QWidget | None = None) -> None:
        super().__init__(formula_cache, parent)
        self._shown: list[tuple[Table, bool]] = []
        self._tables: list[QTextTable] = []
        self._widths: list[float] = []
        self._is_turned = False  # its first column is at the right, which Qt's tables cannot have by themselves
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setAccessibleName(tr("Table"))

    def set_accessible_name(self, name: str) -> None:
        """It has a better one."""

    def selected_markdown(self) -> str:
        return self.selected_text()

    def set_items(self, items: tuple[Node, ...]) -> None:
        wanted = [(item, self._lacks(item)) for item in items if isinstance(item, Table)]
        if not self.document().characterCount() > 1:  # it was dressed anew
            self._shown, self._tables = [], []
        same = next((at for at, pair in enumerate(zip(self._shown, wanted, strict=False)) if pair[0] != pair[1]), -1)
        same = min(len(self._shown), len(wanted)) if same < 0 else same
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        self._cut(cursor, same)
        self._widen([table for table, _ in wanted[same:]])
        for table, _ in wanted[same:]:
            self._add(cursor, table)
        cursor.endEditBlock()
        self._shown = wanted
        self.text_layout.has_pending_formulas = any(lacks for _, lacks in wanted)

    def _cut(self, cursor: QTextCursor, at: int) -> None:
        """Take away all from the part of that number on."""
        if at < len(self._tables):
            cursor.setPosition(self._tables[at].firstPosition() - 1)
            cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
            cursor.removeSelectedText()
            del self._tables[at:]

    def _add(self, cursor: QTextCursor, table: Table) -> None:
        rows = table.rows if table.continues else (table.head, *table.rows)
        if not rows:
            return
        self._is_turned = _begins_right("".join(map(text_of, table.head)))
        cursor.movePosition(QTextCursor.MoveOperation.End)
        self._thin(cursor)
        made = cursor.insertTable(len(rows), len(table.sides), self._shape())
        for number, row in enumerate(rows):
            is_head = number == 0 and not table.continues
            for column, cell in enumerate(row[: len(table.sides)]):
                across = len(table.sides) - 1 - column if self._is_turned else column
                self._fill(made.cellAt(number, across), cell, table.sides[column], is_head=is_head)
        cursor.movePosition(QTextCursor.MoveOperation.End)
        self._thin(cursor)
        self._tables.append(made)

    def _fill(self, cell: QTextTableCell, runs: Runs, side: str, *, is_head: bool) -> None:
        shape = QTextTableCellFormat()
        shape.setPadding(PADDING)
        shape.setBottomBorder(1)
        shape.setBottomBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        shape.setBottomBorderBrush(self.text_layout.line_color())
        if is_head:
            shape.setBackground(self.palette().alternateBase())
        cell.setFormat(shape)
        cursor = cell.firstCursorPosition()
        if side in _SIDES:
            block = QTextBlockFormat()
            block.setAlignment(_SIDES[side])
            cursor.setBlockFormat(block)
        self.text_layout.insert(cursor, runs, self.text_layout.text_format(is_bold=is_head))

    def _thin(self, cursor: QTextCursor) -> None:
        """Make next to nothing of the line that Qt wants before and after each table."""
        block = QTextBlockFormat()
        block.setLineHeight(0.01, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        look = QTextCharFormat()
        look.setFontPointSize(1)
        cursor.setBlockFormat(block)
        cursor.setBlockCharFormat(look)

    def _shape(self) -> QTextTableFormat:
        shape = QTextTableFormat()
        shape.setBorder(0)
        shape.setCellSpacing(0)
        shape.setMargin(0)
        if self._is_turned:
            shape.setAlignment(Qt.AlignmentFlag.AlignRight)
        widths = self._widths[::-1] if self._is_turned else self._widths
        shape.setColumnWidthConstraints(
            [QTextLength(QTextLength.Type.FixedLength, width + 2 * PADDING) for width in widths]
        )
        return shape

    def _widen(self, tables: Sequence[Table]) -> None:
        """Have each column wide enough for what is in it, within reason; for all parts the same."""
        metrics = QFontMetricsF(self.font())
        widths = list(self._widths)
        for table in tables:
            widths += [NARROWEST] * (len(table.sides) - len(widths))
            for row in (table.head, *table.rows):
                for column, cell in enumerate(row[: len(widths)]):
                    if widths[column] < WIDEST:
                        widths[column] = max(widths[column], _width(cell, metrics))
        if widths != self._widths:
            self._widths = widths
            for made in self._tables:
                made.setFormat(self._shape())

    def _lacks(self, table: Node) -> bool:
        """Whether there are formulas in it that are not drawn yet."""
        return isinstance(table, Table) and any(
            self.text_layout.lacks_formula(cell) for row in (table.head, *table.rows) for cell in row
        )

    def changeEvent(self, event: QEvent) -> None:
        self._widths = []
        super().changeEvent(event)


def _begins_right(words: str) -> bool:
    """Whether the first letter that has a direction is read from the right."""
    directions = (bidirectional(letter) for letter in words)
    return next((direction for direction in directions if direction in {"L", "R", "AL"}), "L") != "L"


def _width(runs: Runs, metrics: QFontMetricsF) -> float:
    """What `runs` want, bold letters, code and formulas guessed, in whole steps."""
    lines = text_of(runs)[:400].split("\n")
    pixels = 1.1 * max(metrics.horizontalAdvance(line) for line in lines)
    wider = sum(0.4 * len(run.latex) + (0.3 * len(run.text) if run.style & Style.CODE else 0) for run in runs)
    pixels += wider * metrics.averageCharWidth()
    return min(WIDEST, -(-pixels // STEP) * STEP)
