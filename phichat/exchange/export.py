"""Conversations written to a file, whole or not at all: the table of formats, and the writing itself."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING

from phichat.errors import StoreError
from phichat.files import atomic_write
from phichat.i18n import N_, format_reason, saving_advice, tr
from phichat.unicode import replace_surrogates

if TYPE_CHECKING:  # 10 ms, which `phichat --help` would wait for only to list the formats
    from phichat.store.base import ConversationRecord


class Format(StrEnum):
    """What a file may hold. JSON has everything, and can be imported; the others have the shown paths, to be read."""

    JSON = "json"
    MARKDOWN = "markdown"
    TEXT = "text"
    HTML = "html"


@dataclass(frozen=True)
class FormatInfo:
    """How a format is recognised, offered and written.

    Attributes:
        suffixes: the file name suffixes that mean it, in lower case.
        file_filter: its line in a file dialog, as QFileDialog takes it; to be translated.
        pieces: yields the content of a file with the given conversations, one at a time.
    """

    suffixes: tuple[str, ...]
    file_filter: str
    pieces: Callable[[Iterable["ConversationRecord"]], Iterator[str]]


def _json_pieces(records: Iterable["ConversationRecord"]) -> Iterator[str]:
    from phichat.exchange.json_format import json_pieces  # noqa: PLC0415 - a list of the formats needs no writer

    return json_pieces(records)


def _markdown_pieces(records: Iterable["ConversationRecord"]) -> Iterator[str]:
    from phichat.exchange.markdown import markdown_pieces  # noqa: PLC0415 - a list of the formats needs no writer

    return markdown_pieces(records)


def _text_pieces(records: Iterable["ConversationRecord"]) -> Iterator[str]:
    from phichat.exchange.shown_path import text_pieces  # noqa: PLC0415 - a list of the formats needs no writer

    return text_pieces(records)


def _page_pieces(records: Iterable["ConversationRecord"]) -> Iterator[str]:
    from phichat.exchange.html import page_pieces  # noqa: PLC0415 - a list of the formats needs no writer

    return page_pieces(records)


FORMATS = {
    Format.JSON: FormatInfo((".json",), N_("Phichat JSON, for importing later (*.json)"), _json_pieces),
    Format.MARKDOWN: FormatInfo((".md", ".markdown"), N_("Markdown (*.md)"), _markdown_pieces),
    Format.TEXT: FormatInfo((".txt",), N_("Text (*.txt)"), _text_pieces),
    Format.HTML: FormatInfo((".html", ".htm"), N_("Web page (*.html)"), _page_pieces),
}
"""All formats, in the order in which they are offered."""


def format_of(file: Path) -> Format | None:
    """Return the format that the suffix of `file` means; None if it means none."""
    return next((kind for kind, info in FORMATS.items() if file.suffix.lower() in info.suffixes), None)


def export(records: Iterable["ConversationRecord"], kind: Format, file: Path) -> int:
    """Write `records` to `file`, which appears once it is whole; return how many there were. Raise StoreError."""
    target = Path(os.path.realpath(file))
    in_place = target.exists() and not target.is_file()  # a pipe, or /dev/stdout
    try:
        with _opened(target, in_place=in_place) as stream:
            return write_export(records, kind, stream.write)
    except OSError as error:
        raise StoreError(
            tr("{file} couldn’t be saved: {reason}. {advice}").format(
                file=file, reason=format_reason(error), advice=saving_advice(error, is_chosen=True)
            )
        ) from error


def _opened(target: Path, *, in_place: bool) -> AbstractContextManager[IO[str]]:
    if in_place:
        return target.open("w", encoding="utf-8", newline="\n")
    return atomic_write(target, shares=True, encoding="utf-8", newline="\n")


def write_export(records: Iterable["ConversationRecord"], kind: Format, write: Callable[[str], object]) -> int:
    """Call `write` with each piece, with one of `records` in memory at a time; return how many there were."""
    count = 0

    def counted() -> Iterator["ConversationRecord"]:
        nonlocal count
        for record in records:
            count += 1
            yield record

    for piece in FORMATS[kind].pieces(counted()):
        write(replace_surrogates(piece))
    return count
