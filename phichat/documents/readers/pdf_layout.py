"""The reading order of a page: lines, columns, cells of tables, and paragraphs, from the places of its words."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

LEADER = "…"
HYPHEN = "\x02"  # PDFium's sign for one at the end of a line, inside of a word

_ACCENTS = {"´": "\u0301", "`": "\u0300", "¨": "\u0308", "ˆ": "\u0302", "˜": "\u0303", "ˇ": "\u030c", "˚": "\u030a"}
_ACCENTED = re.compile(r"([´¨ˆ˜ˇ˚]|(?<=[A-Za-z])`|(?<!\S)`(?=[aA]\b))([A-Za-zı])")
_LEADERS = re.compile(r"[.·_]{5,}")

# In units of the letters' height, about that of an x with an ascender.
CELL_GAP = 2.2  # between two words of a line: more is another cell of a table, or another column
GUTTER = 1.3  # the least width of the empty strip between two columns
PARAGRAPH = 1.45  # of the usual distance between two lines: more begins a paragraph
JUMP = 1.5  # upwards between two lines of the file: less is a superscript

MOST_JUMPS = 2  # a page's header and footer may come in any order
COLUMN_ROWS = 4  # lines that a column has at least
PROSE = 3.0  # words that a line of a column has at least, on average; cells of tables have fewer


class Word(NamedTuple):
    """A word with the box of its letters, in points from the lower left corner of the page."""

    text: str
    left: float
    bottom: float
    right: float
    top: float


Line = list[Word]


class Run(NamedTuple):
    """Words side by side without a wide gap, and the box around them."""

    words: Line
    left: float
    bottom: float
    right: float
    top: float


def page_text(lines: Sequence[Line]) -> str:
    """Return the text of a page whose `lines` come in the order of the file.

    That is the order of reading in nearly all files. Where it is not, because lines run across columns or the file
    jumps about, columns are found by the empty strips between them. Cells of a line are parted by a tab.
    """
    lines = [_without_leaders(line) for line in lines if line]
    if not lines:
        return ""
    size = _letter_height(lines)
    rows = [_split(line, CELL_GAP, size) for line in lines]
    if _jumps(rows, size) > MOST_JUMPS or _runs_across(lines, size):
        runs = [run for line in lines for run in _split(line, GUTTER, size)]
        rows = [row for column in _columns(runs, size) for row in _rows(column, size)]
    return _paragraphs(rows)


def _letter_height(lines: Sequence[Line]) -> float:
    """Return the usual height of a word of several letters; 1 for a page of dots."""
    words = [word for line in lines for word in line if word.text[0].isalnum() and word.text[-1].isalnum()]
    long = [word for word in words if len(word.text) > 2]
    return max(median([word.top - word.bottom for word in long or words] or [1.0]), 1.0)


def _without_leaders(line: Line) -> Line:
    """Return `line` with one word for the dots that lead to a page number."""
    kept: Line = []
    for word in line:
        is_leader = not word.text.strip(".…·_") and kept and not kept[-1].text.strip(".…·_")
        if is_leader:
            kept[-1] = kept[-1]._replace(text=LEADER, right=max(kept[-1].right, word.right))
        elif word.text.count(".") > 4:
            kept.append(word._replace(text=_LEADERS.sub(LEADER, word.text)))
        else:
            kept.append(word)
    return kept


def _split(line: Line, gap: float, size: float) -> list[Run]:
    """Return the runs of a line: a gap wider than `gap` of its letters, or of the page's, parts two of them."""
    runs: list[Line] = []
    for word in line:
        widest = gap * max(size, word.top - word.bottom)
        if runs and -widest < word.left - runs[-1][-1].right < widest:
            runs[-1].append(word)
        else:
            runs.append([word])
    return [_run(words) for words in runs]


def _run(words: Line) -> Run:
    return Run(
        words,
        min(word.left for word in words),
        min(word.bottom for word in words),
        max(word.right for word in words),
        max(word.top for word in words),
    )


def _jumps(rows: Sequence[list[Run]], size: float) -> int:
    """Return how often the file goes up on the page without going to a column further right."""
    count = 0
    for before, after in pairwise(rows):
        goes_up = after[0].bottom - before[0].bottom > JUMP * size
        count += goes_up and after[0].left < max(run.right for run in before)
    return count


def _runs_across(lines: Sequence[Line], size: float) -> bool:
    """Return whether lines of the file run across two columns of prose, as those of some printers and scanners."""
    split = [runs for line in lines if len(runs := _split(line, GUTTER, size)) > 1]
    if len(split) < COLUMN_ROWS:
        return False
    strips = [(one.right, two.left) for runs in split for one, two in pairwise(runs) if one.right < two.left]
    if not strips:
        return False
    left, right = max((_shared(strip, strips) for strip in strips), key=lambda found: found[0])[1]
    sides = [([run for run in runs if run.right <= left], [run for run in runs if run.left >= right]) for runs in split]
    across = [both for both in sides if all(both)]
    if len(across) < max(COLUMN_ROWS, 0.4 * len(lines)):
        return False
    return all(_words_in(side) >= PROSE * len(across) for side in zip(*across, strict=True))


def _shared(strip: tuple[float, float], strips: Iterable[tuple[float, float]]) -> tuple[int, tuple[float, float]]:
    """Return how many of `strips` are around the middle of `strip`, and what they have in common."""
    middle = sum(strip) / 2
    around = [each for each in strips if each[0] <= middle <= each[1]]
    return len(around), (max(each[0] for each in around), min(each[1] for each in around))


def _words_in(side: Iterable[list[Run]]) -> int:
    return sum(word.text != LEADER for runs in side for run in runs for word in run.words)


def _columns(runs: Sequence[Run], size: float) -> list[list[Run]]:
    """Return `runs` by columns, in the order of reading.

    The page is read in bands from above. As long as they leave a strip free, they are columns on both sides of it;
    a band across, such as a title, ends these.
    """
    columns: list[list[Run]] = []
    waiting: list[list[Run]] = []
    free: list[tuple[float, float]] = []
    whole = (min(run.left for run in runs), max(run.right for run in runs))
    for band in _bands(runs):
        strips = _common(free, _strips(band, whole, size), size) if waiting else _strips(band, whole, size)
        if waiting and not strips:
            columns += _parted(waiting, free)
            waiting, strips = [], _strips(band, whole, size)
        waiting.append(band)
        free = strips
    return columns + _parted(waiting, free)


def _bands(runs: Sequence[Run]) -> list[list[Run]]:
    """Return groups of runs that overlap in height, from above."""
    bands: list[list[Run]] = []
    lowest = 0.0
    for run in sorted(runs, key=lambda run: -run.top):
        middle = (run.top + run.bottom) / 2
        if bands and middle > lowest:
            bands[-1].append(run)
            lowest = min(lowest, run.bottom)
        else:
            bands.append([run])
            lowest = run.bottom
    return bands


def _strips(band: Iterable[Run], whole: tuple[float, float], size: float) -> list[tuple[float, float]]:
    """Return the strips of a page from `whole[0]` to `whole[1]` that the band leaves free."""
    strips, end = [], whole[0]
    for run in sorted(band, key=lambda run: run.left):
        if run.left - end >= GUTTER * size:
            strips.append((end, run.left))
        end = max(end, run.right)
    return [*strips, (end, whole[1])] if whole[1] - end >= GUTTER * size else strips


def _common(
    one: Iterable[tuple[float, float]], two: Sequence[tuple[float, float]], size: float
) -> list[tuple[float, float]]:
    pairs = ((max(a[0], b[0]), min(a[1], b[1])) for a in one for b in two)
    return [(left, right) for left, right in pairs if right - left >= GUTTER * size]


def _parted(bands: Iterable[list[Run]], free: Iterable[tuple[float, float]]) -> list[list[Run]]:
    """Return the runs of `bands` in columns between the strips in `free`; all in one if one of them is no column."""
    runs = [run for band in bands for run in band]
    edges = [*sorted(right for _, right in free), float("inf")]
    columns: list[list[Run]] = [[] for _ in edges]
    for run in runs:
        columns[next(at for at, edge in enumerate(edges) if run.left < edge)].append(run)
    columns = [column for column in columns if column]
    return columns if all(len(column) >= COLUMN_ROWS for column in columns) else [runs]


def _rows(column: Iterable[Run], size: float) -> list[list[Run]]:
    """Return the runs of a column as lines, from above."""
    rows: list[list[Run]] = []
    for run in sorted(column, key=lambda run: (-run.top, run.left)):
        if rows and abs(run.bottom - rows[-1][0].bottom) < size / 2:
            rows[-1].append(run)
        else:
            rows.append([run])
    lines = ([word for run in sorted(row, key=lambda run: run.left) for word in run.words] for row in rows)
    return [_split(line, CELL_GAP, size) for line in lines]


def _paragraphs(rows: Sequence[list[Run]]) -> str:
    """Return the rows as lines, with an empty one before each paragraph."""
    steps = [before[0].bottom - after[0].bottom for before, after in pairwise(rows)]
    downwards = [step for step in steps if step > 0]
    usual = median(downwards) if downwards else 0.0
    pieces = [_row_text(rows[0])]
    for step, row in zip(steps, rows[1:], strict=True):
        if pieces[-1].endswith(HYPHEN):
            pieces[-1] = pieces[-1][:-1]
        else:
            pieces.append("\n" if 0 <= step <= PARAGRAPH * usual else "\n\n")
        pieces.append(_row_text(row))
    return _composed("".join(pieces).replace(HYPHEN, ""))


def _composed(text: str) -> str:
    """Return `text` with the accents on their letters that older fonts of TeX print before them."""
    if not any(accent in text for accent in _ACCENTS):
        return text
    return _ACCENTED.sub(_accented, text)


def _accented(found: re.Match[str]) -> str:
    letter = found[2].replace("ı", "i")
    whole = unicodedata.normalize("NFC", letter + _ACCENTS[found[1]])
    return whole if len(whole) == 1 else found[0]


def _row_text(row: Iterable[Run]) -> str:
    return "\t".join(" ".join(word.text for word in run.words) for run in row)
