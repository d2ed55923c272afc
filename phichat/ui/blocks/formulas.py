"""LaTeX formulas: drawn by the render process, cached, and painted in the colour and size of the text around them."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any
from zlib import compress, decompress

from PySide6.QtCore import QObject, QPointF, QRect, QRectF, QSize, QSizeF, Qt, QTimer, Signal, Slot
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
MIDDLE = QTextFormat.Property.UserProperty + 7
SIZE = QTextFormat.Property.UserProperty + 8

ENLARGEMENT = 1.06  # the letters of formulas are a little smaller than those of the window's font
MAX_LENGTH = 2000  # characters: drawing takes 20 ms for 100 of them
MAX_DRAWINGS = 64 * 2**20  # bytes of compressed SVG, past which formulas stay LaTeX: a thousand very long ones
MAX_PIXMAP = 4 * 2**20  # pixels; larger formulas are painted anew each time, and only what shows of them
MAX_PIXMAPS = 16 * 2**20  # pixels kept, at four bytes each
AHEAD = 32  # formulas that are ordered before those that came into sight in the meantime
GATHERED = 15  # milliseconds within which drawings are announced together: for each, text is laid out again
PAUSE_FACTOR = 3  # the next ones are announced after this many times as long as that took

Key = tuple[str, bool]
"""The LaTeX of a formula, and whether it stands on a line of its own."""


class FormulaCache(QObject):
    """Has formulas drawn once, by `render` of a RenderContext, those in sight first, and keeps them.

    Signals: `drawn(set[Key])`: these formulas were drawn, or cannot be.
    """

    drawn = Signal(object)

    def __init__(self, render: Callable[..., None], parent: QObject) -> None:
        super().__init__(parent)
        self._render = render
        self._drawings: dict[Key, Drawing | None] = {}
        self._waiting: OrderedDict[Key, None] = OrderedDict()
        self._ordered: set[Key] = set()  # those that were ordered
        self._news: set[Key] = set()
        self._svgs: dict[Key, bytes] = {}
        self._size = 0
        self._pixmaps: dict[tuple[Key, int, int, str], QPixmap] = {}
        self._pixels = 0
        self._timer = QTimer(self, interval=GATHERED, singleShot=True)
        self._timer.timeout.connect(self._announce)
        self._announced = 0.0
        self._pause = QTimer(self, interval=0, singleShot=True)  # until all that follows an announcement is done
        self._pause.timeout.connect(self._on_painted)

    def get(self, latex: str, *, is_display: bool) -> Drawing | None:
        """Return the formula, without its SVG, if it is drawn; else None, and start drawing it."""
        key = latex, is_display
        if key not in self._drawings:
            self._drawings[key] = None
            if len(latex) <= MAX_LENGTH:
                self._waiting[key] = None
                self._order()
        return self._drawings[key]

    def is_awaited(self, key: Key) -> bool:
        """Return whether a formula may still be drawn: it is not, and nothing is known against it."""
        return key in self._waiting or key in self._ordered

    def is_refused(self, key: Key) -> bool:
        """Return whether a formula can't be drawn, as far as is known."""
        is_asked_for = key in self._drawings and not self.is_awaited(key)
        return len(key[0]) > MAX_LENGTH or (is_asked_for and self._drawings[key] is None)

    def hurry(self, keys: Iterable[Key]) -> None:
        """Have those of `keys` that wait to be drawn drawn before all others, as they are in sight."""
        for key in [key for key in keys if key in self._waiting]:
            self._waiting.move_to_end(key, last=False)

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

    def _order(self) -> None:
        """Have more formulas drawn, unless enough are being drawn."""
        while self._waiting and len(self._ordered) < AHEAD and self._size < MAX_DRAWINGS:
            key, _ = self._waiting.popitem(last=False)
            self._ordered.add(key)
            order = {"do": "formula", "latex": key[0], "is_display": key[1]}
            self._render(order, partial(self._on_drawn, key), self)

    @Slot()
    def _announce(self) -> None:
        news, self._news = self._news, set()
        self._announced = perf_counter()
        self.drawn.emit(news)
        self._pause.start()

    @Slot()
    def _on_painted(self) -> None:
        """Wait before the next announcement if that made much work, such as the painting of all that is in sight."""
        self._timer.setInterval(max(GATHERED, int(1000 * PAUSE_FACTOR * (perf_counter() - self._announced))))
        if self._news:
            self._timer.start()

    def _on_drawn(self, key: Key, values: dict[str, Any] | None) -> None:
        self._ordered.discard(key)
        self._order()
        if values:
            drawing = Drawing(**values)
            self._svgs[key] = compress(drawing.svg.encode())
            self._size += len(self._svgs[key])
            self._drawings[key] = replace(drawing, svg="")
        self._news.add(key)
        if not (self._timer.isActive() or self._pause.isActive()):
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
            latex, is_display = _key(char_format)
            drawing = self._formula_cache.get(latex, is_display=is_display)
            area = rect.united(_target(rect, char_format, drawing)) if drawing else rect
            painter.fillRect(area, char_format.background())
            painter.setPen(char_format.foreground().color())
            self._paint(painter, rect, char_format)

    def intrinsicSize(self, _: QTextDocument, __: int, char_format: QTextFormat) -> QSizeF:
        return char_format.property(SIZE) or QSizeF()

    def drawObject(
        self, painter: QPainter, rect: QRectF | QRect, _: QTextDocument, __: int, char_format: QTextFormat
    ) -> None:
        rect = QRectF(rect)
        self._paint(painter, rect, char_format)
        if char_format.hasProperty(QTextFormat.Property.BackgroundBrush):
            self._selected.append((painter.transform().mapRect(rect), char_format.toCharFormat()))

    def _paint(self, painter: QPainter, rect: QRectF, char_format: QTextFormat) -> None:
        key = _key(char_format)
        if drawing := self._formula_cache.get(key[0], is_display=key[1]):
            self._formula_cache.paint(painter, _target(rect, char_format, drawing), key)


def apply_drawing(char_format: QTextCharFormat, drawing: Drawing, font: QFont, *, is_alone: bool) -> None:
    """Set the size and alignment of `drawing` among text in `font`, or on a line that has no text to make it deep.

    Qt asks for them each time a line with it is painted.
    """
    scale = QFontInfo(font).pixelSize() * ENLARGEMENT / FONT_SIZE
    ascent, descent, middle = drawing.ascent * scale, drawing.descent * scale, 0.0
    if descent > (0 if is_alone else QFontMetricsF(font).descent() + 1):
        char_format.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignMiddle)
        middle = QFontMetricsF(char_format.font()).xHeight() / 2
    height = max(2 * descent + middle, 2 * ascent - middle) if middle else ascent
    char_format.setProperty(SCALE, scale)
    char_format.setProperty(MIDDLE, middle)
    char_format.setProperty(SIZE, QSizeF(drawing.width * scale, height))


def _target(rect: QRectF, char_format: QTextFormat, drawing: Drawing) -> QRectF:
    """Return where the formula is painted that has `rect` in its line.

    Qt centres one that reaches below the baseline at some height above that.
    """
    scale, middle = float(char_format.property(SCALE)), float(char_format.property(MIDDLE))
    line = rect.top() + (rect.height() + middle) / 2 if middle else rect.bottom()
    size = QSizeF(drawing.width, drawing.ascent + drawing.descent) * scale
    return QRectF(QPointF(rect.left(), line - drawing.ascent * scale), size)


def _key(char_format: QTextFormat) -> Key:
    return str(char_format.property(LATEX)), bool(char_format.property(DISPLAY))
