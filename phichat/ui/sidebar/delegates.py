"""The delegates that paint conversations and search hits, as plain text."""

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QHelpEvent, QPainter, QPen, QTextCharFormat, QTextLayout, QTextOption
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
    QWidget,
)

from phichat.i18n import tr
from phichat.store.base import ConversationSummary, SearchHit
from phichat.ui.controllers.conversation_model import IS_ANSWERING_ROLE, SUMMARY_ROLE, Index, title_of_summary
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.foreign_text import tool_tip
from phichat.ui.widgets.text_input import LineEdit

MARGIN = 10  # pixels


class ConversationDelegate(QStyledItemDelegate):
    """Paints a conversation or a section's title in one line; all rows are of the same height."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def paint_background(self, painter: QPainter, option: QStyleOptionViewItem) -> None:
        """Paint the background of a row that is selected, focused or under the mouse."""
        colors = self._theme.colors
        is_chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        is_hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        has_focus = bool(option.state & QStyle.StateFlag.State_HasFocus)
        if not (is_chosen or is_hovered or has_focus):
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        is_framed = has_focus or (is_chosen and colors.is_plain)
        painter.setPen(QPen(QColor(colors.accent)) if is_framed else Qt.PenStyle.NoPen)
        ground = colors.faint_accent if is_chosen else colors.hover
        painter.setBrush(QBrush(QColor(ground)) if is_chosen or is_hovered else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(option.rect).adjusted(0.5, 1.5, -0.5, -1.5), 8, 8)

    def _begin_draft(self, painter: QPainter, option: QStyleOptionViewItem, title: str) -> str:
        """Have `painter` paint as for a draft; return what to paint: nothing was sent there yet."""
        font = QFont(option.font)
        font.setItalic(True)
        painter.setFont(font)
        painter.setPen(QColor(self._theme.colors.muted))
        return tr("Draft: {title}").format(title=title)

    def _paint_section(self, painter: QPainter, option: QStyleOptionViewItem, title: str) -> None:
        font = QFont(option.font)
        font.setPointSizeF(font.pointSizeF() * 0.88)
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(self._theme.colors.muted))
        rect = option.rect.adjusted(MARGIN, 0, -MARGIN, -5)
        painter.drawText(rect, Qt.AlignmentFlag.AlignBottom | Qt.TextFlag.TextSingleLine, title)

    def _paint_dot(self, painter: QPainter, rect: QRect) -> None:
        """Paint the dot of a conversation with a reply under way; shrink `rect` to what remains for the title."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.colors.accent))
        is_mirrored = painter.layoutDirection() is Qt.LayoutDirection.RightToLeft
        x = rect.left() + 4 if is_mirrored else rect.right() - 3
        painter.drawEllipse(QPointF(x, rect.center().y() + 1), 3.5, 3.5)
        rect.adjust(14 if is_mirrored else 0, 0, 0 if is_mirrored else -14, 0)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        _begin(painter, option)
        title = str(index.data())
        if isinstance(index.data(SUMMARY_ROLE), ConversationSummary):
            self.paint_background(painter, option)
            rect = option.rect.adjusted(MARGIN, 0, -MARGIN, 0)
            if index.data(IS_ANSWERING_ROLE):
                self._paint_dot(painter, rect)
            painter.setPen(QColor(self._theme.colors.text))
            if index.data(SUMMARY_ROLE).is_draft:
                title = self._begin_draft(painter, option, title)
            elided = painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, rect.width())
            painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, elided)
        else:
            self._paint_section(painter, option, title)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, _: Index) -> QSize:
        return QSize(0, option.fontMetrics.height() + 18)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, _: Index) -> None:
        editor.setGeometry(option.rect.adjusted(1, 2, -1, -2))

    def createEditor(self, parent: QWidget, _: QStyleOptionViewItem, __: Index) -> QWidget:
        editor = LineEdit()
        editor.setParent(parent)
        editor.setFrame(False)
        editor.setObjectName("renameField")
        editor.setAccessibleName(tr("Title"))
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        # A view calls this again when the row changes, as when its reply ends: what was typed by then stays.
        if not (isinstance(editor, QLineEdit) and editor.isModified()):
            super().setEditorData(editor, index)

    def helpEvent(self, event: QHelpEvent, view: QAbstractItemView, option: QStyleOptionViewItem, index: Index) -> bool:
        summary = index.data(SUMMARY_ROLE)
        if event.type() is QEvent.Type.ToolTip and isinstance(summary, ConversationSummary):
            QToolTip.showText(event.globalPos(), tool_tip(title_of_summary(summary)), view)
            return True
        return super().helpEvent(event, view, option, index)


def _begin(painter: QPainter, option: QStyleOptionViewItem) -> None:
    """Save the state of `painter`, and have it paint this row alone: marks that are stacked reach over all others."""
    painter.save()
    painter.setClipRect(option.rect, Qt.ClipOperation.IntersectClip)


EXCERPT_LINES = 2


class SearchHitDelegate(ConversationDelegate):
    """Paints the title, and below it the excerpt with the search terms in bold."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        hit = index.data(SUMMARY_ROLE)
        if not isinstance(hit, SearchHit):
            return
        _begin(painter, option)
        self.paint_background(painter, option)
        rect = option.rect.adjusted(MARGIN, 7, -MARGIN, -7)
        height = option.fontMetrics.lineSpacing()
        if hit.message is None:
            self._paint_excerpt(painter, option, rect, hit, QColor(self._theme.colors.text))
        else:
            title = option.fontMetrics.elidedText(str(index.data()), Qt.TextElideMode.ElideRight, rect.width())
            painter.setPen(QColor(self._theme.colors.text))
            painter.drawText(rect, Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextSingleLine, title)
            below = rect.adjusted(0, height + 2, 0, 0)
            self._paint_excerpt(painter, option, below, hit, QColor(self._theme.colors.muted))
        painter.restore()

    def _paint_excerpt(
        self, painter: QPainter, option: QStyleOptionViewItem, rect: QRect, hit: SearchHit, colour: QColor
    ) -> None:
        painter.setPen(colour)
        self._lay_out(option, hit, rect.width()).draw(painter, QPointF(rect.topLeft()))

    def _lay_out(self, option: QStyleOptionViewItem, hit: SearchHit, width: int) -> QTextLayout:
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
            line.setLineWidth(width)
            line.setPosition(QPointF(0, number * option.fontMetrics.lineSpacing()))
        layout.endLayout()
        return layout

    def _mark(self, begin: int, end: int) -> QTextLayout.FormatRange:
        mark = QTextLayout.FormatRange()
        mark.start, mark.length = begin, end - begin
        look = QTextCharFormat()
        look.setFontWeight(QFont.Weight.Bold)
        look.setForeground(QColor(self._theme.colors.text))
        mark.format = look
        return mark

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        hit, view = index.data(SUMMARY_ROLE), self.parent()
        lines = 1 + EXCERPT_LINES
        if isinstance(hit, SearchHit) and isinstance(view, QAbstractItemView):
            excerpt = self._lay_out(option, hit, view.viewport().width() - 2 * MARGIN)
            lines = excerpt.lineCount() + (hit.message is not None)  # the title, which the excerpt may be itself
        return QSize(0, lines * option.fontMetrics.lineSpacing() + 16)
