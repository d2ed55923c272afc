"""How sure each look of a word under the lens says that the model was."""

from itertools import pairwise

from PySide6.QtCore import QLineF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPalette, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from phichat.chat.candidates import LIMITS
from phichat.i18n import format_number, format_percent, tr
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.foreign_text import tool_tip

SURE = len(LIMITS)
"""The level of words that look like any text: their probability reaches the last of `LIMITS`."""

_PENS = ((2.0, Qt.PenStyle.SolidLine), (1.5, Qt.PenStyle.DashLine), (1.5, Qt.PenStyle.DotLine))
"""The width in pixels and the style of the line below a word, by its level: the least sure first."""

INSET, GAP = 5, 8  # pixels beside the words of a sample, and between two of them


def paint_grounds(painter: QPainter, theme: Theme, level: int, grounds: list[QRectF], lines: list[QLineF]) -> None:
    """Paint the grounds of words of one level, and the lines below them; nothing for `SURE`."""
    if level == SURE or not grounds:
        return
    width, style = _PENS[level]
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(theme.colors.unsure[SURE - 1 - level]))
    painter.drawRects(grounds)
    painter.setPen(QPen(QColor(theme.colors.text), width, style, Qt.PenCapStyle.FlatCap))
    painter.drawLines(lines)


class LensLegend(QWidget):
    """A caption and samples, each with the shares it stands for; in as many lines as they need."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setObjectName("lensLegend")
        self.setAccessibleName(
            tr(
                "Words are underlined by probability: dotted if below {most}, dashed if below {less}, solid "
                "if below {least}."
            ).format(most=format_percent(LIMITS[2]), less=format_percent(LIMITS[1]), least=format_percent(LIMITS[0]))
        )
        self.setToolTip(tool_tip(tr("How likely the model thought each word was")))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(0, self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def heightForWidth(self, width: int) -> int:
        return int(max(rect.bottom() for _, _, rect in self._places(width))) + 2

    def _places(self, width: int) -> list[tuple[int, str, QRectF]]:
        """Return the caption, of level -1, and the samples, each with its rectangle."""
        metrics, found = QFontMetrics(self.font()), list[tuple[int, str, QRectF]]()
        left, top, height = 0.0, 1.0, metrics.height() + 3
        for level, words in [(-1, tr("Probability:")), *_samples()]:
            inset = INSET if level >= 0 else 0
            needed = metrics.horizontalAdvance(words) + 2 * inset
            if left and left + needed > width:
                left, top = 0.0, top + height + 3
            found.append((level, words, QRectF(left, top, needed, height)))
            left += needed + GAP
        return found

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        for level, words, rect in self._places(self.width()):
            if self.isRightToLeft():
                rect.moveRight(self.width() - rect.left())
            y = rect.bottom() - 1.5
            line = QLineF(rect.left(), y, rect.right(), y)
            paint_grounds(painter, self._theme, level if level >= 0 else SURE, [rect], [line])
            role = QPalette.ColorRole.WindowText if level >= 0 else QPalette.ColorRole.PlaceholderText
            painter.setPen(self.palette().color(role))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, words)
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()


def _samples() -> list[tuple[int, str]]:
    """Return each level with its shares, the surest first."""
    percents = [format_number(100 * limit) for limit in LIMITS]
    between = [tr("{low}–{high}%").format(low=low, high=high) for low, high in pairwise(percents)]
    most, least = format_percent(LIMITS[-1]), format_percent(LIMITS[0])
    shares = [
        tr("under {share}").format(share=least),
        *between,
        tr("{share} or more").format(share=most),
    ]
    return list(enumerate(shares))[::-1]
