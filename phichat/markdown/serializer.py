"""Writing paragraphs, or parts of them, as Markdown."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from phichat.markdown.document import Paragraph, Run, Style, Table
from phichat.unicode import utf16_length, utf16_slice

_MARKERS = {"•": "- ", "◦": "- ", "▪": "- ", "☐": "- [ ] ", "☑": "- [x] "}
_MARKS = re.compile(r"[\\`*_\[\]<>~$&]")
_AT_START = re.compile(r"^(\s*\d*)([#+.)=-])", re.MULTILINE)
_DELIMITERS = {"": "---", "left": ":--", "center": ":-:", "right": "--:"}
_SIGNS = ((Style.BOLD, "**"), (Style.ITALIC, "*"), (Style.STRUCK, "~~"))


def to_markdown(paragraphs: Sequence[Paragraph], *, is_escaped: bool = False) -> str:
    """Return `paragraphs` as Markdown, which reads best without escapes, but is understood only with them."""
    if is_escaped:
        paragraphs = [replace(one, runs=tuple(map(_escaped, one.runs))) for one in paragraphs]
    return "".join(_pieces(paragraphs))


def _escaped(run: Run) -> Run:
    """Return `run` with the signs in its text escaped that Markdown would take for marks."""
    if run.latex or run.style & Style.CODE or run.link == run.text:
        return run
    return replace(run, text=_AT_START.sub(r"\1\\\2", _MARKS.sub(r"\\\g<0>", run.text)))


def code_to_markdown(text: str, language: str = "") -> str:
    """Return `text` as a code block, with a fence that is longer than those in it."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`{3,}", text))])
    return f"{fence}{language}\n{text}\n{fence}"


def tables_to_markdown(parts: Sequence[Table], *, is_escaped: bool = False) -> str:
    """Return the parts of one table as Markdown."""
    head, sides = parts[0].head, parts[0].sides
    rows = [head, *(row for part in parts for row in part.rows)]
    cells = ([_cell(map(_escaped, cell) if is_escaped else cell) for cell in row] for row in rows)
    first, *rest = (f"| {' | '.join(row)} |" for row in cells)
    return "\n".join([first, f"| {' | '.join(_DELIMITERS[side] for side in sides)} |", *rest])


def _cell(runs: Iterable[Run]) -> str:
    return "".join(map(_markdown, runs)).replace("|", "\\|").replace("\n", "<br>")


def clip(paragraph: Paragraph, start: int, end: int) -> Paragraph:
    """Return `paragraph` clipped to `start` and `end`, in UTF-16 code units of its text with its marker."""
    at = utf16_length(paragraph.marker) + 1 if paragraph.marker else 0
    runs: list[Run] = []
    for run in paragraph.runs:
        size = 1 if run.latex else utf16_length(run.text)
        begin, stop = max(start - at, 0), min(end - at, size)
        if begin < stop:
            runs.append(run if run.latex else replace(run, text=utf16_slice(run.text, begin, stop)))
        at += size
    if start > 0:
        return replace(paragraph, runs=tuple(runs), marker="", heading=0, depth=0, quotes=())
    return replace(paragraph, runs=tuple(runs))


def _pieces(paragraphs: Sequence[Paragraph]) -> Iterator[str]:
    before = None
    for paragraph in paragraphs:
        if before:
            is_close = paragraph.continues or (paragraph.marker and before.depth and paragraph.depth)
            yield "\n" if is_close else "\n\n"
        yield _paragraph_markdown(paragraph)
        before = paragraph


def _paragraph_markdown(paragraph: Paragraph) -> str:
    quote = "> " * len(paragraph.quotes)
    if paragraph.is_rule:
        return quote + "---"
    marker = _MARKERS.get(paragraph.marker, paragraph.marker and f"{paragraph.marker} ")
    indent = quote + "   " * (max(paragraph.depth - 1, 0) if marker else paragraph.depth)
    start = indent + ("#" * paragraph.heading + " " if paragraph.heading else marker)
    then = indent + " " * min(len(marker), 3)
    words = "".join(map(_markdown, paragraph.runs))
    return start + words.replace("\n", "\n" + then)


def _markdown(run: Run) -> str:
    return run.text if run.latex else _with_signs(run)


def _with_signs(run: Run) -> str:
    """Return the text of `run` between the signs of its format, which must not be next to spaces."""
    bare = run.text.strip()
    if not bare:
        return run.text
    marked = _code(bare) if run.style & Style.CODE else bare
    signs = "".join(sign for style, sign in _SIGNS[::-1] if run.style & style)
    marked = f"{signs}{marked}{signs[::-1]}"
    if run.link and run.link != bare:
        marked = f"[{marked}]({run.link})"
    before, after = run.text[: len(run.text) - len(run.text.lstrip())], run.text[len(run.text.rstrip()) :]
    return before + marked + after


def _code(text: str) -> str:
    """Return `text` as a code span; its signs must be of another length than those in it."""
    runs = set(re.findall("`+", text))
    ticks = next("`" * count for count in range(1, len(runs) + 2) if "`" * count not in runs)
    gap = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{gap}{text}{gap}{ticks}"
