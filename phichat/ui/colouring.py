"""Colours code as it grows: it is looked at aside, and only lines that look otherwise are painted again."""

from functools import partial
from time import perf_counter

from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QColor, QPalette, QSyntaxHighlighter, QTextCharFormat, QTextDocument

from phichat.ui.lexing import ON_DARK, ON_LIGHT, Span, lines_of
from phichat.ui.threads.background import RenderThread

PAUSE = 0.15  # seconds between looking at code that grows; as much again for 10,000 characters
SLICE = 0.003  # seconds of colouring, between which the window does other things
ANYWAY = 20  # lines at the end that are coloured first: they are what is read


class Colouring(QSyntaxHighlighter):
    """Knows the colours of `document`'s lines."""

    def __init__(self, document: QTextDocument, aside: RenderThread) -> None:
        super().__init__(document)
        self._document, self._aside = document, aside
        self._lines: list[list[Span]] = []
        self._changed: list[int] = []
        self._looks: dict[str, QTextCharFormat] = {}
        self._code, self._language = "", ""
        self._is_asking = False
        self._later = QTimer(self, singleShot=True)
        self._later.timeout.connect(self._ask)
        self._painting = QTimer(self, interval=0)
        self._painting.timeout.connect(self._paint)

    def dress(self, palette: QPalette) -> None:
        """Use colours that can be read on the palette's ground."""
        colours = ON_DARK if palette.color(QPalette.ColorRole.Base).lightnessF() < 0.5 else ON_LIGHT
        self._looks = {}
        for kind, colour in colours.items():
            look = QTextCharFormat()
            look.setForeground(QColor(colour))
            self._looks[kind] = look
        self._changed = list(range(len(self._lines)))
        self._painting.start()

    def colour(self, code: str, language: str) -> None:
        """`code` is what the document shows now."""
        if language != self._language:
            self._lines = []
        self._code, self._language = code, language
        if language and not self._later.isActive() and not self._is_asking:
            self._later.start(0 if not self._lines else int(1000 * PAUSE * (1 + len(code) / 10_000)))

    @Slot()
    def _ask(self) -> None:
        self._is_asking = True
        code, language = self._code, self._language
        self._aside.ask(self, partial(lines_of, code, language), partial(self._take, code))

    def _take(self, code: str, lines: list[list[Span]] | None) -> None:
        self._is_asking = False
        if lines is None:
            return
        old, self._lines = self._lines, lines
        fresh = [at for at, line in enumerate(lines) if at >= len(old) or line != old[at]]
        self._changed = sorted({*self._changed, *fresh})
        self._painting.start()
        if code != self._code:
            self.colour(self._code, self._language)

    @Slot()
    def _paint(self) -> None:
        """Colour some lines, the last ones first."""
        until = perf_counter() + SLICE
        while self._changed and perf_counter() < until:
            self.rehighlightBlock(self._document.findBlockByNumber(self._changed.pop()))
        if not self._changed:
            self._painting.stop()

    def highlightBlock(self, text: str) -> None:  # noqa: ARG002
        number = self.currentBlock().blockNumber()
        for start, size, kind in self._lines[number] if number < len(self._lines) else []:
            if kind in self._looks:
                self.setFormat(start, size, self._looks[kind])
