"""Headings, help texts, and a divider with a text."""

from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from phichat.ui.theme.theme import muted
from phichat.ui.widgets.plain_text import plain_label, tool_tip


def heading_label(text: str) -> QLabel:
    """Return a label in bold."""
    label = plain_label(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label


def help_label(text: str) -> QLabel:
    """Return a label in small, muted letters that wraps."""
    label = muted(plain_label(text))
    label.setWordWrap(True)
    font = label.font()
    font.setPointSizeF(font.pointSizeF() * 0.9)
    label.setFont(font)
    return label


class Divider(QWidget):
    """A horizontal line with `text` in its middle, and `hint` as its tool tip."""

    def __init__(self, name: str, text: str, hint: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(text)
        self.setAccessibleDescription(hint)
        self.setToolTip(tool_tip(hint))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(12)
        layout.addWidget(_line(), 1)
        layout.addWidget(muted(plain_label(text)))
        layout.addWidget(_line(), 1)


def _line() -> QWidget:
    line = QWidget()
    line.setFixedHeight(1)
    line.setAutoFillBackground(True)
    line.setBackgroundRole(QPalette.ColorRole.Mid)
    return line
