"""Formulas as drawings: made aside, kept, and painted in the colour and size of the text around them."""

from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QFontInfo, QFontMetricsF, QPainter, QPixmap, QPyTextObject, QTextDocument, QTextFormat
from PySide6.QtSvg import QSvgRenderer

from phichat.ui.aside import Aside

FORMULA = QTextFormat.ObjectTypes.UserObject + 1
LATEX = QTextFormat.Property.UserProperty + 1
SOURCE = QTextFormat.Property.UserProperty + 2
DISPLAY = QTextFormat.Property.UserProperty + 3

EM = 20.0  # pixels: the size in which formulas are drawn before they are scaled
LARGER = 1.06  # their letters are a little smaller than those of the window's font
COLOUR = "#010203"  # stands for the text's
LONGEST = 1000  # characters: drawing takes a hundredth of a second for a hundred of them
MOST = 500  # drawings and pictures that are kept

Key = tuple[str, bool]


@dataclass(frozen=True)
class Drawing:
    """An SVG, and how far it is above and below the line on which letters stand."""

    svg: str
    width: float
    ascent: float
    descent: float


class Drawings(QObject):
    """All formulas that were drawn.

    Signals: `drawn` when there is another one.
    """

    drawn = Signal()

    def __init__(self, aside: Aside, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._aside = aside
        self._found: dict[Key, Drawing | None] = {}
        self._pictures: dict[tuple[Key, int, int, str], QPixmap] = {}

    def get(self, latex: str, *, is_display: bool) -> Drawing | None:
        """That formula, if it is drawn; if not, it will be, where it can."""
        key = latex, is_display
        if key not in self._found:
            self._found[key] = None
            if len(latex) <= LONGEST:
                self._aside.ask(self, partial(draw, latex, is_display=is_display), partial(self._take, key))
        return self._found[key]

    def picture(self, key: Key, size: QSize, colour: QColor) -> QPixmap:
        """The formula in so many pixels of the screen."""
        name = key, size.width(), size.height(), colour.name()
        if name not in self._pictures:
            if len(self._pictures) >= MOST:
                self._pictures.clear()
            self._pictures[name] = self._painted(key, size, colour)
        return self._pictures[name]

    def _painted(self, key: Key, size: QSize, colour: QColor) -> QPixmap:
        picture = QPixmap(size)
        picture.fill(Qt.GlobalColor.transparent)
        if drawing := self._found.get(key):
            painter = QPainter(picture)
            QSvgRenderer(drawing.svg.replace(COLOUR, colour.name()).encode()).render(painter)
            painter.end()
        return picture

    def _take(self, key: Key, drawing: Drawing | None) -> None:
        if drawing:
            self._found[key] = drawing
            self.drawn.emit()


class FormulaObject(QPyTextObject):
    """Paints formulas within a document's text."""

    def __init__(self, drawings: Drawings, parent: QObject) -> None:
        super().__init__(parent)
        self._drawings = drawings

    def intrinsicSize(self, _: QTextDocument, __: int, format: QTextFormat) -> QSizeF:  # noqa: A002
        drawing, scale = self._found(format)
        if drawing is None:
            return QSizeF()
        metrics = QFontMetricsF(format.toCharFormat().font())
        ascent, descent = drawing.ascent * scale, drawing.descent * scale
        if is_low(drawing, scale, metrics):
            # Qt puts the middle of such an object half the height of an x above the line.
            half = metrics.xHeight() / 2
            return QSizeF(drawing.width * scale, max(2 * descent + half, 2 * ascent - half))
        return QSizeF(drawing.width * scale, ascent)

    def drawObject(self, painter: QPainter, rect: QRectF, _: QTextDocument, __: int, format: QTextFormat) -> None:  # noqa: A002
        drawing, scale = self._found(format)
        if drawing is None:
            return
        metrics = QFontMetricsF(format.toCharFormat().font())
        line = rect.bottom()
        if is_low(drawing, scale, metrics):
            line = rect.top() + (rect.height() + metrics.xHeight() / 2) / 2
        size = QSizeF(drawing.width, drawing.ascent + drawing.descent) * scale
        target = QRectF(rect.left(), line - drawing.ascent * scale, size.width(), size.height())
        pixels = (size * painter.device().devicePixelRatioF()).toSize().expandedTo(QSize(1, 1))
        colour = painter.pen().color()
        picture = self._drawings.picture(_key(format), pixels, colour)
        painter.drawPixmap(target, picture, QRectF(picture.rect()))

    def _found(self, format: QTextFormat) -> tuple[Drawing | None, float]:  # noqa: A002
        latex, is_display = _key(format)
        size = QFontInfo(format.toCharFormat().font()).pixelSize()
        return self._drawings.get(latex, is_display=is_display), size * LARGER / EM


def is_low(drawing: Drawing, scale: float, metrics: QFontMetricsF) -> bool:
    """Whether it reaches farther below the line than letters do."""
    return drawing.descent * scale > metrics.descent() + 1


def draw(latex: str, *, is_display: bool) -> Drawing:
    """Draw it, or raise something: what people and models write is not always LaTeX."""
    import ziamath  # noqa: PLC0415 - few replies have formulas, and it takes a tenth of a second

    ziamath.config.svg2 = False
    made = ziamath.Math.fromlatex(latex, size=EM, color=COLOUR, inline=not is_display, margin=1)
    box = made.node.bbox
    return Drawing(made.svg(), box.xmax - box.xmin + 2, box.ymax + 1, 1 - box.ymin)


def _key(format: QTextFormat) -> Key:  # noqa: A002
    return str(format.property(LATEX)), bool(format.property(DISPLAY))
