"""Icons drawn from SVG in one colour, in as many sizes as it takes to be crisp on the screens there are."""

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from phichat.i18n import resource
from phichat.ui.lettering import magnification

POINTING = {"next", "previous", "sidebar"}  # icons that point to a side, the other one where one reads from the right
USUAL, LARGE, HUGE = (16, 20, 40), 80, 160  # pixels; up to 40 are shown on a screen of scale 1


def drawn(name: str, colour: str, faint: str = "") -> QIcon:
    """The icon `name` of `resources/icons` in `colour`, and in `faint`, if given, where it can do nothing."""
    # Not by an icon engine of our own: Python frees those a second time, with what else is in a circle.
    source = resource(f"icons/{name}.svg").read_text("utf-8")
    is_turned = name in POINTING and QGuiApplication.layoutDirection() is Qt.LayoutDirection.RightToLeft
    icon = QIcon()
    for shade, mode in ((colour, QIcon.Mode.Normal), *([(faint, QIcon.Mode.Disabled)] if faint else [])):
        renderer = QSvgRenderer(QByteArray(source.replace("#000", shade).encode()))
        for pixels in _sizes():
            icon.addPixmap(_picture(renderer, pixels, is_turned=is_turned), mode)
    return icon


def _sizes() -> list[int]:
    finest = max(_ratios(), default=1.0) * magnification()
    return [*USUAL, *([LARGE] if finest > 1 else []), *([HUGE] if finest > 2 else [])]


def _ratios() -> list[float]:
    return [screen.devicePixelRatio() for screen in QGuiApplication.screens()]


def _picture(renderer: QSvgRenderer, pixels: int, *, is_turned: bool) -> QPixmap:
    pixmap = QPixmap(QSize(pixels, pixels))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    if is_turned:
        painter.translate(pixels, 0)
        painter.scale(-1, 1)
    renderer.render(painter, QRectF(pixmap.rect()))
    painter.end()
    return pixmap
