"""The sentences of an answer, in its Markdown."""

import re
from collections.abc import Iterator

_ENDS = re.compile(r"[.!?…]+[\"”’»)\]]*(?=\s|$)|[。！？]+[」』]?|[:：](?=[ \t]*\n)")
_BLOCK = re.compile(r"\s*(?:$|[-*+>|#]|\d{1,9}[.)]\s|`{3}|~{3})")
"""Begins a line that doesn’t go on with the one before."""

_FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})")
_DISPLAY = re.compile(r"[ \t]*(\$\$|\\\[|\\begin\{[a-zA-Z]+\*?\})")
_LINE_END = re.compile(r"[ \t.,;]*(?:\r?\n|$)")
_LONGEST_DISPLAY = 20_000  # characters of a formula on lines of its own

_CODE = re.compile(r"(?<![\\`])(`+)(?!`).{1,2000}?(?<!`)\1(?!`)", re.DOTALL)
_OPEN = re.compile(r"(?:(?<![\\`])`|\\\(|\\\[|(?<![\\$])\$\$(?!\$)).{0,2000}\Z", re.DOTALL)
"""Code or a formula that is not closed yet."""

_FORMULA = re.compile(
    r"""(?<!\\)\$\$(?:(?!\$\$).){1,2000}\$\$
    |\\\((?:(?!\\\().){1,2000}?\\\)
    |\\\[(?:(?!\\\[).){1,2000}?\\\]
    |(?<![\w\\$])\$(?![\s$])(?:[^$\n\\]|\\.){0,2000}(?<![\s\\])\$(?![\w$])
    |(?<![\w\\$])\$\s(?=[^$\n]{0,2000}(?:\\[a-zA-Z]|\^|_\{))[^$\n]{1,2000}\s\$(?![\w$])""",
    re.VERBOSE | re.DOTALL,
)

ABBREVIATIONS = frozenset(
    """
    approx apr art aug bzw ca cf ch chap dec dr e.g ed env eq etc ex feb fig i.e incl jan mlle mme mr mrs ms no nos nov
    nr oct op p pp prof s sec sept st u.a u.s usw vgl vol vs z.b
    """.split()  # noqa: SIM905 - a list of strings would take a page
)


def sentences(text: str, *, is_growing: bool = False) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the sentences in `text`, without those in fenced code and in formulas; none ends in code.

    While it `is_growing`, code and formulas that are not closed may go on.
    """
    at, start, fence, is_marked, formula_end = 0, 0, "", False, 0
    for line in text.splitlines(keepends=True):
        if not fence and at >= formula_end:
            formula_end = _display_end(text, at, is_growing=is_growing)
        mark = _FENCE.match(line.lstrip()) if at >= formula_end else None
        is_code = bool(fence or mark) or at < formula_end
        block = _BLOCK.match(line)
        if is_code or block or (is_marked and not line[0].isspace()):  # else the paragraph goes on
            yield from _sentences_of(text[start:at], start)
            start = at
        if mark and not fence:
            fence = mark[1]
        elif fence and line.lstrip().startswith(fence):
            fence = ""
        at += len(line)
        is_marked = bool(block)
        if is_code:
            start = at
    yield from _sentences_of(text[start:at], start, is_growing=is_growing)


def _display_end(text: str, at: int, *, is_growing: bool) -> int:
    """Return where a formula ends that begins the line at `at` and has its lines for itself; 0 if there is none."""
    opening = _DISPLAY.match(text, at)
    if opening is None:
        return 0
    closing = {"$$": "$$", "\\[": "\\]"}.get(opening[1]) or opening[1].replace("begin", "end", 1)
    end = text.find(closing, opening.end(), opening.end() + _LONGEST_DISPLAY)
    if end < 0 and is_growing and len(text) - at < _LONGEST_DISPLAY:
        return len(text)
    return end + len(closing) if end >= 0 and _LINE_END.match(text, end + len(closing)) else 0


def _sentences_of(paragraph: str, offset: int, *, is_growing: bool = False) -> Iterator[tuple[int, int]]:
    start, line = 0, _masked(paragraph)
    if is_growing:
        line = _OPEN.sub(lambda found: "x" * len(found[0]), line)
    ends = [found.end() for found in _ENDS.finditer(line) if not _is_abbreviation(line[: found.end()])]
    for end in [*ends, len(line)]:
        inner = line[start:end].strip()
        if any(letter.isalnum() for letter in inner):
            begin = offset + line.index(inner, start)
            yield begin, begin + len(inner)
        start = end


def _masked(paragraph: str) -> str:
    """Return a text as long as `paragraph` with a word for its code and signs for its formulas."""
    code = _CODE.sub(lambda found: "x" * len(found[0]), paragraph)
    return _FORMULA.sub(lambda found: "$" * len(found[0]), code)


def _is_abbreviation(text: str) -> bool:
    """Return whether the dot at the end of `text` ends no sentence, as in "p. 12"."""
    words = text[-12:].split()
    word = words[-1].rstrip(".").lstrip('(["“«').lower() if words else ""
    return text.endswith(".") and word in ABBREVIATIONS
