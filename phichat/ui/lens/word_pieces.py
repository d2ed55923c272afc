"""Where the words of a paragraph are, in whatever direction they are read: a rectangle for each line of a word."""

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QTextBlock, QTextLine

from phichat.chat.candidates import LIMITS
from phichat.chat.weighed_reply import WeighedWord
from phichat.ui.lens.legend import SURE
from phichat.unicode import has_right_to_left

_NARROWEST = 6.0  # pixels of a word that is blank, such as a line break


@dataclass(frozen=True)
class WordPiece:
    """The part of a word that is in one line, with its baseline, and the level of the word."""

    word: int
    level: int
    rect: QRectF
    baseline: float

    def line_below(self) -> QLineF:
        """Return the line that says how sure the model was."""
        y = min(self.baseline + 3, self.rect.bottom() - 1)
        return QLineF(self.rect.left(), y, self.rect.right(), y)


class ParagraphMeasure:
    """Measures words in `block`, whose top left corner is at `corner`."""

    def __init__(self, block: QTextBlock, corner: QPointF) -> None:
        self._layout, self._corner, self._length = block.layout(), corner, block.length() - 1
        self._is_mixed = has_right_to_left(block.text())

    def pieces(self, word: int, level: int, begin: int, end: int) -> Iterator[WordPiece]:
        """Yield the pieces of a word that is between two positions in the paragraph."""
        at, end = begin, min(end, self._length)
        while True:
            line = self._layout.lineForTextPosition(at)
            if not line.isValid():
                return
            stop = min(end, line.textStart() + line.textLength())
            left, right = self._sides(line, at, stop)
            width = right - left if right - left >= 1 else _NARROWEST  # of a comma less than that of a line break
            rect = QRectF(left, line.y(), width, line.height()).translated(self._corner)
            yield WordPiece(word, level, rect, self._corner.y() + line.y() + line.ascent())
            if stop >= end or stop <= at:
                return
            at = stop

    def _sides(self, line: QTextLine, at: int, stop: int) -> tuple[float, float]:
        """Return where what is between two positions of a line begins and ends.

        Where directions are mixed, the letters beside it may be anywhere, so its own glyphs are asked.
        """
        runs = [run.boundingRect() for run in line.glyphRuns(at, stop - at)] if self._is_mixed and stop > at else []
        if runs:
            return min(run.left() for run in runs), max(run.right() for run in runs)
        places: list[float] = [line.cursorToX(place)[0] for place in (at, stop)]  # type: ignore[index]
        return min(places), max(places)


def level_of(word: WeighedWord) -> int:
    """Return the number of `LIMITS` that the probability of `word` reaches; `SURE` if it is unknown."""
    probability = word.probability
    return SURE if probability is None else bisect(LIMITS, probability)
