"""Prose in a message: Markdown or plain text, as high as it is long, in which nothing is fetched or run."""

from math import ceil
from typing import Any

from PySide6.QtCore import Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QResizeEvent, QTextDocument, QWheelEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextBrowser, QWidget

from phichat.chat.markdown import with_line_breaks
from phichat.ui.marks import Marks, Needle
from phichat.ui.theme import Tokens

MARKDOWN = QTextDocument.MarkdownFeature.MarkdownDialectGitHub | QTextDocument.MarkdownFeature.MarkdownNoHTML
_SAFE = {"http", "https"}


class Prose(QTextBrowser):
    """Shows text. HTML stays text, pictures are not fetched, and links open on a click, http and https alone."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._source = ""
        self.marks: Marks | None = None
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)  # the message has one
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.viewport().setAutoFillBackground(False)
        self.setOpenLinks(False)
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().setDocumentMargin(0)
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 1.1)
        self.setFont(font)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self.anchorClicked.connect(self._open)
        self.highlighted.connect(self._show_target)

    def show_markdown(self, source: str) -> None:
        """Show `source` as GitHub's Markdown without HTML."""
        if source != self._source:
            self._source = source
            self.document().setMarkdown(with_line_breaks(source), MARKDOWN)
            self._mark_again()

    def show_plain(self, source: str) -> None:
        """Show `source` as it is."""
        if source != self._source:
            self._source = source
            self.setPlainText(source)
            self._mark_again()

    def look_for(self, needle: Needle | None, tokens: Tokens) -> None:
        """Mark `needle` from now on; None for nothing."""
        if self.marks:
            self.marks.clear()
        self.marks = Marks(self, needle, tokens) if needle else None

    def selected(self) -> str:
        """What the person has marked to copy."""
        return self.textCursor().selection().toPlainText()

    def markdown(self) -> str:
        """The block's Markdown."""
        return self._source

    def field(self) -> QWidget:
        """What takes the focus."""
        return self

    def widest_line(self) -> int:
        """Pixels that the longest of its first lines wants."""
        lines = self._source.split("\n", 60)[:60]
        return max(self.fontMetrics().horizontalAdvance(line[:400]) for line in lines) + 4

    def _mark_again(self) -> None:
        if self.marks:
            self.marks.refresh()

    @Slot()
    def _fit(self) -> None:
        size = self.document().size()
        is_wide = size.width() > self.width() + 1
        bar = self.horizontalScrollBar().sizeHint().height() if is_wide else 0
        self.setFixedHeight(ceil(size.height()) + bar)

    @Slot(QUrl)
    def _open(self, url: QUrl) -> None:
        if url.scheme() in _SAFE:
            QDesktopServices.openUrl(url)

    @Slot(QUrl)
    def _show_target(self, url: QUrl) -> None:
        self.setToolTip(url.toDisplayString() if url.scheme() in _SAFE else "")

    def loadResource(self, kind: int, name: QUrl | str) -> Any:  # noqa: ARG002
        return None

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the transcript scrolls
