"""Code in colours: what Pygments finds in it, line by line, and the colours of light and of dark themes."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING

from pygments.token import Comment, Generic, Keyword, Literal, Name, Number, Operator, String, _TokenType

from phichat.unicode import utf16_length

if TYPE_CHECKING:
    from pygments.lexer import Lexer

LONGEST, LONGEST_LINE = 200_000, 2_000  # characters: what is longer stays without colours

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


def lines_of(code: str, language: str) -> list[list[Span]] | None:
    """What is in each line of `code`; None where nobody knows that language, or it is too long."""
    lexer = _lexer(language) if len(code) <= LONGEST else None
    return list(_lines(lexer, code)) if lexer else None


def ending_of(language: str) -> str:
    """What names of files in that language end with."""
    lexer = _lexer(language)
    names = [PurePath(name).suffix for name in lexer.filenames] if lexer else []
    return next((name for name in names if name and not set(name) & set("*?[]")), ".txt")


def _lines(lexer: "Lexer", code: str) -> Iterator[list[Span]]:
    line: list[Span] = []
    at = 0
    if max(map(len, code.split("\n"))) > LONGEST_LINE:
        return
    for _, token, text in lexer.get_tokens_unprocessed(code):
        kind = kind_of(token)
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
def kind_of(token: _TokenType) -> str:
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
