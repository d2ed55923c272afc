"""Layout, labels and buttons of banners, the slim bars above and below the messages."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from phichat.ui.widgets.plain_text import plain_label


def banner_layout(banner: QWidget) -> QHBoxLayout:
    """Give `banner` the layout of one slim row."""
    row = QHBoxLayout(banner)
    row.setContentsMargins(14, 5, 6, 5)
    row.setSpacing(12)
    return row


def banner_label() -> QLabel:
    """Return a label of plain text that wraps."""
    label = plain_label()
    label.setWordWrap(True)
    return label


def banner_button(name: str, text: str) -> QPushButton:
    """Return a button that leaves the focus where it is when it is clicked."""
    button = QPushButton(text)
    button.setObjectName(name)
    button.setAccessibleName(text)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
