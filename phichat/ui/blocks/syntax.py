"""Syntax highlighting: Pygments in a thread, its colours on the document."""

from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import PurePath
from time import perf_counter
from typing import TYPE_CHECKING

from pygments.token import Comment, Generic, Keyword, Literal, Name, Number, Operator, String, _TokenType
from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QColor, QPalette, QSyntaxHighlighter, QTextCharFormat, QTextDocument

from phichat.ui.threads.background import RenderThread
from phichat.unicode import utf16_length

if TYPE_CHECKING:
    from pygments.lexer import Lexer


MAX_LENGTH, MAX_LINE_LENGTH = 200_000, 2_000  # characters: what is longer stays without colours

Span = tuple[int, int, str]
"""Where it begins in its line, how long it is, in units of UTF-16; and what it is."""

# From the particular to the general.
_KINDS = (
    (Comment.Preproc, "name"),
    (Comment, "comment"),
    (Generic.Deleted, "alert"),
    (Generic.Inserted, "string"),
    (Generic.Heading, "keyword"),
    (Generic.Subheading, "name"),
    (Keyword.Constant, "number"),
    (Keyword.Type, "type"),
    (Keyword, "keyword"),
    (Operator.Word, "keyword"),
    (String.Escape, "number"),
    (String.Interpol, "number"),
    (String, "string"),
    (Number, "number"),
    (Literal, "number"),
    (Name.Function, "name"),
    (Name.Class, "type"),
    (Name.Decorator, "name"),
    (Name.Builtin, "type"),
    (Name.Exception, "type"),
    (Name.Tag, "keyword"),
    (Name.Attribute, "name"),
    (Name.Namespace, "type"),
)
ON_LIGHT = {
    "keyword": "#8a2f86", "string": "#3c6e1f", "number": "#9a4a00", "comment": "#666c72",
    "name": "#1f5fa8", "type": "#0f6e66", "alert": "#a4331f",
}  # fmt: skip
ON_DARK = {
    "keyword": "#d69ad2", "string": "#a3c981", "number": "#e0a46c", "comment": "#969ba1",
    "name": "#86b8ee", "type": "#58bdb2", "alert": "#f0957f",
}  # fmt: skip


def highlight_lines(code: str, language: str) -> list[list[Span]] | None:
    """What is in each line of `code`; None where nobody knows that language, or it is too long."""
    lexer = _lexer(language) if len(code) <= MAX_LENGTH else None
    return list(_lines(lexer, code)) if lexer else None


def file_suffix(language: str) -> str:
    """What names of files in that language end with."""
    lexer = _lexer(language)
    names = [PurePath(name).suffix for name in lexer.filenames] if lexer else []
    return next((name for name in names if name and not set(name) & set("*?[]")), ".txt")


def _lines(lexer: "Lexer", code: str) -> Iterator[list[Span]]:
    line: list[Span] = []
    at = 0
    if max(map(len, code.split("\n"))) > MAX_LINE_LENGTH:
        return
    for _, token, text in lexer.get_tokens_unprocessed(code):
        kind = color_name(token)
        for number, part in enumerate(text.split("\n")):
            if number:
                yield line
                line, at = [], 0
            size = utf16_length(part)
            if kind and size:
                line.append((at, size, kind))
            at += size
    yield line


@lru_cache(maxsize=400)
def color_name(token: _TokenType) -> str:
    """What `token` is in our few words; nothing for what looks like any text."""
    return next((kind for family, kind in _KINDS if token in family), "")


@lru_cache(maxsize=50)
def _lexer(language: str) -> "Lexer | None":
    from pygments.lexers import get_lexer_by_name  # noqa: PLC0415 - takes its time
    from pygments.util import ClassNotFound  # noqa: PLC0415

    try:
        lexer: Lexer = get_lexer_by_name(language) if language else get_lexer_by_name("text")
    except ClassNotFound:
        return None
    return lexer


INTERVAL = 0.15  # seconds between looking at code that grows; as much again for 10,000 characters
SLICE = 0.003  # seconds of colouring, between which the window does other things
LAST_LINES = 20  # lines at the end that are coloured first: they are what is read


class SyntaxHighlighter(QSyntaxHighlighter):
    """Knows the colours of `document`'s lines."""

    def __init__(self, document: QTextDocument, render_thread: RenderThread) -> None:
        super().__init__(document)
        self._document, self._render_thread = document, render_thread
        self._lines: list[list[Span]] = []
        self._changed: list[int] = []
        self._looks: dict[str, QTextCharFormat] = {}
        self._code, self._language = "", ""
        self._is_asking = False
        self._later = QTimer(self, singleShot=True)
        self._later.timeout.connect(self._ask)
        self._painting = QTimer(self, interval=0)
        self._painting.timeout.connect(self._paint)

    def set_colors(self, palette: QPalette) -> None:
        """Use colours that can be read on the palette's ground."""
        colours = ON_DARK if palette.color(QPalette.ColorRole.Base).lightnessF() < 0.5 else ON_LIGHT
        self._looks = {}
        for kind, colour in colours.items():
            look = QTextCharFormat()
            look.setForeground(QColor(colour))
            self._looks[kind] = look
        self._changed = list(range(len(self._lines)))
        self._painting.start()

    def highlight(self, code: str, language: str) -> None:
        """`code` is what the document shows now."""
        if language != self._language:
            self._lines = []
        self._code, self._language = code, language
        if language and not self._later.isActive() and not self._is_asking:
            self._later.start(0 if not self._lines else int(1000 * INTERVAL * (1 + len(code) / 10_000)))

    @Slot()
    def _ask(self) -> None:
        self._is_asking = True
        code, language = self._code, self._language
        self._render_thread.run(self, partial(highlight_lines, code, language), partial(self._take, code))

    def _take(self, code: str, lines: list[list[Span]] | None) -> None:
        self._is_asking = False
        if lines is None:
            return
        old, self._lines = self._lines, lines
        fresh = [at for at, line in enumerate(lines) if at >= len(old) or line != old[at]]
        self._changed = sorted({*self._changed, *fresh})
        self._painting.start()
        if code != self._code:
            self.highlight(self._code, self._language)

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
