"""Messages, and what is selected of them, as clipboard data: Markdown for text, HTML for formatting."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QMimeData
from PySide6.QtWidgets import QPlainTextEdit

from phichat.chat.conversation import Message
from phichat.exchange.markdown import as_html, as_markdown, markdown_html, message_html
from phichat.ui.blocks.base import BlockWidget
from phichat.ui.widgets.clipboard import mime_data


@dataclass(frozen=True)
class Selection:
    """Some of a message: `text` as it is read, `markdown` as it was written."""

    text: str
    markdown: str


def selection_in(parts: Sequence[BlockWidget], source: str) -> Selection | None:
    """What is selected in `parts`, which are all of a message with that `source`; None for nothing.

    From a single block comes text as it reads, so that a command or a line of code can be used as it is.
    """
    touched = [part for part in parts if has_selection(part)]
    if len(touched) == len(parts) and all(map(_is_whole, parts)) and parts:
        return Selection(source, source)
    if not touched:
        return None
    markdown = "\n\n".join(map(_markdown, touched))
    is_one_line = len(touched) == 1 and (_is_code(touched[0]) or "\n" not in touched[0].selected_text())
    return Selection(touched[0].selected_text() if is_one_line else markdown, markdown)


def has_selection(part: BlockWidget) -> bool:
    """Whether anything in it is selected."""
    return part.text_edit().textCursor().hasSelection()


def _is_whole(part: BlockWidget) -> bool:
    cursor = part.text_edit().textCursor()
    return cursor.selectionStart() == 0 and cursor.selectionEnd() >= part.text_edit().document().characterCount() - 1


def _is_code(part: BlockWidget) -> bool:
    return isinstance(part.text_edit(), QPlainTextEdit)


def _markdown(part: BlockWidget) -> str:
    return part.markdown() if _is_whole(part) else part.selected_markdown()


def message_data(message: Message) -> QMimeData:
    """Return all of one message."""
    return mime_data(message.text, message_html(message))


def excerpt_data(excerpt: Selection) -> QMimeData:
    """Return the selected part of a message."""
    return mime_data(excerpt.text, markdown_html(excerpt.markdown))


def messages_data(messages: Sequence[Message]) -> QMimeData:
    """Return whole messages; each of several has a heading that names its speaker."""
    if len(messages) == 1:
        return message_data(messages[0])
    return mime_data(as_markdown(messages), as_html(messages))
