"""Tables as text: values parted by commas, semicolons, tabs or bars."""

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from phichat.documents.base import Finding, Note, Outline, Part
from phichat.documents.readers.flow import Row, tabulated
from phichat.documents.readers.source import Source, read_plain

LONGEST_FIELD = 1_000_000  # characters

_DELIMITERS = ",;\t|"
_SEEN = 50  # rows in which the delimiter is looked for


def read(source: Source) -> Iterator[Part]:
    """Yield the rows with the names of their columns, each at its line. See `source.Reader`."""
    text, is_cut = read_plain(source)
    yield Outline()
    csv.field_size_limit(LONGEST_FIELD)
    delimiter = "\t" if source.path.suffix.lower() in {".tsv", ".tab"} else _delimiter(text)
    try:
        yield from tabulated(_rows(text, delimiter))
    except csv.Error:
        yield Note(Finding.DAMAGED)
    if is_cut:
        yield Note(Finding.TRUNCATED)


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    """Yield the rows with the lines at which they begin. Raise csv.Error for a field that never ends."""
    rows = csv.reader(text.split("\n"), delimiter=delimiter)
    line = 1
    for cells in rows:
        yield line, cells
        line = rows.line_num + 1


def _delimiter(text: str) -> str:
    """Return the sign that parts most rows into the same number of cells."""
    lines = text[:100_000].split("\n")
    return max(_DELIMITERS, key=lambda sign: _agreement(lines, sign))


def _agreement(lines: list[str], delimiter: str) -> int:
    """Return how many of the first rows have the usual number of cells, if that is more than one."""
    counts: Counter[int] = Counter()
    try:
        counts.update(len(cells) for cells in islice(csv.reader(lines, delimiter=delimiter), _SEEN))
    except csv.Error:
        return 0
    counts.pop(0, None)
    cells, rows = counts.most_common(1)[0] if counts else (0, 0)
    return rows if cells > 1 else 0
