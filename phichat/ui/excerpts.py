"""What is selected in a message, as text to be copied and as the Markdown that it was."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import QPlainTextEdit

from phichat.ui.blocks.base import BlockWidget


@dataclass(frozen=True)
class Excerpt:
    """Some of a message: `text` as it is read, `markdown` as it was written."""

    text: str
    markdown: str


def excerpt(parts: Sequence[BlockWidget], source: str) -> Excerpt | None:
    """What is selected in `parts`, which are all of a message with that `source`; None for nothing.

    From a single block comes text as it reads, so that a command or a line of code can be used as it is.
    """
    touched = [part for part in parts if has_selection(part)]
    if len(touched) == len(parts) and all(map(_is_whole, parts)) and parts:
        return Excerpt(source, source)
    if not touched:
        return None
    markdown = "\n\n".join(map(_markdown, touched))
    is_one_line = len(touched) == 1 and (_is_code(touched[0]) or "\n" not in touched[0].selected())
    return Excerpt(touched[0].selected() if is_one_line else markdown, markdown)


def has_selection(part: BlockWidget) -> bool:
    """Whether anything in it is selected."""
    return part.field().textCursor().hasSelection()


def _is_whole(part: BlockWidget) -> bool:
    cursor = part.field().textCursor()
    return cursor.selectionStart() == 0 and cursor.selectionEnd() >= part.field().document().characterCount() - 1


def _is_code(part: BlockWidget) -> bool:
    return isinstance(part.field(), QPlainTextEdit)


def _markdown(part: BlockWidget) -> str:
    return part.markdown() if _is_whole(part) else part.selected_markdown()
