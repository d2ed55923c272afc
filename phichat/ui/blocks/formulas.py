"""LaTeX formulas: drawn by the render process, cached, and painted in the colour and size of the text around them."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from zlib import compress, decompress

from PySide6.QtCore import QObject, QPointF, QRect, QRectF, QSize, QSizeF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontInfo,
    QFontMetricsF,
    QPainter,
    QPixmap,
    QPyTextObject,
    QTextCharFormat,
    QTextDocument,
    QTextFormat,
)
from PySide6.QtSvg import QSvgRenderer

from phichat.rendering.drawing import FONT_SIZE, PLACEHOLDER_COLOR, Drawing

FORMULA = QTextFormat.ObjectTypes.UserObject + 1
LATEX = QTextFormat.Property.UserProperty + 1
SOURCE = QTextFormat.Property.UserProperty + 2
DISPLAY = QTextFormat.Property.UserProperty + 3
SCALE = QTextFormat.Property.UserProperty + 4

ENLARGEMENT = 1.06  # the letters of formulas are a little smaller than those of the window's font
MAX_LENGTH = 2000  # characters: drawing takes 20 ms for 100 of them
MAX_DRAWINGS = 64 * 2**20  # bytes of compressed SVG, past which formulas stay LaTeX: a thousand very long ones
MAX_PIXMAP = 4 * 2**20  # pixels; larger formulas are painted anew each time, and only what shows of them
MAX_PIXMAPS = 16 * 2**20  # pixels kept, at four bytes each
GATHERED = 15  # milliseconds within which drawings are announced together: for each, text is laid out again

Key = tuple[str, bool]


class FormulaCache(QObject):
    """Has formulas drawn once, by `render` of a RenderContext, and keeps them.

    Signals: `drawn`: more formulas were drawn.
    """

    drawn = Signal()

    def __init__(self, render: Callable[..., None], parent: QObject) -> None:
        super().__init__(parent)
        self._render = render
        self._drawings: dict[Key, Drawing | None] = {}
        self._svgs: dict[Key, bytes] = {}
        self._size = 0
        self._pixmaps: dict[tuple[Key, int, int, str], QPixmap] = {}
        self._pixels = 0
        self._timer = QTimer(self, interval=GATHERED, singleShot=True)
        self._timer.timeout.connect(self.drawn)

    def get(self, latex: str, *, is_display: bool) -> Drawing | None:
        """Return the formula, without its SVG, if it is drawn; else None, and start drawing it."""
        key = latex, is_display
        if key not in self._drawings:
            self._drawings[key] = None
            if len(latex) <= MAX_LENGTH and self._size < MAX_DRAWINGS:
                order = {"do": "formula", "latex": latex, "is_display": is_display}
                self._render(order, partial(self._on_drawn, key), self)
        return self._drawings[key]

    def paint(self, painter: QPainter, target: QRectF, key: Key) -> None:
        """Paint a formula in the colour of the pen."""
        size = (target.size() * painter.device().devicePixelRatioF()).toSize().expandedTo(QSize(1, 1))
        color = painter.pen().color()
        if size.width() * size.height() > MAX_PIXMAP:
            self._renderer(key, color).render(painter, target)
            return
        picture = self._pixmap(key, size, color)
        painter.drawPixmap(target, picture, QRectF(picture.rect()))

    def _pixmap(self, key: Key, size: QSize, color: QColor) -> QPixmap:
        """Return the formula as a pixmap of `size` device pixels."""
        name = key, size.width(), size.height(), color.name()
        if name not in self._pixmaps:
            self._pixels += size.width() * size.height()
            if self._pixels > MAX_PIXMAPS:
                self._pixmaps.clear()
                self._pixels = size.width() * size.height()
            picture = self._pixmaps[name] = QPixmap(size)
            picture.fill(Qt.GlobalColor.transparent)
            painter = QPainter(picture)
            self._renderer(key, color).render(painter)
            painter.end()
        return self._pixmaps[name]

    def _renderer(self, key: Key, color: QColor) -> QSvgRenderer:
        svg = decompress(self._svgs[key]).decode() if key in self._svgs else ""
        return QSvgRenderer(svg.replace(PLACEHOLDER_COLOR, color.name()).encode())

    def _on_drawn(self, key: Key, values: dict[str, Any] | None) -> None:
        if values:
            drawing = Drawing(**values)
            self._svgs[key] = compress(drawing.svg.encode())
            self._size += len(self._svgs[key])
            self._drawings[key] = replace(drawing, svg="")
            self._timer.start()


class FormulaObject(QPyTextObject):
    """Paints formulas in a QTextDocument.

    Qt paints half of the background of a selection over what is selected. `repaint_selected` paints it once more.
    """

    def __init__(self, formula_cache: FormulaCache, parent: QObject) -> None:
        super().__init__(parent)
        self._formula_cache = formula_cache
        self._selected: list[tuple[QRectF, QTextCharFormat]] = []

    def repaint_selected(self, painter: QPainter) -> None:
        """Paint the selected formulas among those painted since the last call, on their background."""
        selected, self._selected = self._selected, []
        for rect, char_format in selected:
            painter.fillRect(rect.united(self._target(rect, char_format)), char_format.background())
            painter.setPen(char_format.foreground().color())
            self._paint(painter, rect, char_format)

    def intrinsicSize(self, _: QTextDocument, __: int, char_format: QTextFormat) -> QSizeF:
        drawing, scale = self._drawing_of(char_format)
        if drawing is None:
            return QSizeF()
        ascent, descent = drawing.ascent * scale, drawing.descent * scale
        if half := _middle_height(char_format):
            return QSizeF(drawing.width * scale, max(2 * descent + half, 2 * ascent - half))
        return QSizeF(drawing.width * scale, ascent)

    def drawObject(
        self, painter: QPainter, rect: QRectF | QRect, _: QTextDocument, __: int, char_format: QTextFormat
    ) -> None:
        rect = QRectF(rect)
        self._paint(painter, rect, char_format)
        if char_format.hasProperty(QTextFormat.Property.BackgroundBrush):
            self._selected.append((painter.transform().mapRect(rect), char_format.toCharFormat()))

    def _paint(self, painter: QPainter, rect: QRectF, char_format: QTextFormat) -> None:
        if self._drawing_of(char_format)[0]:
            self._formula_cache.paint(painter, self._target(rect, char_format), _key(char_format))

    def _target(self, rect: QRectF, char_format: QTextFormat) -> QRectF:
        """Return where the formula is painted that has `rect` in its line."""
        drawing, scale = self._drawing_of(char_format)
        if drawing is None:
            return rect
        half = _middle_height(char_format)
        line = rect.top() + (rect.height() + half) / 2 if half else rect.bottom()
        size = QSizeF(drawing.width, drawing.ascent + drawing.descent) * scale
        return QRectF(QPointF(rect.left(), line - drawing.ascent * scale), size)

    def _drawing_of(self, char_format: QTextFormat) -> tuple[Drawing | None, float]:
        latex, is_display = _key(char_format)
        return self._formula_cache.get(latex, is_display=is_display), float(char_format.property(SCALE))


def apply_drawing(char_format: QTextCharFormat, drawing: Drawing, font: QFont, *, is_alone: bool) -> None:
    """Set the scale and alignment of `drawing` among text in `font`, or on a line that has no text to make it deep."""
    scale = QFontInfo(font).pixelSize() * ENLARGEMENT / FONT_SIZE
    char_format.setProperty(SCALE, scale)
    if drawing.descent * scale > (0 if is_alone else QFontMetricsF(font).descent() + 1):
        char_format.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignMiddle)


def _middle_height(char_format: QTextFormat) -> float:
    """Return how far above the baseline Qt centres a formula that reaches below it; 0 for all others."""
    letters = char_format.toCharFormat()
    is_low = letters.verticalAlignment() is QTextCharFormat.VerticalAlignment.AlignMiddle
    return QFontMetricsF(letters.font()).xHeight() / 2 if is_low else 0.0


def _key(char_format: QTextFormat) -> Key:
    return str(char_format.property(LATEX)), bool(char_format.property(DISPLAY))
