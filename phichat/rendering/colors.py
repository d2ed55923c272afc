"""Colours of code: Pygments' tokens as spans of a line, each with the name of a colour."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING

from phichat.unicode import utf16_length

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

MAX_LENGTH, MAX_LINE_LENGTH = 200_000, 2_000  # characters: longer code is not highlighted

Span = tuple[int, int, str]
"""Start in its line and length, in UTF-16 code units, and the name of a colour."""

_COLORS = {
    "Comment.Preproc": "name",
    "Comment": "comment",
    "Generic.Deleted": "alert",
    "Generic.Inserted": "string",
    "Generic.Heading": "keyword",
    "Generic.Subheading": "name",
    "Keyword.Constant": "number",
    "Keyword.Type": "type",
    "Keyword": "keyword",
    "Operator.Word": "keyword",
    "Literal.String.Escape": "number",
    "Literal.String.Interpol": "number",
    "Literal.String": "string",
    "Literal": "number",
    "Name.Function": "name",
    "Name.Class": "type",
    "Name.Decorator": "name",
    "Name.Builtin": "type",
    "Name.Exception": "type",
    "Name.Tag": "keyword",
    "Name.Attribute": "name",
    "Name.Namespace": "type",
}
"""Families of tokens with their colours; the nearest family of a token decides."""


def highlight_lines(code: str, language: str) -> list[list[Span]] | None:
    """Return the spans of each line of `code`; None if the language is unknown or the code too long."""
    lexer = _lexer(language) if is_highlighted(code) else None
    return list(_spans(lexer, code)) if lexer else None


def is_highlighted(code: str) -> bool:
    """Return whether `code` is short enough to be highlighted."""
    return len(code) <= MAX_LENGTH and max(map(len, code.split("\n"))) <= MAX_LINE_LENGTH


def file_suffix(language: str) -> str:
    """Return the suffix of files in `language`, ".txt" if it is unknown."""
    lexer = _lexer(language)
    names = [PurePath(name).suffix for name in lexer.filenames] if lexer else []
    return next((name for name in names if name and not set(name) & set("*?[]")), ".txt")


def _spans(lexer: "Lexer", code: str) -> Iterator[list[Span]]:
    line: list[Span] = []
    at = 0
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
def color_name(token: "_TokenType") -> str:
    """Return the colour of `token`; empty for the colour of plain text."""
    families = [".".join(token[:length]) for length in range(len(token), 0, -1)]
    return next((_COLORS[family] for family in families if family in _COLORS), "")


@lru_cache(maxsize=50)
def _lexer(language: str) -> "Lexer | None":
    from pygments.lexers import get_lexer_by_name  # noqa: PLC0415 - takes its time
    from pygments.util import ClassNotFound  # noqa: PLC0415

    try:
        lexer: Lexer = get_lexer_by_name(language) if language else get_lexer_by_name("text")
    except ClassNotFound:
        return None
    return lexer
