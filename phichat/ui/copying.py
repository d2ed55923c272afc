"""Messages as clipboard data: Markdown where text is pasted, HTML where formatting is."""

from collections.abc import Sequence

from PySide6.QtCore import QMimeData

from phichat.chat.conversation import Message
from phichat.exchange.markdown import as_html, as_markdown, markdown_html, message_html
from phichat.ui.excerpts import Excerpt
from phichat.ui.widgets.clipboard import mime_data


def message_data(message: Message) -> QMimeData:
    """Return all of one message."""
    return mime_data(message.text, message_html(message))


def excerpt_data(excerpt: Excerpt) -> QMimeData:
    """Return the selected part of a message."""
    return mime_data(excerpt.text, markdown_html(excerpt.markdown))


def messages_data(messages: Sequence[Message]) -> QMimeData:
    """Return whole messages; each of several has a heading that names its speaker."""
    if len(messages) == 1:
        return message_data(messages[0])
    return mime_data(as_markdown(messages), as_html(messages))
