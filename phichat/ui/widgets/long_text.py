"""Limits of what Qt lays out at once: the time grows with a paragraph's length, and with the square of a word's."""

import re
from collections.abc import Iterator

from PySide6.QtGui import QTextOption
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit

MOST_LETTERS, MOST_LINES = 40_000, 1_500  # that are laid out at once: about 50 ms
MARGIN = 3  # times what may be pasted: it is kept where it was typed in the end
SHORT = 500  # letters, that are never made a file of their own as long as there is any room
LONG_WORD = 1_000  # letters
LONGEST_SEARCH = 1_000  # letters; each that is longer takes longer to look for
_LONG_WORD = re.compile(rf"\S{{{LONG_WORD}}}")
ANYWHERE, USUAL = QTextOption.WrapMode.WrapAnywhere, QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere


def is_long(text: str) -> bool:
    """Return whether `text` is too long for a field, where it was written, perhaps, after a paste as long as may be."""
    return len(text) > MARGIN * MOST_LETTERS or text.count("\n") > MARGIN * MOST_LINES


def wrap_by_words_of(field: QTextEdit | QPlainTextEdit, text: str) -> None:
    """Have `field`, which is to show `text`, break lines anywhere if it has a long word.

    To break at words, Qt measures the rest of the word for each line of it: a word of 1 MB would take half a minute.
    """
    if field.wordWrapMode() is QTextOption.WrapMode.NoWrap:
        return
    mode = ANYWHERE if _LONG_WORD.search(text) else USUAL
    if field.wordWrapMode() is not mode:
        field.setWordWrapMode(mode)


def wrap_anywhere(field: QTextEdit | QPlainTextEdit) -> None:
    """Have `field` break lines anywhere, as a long word may come."""
    if field.wordWrapMode() is not ANYWHERE:
        field.setWordWrapMode(ANYWHERE)


def pages(text: str) -> Iterator[tuple[str, str]]:
    """Yield parts of `text` that can be laid out at once, each with what separates it from the part before."""
    begin, separator = 0, ""
    while begin < len(text) or not begin:
        end = _page_end(text, begin)
        yield separator, text[begin:end]
        separator = "\n" if text[end : end + 1] == "\n" else ""
        begin = end + len(separator)
        if end >= len(text):
            return


def _page_end(text: str, begin: int) -> int:
    """Return where the page from `begin` ends: at its last line's end, unless that line alone is too long."""
    most = min(begin + MOST_LETTERS, len(text))
    end = begin - 1
    for _ in range(MOST_LINES):
        following = text.find("\n", end + 1, most + 1)
        if following < 0:
            return most if most == len(text) or end <= begin else end
        end = following
    return end
