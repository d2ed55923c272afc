"""Syntax highlighting: Pygments in a thread, its colours applied to a QTextDocument."""

from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import PurePath
from time import perf_counter
from typing import TYPE_CHECKING

from pygments.token import Comment, Generic, Keyword, Literal, Name, Number, Operator, String, _TokenType
from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QColor, QPalette, QSyntaxHighlighter, QTextCharFormat, QTextDocument

from phichat.ui.threads.background import BackgroundTasks
from phichat.unicode import utf16_length

if TYPE_CHECKING:
    from pygments.lexer import Lexer


MAX_LENGTH, MAX_LINE_LENGTH = 200_000, 2_000  # characters: longer code is not highlighted

Span = tuple[int, int, str]
"""Start in its line and length, in UTF-16 code units, and the name of a colour."""

# The first family that contains a token decides.
_COLOR_NAMES = (
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
    """Return the spans of each line of `code`; None if the language is unknown or the code too long."""
    lexer = _lexer(language) if len(code) <= MAX_LENGTH else None
    return list(_spans(lexer, code)) if lexer else None


def file_suffix(language: str) -> str:
    """Return the suffix of files in `language`, ".txt" if it is unknown."""
    lexer = _lexer(language)
    names = [PurePath(name).suffix for name in lexer.filenames] if lexer else []
    return next((name for name in names if name and not set(name) & set("*?[]")), ".txt")


def _spans(lexer: "Lexer", code: str) -> Iterator[list[Span]]:
    line: list[Span] = []
    at = 0
    if max(map(len, code.split("\n"))) > MAX_LINE_LENGTH:
        return
    for _, token, text in lexer.get_tokens_unprocessed(code):
        color = color_name(token)
        for number, part in enumerate(text.split("\n")):
            if number:
                yield line
                line, at = [], 0
            size = utf16_length(part)
            if color and size:
                line.append((at, size, color))
            at += size
    yield line


@lru_cache(maxsize=400)
def color_name(token: _TokenType) -> str:
    """Return the colour of `token`; empty for the colour of plain text."""
    return next((color for family, color in _COLOR_NAMES if token in family), "")


@lru_cache(maxsize=50)
def _lexer(language: str) -> "Lexer | None":
    from pygments.lexers import get_lexer_by_name  # noqa: PLC0415 - takes its time
    from pygments.util import ClassNotFound  # noqa: PLC0415

    try:
        lexer: Lexer = get_lexer_by_name(language) if language else get_lexer_by_name("text")
    except ClassNotFound:
        return None
    return lexer


INTERVAL = 0.15  # seconds between runs of Pygments on growing code; as much again for each 10,000 characters
SLICE = 0.003  # seconds of colouring before the event loop runs again


class SyntaxHighlighter(QSyntaxHighlighter):
    """Colours `document` as code. Pygments runs in a thread, the result is applied in slices of idle time."""

    def __init__(self, document: QTextDocument, render_tasks: BackgroundTasks) -> None:
        super().__init__(document)
        self._document, self._render_tasks = document, render_tasks
        self._spans: list[list[Span]] = []
        self._changed: list[int] = []
        self._formats: dict[str, QTextCharFormat] = {}
        self._code, self._language = "", ""
        self._is_running = False
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._run_pygments)
        self._paint_timer = QTimer(self, interval=0)
        self._paint_timer.timeout.connect(self._paint)

    def set_colors(self, palette: QPalette) -> None:
        """Use the colours for a dark or light background, whichever `palette` has."""
        colors = ON_DARK if palette.color(QPalette.ColorRole.Base).lightnessF() < 0.5 else ON_LIGHT
        self._formats = {}
        for name, color in colors.items():
            self._formats[name] = QTextCharFormat()
            self._formats[name].setForeground(QColor(color))
        self._changed = list(range(len(self._spans)))
        self._paint_timer.start()

    def highlight(self, code: str, language: str) -> None:
        """Highlight `code`, the text of the document now."""
        if language != self._language:
            self._spans = []
        self._code, self._language = code, language
        if language and not self._timer.isActive() and not self._is_running:
            self._timer.start(0 if not self._spans else int(1000 * INTERVAL * (1 + len(code) / 10_000)))

    @Slot()
    def _run_pygments(self) -> None:
        self._is_running = True
        code, language = self._code, self._language
        self._render_tasks.run(
            lambda _: highlight_lines(code, language), partial(self._on_highlighted, code), self._on_failed, owner=self
        )

    def _on_failed(self, _: str) -> None:
        self._is_running = False

    def _on_highlighted(self, code: str, lines: list[list[Span]] | None) -> None:
        self._is_running = False
        if lines is None:
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
