"""Tables with lines between columns and rows, which ziamath leaves out. Importing this makes it draw them."""

from itertools import pairwise
from xml.etree import ElementTree

from ziafont.fonttypes import BBox
from ziamath.nodes.mtable import Mtable

THICKNESS = 0.05  # of the font size


class RuledTable(Mtable, tag="mtable"):
    """Draws the lines that `columnlines` and `rowlines` ask for, in the middle between their neighbours."""

    def draw(self, x: float, y: float, svg: ElementTree.Element) -> tuple[float, float]:
        """Draw the table, then its lines, on `svg`."""
        end: tuple[float, float] = super().draw(x, y, svg)
        box: BBox = self.bbox
        thick = THICKNESS * self.glyphsize
        for line in _middles(self._spans(across=True), self.element.get("columnlines", "")):
            self._draw_line(svg, x + line - thick / 2, y - box.ymax, thick, box.ymax - box.ymin)
        for line in _middles(self._spans(across=False), self.element.get("rowlines", "")):
            self._draw_line(svg, x + box.xmin, y + line - thick / 2, box.xmax - box.xmin, thick)
        return end

    def _spans(self, *, across: bool) -> list[tuple[float, float]]:
        """Return where each column begins and ends, or each row."""
        places = iter(zip(self.nodexy, self.nodes, strict=True))
        spans: dict[int, tuple[float, float]] = {}
        for number, row in enumerate(self.element):
            for column, ((left, base), node) in enumerate(cell for _, cell in zip(row, places, strict=False)):
                box = node.bbox
                begin, end = (left, left + box.xmax) if across else (base - box.ymax, base - box.ymin)
                key = column if across else number
                before = spans.get(key, (begin, end))
                spans[key] = min(before[0], begin), max(before[1], end)
        return list(spans.values())

    def _draw_line(self, svg: ElementTree.Element, left: float, top: float, width: float, height: float) -> None:
        values = {"x": left, "y": top, "width": width, "height": height}
        line = ElementTree.SubElement(svg, "rect", {name: f"{value:.2f}" for name, value in values.items()})
        line.set("fill", str(self.style.mathcolor))


def _middles(spans: list[tuple[float, float]], lines: str) -> list[float]:
    between = [(first[1] + second[0]) / 2 for first, second in pairwise(spans)]
    return [middle for middle, line in zip(between, lines.split(), strict=False) if line != "none"]
