"""Paragraphs, headings and tables on their way into sections, for documents that have no pages."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from phichat.documents.base import Place, Section
from phichat.documents.readers.source import clean, nested

SEPARATOR = " | "
ROWS = 50  # of a table in one section
MOST_COLUMNS = 1_000
LONGEST_HEADER = 1_000  # characters
LOOKED_AT = 20  # rows in which the header of a table is looked for

_FULL = 4_000  # characters after which a section without headings ends

Row = tuple[int | None, Sequence[str]]
"""The number of a row in its file, if it has one, and its cells."""


class Flow:
    """Gathers paragraphs into sections, each under its headings."""

    def __init__(self, heading: tuple[str, ...] = (), page: int | None = None) -> None:
        self.heading, self.page = heading, page
        self._base = len(heading)
        self._paragraphs: list[str] = []
        self._length = 0

    def add_heading(self, level: int, title: str) -> Iterator[Section]:
        """Yield what came before a heading of `level`, from 1, which begins a section."""
        if title.strip():
            yield from self.finish()
            self.heading = nested(self.heading, self._base + level, title)
            self._paragraphs.append(clean(title).strip())

    def add_paragraph(self, text: str) -> Iterator[Section]:
        """Take a paragraph, and yield the section that is full with it."""
        text = clean(text).strip("\n").rstrip()
        if text.strip():
            self._paragraphs.append(text)
            self._length += len(text)
        if self._length > _FULL:
            yield from self.finish()

    def add_table(self, rows: Iterable[Row]) -> Iterator[Section]:
        """Yield what came before a table, and the table."""
        rows = list(rows)
        if len(rows) < 3 or max(len(cells) for _, cells in rows) < 2:
            for _, cells in rows:
                yield from self.add_paragraph(row_text(cells))
            return
        yield from self.finish()
        yield from tabulated(rows, self.heading, self.page)

    def finish(self) -> Iterator[Section]:
        """Yield what was gathered."""
        if self._paragraphs:
            yield Section("\n\n".join(self._paragraphs), Place(self.page, self.heading))
        self._paragraphs, self._length = [], 0


def tabulated(rows: Iterable[Row], heading: tuple[str, ...] = (), page: int | None = None) -> Iterator[Section]:
    """Yield a table, some rows at a time, each section with the table's header.

    The header is the first of the first rows that has as many cells as most, and nothing but words in them. What is
    above it, such as a title, comes without.
    """
    rows = iter(rows)
    first = list(islice(rows, LOOKED_AT))
    header = _header(first)
    if header is None:
        yield from _sections(chain(first, rows), "", heading, page)
        return
    yield from _sections(first[:header], "", heading, page)
    yield from _sections(chain(first[header + 1 :], rows), row_text(first[header][1]), heading, page)


def row_text(cells: Sequence[str]) -> str:
    """Return the cells of a row on one line; empty ones at its end are left out."""
    shown = [" ".join(clean(cell).split()) for cell in cells[:MOST_COLUMNS]]
    while shown and not shown[-1]:
        shown.pop()
    return SEPARATOR.join(shown)


def _header(rows: Sequence[Row]) -> int | None:
    """Return which of the first rows is the header."""
    filled = [sum(bool(cell.strip()) for cell in cells) for _, cells in rows]
    usual = max(filled, default=0)
    for number, (_, cells) in enumerate(rows):
        is_full = filled[number] >= max(2, 0.6 * usual)
        if is_full and not any(map(_is_number, cells)) and sum(map(len, cells)) < LONGEST_HEADER:
            return number
    return None


def _is_number(cell: str) -> bool:
    return any(letter.isdigit() for letter in cell) and not any(letter.isalpha() for letter in cell)


def _sections(rows: Iterable[Row], header: str, heading: tuple[str, ...], page: int | None) -> Iterator[Section]:
    """Yield rows that follow one another in the file, some at a time."""
    lines: list[str] = []
    first: int | None = None
    for number, cells in rows:
        text = row_text(cells)
        follows = number is None or first is None or number == first + len(lines)
        if lines and (len(lines) >= ROWS or not follows or not text):
            yield Section("\n".join(lines), Place(page, heading, first), header)
            lines = []
        if text:
            first = first if lines else number
            lines.append(text)
    if lines:
        yield Section("\n".join(lines), Place(page, heading, first), header)
