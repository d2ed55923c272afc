"""Letters as wide as they are high, such as Chinese ones, which the font of formulas lacks. Importing this draws them.

The drawing has them as text, which is painted in a font of the computer.
"""

from typing import Any
from unicodedata import east_asian_width
from xml.etree import ElementTree

from ziafont.fonttypes import BBox
from ziamath.drawable import Drawable, Glyph
from ziamath.nodes.mnumber import Midentifier, Mnumber, Mtext
from ziamath.styles import MathStyle

ASCENT, DESCENT = 0.88, 0.12  # of the font size


def is_wide(letter: str) -> bool:
    """Return whether `letter` is as wide as it is high in every font."""
    return east_asian_width(letter) in {"W", "F"}


class _WideLetter(Drawable):
    def __init__(self, letter: str, size: float, style: MathStyle) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._letter, self._size, self._style = letter, size, style
        self.bbox = BBox(0, size, -DESCENT * size, ASCENT * size)

    def draw(self, x: float, y: float, svg: ElementTree.Element) -> tuple[float, float]:
        """Draw the letter on `svg`, with its baseline at `y`."""
        values = {"x": f"{x:.2f}", "y": f"{y:.2f}", "font-size": f"{self._size:.2f}", "font-family": "sans-serif"}
        text = ElementTree.SubElement(svg, "text", {**values, "fill": str(self._style.mathcolor)})
        text.text = self._letter
        return x + self._size, y


def _lay_out(node: Mnumber, **context: Any) -> None:
    """Place the letters of `node` one after the other."""
    x = 0.0
    for letter in node.string:
        part: Drawable
        if is_wide(letter):
            part, advance = _WideLetter(letter, node.glyphsize, node.style), node.glyphsize
        else:
            glyph = node.font.findglyph(letter, node.style.mathvariant)
            part = Glyph(glyph, letter, node.glyphsize, node.style, **context)
            advance = node.units_to_points(glyph.advance())
        node.nodes.append(part)
        node.nodexy.append((x, 0))
        x += advance
    boxes = [part.bbox for part in node.nodes]
    node.bbox = BBox(0, x, min(box.ymin for box in boxes), max(box.ymax for box in boxes))


class WideText(Mtext, tag="mtext"):
    """Text that may have wide letters."""

    def _setup(self, **context: Any) -> None:
        if any(map(is_wide, self.string)):
            _lay_out(self, **context)
        else:
            super()._setup(**context)


class WideIdentifier(Midentifier, tag="mi"):
    """An identifier that may have wide letters."""

    def _setup(self, **context: Any) -> None:
        if any(map(is_wide, self.string)):
            _lay_out(self, **context)
        else:
            super()._setup(**context)
