"""Messages and selected text as clipboard data: Markdown as plain text, HTML for formatting."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QMimeData
from PySide6.QtWidgets import QPlainTextEdit

from phichat.chat.conversation import Message
from phichat.chat.sources import Sources
from phichat.exchange.footnotes import with_footnotes
from phichat.exchange.html import markdown_html, message_html, messages_html
from phichat.exchange.markdown import messages_markdown
from phichat.markdown import citations
from phichat.markdown.serializer import tables_to_markdown
from phichat.ui.blocks.base import BlockWidget
from phichat.ui.widgets.clipboard import mime_data


@dataclass(frozen=True)
class Selection:
    """Selected text of a message: `text` as it reads, `markdown` as a Markdown parser understands it.

    `copied` has both with the citations of an answer and, below, where they lead; None if there are none.
    """

    text: str
    markdown: str
    copied: "Selection | None" = None


FindSources = Callable[[Message], Sources | None]
"""Returns what was found in documents for the question of an answer."""


def selection_in(parts: Sequence[BlockWidget], source: str) -> Selection | None:
    """Return what is selected in `parts`, all blocks of a message with that `source`; None if nothing is.

    `Selection.text` is plain for code or a single line, so that a command can be pasted as it is; else Markdown.
    """
    touched = [part for part in parts if part.text_edit().textCursor().hasSelection()]
    if len(touched) == len(parts) and all(map(_is_whole, parts)) and parts:
        return Selection(source, source)
    if not touched:
        return None
    markdown, escaped = _markdown(touched), _markdown(touched, is_escaped=True)
    if len(touched) == 1:
        text, is_code = touched[0].selected_text(), isinstance(touched[0].text_edit(), QPlainTextEdit)
        if is_code or "\n" not in text:
            return Selection(text, escaped)
    return Selection(markdown, escaped)


def cited_selection(selection: Selection, titles: Sequence[str]) -> Selection:
    """Return a selection of an answer with citations: without them, and with footnotes for the clipboard."""
    text, markdown = selection.text, selection.markdown
    copied = Selection(citations.with_footnotes(text, titles), citations.with_footnotes(markdown, titles))
    return Selection(citations.without_citations(text), citations.without_citations(markdown), copied)


def _markdown(parts: Sequence[BlockWidget], *, is_escaped: bool = False) -> str:
    return "".join(_piece(part, is_first=not at, is_escaped=is_escaped) for at, part in enumerate(parts))


def _piece(part: BlockWidget, *, is_first: bool, is_escaped: bool) -> str:
    """Return what is selected in `part`, after what is between it and the text before, if it is not the first."""
    goes_on = part.goes_on() and not is_first
    if _is_whole(part):
        text = part.markdown()
    elif goes_on:
        text = part.continued_markdown(is_escaped=is_escaped)
    else:
        text = part.selected_markdown(is_escaped=is_escaped)
    return ("" if is_first else "\n" if goes_on else part.separator) + text


def _is_whole(part: BlockWidget) -> bool:
    cursor = part.text_edit().textCursor()
    return cursor.selectionStart() == 0 and cursor.selectionEnd() >= part.text_edit().document().characterCount() - 1


def table_markdown(parts: Sequence[BlockWidget], index: int) -> str:
    """Return the Markdown of the whole table that `parts[index]` shows, with others if it is long; empty for none."""
    tables = [part.tables() for part in parts]
    while index and tables[index] and tables[index][0].continues:
        index -= 1
    found = tables[index]
    for more in tables[index + 1 :]:
        if not more or not more[0].continues:
            break
        found = [*found, *more]
    return tables_to_markdown(found) if found else ""


def message_data(message: Message, find_sources: FindSources = lambda _: None) -> QMimeData:
    """Return a message for the clipboard; an answer with its sources as footnotes."""
    message = _footnoted(message, find_sources)
    return mime_data(message.text, message_html(message))


def selection_data(selection: Selection) -> QMimeData:
    """Return selected text for the clipboard."""
    copied = selection.copied or selection
    return mime_data(copied.text, markdown_html(copied.markdown))


def messages_data(messages: Sequence[Message], find_sources: FindSources) -> QMimeData:
    """Return messages for the clipboard; if there are several, under headings that name the speaker."""
    if len(messages) == 1:
        return message_data(messages[0], find_sources)
    messages = [_footnoted(message, find_sources) for message in messages]
    return mime_data(messages_markdown(messages), messages_html(messages))


def _footnoted(message: Message, find_sources: FindSources) -> Message:
    sources = find_sources(message)
    return replace(message, text=with_footnotes(message.text, sources.passages)) if sources else message
