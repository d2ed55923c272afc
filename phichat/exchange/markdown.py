"""Conversations as Markdown, for files and for the clipboard."""

import re
from collections.abc import Iterable, Iterator, Sequence

from phichat.chat.attachments import fenced, with_attachments
from phichat.chat.conversation import Message
from phichat.exchange.footnotes import footnoted, passages_of
from phichat.exchange.shown_path import shown_path, speaker_and_time, speaker_name, summary_title
from phichat.markdown.document import fenced_blocks
from phichat.store.base import ConversationRecord

# What would be taken for a heading of ours, hide what follows, or turn the line before into a heading.
_HEADING = re.compile(r" {0,3}(#{1,6})(?=\s|$)")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)\s*$")
_OPENING = re.compile(r"( {0,3})(~{3,}|<(?=[!?/A-Za-z])(?!https?:))", re.IGNORECASE)


def messages_markdown(path: Sequence[Message]) -> str:
    """Return the messages for the clipboard: each under its speaker, as it was written, its attachments first."""
    return "\n".join(
        f"## {speaker_name(message)}\n\n{with_attachments(message.text, message.attachments).strip()}\n"
        for message in path
    )


def markdown_pieces(records: Iterable[ConversationRecord]) -> Iterator[str]:
    """Yield a Markdown file: conversations are headings of level 1, messages of level 2, their own headings below."""
    for number, record in enumerate(records):
        yield ("\n" if number else "") + f"# {_escaped(summary_title(record.summary))}\n"
        path = shown_path(record)
        for at, message in enumerate(path):
            text, notes = footnoted(message.text, passages_of(path, at), f"[^{number}-{at}-{{}}]".format)
            yield f"\n## {_escaped(speaker_and_time(message))}\n\n{_body(text)}\n"
            yield from (f"\n{mark}: {_escaped(title)}\n" for mark, title in notes)
            yield from (f"\n{_escaped(file.title)}:\n\n{fenced(file.text)}\n" for file in message.attachments)


def _body(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")  # either ends a line in Markdown
    return "\n\n".join(
        "\n".join(_keep_below_ours(block.text.split("\n")))
        if block.language is None
        else fenced(block.text, block.info)
        for block in fenced_blocks(text)
    )


def _keep_below_ours(lines: list[str]) -> Iterator[str]:
    """Yield `lines` with headings two levels lower, and what could swallow the lines after it escaped."""
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


def _escaped(title: str) -> str:
    """Return `title` with the characters escaped that Markdown would act on."""
    return re.sub(r"([\\`*_\[\]<>#&~|!])", r"\\\1", title)
