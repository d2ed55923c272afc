"""A page of a document as an image, with a passage marked, as wide as there is room."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QColor, QImage, QKeyEvent, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import QScrollArea

from phichat.documents.base import Box, PagePicture
from phichat.i18n import tr
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.foreign_text import plain_label


class PageArea(QScrollArea):
    """Shows a page with marks on it, as wide as there is room.

    Signals: `turned(int)`: the user scrolled past its end, or its beginning (-1). `resized`: there is another width.
    """

    turned = Signal(int)
    resized = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("viewerPage")
        self.setWidgetResizable(False)
        self.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self._theme = theme
        self._label = plain_label()
        self.setWidget(self._label)

    def page_width(self) -> int:
        """Return how many pixels of the screen a page may be wide."""
        return int((self.viewport().width() - 4) * self.devicePixelRatioF())

    @Slot()
    def show_loading(self) -> None:
        """Say that a page is being drawn, in the place of the last one."""
        self.clear()
        self._label.setText(tr("Loading page…"))
        self._label.adjustSize()

    def clear(self) -> None:
        """Show nothing."""
        self._label.clear()
        self._label.resize(0, 0)

    def show_page(self, picture: PagePicture, boxes: Sequence[Box]) -> None:
        """Show a page, with `boxes` marked, scrolled to the first of them."""
        size = 4 * picture.width
        image = QImage(picture.pixels, picture.width, picture.height, size, QImage.Format.Format_RGBA8888)
        pixmap = QPixmap.fromImage(image)
        painter = QPainter(pixmap)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Multiply)
        for box in boxes:
            corner = QPointF(box.left * picture.width, box.top * picture.height)
            end = QPointF(box.right * picture.width, box.bottom * picture.height)
            painter.fillRect(QRectF(corner, end).adjusted(-2, -1, 2, 1), QColor("#ffe27a"))
        painter.end()
        pixmap.setDevicePixelRatio(self.devicePixelRatioF())
        self._label.setPixmap(pixmap)
        self._label.resize(pixmap.deviceIndependentSize().toSize())
        if boxes:
            top = boxes[0].top * self._label.height()
            self.verticalScrollBar().setValue(round(top - self.viewport().height() / 4))

    def page(self, step: int) -> None:
        """Scroll by a page of the window; at the end, turn to the next page."""
        bar = self.verticalScrollBar()
        if bar.value() == (bar.maximum() if step > 0 else bar.minimum()):
            self.turned.emit(step)
        else:
            bar.setValue(bar.value() + step * bar.pageStep())

    def scroll_to_end(self, *, is_top: bool) -> None:
        """Scroll to the beginning or the end of the page."""
        bar = self.verticalScrollBar()
        bar.setValue(bar.minimum() if is_top else bar.maximum())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_PageUp, Qt.Key.Key_PageDown}:
            event.ignore()  # the dialog turns pages
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.resized.emit()
