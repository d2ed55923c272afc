"""Labels, buttons and banner rows that several places share."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.foreign_text import plain_label, tool_tip


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


def push_button(name: str, text: str) -> QPushButton:
    """Return a button that Enter in another field of a dialog does not click."""
    button = QPushButton(text)
    button.setObjectName(name)
    button.setAccessibleName(text)
    button.setAutoDefault(False)
    return button


def banner_layout(banner: QWidget) -> QHBoxLayout:
    """Give `banner` the layout of one slim row."""
    row = QHBoxLayout(banner)
    row.setContentsMargins(14, 5, 6, 5)
    row.setSpacing(12)
    return row


def banner_button(name: str, text: str) -> QPushButton:
    """Return a button that leaves the focus where it is when it is clicked."""
    button = push_button(name, text)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


class NoticeBar(QFrame):
    """A banner with a text that wraps, and a button each to accept what it says and to dismiss it.

    Attributes:
        text: the label with the text.
        accept: the button to accept.

    Signals: `accepted`, `dismissed`.
    """

    accepted = Signal()
    dismissed = Signal()

    def __init__(self, theme: Theme, name: str, accept: QPushButton, dismiss: QPushButton) -> None:
        super().__init__()
        self.setObjectName(name)
        self.text, self.accept = plain_label(), accept
        self.text.setWordWrap(True)
        layout = banner_layout(self)
        layout.addWidget(self.text, 1)
        for button, signal in ((accept, self.accepted), (dismiss, self.dismissed)):
            layout.addWidget(button)
            button.clicked.connect(signal)
        theme.apply_stylesheet(self, "strip")
