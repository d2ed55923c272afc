"""What covers the window while files are dragged over it: "Drop files here"."""

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QColor, QDragLeaveEvent, QDropEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QLabel, QMainWindow, QVBoxLayout, QWidget

from phichat.i18n import tr
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.drops import can_copy, files_in
from phichat.ui.widgets.foreign_text import plain_label
from phichat.ui.widgets.parent import parent_window

INSET, ROUND, STROKE = 12, 18, 2  # pixels
OPACITY = 0.94
_DRAGS = (QDropEvent, QDragLeaveEvent)


class DropHint(QObject):
    """Shows the overlay while files are dragged over `window`. It only looks: the window takes the files."""

    def __init__(self, theme: Theme, window: QMainWindow) -> None:
        super().__init__(window)
        self._theme = theme
        self._overlay: DropOverlay | None = None
        window.installEventFilter(self)

    def eventFilter(self, _: QObject, event: QEvent) -> bool:
        if not isinstance(event, _DRAGS):
            return False
        if event.type() is QEvent.Type.DragEnter and isinstance(event, QDropEvent):
            if files_in(event.mimeData()) and can_copy(event):
                self._cover()
        elif event.type() in {QEvent.Type.DragLeave, QEvent.Type.Drop} and self._overlay:
            self._overlay.hide()
        return False

    def _cover(self) -> None:
        window = parent_window(self, QMainWindow)
        self._overlay = self._overlay or DropOverlay(self._theme, window)
        if middle := window.centralWidget():
            self._overlay.setGeometry(middle.geometry())
        self._overlay.raise_()
        self._overlay.show()


class DropOverlay(QWidget):
    """Says where to drop files, over what is below it."""

    def __init__(self, theme: Theme, window: QMainWindow) -> None:
        super().__init__(window)
        self.setObjectName("dropOverlay")
        self.setAccessibleName(tr("Drop files here"))
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)  # else it would take the drag
        self._theme = theme
        layout = QVBoxLayout(self)
        layout.addStretch()
        for label in (_title(), _hint()):
            layout.addWidget(label, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch()

    def paintEvent(self, _: QPaintEvent) -> None:
        colors = self._theme.colors
        ground = QColor(colors.ground)
        ground.setAlphaF(OPACITY)
        painter = QPainter(self)
        painter.fillRect(self.rect(), ground)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colors.accent), STROKE, Qt.PenStyle.DashLine))
        painter.setBrush(QColor(colors.faint_accent))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(INSET, INSET, -INSET, -INSET), ROUND, ROUND)
        painter.end()


def _title() -> QLabel:
    label = plain_label(tr("Drop files here"))
    font = label.font()
    font.setPointSizeF(font.pointSizeF() * 1.8)
    font.setWeight(font.Weight.DemiBold)
    label.setFont(font)
    return label


def _hint() -> QLabel:
    return muted(plain_label(tr("Attach files, open models, or import conversations.")))
