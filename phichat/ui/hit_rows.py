"""How what a search found is painted: a title, and the words around each place, never as HTML."""

from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QTextCharFormat, QTextLayout, QTextOption
from PySide6.QtWidgets import QStyleOptionViewItem

from phichat.store.base import SearchHit
from phichat.ui.controllers.conversation_model import SUMMARY_ROLE
from phichat.ui.rows import MARGIN, HeadingRows, Index

EXCERPT_LINES = 2


class HitRows(HeadingRows):
    """A title, and below it the words around what was found, which are marked."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        hit = index.data(SUMMARY_ROLE)
        if not isinstance(hit, SearchHit):
            return
        painter.save()
        self.paint_ground(painter, option)
        rect = option.rect.adjusted(MARGIN, 7, -MARGIN, -7)
        height = option.fontMetrics.lineSpacing()
        if hit.message is None:
            self._paint_words(painter, option, rect, hit, QColor(self._theme.tokens.text))
        else:
            title = option.fontMetrics.elidedText(str(index.data()), Qt.TextElideMode.ElideRight, rect.width())
            painter.setPen(QColor(self._theme.tokens.text))
            painter.drawText(rect, Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextSingleLine, title)
            below = rect.adjusted(0, height + 2, 0, 0)
            self._paint_words(painter, option, below, hit, QColor(self._theme.tokens.muted))
        painter.restore()

    def _paint_words(
        self, painter: QPainter, option: QStyleOptionViewItem, rect: QRect, hit: SearchHit, colour: QColor
    ) -> None:
        layout = QTextLayout(hit.excerpt, option.font)
        wrap = QTextOption()
        wrap.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        if option.direction is Qt.LayoutDirection.RightToLeft:
            wrap.setAlignment(Qt.AlignmentFlag.AlignRight)
        layout.setTextOption(wrap)
        layout.setFormats([self._mark(begin, end) for begin, end in hit.marks])
        layout.beginLayout()
        for number in range(EXCERPT_LINES):
            line = layout.createLine()
            if not line.isValid():
                break
            line.setLineWidth(rect.width())
            line.setPosition(QPointF(0, number * option.fontMetrics.lineSpacing()))
        layout.endLayout()
        painter.setPen(colour)
        layout.draw(painter, QPointF(rect.topLeft()))

    def _mark(self, begin: int, end: int) -> QTextLayout.FormatRange:
        mark = QTextLayout.FormatRange()
        mark.start, mark.length = begin, end - begin
        look = QTextCharFormat()
        look.setFontWeight(QFont.Weight.Bold)
        look.setForeground(QColor(self._theme.tokens.text))
        mark.format = look
        return mark

    def sizeHint(self, option: QStyleOptionViewItem, _: Index) -> QSize:
        return QSize(0, (1 + EXCERPT_LINES) * option.fontMetrics.lineSpacing() + 16)
