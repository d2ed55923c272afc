"""Conversations into files: JSON with everything, Markdown, plain text, or an HTML page, whole or not at all."""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import IO, Protocol

from phichat.chat.conversation import Message
from phichat.errors import StoreError
from phichat.exchange.json_format import FORMAT, VERSION, as_json
from phichat.exchange.markdown import heading_title, moment, path_of, speaker
from phichat.files import atomic_write
from phichat.i18n import tr
from phichat.markdown.document import Fence, fenced_blocks
from phichat.store.base import ConversationRecord
from phichat.unicode import replace_surrogates


class Format(StrEnum):
    """What a file may hold. JSON has everything, and comes back; the others have the shown paths, to be read."""

    JSON = "json"
    MARKDOWN = "markdown"
    TEXT = "text"
    HTML = "html"


_ENDINGS = {
    ".json": Format.JSON,
    ".md": Format.MARKDOWN,
    ".markdown": Format.MARKDOWN,
    ".txt": Format.TEXT,
    ".html": Format.HTML,
    ".htm": Format.HTML,
}

# What would be a heading of ours, hide what follows, or make a heading of the line before.
_HEADING = re.compile(r" {0,3}(#{1,6})(?=\s|$)")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)\s*$")
_OPENING = re.compile(r"( {0,3})(~{3,}|<(?=[!?/A-Za-z])(?!https?:))", re.IGNORECASE)


def format_of(file: Path) -> Format | None:
    """What a file of that name holds; None if its ending does not say."""
    return _ENDINGS.get(file.suffix.lower())


def export(records: Iterable[ConversationRecord], kind: Format, file: Path) -> int:
    """Write `records` to `file`, which appears once it is whole; how many there were. Raises StoreError."""
    target = Path(os.path.realpath(file))
    in_place = target.exists() and not target.is_file()  # a pipe, or /dev/stdout
    try:
        with _opened(target, in_place=in_place) as stream:
            return write(records, kind, stream)
    except OSError as error:
        raise StoreError(
            tr("{file} could not be written: {reason}. Make room, or choose another place.").format(
                file=file, reason=error.strerror or error
            )
        ) from error


def _opened(target: Path, *, in_place: bool) -> AbstractContextManager[IO[str]]:
    if in_place:
        return target.open("w", encoding="utf-8", newline="\n")
    return atomic_write(target, shares=True, encoding="utf-8", newline="\n")


class Stream(Protocol):
    """What an export is written to."""

    def writelines(self, pieces: Iterable[str], /) -> None:
        """Write the pieces as they come."""


def write(records: Iterable[ConversationRecord], kind: Format, stream: Stream) -> int:
    """Write `records`, of which only one is looked at at a time; how many there were."""
    count = 0

    def counted() -> Iterator[ConversationRecord]:
        nonlocal count
        for record in records:
            count += 1
            yield record

    stream.writelines(replace_surrogates(piece) for piece in _WRITERS[kind](counted()))
    return count


def json_text(records: Iterable[ConversationRecord]) -> Iterator[str]:
    """See `exchange`; a conversation is a line."""
    yield f'{{"format": "{FORMAT}", "version": {VERSION}, "conversations": ['
    before = "\n"
    for record in records:
        yield before + json.dumps(as_json(record), ensure_ascii=False, allow_nan=False)
        before = ",\n"
    yield "\n]}\n"


def markdown(records: Iterable[ConversationRecord]) -> Iterator[str]:
    """A heading of the first level is a conversation, one of the second a message; those inside are below that."""
    for number, record in enumerate(records):
        yield ("\n" if number else "") + f"# {_one_line(heading_title(record.summary))}\n"
        for message in path_of(record):
            yield f"\n## {_one_line(_who_and_when(message))}\n\n{_body(message)}\n"
            yield from (f"\n{_one_line(file.title)}:\n\n{_fenced(file.text)}\n" for file in message.attachments)


def plain_text(records: Iterable[ConversationRecord]) -> Iterator[str]:
    """Titles underlined, and a line above each message."""
    for number, record in enumerate(records):
        title = heading_title(record.summary)
        yield ("\n\n" if number else "") + f"{title}\n{'=' * len(title)}\n"
        for message in path_of(record):
            yield f"\n— {_who_and_when(message)} —\n{message.text.strip(_BLANK)}\n"
            yield from (f"\n[{file.title}]\n{file.text.strip(_BLANK)}\n" for file in message.attachments)


def _html(records: Iterable[ConversationRecord]) -> Iterator[str]:
    from phichat.exchange.html import page  # noqa: PLC0415 - brings the Markdown parser

    return page(records)


_WRITERS: dict[Format, Callable[[Iterable[ConversationRecord]], Iterator[str]]] = {
    Format.JSON: json_text,
    Format.MARKDOWN: markdown,
    Format.TEXT: plain_text,
    Format.HTML: _html,
}
_BLANK = "\r\n"


def _who_and_when(message: Message) -> str:
    return " · ".join(filter(None, (speaker(message), moment(message.created))))


def _body(message: Message) -> str:
    text = message.text.replace("\r\n", "\n").replace("\r", "\n")  # either ends a line in Markdown
    return "\n\n".join(map(_block, fenced_blocks(text)))


def _block(block: Fence) -> str:
    if block.language is None:
        return "\n".join(_tame(block.text.split("\n")))
    return _fenced(block.text, block.language)


def _fenced(text: str, language: str = "") -> str:
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`{3,}", text))])
    return f"{fence}{language}\n{text}\n{fence}"


def _tame(lines: list[str]) -> Iterator[str]:
    """`lines` such that none is taken for a heading of ours, nor swallows those that follow."""
    before = ""
    for line in lines:
        if heading := _HEADING.match(line):
            level = min(len(heading[1]) + 2, 6)
            yield "#" * level + line[heading.end() :]
        elif _UNDERLINE.match(line) and before.strip():
            yield "\\" + line.lstrip()
        else:
            yield _OPENING.sub(r"\1\\\2", line, count=1) if _OPENING.match(line) else line
        before = line


def _one_line(title: str) -> str:
    """`title` with the signs escaped that Markdown would act on."""
    return re.sub(r"([\\`*_\[\]<>#&~|!])", r"\\\1", title)
