"""Little pictures of colours to choose from."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap

from phichat.ui.theme.palette import Accent

SIZE, RATIO = 16, 3  # pixels, and how many times finer it is drawn, for all screens


def swatch(accent: Accent) -> QIcon:
    """A dot, as the accent is on light grounds and on dark ones."""
    pixmap = QPixmap(QSize(SIZE, SIZE) * RATIO)
    pixmap.setDevicePixelRatio(RATIO)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    for colour, start in ((accent.light, 90), (accent.dark, 270)):
        painter.setBrush(QColor(colour))
        painter.drawPie(QRectF(1, 1, SIZE - 2, SIZE - 2), start * 16, 180 * 16)
    painter.end()
    return QIcon(pixmap)
