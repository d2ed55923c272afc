"""What is selected in a message, as text to be copied and as the Markdown that it was."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtGui import QFont, QTextBlock, QTextCharFormat, QTextCursor, QTextDocument, QTextFormat, QTextListFormat
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

Field = QTextEdit | QPlainTextEdit

_MARKERS = {QTextListFormat.Style.ListDecimal: "{}. "}
_BOXES = {"Checked": "[x] ", "Unchecked": "[ ] "}
_OBJECT = "\ufffc"  # stands for a picture


class Part(Protocol):
    """A block of a message. One that also has `markdown() -> str` says by that how it was written."""

    def field(self) -> QWidget:
        """What shows it and takes the focus."""

    def selected(self) -> str:
        """What is selected in it, as plain text."""


@dataclass(frozen=True)
class Excerpt:
    """Some of a message: `text` as it is read, `markdown` as it was written."""

    text: str
    markdown: str


def excerpt(parts: Sequence[Part], source: str) -> Excerpt | None:
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


def has_selection(part: Part) -> bool:
    """Whether anything in it is selected."""
    field = part.field()
    return isinstance(field, Field) and field.textCursor().hasSelection()


def _is_whole(part: Part) -> bool:
    field = part.field()
    if not isinstance(field, Field):
        return True
    cursor = field.textCursor()
    return cursor.selectionStart() == 0 and cursor.selectionEnd() >= field.document().characterCount() - 1


def _is_code(part: Part) -> bool:
    return isinstance(part.field(), QPlainTextEdit)


def _markdown(part: Part) -> str:
    source: str = getattr(part, "markdown", part.selected)()
    if _is_whole(part):
        return source
    if _is_code(part):
        return f"```\n{part.selected()}\n```"
    document = QTextDocument()
    field = part.field()
    if isinstance(field, Field):
        QTextCursor(document).insertFragment(field.textCursor().selection())
    if document.rootFrame().childFrames() or _OBJECT in document.toPlainText():
        return part.selected()  # what tables and formulas are is known to them alone
    return "".join(_blocks(document)).strip("\n")


def _blocks(document: QTextDocument) -> Iterator[str]:
    """Qt's own Markdown ends lines at 80 characters, which whoever pastes it would have to undo."""
    block, was_listed = document.begin(), False
    while block.isValid():
        is_listed = _is_listed(block)
        yield "\n" if is_listed and was_listed else "\n\n"
        start, then = _lead(block)
        yield start + _inline(block).replace("\n", "\n" + then)
        block, was_listed = block.next(), is_listed


def _lead(block: QTextBlock) -> tuple[str, str]:
    """What stands before its first line, and before its others."""
    form = block.blockFormat()
    quote = "> " * int(form.property(QTextFormat.Property.BlockQuoteLevel.value) or 0)
    if level := form.headingLevel():
        return f"{quote}{'#' * level} ", quote
    if not _is_listed(block):
        return quote, quote
    listed = block.textList()
    indent = quote + "   " * max(listed.format().indent() - 1, 0)
    marker = _MARKERS.get(listed.format().style(), "- ").format(listed.itemNumber(block) + 1)
    return indent + marker + _BOXES.get(form.marker().name, ""), indent + " " * len(marker)


def _is_listed(block: QTextBlock) -> bool:
    return block.blockFormat().objectIndex() >= 0


def _inline(block: QTextBlock) -> str:
    is_heading = block.blockFormat().headingLevel() > 0
    pieces, at = [], block.begin()
    while not at.atEnd():
        fragment = at.fragment()
        pieces.append(_dressed(fragment.text().replace("\u2028", "\n"), fragment.charFormat(), is_heading=is_heading))
        at += 1
    return "".join(pieces)


def _dressed(text: str, form: QTextCharFormat, *, is_heading: bool) -> str:
    """`text` between the signs that make it look as it does; those do not stand beside spaces."""
    bare = text.strip()
    if not bare:
        return text
    signs = ""
    if form.fontFixedPitch():
        signs = "`"
    else:
        signs += "**" if form.fontWeight() >= QFont.Weight.DemiBold and not is_heading else ""
        signs += "*" if form.fontItalic() else ""
        signs += "~~" if form.fontStrikeOut() else ""
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    marked = f"{signs}{bare}{signs[::-1]}"
    if form.isAnchor() and form.anchorHref():
        marked = f"[{marked}]({form.anchorHref()})"
    return before + marked + after
