"""The sentences of an answer, in its Markdown."""

import re
from collections.abc import Iterator

_ENDS = re.compile(r"[.!?…]+[\"”’»)\]]*(?=\s|$)|[。！？]+[」』]?|[:：](?=[ \t]*\n)")
_BLOCK = re.compile(r"\s*(?:$|[-*+>|#]|\d{1,9}[.)]\s|`{3}|~{3})")
"""Begins a line that doesn’t go on with the one before."""

_FENCE = re.compile(r"^(`{3,}|~{3,})")

ABBREVIATIONS = frozenset(
    """
    approx apr art aug bzw ca cf ch chap dec dr e.g ed env eq etc ex feb fig i.e incl jan mlle mme mr mrs ms no nos nov
    nr oct op p pp prof s sec sept st u.a u.s usw vgl vol vs z.b
    """.split()  # noqa: SIM905 - a list of strings would take a page
)


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the sentences in `text`, without those in fenced code."""
    at, start, fence, is_marked = 0, 0, "", False
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line.lstrip())
        is_code = bool(fence or mark)
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
    yield from _sentences_of(text[start:at], start)


def _sentences_of(line: str, offset: int) -> Iterator[tuple[int, int]]:
    start = 0
    ends = [found.end() for found in _ENDS.finditer(line) if not _is_abbreviation(line[: found.end()])]
    for end in [*ends, len(line)]:
        inner = line[start:end].strip()
        if any(letter.isalnum() for letter in inner):
            begin = offset + line.index(inner, start)
            yield begin, begin + len(inner)
        start = end


def _is_abbreviation(text: str) -> bool:
    """Return whether the dot at the end of `text` ends no sentence, as in "p. 12"."""
    words = text[-12:].split()
    word = words[-1].rstrip(".").lstrip('(["“«').lower() if words else ""
    return text.endswith(".") and word in ABBREVIATIONS
