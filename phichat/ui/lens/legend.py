"""How sure each look of a word under the lens says that the model was."""

from itertools import pairwise

from PySide6.QtCore import QLineF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPalette, QPen
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
    """A line of samples, each with the shares it stands for; those that do not fit are left out."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setObjectName("lensLegend")
        self.setAccessibleName(
            tr("Words with a line below: dotted under {most}, dashed under {less}, solid under {least}.").format(
                most=format_percent(LIMITS[2]), less=format_percent(LIMITS[1]), least=format_percent(LIMITS[0])
            )
        )
        self.setToolTip(tool_tip(tr("How likely the model found each word that it wrote")))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(0, QFontMetrics(self.font()).height() + 6)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        metrics = QFontMetrics(self.font())
        left = self._paint_caption(painter, metrics)
        for level, words in _samples():
            rect = QRectF(left, 1, metrics.horizontalAdvance(words) + 2 * INSET, metrics.height() + 3)
            left = rect.right() + GAP
            if rect.right() > self.width():
                break
            if self.isRightToLeft():
                rect.moveRight(self.width() - rect.left())
            y = rect.bottom() - 1.5
            paint_grounds(painter, self._theme, level, [rect], [QLineF(rect.left(), y, rect.right(), y)])
            painter.setPen(QColor(self._theme.colors.text))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, words)
        painter.end()

    def _paint_caption(self, painter: QPainter, metrics: QFontMetrics) -> float:
        """Paint what the samples are about if all of them have room beside it; return where they begin."""
        caption = tr("Probability:")
        width = metrics.horizontalAdvance(caption) + GAP
        samples = sum(metrics.horizontalAdvance(words) + 2 * INSET + GAP for _, words in _samples())
        if width + samples - GAP > self.width():
            return 0.0
        left = self.width() - width if self.isRightToLeft() else 0
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(QRectF(left, 1, width, metrics.height() + 3), Qt.AlignmentFlag.AlignVCenter, caption)
        return float(width)


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
