"""Draws the project's icon from its master in any size: on nothing, on macOS's plate, in one colour."""

import xml.etree.ElementTree as ET
from collections.abc import Callable

from PySide6.QtCore import QBuffer, QIODevice, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QImageWriter, QLinearGradient, QPainter
from PySide6.QtSvg import QSvgRenderer

from building.project import ROOT, Trouble

MASTER = ROOT / "resources" / "icons" / "phichat.svg"
SIDE = 328, 628  # pixels
PLATE, ROUND, INSIDE = 824 / 1024, 185 / 1024, 704 / 1024  # Apple's grid: the plate, its corners; and the drawing on it


def drawn(size: int) -> QImage:
    """The master, that many pixels wide."""
    return _painted(size, lambda painter: QSvgRenderer(str(MASTER)).render(painter, QRectF(0, 0, size, size)))


def on_plate(size: int) -> QImage:
    """The master on the plate that macOS expects, and would else put below it by itself, in grey."""
    shade = QLinearGradient(QPointF(0, 0), QPointF(0, size))
    shade.setColorAt(0, QColor("#ffffff"))
    shade.setColorAt(1, QColor("#dfeae8"))

    def paint(painter: QPainter) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(shade)
        painter.drawRoundedRect(_centred(size, PLATE), size * ROUND, size * ROUND)
        QSvgRenderer(str(MASTER)).render(painter, _centred(size, INSIDE))

    return _painted(size, paint)


def symbolic() -> str:
    """One colour, which the desktop replaces by its own: what is white in the master is cut out."""
    outlines = " ".join(path.get("d", "") for path in ET.parse(MASTER).findall("{*}path"))  # noqa: S314 - our own file
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 128 128">\n'
        f'  <path fill="#2e3436" fill-rule="evenodd" d="{outlines}"/>\n</svg>\n'
    )


def side() -> bytes:
    """A picture for the side of the installer for Windows, as BMP, twice as large as it is shown on most screens."""
    image = QImage(*SIDE, QImage.Format.Format_RGB32)
    image.fill(QColor("#e6f1ef"))
    painter = QPainter(image)
    width = SIDE[0] * 0.6
    QSvgRenderer(str(MASTER)).render(painter, QRectF((SIDE[0] - width) / 2, width / 2, width, width))
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.convertToFormat(QImage.Format.Format_RGB888).save(buffer, b"BMP")
    return bytes(buffer.data().data())


def png(image: QImage) -> bytes:
    """The picture as a file."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QImageWriter(buffer, b"png")
    writer.setCompression(100)
    if not writer.write(image):
        raise Trouble(f"a picture cannot be written: {writer.errorString()}")
    return bytes(buffer.data().data())


def _painted(size: int, paint: Callable[[QPainter], object]) -> QImage:
    image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint(painter)
    painter.end()
    return image.convertToFormat(QImage.Format.Format_ARGB32)


def _centred(size: int, share: float) -> QRectF:
    return QRectF(size * (1 - share) / 2, size * (1 - share) / 2, size * share, size * share)
