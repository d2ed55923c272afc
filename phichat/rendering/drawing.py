"""The drawing of a formula."""

from dataclasses import dataclass

FONT_SIZE = 20.0  # pixels: the size in which formulas are drawn before they are scaled
PLACEHOLDER_COLOR = "#010203"  # replaced by the colour of the text


@dataclass(frozen=True)
class Drawing:
    """An SVG image with its width, and its height above and below the baseline."""

    svg: str
    width: float
    ascent: float
    descent: float
