"""Search terms, found whatever their case and accents, and their highlights in a text field."""

import re
from bisect import bisect_left, bisect_right
from itertools import accumulate, islice
from operator import itemgetter

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QTimer, Slot
from PySide6.QtGui import QColor, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit

from phichat.ui.theme.palette import Colors
from phichat.unicode import FoldTable

MAX_HIGHLIGHTS = 2000  # in one field: more than anyone looks at


class SearchTerms:
    """Matches any of `words`, ignoring case, accents and kinds of white space."""

    def __init__(self, *words: str) -> None:
        folded = [" ".join(_FOLDS.fold(word).split()) for word in words]
        self._words = sorted(filter(None, folded), key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(word).replace(r"\ ", r"\s+") for word in self._words))
        self._word_parts = [[_letters_and_digits(part) for part in word.split()] for word in self._words]

    def __bool__(self) -> bool:
        return bool(self._words)

    def may_occur_in(self, source: str) -> bool:
        """Return whether a term may occur in the text of the Markdown `source`; fast, and hardly ever wrongly False."""
        letters = _letters_and_digits(_FOLDS.fold(source))
        return "&" in source or any(all(part in letters for part in parts) for parts in self._word_parts)

    def occur_in(self, text: str) -> bool:
        """Return whether any term occurs in `text`."""
        return bool(self._words) and self._pattern.search(_FOLDS.fold(text)) is not None

    def count_in(self, text: str) -> int:
        """Return the number of matches in `text`."""
        return sum(1 for _ in self._pattern.finditer(_FOLDS.fold(text))) if self._words else 0

    def span_in(self, text: str, number: int) -> tuple[int, int]:
        """Return start and end of the match of that number in `text`, in characters."""
        found = next(islice(self._pattern.finditer(_FOLDS.fold(text)), number, None), None)
        if found is None or text.isascii():
            return found.span() if found else (0, 0)
        origins = _FOLDS.origins(text)
        return origins[found.start()], _after_marks(text, origins[found.end() - 1] + 1)

    def find_ranges(self, text: str) -> list[tuple[int, int]]:
        """Return start and end of each match in `text`, in UTF-16 code units, as Qt counts."""
        if not self._words:
            return []
        found = [match.span() for match in self._pattern.finditer(_FOLDS.fold(text))]
        if not found or text.isascii():
            return found
        origins = _FOLDS.origins(text)
        spans = [(origins[start], _after_marks(text, origins[end - 1] + 1)) for start, end in found]
        if max(text) <= "\uffff":
            return spans
        units = [0, *accumulate(1 + (letter > "\uffff") for letter in text)]
        return [(units[start], units[end]) for start, end in spans]


class Highlights(QObject):
    """Highlights the matches of search terms in one text field, the current one more strongly.

    What is in sight, and half as much around it, is highlighted; the rest when it is painted. A long answer has
    hundreds of fields, and for each cell of a table that it paints, Qt looks at all highlights.

    Attributes:
        ranges: start and end of each match, in UTF-16 code units.
    """

    def __init__(self, field: QTextEdit | QPlainTextEdit, terms: SearchTerms, colors: Colors) -> None:
        super().__init__(field)
        self._field, self._terms, self._colors = field, terms, colors
        self._current = -1
        self._area = QRect()  # what is highlighted, in pixels from the beginning of the text
        self._is_scheduled = False  # a timer for each would take half of the time to highlight thousands of fields
        field.viewport().installEventFilter(self)
        self.ranges: list[tuple[int, int]] = []
        self.refresh()

    def refresh(self) -> None:
        """Search again, after the text has changed."""
        self.ranges = self._terms.find_ranges(self._field.toPlainText())
        self._update()

    @property
    def current(self) -> int:
        """The number of the current match; -1 for none."""
        return self._current

    def set_current(self, number: int) -> None:
        """Make the match of that number the current one; -1 for none."""
        if number != self._current:
            self._current = number
            self._update()

    def clear(self) -> None:
        """Remove all highlights, for good."""
        self._is_scheduled = False
        self._field.viewport().removeEventFilter(self)
        self._field.setExtraSelections([])
        self.deleteLater()

    def rect_of(self, number: int) -> QRect:
        """Return the rectangle of the match of that number in the field."""
        start, end = self.ranges[number]
        first, last = self._field.cursorRect(self._cursor(start, start)), self._field.cursorRect(self._cursor(end, end))
        return first.united(last) if last.top() == first.top() else first

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize:
            self._area = QRect()  # as lines may stand elsewhere now
        elif event.type() is QEvent.Type.Paint and not self._area.contains(self._area_in_sight()):
            if not self._is_scheduled:
                QTimer.singleShot(0, self._show_later)
            self._is_scheduled = True
        return super().eventFilter(watched, event)

    def _update(self) -> None:
        """Highlight the matches as they are now, or later if the field is out of sight."""
        self._area = QRect()
        if self._current >= 0 or not self._field.viewport().visibleRegion().isEmpty():
            self._show()

    @Slot()
    def _show_later(self) -> None:
        if self._is_scheduled:
            self._show()

    def _show(self) -> None:
        self._is_scheduled = False
        seen = self._area_in_sight()
        across, down = seen.width() // 2, seen.height() // 2
        self._area = seen.adjusted(-across, -down, across, down)
        numbers = self._numbers_in(self._area)
        here = bisect_left(numbers, self._number_in_sight())
        begin = max(0, min(here - MAX_HIGHLIGHTS // 2, len(numbers) - MAX_HIGHLIGHTS))
        shown = {*numbers[begin : begin + MAX_HIGHLIGHTS], *([self._current] if self._current >= 0 else [])}
        self._field.setExtraSelections([self._selection(number) for number in sorted(shown)])

    def _area_in_sight(self) -> QRect:
        """Return what is in sight, in pixels from the beginning of the text."""
        return self._field.viewport().visibleRegion().boundingRect().translated(self._scrolled())

    def _number_in_sight(self) -> int:
        """Return the number of the first match behind the middle of what is in sight."""
        middle = self._field.viewport().visibleRegion().boundingRect().center()
        return bisect_left(self.ranges, self._field.cursorForPosition(middle).position(), key=itemgetter(0))

    def _scrolled(self) -> QPoint:
        """Return how far the field is scrolled, in pixels."""
        lines = self._field.fontMetrics().lineSpacing() if isinstance(self._field, QPlainTextEdit) else 1
        return QPoint(self._field.horizontalScrollBar().value(), self._field.verticalScrollBar().value() * lines)

    def _numbers_in(self, area: QRect) -> list[int]:
        """Return the numbers of the matches in `area`, in pixels from the beginning of the text."""
        seen = area.translated(-self._scrolled())
        inside = seen.intersected(self._field.viewport().rect())
        first = self._field.cursorForPosition(inside.topLeft()).block().position()
        last = self._field.cursorForPosition(inside.bottomRight()).block()
        begin = bisect_right(self.ranges, first, key=itemgetter(1))
        end = bisect_left(self.ranges, last.position() + last.length(), key=itemgetter(0))
        if not self._field.horizontalScrollBar().maximum():
            return [*range(begin, end)]
        cursor = QTextCursor(self._field.document())
        found = []
        for number in range(begin, end):
            cursor.setPosition(self.ranges[number][0])
            if seen.left() <= self._field.cursorRect(cursor).left() <= seen.right():
                found.append(number)
        return found

    def _selection(self, number: int) -> QTextEdit.ExtraSelection:
        selection = QTextEdit.ExtraSelection()
        char_format = QTextCharFormat()
        is_current = number == self._current
        char_format.setBackground(QColor(self._colors.strong_mark if is_current else self._colors.mark))
        char_format.setForeground(QColor(self._colors.on_strong_mark if is_current else self._colors.text))
        selection.format = char_format
        selection.cursor = self._cursor(*self.ranges[number])
        return selection

    def _cursor(self, start: int, end: int) -> QTextCursor:
        cursor = QTextCursor(self._field.document())
        cursor.setPosition(start)
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        return cursor


_FOLDS = FoldTable()


def _letters_and_digits(folded: str) -> str:
    """Return letters and digits alone, which Markdown's markup cannot separate any more."""
    return re.sub(r"[\W_]+", "", folded)


def _after_marks(text: str, end: int) -> int:
    """Move `end` past combining marks that belong to the letter before it."""
    while end < len(text) and not _FOLDS[ord(text[end])]:
        end += 1
    return end
