"""Conversations as plain text, and the titles, speakers and times that every export shows."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from phichat.chat.conversation import Ending, Message, Role
from phichat.exchange.footnotes import passages_of, with_footnotes
from phichat.i18n import tr
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.unicode import replace_surrogates, without_controls

_LINE_ENDS = "\r\n"


def text_pieces(records: Iterable[ConversationRecord]) -> Iterator[str]:
    """Yield a text file: each title is underlined, each message has a line with its speaker above it."""
    for number, record in enumerate(records):
        title = summary_title(record.summary)
        yield ("\n\n" if number else "") + f"{title}\n{'=' * len(title)}\n"
        path = shown_path(record)
        for at, message in enumerate(path):
            text = with_footnotes(message.text, passages_of(path, at))
            yield f"\n— {speaker_and_time(message)} —\n{text.strip(_LINE_ENDS)}\n"
            yield from (f"\n[{file.title}]\n{file.text.strip(_LINE_ENDS)}\n" for file in message.attachments)


def shown_path(record: ConversationRecord) -> list[Message]:
    """Return the messages of the path that ends at the record's tip, oldest first."""
    messages = {message.id: message for message in record.messages}
    path: list[Message] = []
    at = messages.pop(record.tip, None) if record.tip else None
    while at is not None:
        path.append(at)
        at = messages.pop(at.parent, None) if at.parent else None
    return path[::-1]


def summary_title(summary: ConversationSummary) -> str:
    """Return a conversation's title on one line, a placeholder if it is empty."""
    return " ".join(replace_surrogates(summary.title).split()) or tr("Untitled")


def speaker_name(message: Message) -> str:
    """Return who wrote the message, as people read it; of a reply, the model's name if it is known.

    It says, too, that a reply is still being written.
    """
    if message.role is Role.USER:
        return tr("You")
    if message.role is Role.SYSTEM:
        return tr("System prompt")
    model = replace_surrogates(message.reply.model) if message.reply else ""
    name = " ".join(without_controls(model).split()) or tr("Answer")
    is_growing = message.reply is not None and message.reply.ending is Ending.ANSWERING
    return tr("{model} (unfinished)").format(model=name) if is_growing else name


def local_time(seconds: float) -> str:
    """Return a POSIX time as local date and time to the minute; empty for none and what the calendar cannot show."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC).astimezone():%Y-%m-%d %H:%M}" if seconds > 0 else ""
    except (OverflowError, ValueError, OSError):
        return ""


def speaker_and_time(message: Message) -> str:
    """Return the line that introduces a message in a file."""
    return " · ".join(filter(None, (speaker_name(message), local_time(message.created))))
