"""Formulas and colours of code in a reply: what is hostile is shown as its source, and everything else as ever."""

import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPlainTextEdit

from phichat.ui.blocks import render_context
from phichat.ui.blocks.code_block import CodeBlock
from phichat.ui.blocks.table_block import TableBlock
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person
from tests.ui.transcript.test_reply import answer, prose

SLOW = r"$\newcommand{\a}{" + "x" * 800 + "}" + r"\a" * 90 + "$"


def test_a_hostile_formula_stays_latex_and_later_ones_are_drawn(
    person: Person, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render_context, "BUDGETS", (0.5, 0.7))
    huge = r"$\rule{9999em}{9999em}$"
    field = prose(answer(person, engine, f"{SLOW} {huge} $x\\hspace{{9999999em}}y$ and $x^2$."))
    person.wait(lambda: field.toPlainText().endswith("and \ufffc."))
    assert field.toPlainText().startswith(f"{SLOW} {huge} ")
    other = prose(answer(person, engine, "Now $y^2$."))
    person.wait(lambda: other.toPlainText() == "Now \ufffc.")


def test_code_that_takes_long_stays_plain_and_other_code_gets_its_colours(
    person: Person, engine: ScriptedEngine
) -> None:
    view = answer(person, engine, "```java\n" + "a\n" * 10_000 + "```\n\n```python\ndef f(): pass\n```")
    person.wait(lambda: len(view.findChildren(CodeBlock)) == 2)
    slow, quick = (block.findChild(QPlainTextEdit) for block in view.findChildren(CodeBlock))
    assert slow
    assert quick
    person.wait(lambda: quick.document().firstBlock().layout().formats())
    assert not slow.document().firstBlock().layout().formats()
    assert slow.toPlainText() == "a\n" * 9_999 + "a"


def test_what_stands_alone_is_centred_and_what_cannot_be_drawn_is_latex(person: Person, engine: ScriptedEngine) -> None:
    fence, align = "```math\na^2\n```", "\\begin{align}\np &= q\n\\end{align}"
    view = answer(person, engine, f"Here:\n\n{fence}\n\n{align}\n\n- $$b$$\n\n$$\n\\no{{x}}\\,\\\\\n$$\n\n$c$")
    field = prose(view)
    person.wait(lambda: field.toPlainText().count("\ufffc") == 4)
    assert field.toPlainText() == "Here:\n\ufffc\n\ufffc\n•\t\ufffc\n$$\n\\no{x}\\,\\\\\n$$\n\ufffc"
    document = field.document()
    blocks = [document.findBlockByNumber(number) for number in range(document.blockCount())]
    centred = [bool(block.blockFormat().alignment() & Qt.AlignmentFlag.AlignHCenter) for block in blocks]
    assert centred == [False, True, True, False, False, False]
    field.selectAll()
    assert field.selected_markdown().startswith(f"Here:\n\n{fence}\n\n{align}")


def test_the_process_that_draws_is_there_only_when_something_is_drawn_and_ends_with_the_window(
    person: Person, engine: ScriptedEngine
) -> None:
    ours = psutil.Process()
    before = {*ours.children()}
    answer(person, engine, "Words, `code` and a\n\n| table |\n|---|\n| cell |")
    assert {*ours.children()} == before
    field = prose(answer(person, engine, f"$x^2$ {SLOW}"))
    person.wait(lambda: "\ufffc" in field.toPlainText())
    (child,) = {*ours.children()} - before
    person.window.close()
    person.wait(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_column_is_wide_enough_for_a_formula_that_cannot_be_drawn(person: Person, engine: ScriptedEngine) -> None:
    """Its source was in three lines, as there was room for the drawing alone."""
    rows = "\n".join(rf"| $x_{row}$ | $ \badmacro{{{row}}} $ needle | the rest of this row |" for row in range(3))
    view = answer(person, engine, f"| f | g | h |\n|---|---|---|\n{rows}")
    person.wait(lambda: view.findChild(TableBlock) is not None)
    field = view.findChild(TableBlock)
    assert isinstance(field, TableBlock)
    person.wait(lambda: field.toPlainText().count("\ufffc") == 3)
    (table,) = field._tables

    def lines() -> list[int]:
        blocks = [table.cellAt(row, 1).firstCursorPosition().block() for row in (1, 2, 3)]
        return [block.layout().lineCount() for block in blocks]

    person.wait(lambda: lines() == [1, 1, 1])
    assert field.toPlainText().count(r"$ \badmacro{2} $ needle") == 1
