"""LaTeX formulas: rendered to SVG in a thread, cached, and painted in the colour and size of the text around them."""

import logging
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, QPointF, QRect, QRectF, QSize, QSizeF, Qt, Signal
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

from phichat.cancellation import CancelToken
from phichat.ui.threads.background import BackgroundTasks

_log = logging.getLogger(__name__)

FORMULA = QTextFormat.ObjectTypes.UserObject + 1
LATEX = QTextFormat.Property.UserProperty + 1
SOURCE = QTextFormat.Property.UserProperty + 2
DISPLAY = QTextFormat.Property.UserProperty + 3
SCALE = QTextFormat.Property.UserProperty + 4

FONT_SIZE = 20.0  # pixels: the size in which formulas are rendered before they are scaled
ENLARGEMENT = 1.06  # the letters of formulas are a little smaller than those of the window's font
PLACEHOLDER_COLOR = "#010203"  # replaced by the colour of the text
MAX_LENGTH = 1000  # characters: rendering takes 10 ms for 100 of them
MAX_CACHED = 500  # pixmaps

Key = tuple[str, bool]


@dataclass(frozen=True)
class Drawing:
    """An SVG image with its width, and its height above and below the baseline."""

    svg: str
    width: float
    ascent: float
    descent: float


class FormulaCache(QObject):
    """Renders formulas once and keeps them.

    Signals: `drawn`: another formula was rendered.
    """

    drawn = Signal()

    def __init__(self, render_tasks: BackgroundTasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._render_tasks = render_tasks
        self._drawings: dict[Key, Drawing | None] = {}
        self._pixmaps: dict[tuple[Key, int, int, str], QPixmap] = {}

    def get(self, latex: str, *, is_display: bool) -> Drawing | None:
        """Return the formula if it is rendered; else None, and start rendering it."""
        key = latex, is_display
        if key not in self._drawings:
            self._drawings[key] = None
            if len(latex) <= MAX_LENGTH:
                self._render_tasks.run(partial(_draw_or_none, *key), partial(self._on_drawn, key), owner=self)
        return self._drawings[key]

    def pixmap(self, key: Key, size: QSize, color: QColor) -> QPixmap:
        """Return the formula as a pixmap of `size` device pixels."""
        name = key, size.width(), size.height(), color.name()
        if name not in self._pixmaps:
            if len(self._pixmaps) >= MAX_CACHED:
                self._pixmaps.clear()
            self._pixmaps[name] = self._paint_pixmap(key, size, color)
        return self._pixmaps[name]

    def _paint_pixmap(self, key: Key, size: QSize, color: QColor) -> QPixmap:
        picture = QPixmap(size)
        picture.fill(Qt.GlobalColor.transparent)
        if drawing := self._drawings.get(key):
            painter = QPainter(picture)
            QSvgRenderer(drawing.svg.replace(PLACEHOLDER_COLOR, color.name()).encode()).render(painter)
            painter.end()
        return picture

    def _on_drawn(self, key: Key, drawing: Drawing | None) -> None:
        if drawing:
            self._drawings[key] = drawing
            self.drawn.emit()


class FormulaObject(QPyTextObject):
    """Paints formulas in a QTextDocument."""

    def __init__(self, formula_cache: FormulaCache, parent: QObject) -> None:
        super().__init__(parent)
        self._formula_cache = formula_cache

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
        drawing, scale = self._drawing_of(char_format)
        if drawing is None:
            return
        half = _middle_height(char_format)
        line = rect.top() + (rect.height() + half) / 2 if half else rect.bottom()
        size = QSizeF(drawing.width, drawing.ascent + drawing.descent) * scale
        target = QRectF(QPointF(rect.left(), line - drawing.ascent * scale), size)
        pixels = (size * painter.device().devicePixelRatioF()).toSize().expandedTo(QSize(1, 1))
        picture = self._formula_cache.pixmap(_key(char_format), pixels, painter.pen().color())
        painter.drawPixmap(target, picture, QRectF(picture.rect()))

    def _drawing_of(self, char_format: QTextFormat) -> tuple[Drawing | None, float]:
        latex, is_display = _key(char_format)
        return self._formula_cache.get(latex, is_display=is_display), float(char_format.property(SCALE))


def apply_drawing(char_format: QTextCharFormat, drawing: Drawing, font: QFont) -> None:
    """Set the scale and alignment of `drawing` among text in `font`."""
    scale = QFontInfo(font).pixelSize() * ENLARGEMENT / FONT_SIZE
    char_format.setProperty(SCALE, scale)
    if drawing.descent * scale > QFontMetricsF(font).descent() + 1:
        char_format.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignMiddle)


def _middle_height(char_format: QTextFormat) -> float:
    """Return how far above the baseline Qt centres a formula that reaches below it; 0 for all others."""
    letters = char_format.toCharFormat()
    is_low = letters.verticalAlignment() is QTextCharFormat.VerticalAlignment.AlignMiddle
    return QFontMetricsF(letters.font()).xHeight() / 2 if is_low else 0.0


def draw_formula(latex: str, *, is_display: bool) -> Drawing:
    """Render a formula. Raise whatever ziamath raises for what is not LaTeX."""
    from ziamath.config import config  # noqa: PLC0415 - takes 100 ms
    from ziamath.zmath import Math  # noqa: PLC0415

    config.svg2 = False  # Qt does not know all of SVG 2
    made = Math.fromlatex(latex, size=FONT_SIZE, color=PLACEHOLDER_COLOR, inline=not is_display, margin=1)
    box = made.node.bbox
    return Drawing(made.svg(), box.xmax - box.xmin + 2, box.ymax + 1, 1 - box.ymin)


def _draw_or_none(latex: str, is_display: bool, _: CancelToken) -> Drawing | None:
    try:
        return draw_formula(latex, is_display=is_display)
    except Exception as error:  # noqa: BLE001 - it is shown as it was written then
        _log.debug("a formula cannot be drawn: %s", type(error).__name__)
        return None


def _key(char_format: QTextFormat) -> Key:
    return str(char_format.property(LATEX)), bool(char_format.property(DISPLAY))
