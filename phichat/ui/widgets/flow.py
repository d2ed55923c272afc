"""A row of widgets that wraps, as words do."""

from collections.abc import Sequence

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

SPACING = 6  # pixels


class FlowRow(QWidget):
    """Places its widgets side by side, in as many rows as they need; hidden if there are none."""

    def __init__(self, name: str, accessible_name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(accessible_name)
        self._widgets: list[QWidget] = []
        self.hide()

    def set_widgets(self, widgets: Sequence[QWidget]) -> None:
        """Show these widgets and no others; the old ones are deleted."""
        for widget in self._widgets:
            widget.hide()
            widget.deleteLater()
        self._widgets = list(widgets)
        for widget in widgets:
            widget.setParent(self)
            widget.show()
        self.setVisible(bool(widgets))
        self.arrange()

    def widgets(self) -> list[QWidget]:
        """Return what is shown, in reading order."""
        return list(self._widgets)

    def arrange(self) -> None:
        """Give all widgets their places, as one of them may be wider now."""
        x = y = bottom = 0
        for widget in self._widgets:
            hint = widget.sizeHint()
            width = min(hint.width(), self.width())
            if x and x + width > self.width():
                x, y = 0, bottom + SPACING
            left = self.width() - x - width if self.isRightToLeft() else x
            widget.setGeometry(left, y, width, hint.height())
            x, bottom = x + width + SPACING, max(bottom, y + hint.height())
        self.setFixedHeight(bottom)

    def sizeHint(self) -> QSize:
        return QSize(sum(widget.sizeHint().width() + SPACING for widget in self._widgets), self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.arrange()
