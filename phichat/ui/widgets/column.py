"""The column in the middle of the window: messages, banners and the message field have the same edges at any width."""

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QAbstractScrollArea, QHBoxLayout, QScrollBar, QVBoxLayout, QWidget

from phichat.ui.theme.scaling import set_max_width

COLUMN_WIDTH = 760  # pixels: lines longer than that are tiring to read
SIDE_MARGIN = 28  # pixels on both sides of messages, at least
BAR_WIDTH = 10  # pixels of a scroll bar, as in the style sheet of all controls


class Column(QWidget):
    """Holds `rows` below each other, as wide as messages and where they are. `bottom` is the margin below, in pixels.

    Attributes:
        rows: the layout for the widgets.
    """

    def __init__(self, bottom: int = 0) -> None:
        super().__init__()
        holder = QWidget()
        set_max_width(holder, COLUMN_WIDTH)
        across = QHBoxLayout(self)
        across.setContentsMargins(SIDE_MARGIN + BAR_WIDTH, 0, SIDE_MARGIN + BAR_WIDTH, bottom)
        across.addWidget(holder)
        self.rows = QVBoxLayout(holder)
        self.rows.setContentsMargins(0, 0, 0, 0)


class SteadyScrollBar(QScrollBar):
    """A vertical scroll bar that keeps its room while there is nothing to scroll; its handle is hidden then."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self.rangeChanged.connect(self._on_range)
        self._on_range(0, 0)

    @Slot(int, int)
    def _on_range(self, least: int, most: int) -> None:
        self.setEnabled(most > least)


def keep_room_for_scroll_bar(area: QAbstractScrollArea) -> None:
    """Give `area` a scroll bar that moves nothing when there is more to scroll, or less."""
    area.setVerticalScrollBar(SteadyScrollBar())
    area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
