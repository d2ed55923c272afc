"""The document that Markdown becomes: runs of text in paragraphs, code and tables, grouped into blocks."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Flag, auto
from functools import partial
from itertools import islice

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
_MOST_FENCES = 100  # lines that are looked at to find the end of a block
_MOST_NESTED = 4  # fences in each other; what has more was left open
_MARKDOWN = {"markdown", "md", "mdx", "rmd", "qmd"}  # languages in which a fence is no mistake
_SENTENCE = re.compile(r"[^\w\s]*[^\W\d_a-z]\S*(?:\s+\S+){3}")  # a capital letter, and words
_LONG_LINE = 200  # characters, after which what kind of line it is is known
PROSE = {*_MARKDOWN, "", "text", "txt", "plain", "plaintext"}


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
    prose, fences with a language open a block inside it if they are closed, too, and in Markdown so do those without
    one that have code right below. If that does not work out, the first fence that could close this block does; but
    while the text is growing, it still may.
    """
    fence = re.compile(rf"^{indent}({sign[0]}{{{len(sign)},}})[ \t]*([^\s`~][^`\n]*)?(\n|\Z)", re.MULTILINE)
    for is_bare in [True, False] if language in _MARKDOWN else [False] if language in PROSE else []:
        opens = partial(_opens_block, text, is_bare=is_bare, is_growing=is_growing)
        closing, is_open = _balanced(fence.finditer(text, begin), len(sign), opens)
        if closing or (is_open and (is_growing or (language in _MARKDOWN and not is_bare))):
            return closing
    return next((line for line in fence.finditer(text, begin) if not line[2]), None)


def _balanced(
    lines: Iterator[re.Match[str]], length: int, opens: Callable[[re.Match[str]], bool]
) -> tuple[re.Match[str] | None, bool]:
    """Return the line that closes a block with a fence of `length`; without one, whether it may still follow.

    `opens` returns whether a line without a language opens a block inside.
    """
    opened = [length]
    for line in islice(lines, _MOST_FENCES):
        if line[2] or (len(opened) == 1 and opens(line)):
            opened.append(len(line[1]))
        elif len(line[1]) >= opened[-1]:
            opened.pop()
        if not opened:
            return line, False
        if len(opened) > _MOST_NESTED:
            return None, False
    return None, next(lines, None) is None


def _opens_block(text: str, line: re.Match[str], *, is_bare: bool, is_growing: bool) -> bool:
    """Return whether there is code right below `line`, or still may be; only if a fence `is_bare` of a language."""
    below, end, _ = text[line.end() : line.end() + _LONG_LINE].partition("\n")
    if is_growing and not end and len(below) < _LONG_LINE:
        return is_bare
    return is_bare and bool(below.strip()) and not _SENTENCE.match(below)


def _add_prose(text: str, found: list[Fence]) -> None:
    if text.strip():
        found.append(Fence(text.strip("\n")))
