"""Icons drawn from SVG in one colour, as large as they are shown: crisp on every screen."""

from functools import cache

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QIconEngine, QPainter, QPixmap, QPixmapCache
from PySide6.QtSvg import QSvgRenderer

from phichat.text import resource

POINTING = {"next", "previous", "sidebar"}  # icons that point to a side, the other one where one reads from the right

_kept: list["Drawing"] = []  # an engine that is freed together with its icon is freed twice, which ends the program


class Drawing(QIconEngine):
    """The icon `name` of `resources/icons` in `colour`, or in `faint` where it can do nothing."""

    def __init__(self, name: str, colour: str, faint: str) -> None:
        super().__init__()
        self._name, self._colour, self._faint = name, colour, faint
        is_from_right = QGuiApplication.layoutDirection() is Qt.LayoutDirection.RightToLeft
        self._is_turned = name in POINTING and is_from_right
        _kept.append(self)

    def _drawn(self, size: QSize, colour: str) -> QPixmap:
        name = f"{self._name} {colour} {self._is_turned} {size.width()}x{size.height()}"
        pixmap = QPixmap()
        if QPixmapCache.find(name, pixmap):
            return pixmap
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        if self._is_turned:
            painter.translate(size.width(), 0)
            painter.scale(-1, 1)
        QSvgRenderer(_source(self._name, colour)).render(painter, QRectF(pixmap.rect()))
        painter.end()
        QPixmapCache.insert(name, pixmap)
        return pixmap

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, _: QIcon.State, scale: float) -> QPixmap:
        pixmap = QPixmap(self._drawn(size * scale, self._faint if mode is QIcon.Mode.Disabled else self._colour))
        pixmap.setDevicePixelRatio(scale)
        return pixmap

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        ratio = painter.device().devicePixelRatio()
        painter.drawPixmap(rect, self.scaledPixmap(rect.size(), mode, state, ratio))

    def clone(self) -> QIconEngine:
        return Drawing(self._name, self._colour, self._faint)

    def isNull(self) -> bool:
        return False


@cache
def _source(name: str, colour: str) -> QByteArray:
    return QByteArray(resource(f"icons/{name}.svg").read_text("utf-8").replace("#000", colour).encode())
