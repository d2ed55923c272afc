"""Formulas as drawings: made aside, kept, and painted in the colour and size of the text around them."""

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

from phichat.ui.threads.background import RenderThread

FORMULA = QTextFormat.ObjectTypes.UserObject + 1
LATEX = QTextFormat.Property.UserProperty + 1
SOURCE = QTextFormat.Property.UserProperty + 2
DISPLAY = QTextFormat.Property.UserProperty + 3
SCALE = QTextFormat.Property.UserProperty + 4

FONT_SIZE = 20.0  # pixels: the size in which formulas are drawn before they are scaled
ENLARGEMENT = 1.06  # their letters are a little smaller than those of the window's font
PLACEHOLDER_COLOR = "#010203"  # stands for the text's
MAX_LENGTH = 1000  # characters: drawing takes a hundredth of a second for a hundred of them
MAX_CACHED = 500  # drawings and pictures that are kept

Key = tuple[str, bool]


@dataclass(frozen=True)
class Drawing:
    """An SVG, and how far it is above and below the line on which letters stand."""

    svg: str
    width: float
    ascent: float
    descent: float


class FormulaCache(QObject):
    """All formulas that were drawn.

    Signals: `drawn` when there is another one.
    """

    drawn = Signal()

    def __init__(self, render_thread: RenderThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._render_thread = render_thread
        self._found: dict[Key, Drawing | None] = {}
        self._pictures: dict[tuple[Key, int, int, str], QPixmap] = {}

    def get(self, latex: str, *, is_display: bool) -> Drawing | None:
        """That formula, if it is drawn; if not, it will be, where it can."""
        key = latex, is_display
        if key not in self._found:
            self._found[key] = None
            if len(latex) <= MAX_LENGTH:
                self._render_thread.run(
                    self, partial(draw_formula, latex, is_display=is_display), partial(self._take, key)
                )
        return self._found[key]

    def pixmap(self, key: Key, size: QSize, colour: QColor) -> QPixmap:
        """The formula in so many pixels of the screen."""
        name = key, size.width(), size.height(), colour.name()
        if name not in self._pictures:
            if len(self._pictures) >= MAX_CACHED:
                self._pictures.clear()
            self._pictures[name] = self._painted(key, size, colour)
        return self._pictures[name]

    def _painted(self, key: Key, size: QSize, colour: QColor) -> QPixmap:
        picture = QPixmap(size)
        picture.fill(Qt.GlobalColor.transparent)
        if drawing := self._found.get(key):
            painter = QPainter(picture)
            QSvgRenderer(drawing.svg.replace(PLACEHOLDER_COLOR, colour.name()).encode()).render(painter)
            painter.end()
        return picture

    def _take(self, key: Key, drawing: Drawing | None) -> None:
        if drawing:
            self._found[key] = drawing
            self.drawn.emit()


class FormulaObject(QPyTextObject):
    """Paints formulas within a document's text."""

    def __init__(self, formula_cache: FormulaCache, parent: QObject) -> None:
        super().__init__(parent)
        self._formula_cache = formula_cache

    def intrinsicSize(self, _: QTextDocument, __: int, shape: QTextFormat) -> QSizeF:
        drawing, scale = self._found(shape)
        if drawing is None:
            return QSizeF()
        ascent, descent = drawing.ascent * scale, drawing.descent * scale
        if half := _middle(shape):
            return QSizeF(drawing.width * scale, max(2 * descent + half, 2 * ascent - half))
        return QSizeF(drawing.width * scale, ascent)

    def drawObject(
        self, painter: QPainter, rect: QRectF | QRect, _: QTextDocument, __: int, shape: QTextFormat
    ) -> None:
        rect = QRectF(rect)
        drawing, scale = self._found(shape)
        if drawing is None:
            return
        half = _middle(shape)
        line = rect.top() + (rect.height() + half) / 2 if half else rect.bottom()
        size = QSizeF(drawing.width, drawing.ascent + drawing.descent) * scale
        target = QRectF(QPointF(rect.left(), line - drawing.ascent * scale), size)
        pixels = (size * painter.device().devicePixelRatioF()).toSize().expandedTo(QSize(1, 1))
        picture = self._formula_cache.pixmap(_key(shape), pixels, painter.pen().color())
        painter.drawPixmap(target, picture, QRectF(picture.rect()))

    def _found(self, shape: QTextFormat) -> tuple[Drawing | None, float]:
        latex, is_display = _key(shape)
        return self._formula_cache.get(latex, is_display=is_display), float(shape.property(SCALE))


def apply_drawing(shape: QTextCharFormat, drawing: Drawing, font: QFont) -> None:
    """Have `shape` be that of `drawing` among letters of `font`."""
    scale = QFontInfo(font).pixelSize() * ENLARGEMENT / FONT_SIZE
    shape.setProperty(SCALE, scale)
    if drawing.descent * scale > QFontMetricsF(font).descent() + 1:
        shape.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignMiddle)


def _middle(shape: QTextFormat) -> float:
    """How far above the line Qt puts the middle of a formula that reaches below it; 0 for all others."""
    letters = shape.toCharFormat()
    is_low = letters.verticalAlignment() is QTextCharFormat.VerticalAlignment.AlignMiddle
    return QFontMetricsF(letters.font()).xHeight() / 2 if is_low else 0.0


def draw_formula(latex: str, *, is_display: bool) -> Drawing:
    """Draw it, or raise something: what people and models write is not always LaTeX."""
    from ziamath.config import config  # noqa: PLC0415 - few replies have formulas, and it takes a tenth of a second
    from ziamath.zmath import Math  # noqa: PLC0415

    config.svg2 = False  # Qt does not know all of SVG 2
    made = Math.fromlatex(latex, size=FONT_SIZE, color=PLACEHOLDER_COLOR, inline=not is_display, margin=1)
    box = made.node.bbox
    return Drawing(made.svg(), box.xmax - box.xmin + 2, box.ymax + 1, 1 - box.ymin)


def _key(shape: QTextFormat) -> Key:
    return str(shape.property(LATEX)), bool(shape.property(DISPLAY))
