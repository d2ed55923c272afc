"""Long and wide tables: laid out in slices of idle time, whole in the end, and found, copied and read as others are."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QScrollArea

from phichat.chat.conversation import Ending, Message, Reply, Role
from phichat.markdown.document import Table
from phichat.markdown.streaming import parse_blocks
from phichat.ui.blocks import table_block
from phichat.ui.blocks.render_context import RenderContext
from phichat.ui.blocks.table_block import TableBlock
from phichat.ui.theme.palette import colors_of
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript.copying import selection_in
from phichat.ui.transcript.message_context import MessageContext, MessageSignals
from phichat.ui.transcript.visible_messages import create_message_view
from phichat.ui.widgets.highlights import SearchTerms
from tests.support.stored_history import put
from tests.ui.conftest import Person
from tests.ui.transcript.test_find_bar import counts, look_for, marked, strong


def table(rows: int, columns: int, cell: Callable[[int, int], str] = lambda row, column: f"{row}.{column}") -> str:
    head = "| " + " | ".join(f"c{column}" for column in range(columns)) + " |\n" + "|---" * columns + "|\n"
    lines = ("| " + " | ".join(cell(row, column) for column in range(columns)) + " |" for row in range(rows))
    return head + "\n".join(lines)


def cells(field: TableBlock) -> list[str]:
    return field.toPlainText().split()


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> list[Table]:
    """The parts of tables in the order in which they are laid out; one in each slice."""
    monkeypatch.setattr(table_block, "SLICE", 0.0)
    laid_out: list[Table] = []
    append = TableBlock._append_table

    def record(self: TableBlock, cursor: object, part: Table) -> None:
        laid_out.append(part)
        append(self, cursor, part)  # type: ignore[arg-type]

    monkeypatch.setattr(TableBlock, "_append_table", record)
    return laid_out


def shown(source: str) -> TableBlock:
    (block,) = parse_blocks(source)
    field = TableBlock()
    field.show_block(block)
    return field


def test_a_wide_table_stays_a_table_and_is_laid_out_row_by_row(qapp: QApplication, parts: list[Table]) -> None:
    """Its rows from the seventh on were text with pipes, and all of it was laid out in one go."""
    field = shown(table(20, 300))
    assert len(parts) <= 1
    while not field.is_laid_out():
        before = len(parts)
        qapp.processEvents()
        assert len(parts) <= before + 1, "one part a step"
    assert max(len(part.rows) for part in parts) == 1
    assert cells(field) == [f"c{at}" for at in range(300)] + [f"{row}.{at}" for row in range(20) for at in range(300)]


def test_a_table_that_grows_lays_out_no_part_twice_but_the_last(qapp: QApplication, parts: list[Table]) -> None:
    source = table(100, 3, lambda *_: "word")
    field = shown(source[:200])
    for end in range(200, len(source) + 40, 40):
        before = cells(field)
        field.show_block(parse_blocks(source[:end])[0])
        assert cells(field)[: len(before) - 1] == before[:-1], "what was seen stays, in every moment"
        while not field.is_laid_out():
            qapp.processEvents()
    finished = [part for part in parts if len(part.rows) == 20]
    assert len(finished) == len({id(part.rows) for part in finished})
    assert cells(field) == ["c0", "c1", "c2"] + ["word"] * 300


def test_columns_that_became_wider_are_as_wide_in_all_parts(qapp: QApplication, parts: list[Table]) -> None:
    field = shown(table(90, 2))
    field.show_block(parse_blocks(table(90, 2) + "\n| many words in a cell | x |")[0])
    while not field.is_laid_out():
        qapp.processEvents()
    widths = {tuple(length.rawValue() for length in made.format().columnWidthConstraints()) for made in field._tables}
    assert len(widths) == 1
    assert max(widths)[0] > 100


def test_a_table_is_not_laid_out_again_for_a_window_of_another_width(qapp: QApplication) -> None:
    field = shown(table(60, 4))
    field.lay_out(float("inf"))
    field.show()
    size, page = field.document().size(), field.document().pageSize()
    field.resize(field.width() // 2, field.height())
    assert field.document().pageSize() == page, "Qt lays all of it out again when that changes"
    assert field.document().size() == size
    assert field.horizontalScrollBar().maximum() >= size.width() - field.viewport().width() - 1


def test_a_word_is_found_in_a_part_that_was_not_laid_out_yet(
    home: Path,
    open_window: Callable[[], Person],
    parts: list[Table],
) -> None:
    put(home, ("Rows", 1), answer=table(400, 2, lambda row, _: f"row{row}"))
    person = open_window()
    person.wait(lambda: person.titles() == ["Rows"])
    person.open("Rows")
    person.wait(lambda: person.window.findChild(TableBlock) is not None)
    look_for(person, "row399")
    counts(person, "1 of 2")
    person.wait(lambda: strong(person) == ["row399"])
    field = person.window.findChild(TableBlock)
    assert isinstance(field, TableBlock)
    assert field.is_laid_out()
    person.wait(lambda: marked(field) == ["row399"])


def test_a_conversation_found_in_the_history_opens_where_a_late_part_of_a_table_has_the_word(
    home: Path,
    open_window: Callable[[], Person],
    parts: list[Table],
) -> None:
    put(home, ("Rows", 1), answer=table(300, 2, lambda row, _: f"row{row}"))
    person = open_window()
    person.wait(lambda: person.titles() == ["Rows"])
    person.open("Rows")
    person.wait(lambda: person.window.findChild(TableBlock) is not None)
    transcript = person.find("transcript")
    transcript.show_message(transcript.path()[1].id, "row299")
    person.wait(lambda: strong(person) == ["row299"])


def test_the_focus_waits_for_no_table(qapp: QApplication, parts: list[Table]) -> None:
    theme = Theme(qapp)
    message = Message(Role.ASSISTANT, table(100, 2), reply=Reply(ending=Ending.STOP))
    view = create_message_view(message, theme, MessageContext(MessageSignals(theme), RenderContext(theme)))
    view.take_focus()
    assert len(parts) <= 1
    assert not view.is_whole(), "so that a search counts matches in the source"
    while not view.is_whole():
        qapp.processEvents()
    assert len(parts) == 5


def test_rows_are_copied_across_the_blocks_of_a_long_table(qapp: QApplication) -> None:
    """The first row of a block became the head of another table. Qt selects all of a part that a selection leaves."""
    first, second = fields = [TableBlock(), TableBlock()]
    for field, block in zip(fields, parse_blocks(table(530, 2, lambda row, _: f"r{row}")), strict=True):
        field.show_block(block)
        field.lay_out(float("inf"))
    select(first, "r498", None)
    select(second, None, "r501")
    for end in (502, 530):
        found = selection_in(fields, "")
        assert found
        head, line, *rows = found.text.split("\n")
        assert [head, *rows] == [f"| r{row} | r{row} |" for row in range(498, end)]
        assert line == "| --- | --- |"
        second.selectAll()


def test_what_is_selected_while_a_table_is_laid_out_anew_stays(qapp: QApplication, parts: list[Table]) -> None:
    """What was selected before came back once its rows were there again."""

    def lay_out() -> None:
        while not field.is_laid_out():
            qapp.processEvents()

    def lay_out_anew() -> None:
        select(field, "r50", "r70")
        font = field.font()
        font.setPointSizeF(font.pointSizeF() + 1)
        field.setFont(font)
        assert not field.is_laid_out()

    field = shown(table(100, 2, lambda row, _: f"r{row}"))
    lay_out()
    lay_out_anew()
    lay_out()
    assert field.selected_markdown().startswith("| r50 |")
    lay_out_anew()
    QTest.mousePress(field.viewport(), Qt.MouseButton.LeftButton)
    lay_out()
    assert not field.textCursor().hasSelection()
    lay_out_anew()
    while "r16" not in cells(field):
        qapp.processEvents()
    assert not field.is_laid_out()
    select(field, "r15", "r16")
    lay_out()
    assert field.selected_markdown() == "| r15 | r15 |\n| --- | --- |\n| r16 | r16 |"


def select(field: TableBlock, start: str | None, end: str | None) -> None:
    text = field.toPlainText()
    last = text.rindex(end) + len(end) if end else field.document().characterCount() - 1
    field.select_between(text.index(start) if start else 0, last)


def test_matches_in_a_large_table_are_marked_where_they_are_seen(qapp: QApplication) -> None:
    """For each cell that it paints, Qt looks at all marks."""
    field = shown(table(100, 100, lambda *_: "word"))
    area = QScrollArea()
    area.setWidget(field)
    area.resize(300, 300)
    field.setFixedWidth(280)
    area.show()
    field.lay_out(float("inf"))
    field.highlight(SearchTerms("word"), colors_of("light", "teal"))
    assert field.highlights
    assert len(field.highlights.ranges) == 10_000
    bar = field.horizontalScrollBar()
    for place in (0, bar.maximum() // 2, bar.maximum()):
        bar.setValue(place)
        area.grab()
        qapp.processEvents()
        marks = [field.cursorRect(one.cursor).center() for one in field.extraSelections()]
        assert 20 < len(marks) < 600
        assert any(field.viewport().rect().contains(mark) for mark in marks)
    area.close()


def test_the_cursor_stays_where_it_is_and_what_all_is_selected_grows(qapp: QApplication, parts: list[Table]) -> None:
    """The cursor of a table of which nothing was there yet ended behind it."""
    field = shown(table(60, 2))
    assert not field.is_laid_out()
    while not field.is_laid_out():
        qapp.processEvents()
    assert field.textCursor().position() == 0
    other = shown(table(60, 2))
    while not other.toPlainText():
        qapp.processEvents()
    other.selectAll()
    assert not other.is_laid_out()
    while not other.is_laid_out():
        qapp.processEvents()
    assert "59.1" in other.selected_text()
