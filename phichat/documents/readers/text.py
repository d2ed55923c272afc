"""Text files in any encoding: plain text, source code, Markdown with its headings."""

import re
from collections.abc import Iterator

from phichat.documents.base import Finding, Note, Outline, Part, Place, Section
from phichat.documents.readers.source import Source, nested, read_plain

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?[ \t]*#*[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def read(source: Source) -> Iterator[Part]:
    """Yield the text with its lines. See `source.Reader`."""
    text, is_cut = read_plain(source)
    yield Outline()
    yield Section(text, Place(line=1))
    if is_cut:
        yield Note(Finding.TRUNCATED)


def read_markdown(source: Source) -> Iterator[Part]:
    """Yield the text by headings, with its lines; the first heading of level 1 is the title."""
    text, is_cut = read_plain(source)
    lines = text.split("\n")
    headings = list(_headings(lines))
    yield Outline(next((title for _, level, title in headings if level == 1), ""))
    path: tuple[str, ...] = ()
    start = 0
    for at, level, title in headings:
        yield Section("\n".join(lines[start:at]), Place(None, path, start + 1))
        start, path = at, nested(path, level, title)
    yield Section("\n".join(lines[start:]), Place(None, path, start + 1))
    if is_cut:
        yield Note(Finding.TRUNCATED)


def _headings(lines: list[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the index of each heading, its level from 1, and its text; what is in a code block is none."""
    fence = ""
    for at, line in enumerate(lines):
        if found := _FENCE.match(line):
            if not fence:
                fence = found[1]
            elif found[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif fence:
            continue
        elif found := _HEADING.match(line):
            yield at, len(found[1]), found[2] or ""
        elif (found := _UNDERLINE.match(line)) and at and _is_title(lines[at - 1]):
            yield at - 1, 1 if found[1][0] == "=" else 2, lines[at - 1]


def _is_title(line: str) -> bool:
    """Return whether a line of signs below `line` makes it a heading: not if it is a heading, list or quote."""
    return bool(line.strip()) and not re.match(r"[ \t]*([#>|-]|[*+] |\d+[.)] |`{3})|    ", line)
