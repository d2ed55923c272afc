"""The document that Markdown becomes: runs of text in paragraphs, code and tables, grouped into blocks."""

import re
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


FENCE = re.compile(r"( {0,3})(?:(`{3,})[ \t]*([^\s`]*)[^`\n]*|(~{3,})[ \t]*(\S*)[^\n]*)(\n|\Z)")

_OPENING = re.compile(f"^{FENCE.pattern}", re.MULTILINE)
_MOST_NESTED = 4  # fences in each other; what has more was left open
_MARKDOWN = {"markdown", "md", "mdx", "rmd", "qmd"}  # languages in which a fence is no mistake
_PROSE = {*_MARKDOWN, "", "text", "txt", "plain", "plaintext"}


@dataclass(frozen=True)
class Fence:
    """A code block, or the prose between two.

    Attributes:
        language: None for prose; may be empty for code.
        info: all that follows the opening fence, as it was written.
    """

    text: str
    language: str | None = None
    info: str = ""


def fenced_blocks(source: str) -> list[Fence]:
    """Return `source` divided at fences, which need not be closed."""
    found: list[Fence] = []
    at = 0
    while fence := _OPENING.search(source, at):
        _add_prose(source[at : fence.start()], found)
        language = (fence[3] or fence[5] or "").partition("`")[0].lower()
        closing = closing_fence(source, fence.end(), fence[2] or fence[4], language)
        end = closing.start() if closing else len(source)
        info = fence[0].strip().lstrip("`~").replace("`", "").strip()
        found.append(Fence(source[fence.end() : end].removesuffix("\n"), language, info))
        at = closing.end() if closing else len(source)
    _add_prose(source[at:], found)
    return found


def closing_fence(
    text: str, begin: int, sign: str, language: str = "", *, is_growing: bool = False, indent: str = " {0,3}"
) -> re.Match[str] | None:
    """Return the match of the line that closes the code block at `begin`, which `sign` opened; None if there is none.

    CommonMark wants a longer fence around code that has fences in it; models often write them all of one length. So in
    prose, fences with a language open a block inside it if they are closed, too. If they are not, the first fence
    that could close this block does; but while the text is growing, they may still be.
    """
    lines = re.compile(rf"^{indent}({sign[0]}{{{len(sign)},}})[ \t]*([^\s`~][^`\n]*)?(\n|\Z)", re.MULTILINE)
    opened = [len(sign)]
    first: re.Match[str] | None = None
    for line in lines.finditer(text, begin):
        if line[2] and language not in _PROSE:
            continue
        if line[2]:
            opened.append(len(line[1]))
        elif len(line[1]) >= opened[-1]:
            first = first or line
            opened.pop()
        if not opened:
            return line
        if len(opened) > _MOST_NESTED:
            break
    is_nested = len(opened) <= _MOST_NESTED and (is_growing or language in _MARKDOWN)
    return None if is_nested else first


def _add_prose(text: str, found: list[Fence]) -> None:
    if text.strip():
        found.append(Fence(text.strip("\n")))
