"""Messages as Markdown, and as HTML that shows the same and can do nothing; who speaks in them, and when."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from phichat.chat.attachments import length_with, with_attachments
from phichat.chat.conversation import Message, Role
from phichat.i18n import tr
from phichat.markdown.document import fenced_blocks
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.unicode import replace_surrogates

MOST_RENDERED = 40_000  # characters of Markdown in one go, as it is parsed while the person waits; more stays as it is


def as_markdown(path: Sequence[Message]) -> str:
    """The messages as one text, each under who said it, with its files."""
    return "\n".join(
        f"## {_speaker(message)}\n\n{with_attachments(message.text, message.attachments).strip()}\n" for message in path
    )


def as_html(path: Sequence[Message]) -> str:
    """The messages as HTML, each under who said it."""
    is_short = sum(length_with(message.text, message.attachments) for message in path) <= MOST_RENDERED
    return "".join(
        f"<h2>{escape(_speaker(message))}</h2>\n{message_html(message, is_rendered=is_short)}" for message in path
    )


def message_html(message: Message, *, is_rendered: bool = True) -> str:
    """One message as HTML: an answer as its Markdown says if `is_rendered`; a question as written, and its files."""
    is_markdown = is_rendered and message.role is Role.ASSISTANT
    return (
        markdown_html(message.text) if is_markdown else _plain_html(with_attachments(message.text, message.attachments))
    )


def markdown_html(source: str) -> str:
    """`source` as HTML."""
    from phichat.markdown.html import html_of  # noqa: PLC0415 - brings the Markdown parser

    if len(source) > MOST_RENDERED:
        return _plain_html(source)
    return "".join(
        html_of(block.text) if block.language is None else f"<pre><code>{escape(block.text)}</code></pre>\n"
        for block in fenced_blocks(source)
    )


def _plain_html(text: str) -> str:
    """`text` as it is. Spaces and line ends are kept without a style sheet, which few places take over."""
    words = escape(text.strip("\n")).replace("  ", " \N{NO-BREAK SPACE}").replace("\n", "<br>\n")
    return f"<p>{words}</p>\n"


def _speaker(message: Message) -> str:
    if message.role is Role.USER:
        return tr("You")
    return (message.reply.model if message.reply else "") or tr("Answer")


def path_of(record: ConversationRecord) -> list[Message]:
    """The shown messages, oldest first."""
    messages = {message.id: message for message in record.messages}
    path: list[Message] = []
    at = messages.pop(record.tip, None) if record.tip else None
    while at is not None:
        path.append(at)
        at = messages.pop(at.parent, None) if at.parent else None
    return path[::-1]


def heading_title(heading: ConversationSummary) -> str:
    """A conversation's title in one line, even if it has none."""
    return " ".join(replace_surrogates(heading.title).split()) or tr("Untitled")


def speaker(message: Message) -> str:
    """Whose message it is; of a reply, by which model."""
    if message.role is Role.USER:
        return tr("You")
    if message.role is Role.SYSTEM:
        return tr("Instructions")
    model = replace_surrogates(message.reply.model) if message.reply else ""
    return " ".join(model.split()) or tr("Answer")


def moment(seconds: float) -> str:
    """A day and a time here, to the minute; empty if it is not known."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC).astimezone():%Y-%m-%d %H:%M}" if seconds else ""
    except (OverflowError, ValueError, OSError):  # beyond what the calendar here can show
        return ""
