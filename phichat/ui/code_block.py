"""A block of code in a reply: its language, a button that copies it, and the code as it was written."""

import re
from collections.abc import Callable

from PySide6.QtCore import QMimeData, QRect, Qt, QTimer, Slot
from PySide6.QtGui import QTextCursor, QTextOption
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QToolButton, QVBoxLayout, QWidget

from phichat.text import tr
from phichat.ui import clipboard
from phichat.ui.lettering import fixed_font
from phichat.ui.marks import Marks, Needle
from phichat.ui.theme import Theme, Tokens, muted

MOST_LINES = 40
INDENT = 12  # pixels
SAID = 1500  # milliseconds that "copied" stays


class CodeBlock(QFrame):
    """Shows `code`; lines are not wrapped, wide ones scroll."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("part", "code")
        self.marks: Marks | None = None
        self._language = muted(QLabel())
        self._copy = CopyButton(theme, tr("Copy code"), self.code)
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)  # the message has one
        self._text.setAccessibleName(tr("Code"))
        self._text.setFont(fixed_font())
        self._text.setWordWrapMode(QTextOption.WrapMode.NoWrap)
        self._text.setTabChangesFocus(True)
        self._text.document().setDocumentMargin(INDENT)
        header = QHBoxLayout()
        header.setContentsMargins(INDENT, 2, 4, 0)
        header.addWidget(self._language, 1)
        header.addWidget(self._copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(header)
        layout.addWidget(self._text)
        self._text.horizontalScrollBar().rangeChanged.connect(self._fit)
        self._fit()
        theme.dress(self, "code")
        theme.changed.connect(self._fit)

    def code(self) -> str:
        """The code as it stands."""
        return self._text.toPlainText()

    def show_code(self, code: str, language: str) -> None:
        """Show `code`; where it only grew, only what is new is laid out."""
        self._language.setText(language)
        shown = self.code()
        if code == shown:
            return
        if shown and code.startswith(shown):
            cursor = QTextCursor(self._text.document())
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(code[len(shown) :])
        else:
            self._text.setPlainText(code)
        self._fit()
        if self.marks:
            self.marks.refresh()

    def look_for(self, needle: Needle | None, tokens: Tokens) -> None:
        """Mark `needle` from now on; None for nothing."""
        if self.marks:
            self.marks.clear()
        self.marks = Marks(self._text, needle, tokens) if needle else None

    def selected(self) -> str:
        """What the person has marked to copy."""
        return self._text.textCursor().selection().toPlainText()

    def markdown(self) -> str:
        """The block's Markdown."""
        code = self.code()
        fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`{3,}", code))])
        return f"{fence}{self._language.text()}\n{code}\n{fence}"

    def field(self) -> QWidget:
        """What shows the code and takes the focus."""
        return self._text

    def bring(self, number: int) -> None:
        """Scroll such that the mark of that number is seen."""
        if self.marks:
            block = self._text.document().findBlock(self.marks.places[number][0]).blockNumber()
            bar = self._text.verticalScrollBar()
            if not bar.value() <= block < bar.value() + MOST_LINES:
                bar.setValue(block - MOST_LINES // 2)
            self._bring_sideways(self.marks.area(number))

    def buttons(self) -> list[QWidget]:
        """What else takes the focus."""
        return [self._copy]

    def _bring_sideways(self, area: QRect) -> None:
        bar, width = self._text.horizontalScrollBar(), self._text.viewport().width()
        if area.left() < 0 or area.right() > width:
            bar.setValue(bar.value() + area.left() - width // 3)

    @Slot()
    def _fit(self) -> None:
        lines = min(max(self._text.blockCount(), 1), MOST_LINES)
        scroll_bar = self._text.horizontalScrollBar()
        margins = 2 * INDENT + 2 + (scroll_bar.sizeHint().height() if scroll_bar.maximum() else 0)
        is_cut = self._text.blockCount() > MOST_LINES
        policy = Qt.ScrollBarPolicy.ScrollBarAsNeeded if is_cut else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        self._text.setVerticalScrollBarPolicy(policy)
        self._text.setFixedHeight(lines * self._text.fontMetrics().lineSpacing() + margins)


class CopyButton(QToolButton):
    """Puts a text on the clipboard and says so for a moment."""

    def __init__(self, theme: Theme, label: str, text: Callable[[], str | QMimeData]) -> None:
        super().__init__()
        self.setAutoRaise(True)
        self._theme, self._text = theme, text
        self.setAccessibleName(label)
        self.setToolTip(label)
        self._done = QTimer(self, interval=SAID, singleShot=True)
        self._done.timeout.connect(self._show_icon)
        self.clicked.connect(self._copy)
        theme.changed.connect(self._show_icon)
        self._show_icon()

    @Slot()
    def _copy(self) -> None:
        clipboard.put(self._text())
        self.setIcon(self._theme.icon("done"))
        self._done.start()

    @Slot()
    def _show_icon(self) -> None:
        self.setIcon(self._theme.icon("copy"))
