"""Brings the reader back to the end of the conversation."""

from PySide6.QtCore import QSize, Slot
from PySide6.QtWidgets import QToolButton, QWidget

from phichat.i18n import tr
from phichat.ui.theme.scaling import set_icon_size
from phichat.ui.theme.theme import Theme

ABOVE_EDGE = 14  # pixels


class DownButton(QToolButton):
    """Floats at the lower edge of what is seen."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("downButton")
        self._theme = theme
        self.setAccessibleName(tr("Go to the end"))
        self.setToolTip(tr("Go to the end"))
        set_icon_size(self, 18, 34, 34)
        self.hide()
        theme.dress(self, "round")
        theme.changed.connect(self._show_icon)
        self._show_icon()

    def settle(self, size: QSize) -> None:
        """Stand where it belongs in what is that large."""
        self.move((size.width() - self.width()) // 2, size.height() - self.height() - ABOVE_EDGE)

    @Slot()
    def _show_icon(self) -> None:
        self.setIcon(self._theme.icon("down"))
