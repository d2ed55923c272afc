"""Words that are looked for: found whatever their case and accents, and marked in what is shown."""

import re
import unicodedata
from itertools import accumulate

from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit

from phichat.ui.theme.palette import Colors

MOST = 2000  # marks in one field: more than anyone looks at, and drawing them takes its time


class SearchTerms:
    """What is looked for: any of `words`, each as it stands but for case, accents and kinds of space."""

    def __init__(self, *words: str) -> None:
        folded = [" ".join(_fold(word).split()) for word in words]
        self._words = sorted(filter(None, folded), key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(word).replace(r"\ ", r"\s+") for word in self._words))
        self._bare = [[_bare(part) for part in word.split()] for word in self._words]

    def __bool__(self) -> bool:
        return bool(self._words)

    def may_occur_in(self, source: str) -> bool:
        """Whether it could be in what the Markdown `source` shows; quick, and as good as never wrong if it says no."""
        bare = _bare(_fold(source))
        return "&" in source or any(all(part in bare for part in parts) for parts in self._bare)

    def occur_in(self, text: str) -> bool:
        """Whether it is anywhere in `text`."""
        return bool(self._words) and self._pattern.search(_fold(text)) is not None

    def find_ranges(self, text: str) -> list[tuple[int, int]]:
        """Where it is in `text`, each from and to, counted as Qt counts: in units of UTF-16."""
        if not self._words:
            return []
        found = [match.span() for match in self._pattern.finditer(_fold(text))]
        if not found or text.isascii():
            return found
        origins = [at for at, letter in enumerate(text) for _ in _FOLDS[ord(letter)]]
        spans = [(origins[start], _whole(text, origins[end - 1] + 1)) for start, end in found]
        if max(text) <= "\uffff":
            return spans
        units = [0, *accumulate(1 + (letter > "\uffff") for letter in text)]
        return [(units[start], units[end]) for start, end in spans]


class Highlights:
    """Marks in one text field what a needle finds in it, one of them stronger.

    Attributes:
        places: what was found, each from and to.
    """

    def __init__(self, field: QTextEdit | QPlainTextEdit, needle: SearchTerms, tokens: Colors) -> None:
        self._field, self._needle, self._tokens = field, needle, tokens
        self._chosen = -1
        self.ranges: list[tuple[int, int]] = []
        self.refresh()

    def refresh(self) -> None:
        """Look again: the text is another one."""
        self.ranges = self._needle.find_ranges(self._field.toPlainText())
        self._show()

    def set_current(self, number: int) -> None:
        """Mark the place of that number more strongly; -1 for none."""
        if number != self._chosen:
            self._chosen = number
            self._show()

    def clear(self) -> None:
        """Take all marks away."""
        self._field.setExtraSelections([])

    def rect_of(self, number: int) -> QRect:
        """Where in the field the place of that number is."""
        start, end = self.ranges[number]
        first, last = self._field.cursorRect(self._cursor(start, start)), self._field.cursorRect(self._cursor(end, end))
        return first.united(last) if last.top() == first.top() else first

    def _show(self) -> None:
        begin = max(0, min(self._chosen - MOST // 2, len(self.ranges) - MOST))
        numbers = range(begin, min(begin + MOST, len(self.ranges)))
        self._field.setExtraSelections([self._selection(number) for number in numbers])

    def _selection(self, number: int) -> QTextEdit.ExtraSelection:
        selection = QTextEdit.ExtraSelection()
        look = QTextCharFormat()
        is_chosen = number == self._chosen
        look.setBackground(QColor(self._tokens.strong_mark if is_chosen else self._tokens.mark))
        look.setForeground(QColor(self._tokens.on_strong_mark if is_chosen else self._tokens.text))
        selection.format = look
        selection.cursor = self._cursor(*self.ranges[number])
        return selection

    def _cursor(self, start: int, end: int) -> QTextCursor:
        cursor = QTextCursor(self._field.document())
        cursor.setPosition(start)
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        return cursor


class _Folds(dict[int, str]):
    """What becomes of a character, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", chr(code)).casefold())
        self[code] = "".join(letter for letter in letters if not unicodedata.combining(letter))
        return self[code]


_FOLDS = _Folds()


def _fold(text: str) -> str:
    return text.lower() if text.isascii() else text.translate(_FOLDS)


def _bare(folded: str) -> str:
    """Only letters and digits: what Markdown's signs may not stand between any more."""
    return re.sub(r"[\W_]+", "", folded)


def _whole(text: str, end: int) -> int:
    """`end`, after the accents that belong to the letter before."""
    while end < len(text) and not _FOLDS[ord(text[end])]:
        end += 1
    return end
