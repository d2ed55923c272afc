"""A thin line across the conversation, with words in it."""

from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QWidget

from phichat.ui.plain_text import plain_label, tool_tip
from phichat.ui.theme.theme import muted


class Rule(QWidget):
    """Says `text` between what is above and below; `hint` says more where one points at it."""

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
