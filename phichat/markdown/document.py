"""The document that Markdown becomes: runs of text in paragraphs, code and tables, grouped into blocks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Flag, auto

OBJECT = "\N{OBJECT REPLACEMENT CHARACTER}"  # stands for a formula, which is drawn


class Style(Flag):
    """The character format of a run."""

    PLAIN = 0
    BOLD = auto()
    ITALIC = auto()
    STRUCK = auto()
    CODE = auto()


@dataclass(frozen=True, slots=True)
class Run:
    """Text of one format.

    Attributes:
        link: the address that it links to; empty for none.
        latex: the LaTeX of a formula, whose `text` is the source with its delimiters; empty for plain text.
        is_display: whether the formula stands on a line of its own.
    """

    text: str
    style: Style = Style.PLAIN
    link: str = ""
    latex: str = ""
    is_display: bool = False


Runs = tuple[Run, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A block-level element inside `depth` lists, from `start` to before `end` in the source."""

    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)
    depth: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Paragraph(Node):
    """A paragraph, heading, list item or rule.

    Attributes:
        heading: the level, 1 to 6; 0 for none.
        quotes: for each block quote around it, the number of lists around that.
        marker: the bullet or number of a list item.
        continues: whether it belongs to the paragraph before, without a gap between.
    """

    runs: Runs = ()
    heading: int = 0
    quotes: tuple[int, ...] = ()
    marker: str = ""
    is_rule: bool = False
    continues: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Code(Node):
    """A code block."""

    text: str
    language: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table(Node):
    """Rows of a table; a long table is divided into several.

    Attributes:
        head: the cells of the header row, in every part.
        sides: the alignment of each column: `left`, `center`, `right` or empty.
        continues: whether it continues the part before, so that the header is not repeated.
    """

    head: tuple[Runs, ...]
    sides: tuple[str, ...]
    rows: tuple[tuple[Runs, ...], ...]
    continues: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """Items that one widget shows: paragraphs, one code block, or one table. `source` is their Markdown."""

    items: tuple[Node, ...]
    source: str


def block_text(block: Block) -> str:
    """Return the text that `block` shows, with OBJECT for each formula."""
    return "\n".join(_plain(item) for item in block.items)


def _plain(item: Node) -> str:
    if isinstance(item, Paragraph):
        return (item.marker + "\t" if item.marker else "") + runs_text(item.runs)
    if isinstance(item, Table):
        rows = item.rows if item.continues else (item.head, *item.rows)
        return "\n".join(runs_text(cell) for row in rows for cell in row)
    return item.text if isinstance(item, Code) else ""


def runs_text(runs: Runs) -> str:
    """Return the text that `runs` show, with OBJECT for each formula."""
    return "".join(OBJECT if run.latex else run.text for run in runs)


_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})\s*([^`\s]*)[^`]*$")


@dataclass(frozen=True)
class Fence:
    """A code block, or the prose between two. `language` is None for prose, and may be empty for code."""

    text: str
    language: str | None = None


def fenced_blocks(source: str) -> list[Fence]:
    """Return `source` divided at fences, which need not be closed."""
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
