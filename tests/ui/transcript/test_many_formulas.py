"""Answers with many formulas: those in sight are drawn first, and a drawing changes nothing but its own place."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import QObject
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QApplication

from phichat.markdown.document import OBJECT
from phichat.markdown.streaming import parse_blocks
from phichat.ui.blocks import table_block
from phichat.ui.blocks.formulas import AHEAD, FormulaCache
from phichat.ui.blocks.table_block import TableBlock
from phichat.ui.blocks.text_block import TextBlock

DRAWING = {"svg": "<svg/>", "width": 30.0, "ascent": 10.0, "descent": 2.0}


class Draughtsman(QObject):
    """Takes orders for formulas, and draws them when it is told to.

    Attributes:
        orders: the LaTeX of those that were not drawn yet.
    """

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[str, Callable[[Any], object]] = {}
        self.cache = FormulaCache(self.render, self)

    @property
    def orders(self) -> list[str]:
        return [*self._answers]

    def render(self, order: dict[str, Any], on_answer: Callable[[Any], object], _: QObject) -> None:
        self._answers[order["latex"]] = on_answer

    def draw(self, *latex: str, works: bool = True) -> None:
        """Draw these, or fail to, and wait until that has been announced."""
        for each in latex:
            self._answers.pop(each)(DRAWING if works else None)
        self.cache._timer.timeout.emit()


@pytest.fixture
def draughtsman(qapp: QApplication) -> Iterator[Draughtsman]:
    draughtsman = Draughtsman()
    yield draughtsman
    draughtsman.cache._timer.stop()


def shown(draughtsman: Draughtsman, source: str, kind: type[TextBlock] = TextBlock) -> TextBlock:
    (block,) = parse_blocks(source)
    field = kind(draughtsman.cache)
    field.show_block(block)
    return field


def changes(field: TextBlock) -> list[int]:
    """Return the list of places where the text of `field` changes from now on."""
    found: list[int] = []
    field.document().contentsChange.connect(lambda place, *_: found.append(place))
    return found


def test_formulas_in_sight_are_drawn_before_those_that_were_asked_for_earlier(draughtsman: Draughtsman) -> None:
    above = [shown(draughtsman, f"${letter}_{number}$") for letter in "ab" for number in range(AHEAD)]
    below = shown(draughtsman, "$y$ and $z$")
    assert len(draughtsman.orders) == AHEAD, "no more than what is drawn in a moment"
    below.grab()
    draughtsman.draw(*draughtsman.orders[:2])
    assert {*draughtsman.orders[-2:]} == {"y", "z"}
    while draughtsman.orders:
        draughtsman.draw(*draughtsman.orders)
    assert {field.toPlainText() for field in above} == {OBJECT}


def test_a_drawing_lays_out_only_the_text_that_it_is_in(draughtsman: Draughtsman) -> None:
    fields = [shown(draughtsman, f"Text ${letter}$") for letter in "abc"]
    counts = [changes(field) for field in fields]
    draughtsman.draw("b")
    draughtsman.draw("c", works=False)
    assert [len(count) for count in counts] == [0, 1, 0]
    assert [field.toPlainText() for field in fields] == ["Text $a$", f"Text {OBJECT}", "Text $c$"]


def test_what_is_selected_stays_selected_when_formulas_are_drawn(draughtsman: Draughtsman) -> None:
    field = shown(draughtsman, "One $a$ two $b$ three\n\n- 🂡 $c$ four $d$")
    cursor = field.textCursor()
    cursor.setPosition(field.toPlainText().index("two"))
    cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
    field.setTextCursor(cursor)
    for latex in "dbac":
        draughtsman.draw(latex)
        assert field.selected_text().replace("\N{BULLET}\t", "- ") == "two $b$ three\n- 🂡 $c$ four $d$"
    assert field.selected_markdown() == "two $b$ three\n\n- 🂡 $c$ four $d$"
    assert field.toPlainText() == f"One {OBJECT} two {OBJECT} three\n•\t🂡 {OBJECT} four {OBJECT}"
    assert field.accessibleDescription() == "One $a$ two $b$ three\n•\t🂡 $c$ four $d$"


def test_a_formula_that_cannot_be_drawn_holds_up_no_other_in_its_table(draughtsman: Draughtsman) -> None:
    source = "| name | formula |\n|---|---|\n| one | $a$ and $b$ |\n| two | $c$ |"
    field = shown(draughtsman, source, TableBlock)
    before = changes(field)
    draughtsman.draw("a", works=False)
    draughtsman.draw("c")
    draughtsman.draw("b")
    assert min(before) > field.toPlainText().index("one"), "nothing else is laid out again"
    assert field.toPlainText().split("\n")[1:-1] == ["name", "formula", "one", f"$a$ and {OBJECT}", "two", OBJECT]
    field.selectAll()
    assert field.selected_markdown() == source.replace("|---|---|", "| --- | --- |")


def test_formulas_of_rows_that_are_laid_out_later_are_shown_too(
    qapp: QApplication, draughtsman: Draughtsman, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_block, "SLICE", 0.0)
    rows = "".join(f"| {number} | {'$e$' if number == 45 else '-'} |\n" for number in range(50))
    field = shown(draughtsman, f"| a | b |\n|---|---|\n{rows}", TableBlock)
    assert isinstance(field, TableBlock)
    assert not field.is_laid_out()
    while not field.is_laid_out():
        qapp.processEvents()
    draughtsman.draw("e")
    assert field.toPlainText().count(OBJECT) == 1
