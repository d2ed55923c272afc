"""Labels that several places share: headings, and sentences that explain."""

from PySide6.QtWidgets import QLabel

from phichat.ui.plain_text import plain_label
from phichat.ui.theme.theme import muted


def heading(text: str) -> QLabel:
    """What follows, in bold."""
    label = plain_label(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label


def explanation(text: str) -> QLabel:
    """A sentence in small letters, in as many lines as it needs."""
    label = muted(plain_label(text))
    label.setWordWrap(True)
    font = label.font()
    font.setPointSizeF(font.pointSizeF() * 0.9)
    label.setFont(font)
    return label
