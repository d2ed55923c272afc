"""What a reply is made of once its Markdown is read: paragraphs, code and tables, and blocks of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Flag, auto

OBJECT = "\N{OBJECT REPLACEMENT CHARACTER}"  # what stands in a text for a formula that is drawn


class Style(Flag):
    """How a run of letters looks."""

    PLAIN = 0
    BOLD = auto()
    ITALIC = auto()
    STRUCK = auto()
    CODE = auto()


@dataclass(frozen=True, slots=True)
class Run:
    """Letters of one look. `link` is where they lead.

    Where `latex` is there it is a formula, and `text` what was written, signs around it included.
    """

    text: str
    style: Style = Style.PLAIN
    link: str = ""
    latex: str = ""
    is_display: bool = False


Runs = tuple[Run, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """Something that stands on lines of its own, `depth` lists deep; in the source from `start` to before `end`."""

    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)
    depth: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Paragraph(Node):
    """Words. `quotes` says for each quote around it how many lists deep that began.

    `marker` is what stands before a list's item; `continues` means that no gap is before it.
    """

    runs: Runs = ()
    heading: int = 0
    quotes: tuple[int, ...] = ()
    marker: str = ""
    is_rule: bool = False
    continues: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Code(Node):
    """Code, as it was written."""

    text: str
    language: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table(Node):
    """Rows of a table. `sides` are `left`, `center`, `right` or nothing, for each column.

    The first part of a table has a `head`; the others continue the one before.
    """

    head: tuple[Runs, ...]
    sides: tuple[str, ...]
    rows: tuple[tuple[Runs, ...], ...]
    continues: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """Items that are shown by one widget: paragraphs, or one piece of code, or a table. `source` is their Markdown."""

    items: tuple[Node, ...]
    source: str


def block_text(block: Block) -> str:
    """The letters of `block` as they are shown, formulas as one letter each."""
    return "\n".join(_plain(item) for item in block.items)


def _plain(item: Node) -> str:
    if isinstance(item, Paragraph):
        return (item.marker + "\t" if item.marker else "") + runs_text(item.runs)
    if isinstance(item, Table):
        rows = item.rows if item.continues else (item.head, *item.rows)
        return "\n".join(runs_text(cell) for row in rows for cell in row)
    return item.text if isinstance(item, Code) else ""


def runs_text(runs: Runs) -> str:
    """What `runs` show, formulas as one letter each."""
    return "".join(OBJECT if run.latex else run.text for run in runs)


_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})\s*([^`\s]*)[^`]*$")


@dataclass(frozen=True)
class Fence:
    """A part of a reply. `language` is None for prose, and may be empty for code."""

    text: str
    language: str | None = None


def fenced_blocks(source: str) -> list[Fence]:
    """`source` in blocks. Fences need not be closed."""
    found: list[Fence] = []
    prose: list[str] = []
    lines = iter(source.split("\n"))
    for line in lines:
        fence = _FENCE.match(line)
        if fence:
            _end_prose(prose, found)
            found.append(Fence(_code(lines, fence[1]), fence[2].lower()))
        else:
            prose.append(line)
    _end_prose(prose, found)
    return found


def _code(lines: Iterator[str], fence: str) -> str:
    code = []
    for line in lines:
        closing = line.strip()
        if len(closing) >= len(fence) and not closing.strip(fence[0]):
            break
        code.append(line)
    return "\n".join(code)


def _end_prose(prose: list[str], found: list[Fence]) -> None:
    text = "\n".join(prose).strip("\n")
    if text.strip():
        found.append(Fence(text))
    prose.clear()
