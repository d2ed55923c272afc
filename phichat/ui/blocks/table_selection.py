"""What is selected in a table that is laid out in parts.

Qt selects all of a table as soon as one end of the selection is not in it, and each part is a table to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QMimeData, Qt, Slot
from PySide6.QtGui import QMouseEvent, QTextCursor, QTextTable
from PySide6.QtWidgets import QTextEdit, QWidget

from phichat.markdown.citations import without_citations
from phichat.ui.blocks.formulas import FormulaCache
from phichat.ui.blocks.text_block import TextBlock, markdown_html


class SelectableParts(TextBlock):
    """A block of `_tables`, in which rows and columns are selected as if they were one.

    The text cursor selects what is in the part in which the selection began; the rest is marked to look the same.
    """

    def __init__(self, formula_cache: FormulaCache | None = None, parent: QWidget | None = None) -> None:
        super().__init__(formula_cache, parent)
        self._tables: list[QTextTable] = []
        self._cells: list[Cells] = []  # what is selected in each part, if the text cursor can't select it alone
        self._anchor, self._end, self._own = (QTextCursor(self.document()) for _ in range(3))  # Qt moves them with text
        self._to_select: tuple[int, int] | None = None
        self._marks: Sequence[QTextEdit.ExtraSelection] = []
        self.selectionChanged.connect(self._check_selection)

    def ends(self) -> tuple[int, int]:
        """Return the anchor and the position of the selection."""
        if self._cells:
            return self._anchor.position(), self._end.position()
        return self.textCursor().anchor(), self.textCursor().position()

    def select_between(self, anchor: int, position: int) -> None:
        """Select the rows and columns between two places, in whichever parts."""
        cells = selected_cells(self._tables, anchor, position)
        if cells:
            is_forwards = anchor <= position
            own = cells[0 if is_forwards else -1]
            cursor = own.cursor(_corners(own, anchor, is_forwards=is_forwards))
        else:
            cursor = self.textCursor()
            cursor.setPosition(anchor)
            cursor.setPosition(position, QTextCursor.MoveMode.KeepAnchor)
        self._cells = []
        self.setTextCursor(cursor)
        self._cells, self._own = cells, self.textCursor()
        self._anchor.setPosition(anchor)
        self._end.setPosition(position)
        self.setExtraSelections(self._marks)

    def moved(self, move: QTextCursor.MoveOperation) -> int | None:
        """Return where the end of the selection is after a `move`, in a cell or at an end of the text, or None."""
        cursor = QTextCursor(self.document())
        cursor.setPosition(self.ends()[1])
        before, place = cursor.currentTable(), cursor.position()
        while cursor.movePosition(move):
            table = cursor.currentTable()
            if table and before and table != before and move in _UP_OR_DOWN:  # Qt forgets the column between parts
                return table.cellAt(table.cellAt(cursor).row(), before.cellAt(place).column()).firstPosition()
            if table or cursor.atStart() or cursor.atEnd():
                return cursor.position()
        return None

    def setExtraSelections(self, selections: Sequence[QTextEdit.ExtraSelection]) -> None:
        """Mark `selections`, beside what is selected."""
        self._marks = selections
        others = [cells for cells in self._cells if cells.table != self._own.currentTable()]
        super().setExtraSelections([*selections, *map(self._as_selected, others)])

    def _as_selected(self, cells: "Cells") -> QTextEdit.ExtraSelection:
        selection = QTextEdit.ExtraSelection()
        selection.cursor = cells.cursor()
        selection.format.setBackground(self.palette().highlight())
        selection.format.setForeground(self.palette().highlightedText())
        return selection

    def _selected_span(self) -> tuple[int, int]:
        """Return where the selection begins and ends, which Qt widens to whole tables."""
        cursor = self.textCursor()
        begin, end = sorted(self.ends()) if self._cells else (cursor.selectionStart(), cursor.selectionEnd())
        return begin, end

    @Slot()
    def _check_selection(self) -> None:
        """Forget what is selected in several parts once something else is."""
        now, own = self.textCursor(), self._own
        if self._cells and (now.anchor(), now.position()) != (own.anchor(), own.position()):
            self._cells = []
            self.setExtraSelections(self._marks)

    def _update_document(self) -> None:
        self._to_select = self._to_select or (self.ends() if self.textCursor().hasSelection() else None)
        self._cells = []  # tables may go
        super()._update_document()
        self._select_again()

    def _restore_selection(self, anchor: int, position: int, scrolled: int) -> None:
        to_select = self._to_select
        super()._restore_selection(anchor, position, scrolled)
        self._to_select = to_select

    def _select_again(self) -> None:
        """Select what was selected before the text was laid out anew, once that is there, unless something else was."""
        if self._to_select and max(self._to_select) < self.document().characterCount():
            self.select_between(*self._to_select)

    def setTextCursor(self, cursor: QTextCursor) -> None:
        """Select what `cursor` does."""
        self._to_select = None
        super().setTextCursor(cursor)

    def createMimeDataFromSelection(self) -> QMimeData:
        data = super().createMimeDataFromSelection()
        if self._cells:
            data.setHtml(markdown_html(without_citations(self.selected_markdown())))
        return data

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._to_select = None
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        anchor = self.ends()[0]
        super().mouseMoveEvent(event)
        if event.buttons() & Qt.MouseButton.LeftButton and self.textCursor().hasSelection():
            place = self.cursorForPosition(event.position().toPoint()).position()
            if selected_cells(self._tables, anchor, place):
                self.select_between(anchor, place)


_UP_OR_DOWN = {QTextCursor.MoveOperation.Up, QTextCursor.MoveOperation.Down}


@dataclass(frozen=True)
class Cells:
    """Cells of one part."""

    table: QTextTable
    rows: range
    columns: range

    def cursor(self, corners: tuple[tuple[int, int], tuple[int, int]] | None = None) -> QTextCursor:
        """Return a cursor that selects them, from one of its `corners` to the opposite: rows and columns."""
        begin, end = corners or ((self.rows[0], self.columns[0]), (self.rows[-1], self.columns[-1]))
        first, last = self.table.cellAt(*begin), self.table.cellAt(*end)
        is_forwards = first.firstPosition() <= last.firstPosition()
        cursor = first.firstCursorPosition() if is_forwards else first.lastCursorPosition()
        place = last.lastPosition() if is_forwards else last.firstPosition()
        cursor.setPosition(place, QTextCursor.MoveMode.KeepAnchor)
        return cursor


@dataclass(frozen=True)
class _Place:
    """A row of a part, by their numbers, and a column, or None beside the table."""

    part: int
    row: int
    column: int | None


def selected_cells(tables: Sequence[QTextTable], anchor: int, position: int) -> list[Cells]:
    """Return what is selected from `anchor` to `position` in each part between them.

    Rows are whole if one of these is outside of the table. Empty if Qt can select it: all of it, or a part of one part.
    """
    begin, end = sorted((anchor, position))
    first, last = (
        _place(tables, begin) or _first_behind(tables, begin),
        _place(tables, end) or _last_before(tables, end),
    )
    if first is None or last is None or (first.part, first.row) > (last.part, last.row):
        return []
    ends = first.column, last.column
    if ends == (None, None) or (None not in ends and first.part == last.part):
        return []
    known = [column for column in ends if column is not None]
    found = []
    for part in range(first.part, last.part + 1):
        table = tables[part]
        rows = range(first.row if part == first.part else 0, last.row + 1 if part == last.part else table.rows())
        columns = range(table.columns()) if None in ends else range(min(known), max(known) + 1)
        found.append(Cells(table, rows, columns))
    return found


def _corners(cells: Cells, anchor: int, *, is_forwards: bool) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the corner of `cells` that is nearest to `anchor`, and the opposite one."""
    rows = cells.rows if is_forwards else cells.rows[::-1]
    cell = cells.table.cellAt(anchor)
    is_last = cell.isValid() and len(cells.columns) < cells.table.columns() and cell.column() == cells.columns[-1]
    columns = cells.columns[::-1] if is_last else cells.columns
    return (rows[0], columns[0]), (rows[-1], columns[-1])


def _place(tables: Sequence[QTextTable], position: int) -> _Place | None:
    """Return the cell at `position`; None if there is none."""
    for part, table in enumerate(tables):
        if table.firstPosition() <= position <= table.lastPosition():
            cell = table.cellAt(position)
            return _Place(part, cell.row(), cell.column())
    return None


def _first_behind(tables: Sequence[QTextTable], position: int) -> _Place | None:
    behind = (part for part, table in enumerate(tables) if table.firstPosition() > position)
    part = next(behind, -1)
    return _Place(part, 0, None) if part >= 0 else None


def _last_before(tables: Sequence[QTextTable], position: int) -> _Place | None:
    before = [part for part, table in enumerate(tables) if table.lastPosition() < position]
    return _Place(before[-1], tables[before[-1]].rows() - 1, None) if before else None
