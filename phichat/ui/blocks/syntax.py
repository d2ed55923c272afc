"""Syntax highlighting: the colours that the render process finds, applied to a QTextDocument."""

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QColor, QPalette, QSyntaxHighlighter, QTextCharFormat, QTextDocument

from phichat.rendering.colors import Span, is_highlighted

if TYPE_CHECKING:
    from phichat.ui.blocks.render_context import RenderContext

ON_LIGHT = {
    "keyword": "#8a2f86", "string": "#3c6e1f", "number": "#9a4a00", "comment": "#666c72",
    "name": "#1f5fa8", "type": "#0f6e66", "alert": "#a4331f",
}  # fmt: skip
ON_DARK = {
    "keyword": "#d69ad2", "string": "#a3c981", "number": "#e0a46c", "comment": "#969ba1",
    "name": "#86b8ee", "type": "#58bdb2", "alert": "#f0957f",
}  # fmt: skip


INTERVAL = 0.15  # seconds between runs of Pygments on growing code; as much again for each 10,000 characters
SLICE = 0.003  # seconds of colouring before the event loop runs again


class SyntaxHighlighter(QSyntaxHighlighter):
    """Colours `document` as code, in slices of idle time. What Pygments takes too long for stays without colours."""

    def __init__(self, document: QTextDocument, context: "RenderContext") -> None:
        super().__init__(document)
        self._document, self._context = document, context
        self._spans: list[list[Span]] = []
        self._changed: list[int] = []
        self._formats: dict[str, QTextCharFormat] = {}
        self._colors: dict[str, str] = {}
        self._code, self._language = "", ""
        self._is_running = False
        self._refused = ""  # code without colours; none is tried that only adds to it
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._run_pygments)
        self._paint_timer = QTimer(self, interval=0)
        self._paint_timer.timeout.connect(self._paint)

    def set_colors(self, palette: QPalette) -> None:
        """Use the colours for a dark or light background, whichever `palette` has."""
        colors = ON_DARK if palette.color(QPalette.ColorRole.Base).lightnessF() < 0.5 else ON_LIGHT
        if colors is self._colors:  # Qt sends a dozen changes of the palette for one
            return
        self._colors, self._formats = colors, {}
        for name, color in colors.items():
            self._formats[name] = QTextCharFormat()
            self._formats[name].setForeground(QColor(color))
        self._changed = list(range(len(self._spans)))
        self._paint_timer.start()

    def highlight(self, code: str, language: str) -> None:
        """Highlight `code`, the text of the document now."""
        if language != self._language:
            self._spans, self._refused = [], ""
        self._code, self._language = code, language
        is_wanted = language and not (self._refused and code.startswith(self._refused))
        if is_wanted and not self._timer.isActive() and not self._is_running:
            self._timer.start(0 if not self._spans else int(1000 * INTERVAL * (1 + len(code) / 10_000)))

    @Slot()
    def _run_pygments(self) -> None:
        if not is_highlighted(self._code):
            self._refused = self._code
            return
        self._is_running = True
        order = {"do": "code", "code": self._code, "language": self._language}
        self._context.render(order, partial(self._on_highlighted, self._code), self)

    def _on_highlighted(self, code: str, lines: list[list[Span]] | None) -> None:
        self._is_running = False
        if lines is None:
            self._refused = code
            return
        old, self._spans = self._spans, lines
        fresh = [at for at, line in enumerate(lines) if at >= len(old) or line != old[at]]
        self._changed = sorted({*self._changed, *fresh})
        self._paint_timer.start()
        if code != self._code:
            self.highlight(self._code, self._language)

    @Slot()
    def _paint(self) -> None:
        """Colour some of the changed lines, the last ones first: they are being read."""
        until = perf_counter() + SLICE
        while self._changed and perf_counter() < until:
            self.rehighlightBlock(self._document.findBlockByNumber(self._changed.pop()))
        if not self._changed:
            self._paint_timer.stop()

    def highlightBlock(self, text: str) -> None:  # noqa: ARG002
        number = self.currentBlock().blockNumber()
        for start, size, color in self._spans[number] if number < len(self._spans) else []:
            if color in self._formats:
                self.setFormat(start, size, self._formats[color])
