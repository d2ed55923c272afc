"""LaTeX formulas as SVG images."""

import re
import unicodedata
from functools import cache
from typing import Any
from xml.etree import ElementTree

from phichat.rendering.drawing import FONT_SIZE, PLACEHOLDER_COLOR, Drawing
from phichat.rendering.latex import rewrite

MAX_WIDTH, MAX_HEIGHT = 8_000.0, 2_000.0  # pixels of a drawing: 400 letters in a line, 60 lines
MAX_SIZE = 600_000  # characters of SVG; a formula of 1,000 characters takes 250,000

_NAME = re.compile(r">[^<]*\\[^<]*<")


def draw_formula(latex: str, *, is_display: bool) -> Drawing | None:
    """Draw a formula; None if it is too large. Raise whatever ziamath raises for what is not LaTeX."""
    from ziamath.tex import tex2mml  # noqa: PLC0415 - takes 100 ms
    from ziamath.zmath import Math  # noqa: PLC0415

    prepare()
    mathml = tex2mml(rewrite(latex, is_display=is_display), inline=not is_display)
    if _NAME.search(mathml):
        return None  # an unknown command would be drawn as its name
    root = ElementTree.fromstring(mathml)  # noqa: S314 - made by the converter, without entities of its own
    if any(len(element) for element in root.iter() if element.tag.rpartition("}")[2] in {"mi", "mn", "mo", "mtext"}):
        return None  # what is inside would be left out
    root.set("mathcolor", PLACEHOLDER_COLOR)
    made = Math(root, size=FONT_SIZE, margin=1)
    if not all(map(made.font.glyphindex, _letters(made.element))):
        return None  # it would be drawn as a box
    box = made.node.bbox
    width, height = box.xmax - box.xmin + 2, box.ymax - box.ymin + 2
    if not (0 < width <= MAX_WIDTH and 0 < height <= MAX_HEIGHT):  # nor what is no number
        return None
    svg = made.svg()
    return Drawing(svg, width, box.ymax + 1, 1 - box.ymin) if len(svg) <= MAX_SIZE else None


def _letters(root: ElementTree.Element) -> set[str]:
    """Return the letters that the font of formulas must have."""
    from phichat.rendering.wide_text import is_wide  # noqa: PLC0415 - with ziamath

    found = {(letter, element.tag) for element in root.iter() for letter in element.text or ""}
    return {
        letter
        for letter, tag in found
        if unicodedata.category(letter)[0] not in "CZ" and not (is_wide(letter) and tag in {"mi", "mtext"})
    }


@cache
def prepare() -> None:
    """Import ziamath, which takes 100 ms, and set it up."""
    from ziamath import styles  # noqa: PLC0415
    from ziamath.config import config  # noqa: PLC0415
    from ziamath.nodes.mrow import Mrow  # noqa: PLC0415

    from phichat.rendering import ruled_table, wide_text  # noqa: F401, PLC0415

    config.svg2 = False  # Qt does not know all of SVG 2
    config.precision = 2
    if hasattr(Mrow, "_get_height_nostretch"):
        _measure_rows_once(Mrow)
    if hasattr(styles, "asdict"):
        styles.asdict = vars  # a style is read for each sign: to copy what is in it took a third of the time


def _measure_rows_once(row_class: Any) -> None:
    """Let rows be measured for the brackets around them, but not the rows inside them once more.

    Brackets in those have no part in it, and each level would double the time.
    """
    measure = row_class._get_height_nostretch

    def measure_once(row: Any, line: Any, **context: Any) -> tuple[float, float]:
        return (0.0, 0.0) if "nostretch" in context else measure(row, line, **context)

    row_class._get_height_nostretch = measure_once
