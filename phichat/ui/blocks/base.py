"""What the parts of a message have in common, whatever they show."""

from typing import cast

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from phichat.markdown.document import Block
from phichat.ui.theme.palette import Colors
from phichat.ui.widgets.highlights import Highlights, SearchTerms

BlockTextEdit = QTextEdit | QPlainTextEdit


class BlockWidget:
    """A part: a widget that has this, too.

    Attributes:
        marks: what is looked for in it, and where that is; None for nothing.
        block: what it shows of a reply; None for anything else.
    """

    highlights: Highlights | None = None
    block: Block | None = None

    def widget(self) -> QWidget:
        """Itself, as what it is besides."""
        return cast("QWidget", self)

    def text_edit(self) -> BlockTextEdit:
        """What shows the text and takes the focus."""
        raise NotImplementedError

    def show_block(self, block: Block) -> None:
        """Show `block`: mostly what is shown, and more."""
        raise NotImplementedError

    def buttons(self) -> list[QWidget]:
        """What else takes the focus, before the text."""
        return []

    def selected_text(self) -> str:
        """What the person has marked to copy."""
        return self.text_edit().textCursor().selection().toPlainText()

    def markdown(self) -> str:
        """All of it, as it was written."""
        return self.selected_text()

    def selected_markdown(self) -> str:
        """What the person has marked, as Markdown."""
        return self.selected_text()

    def highlight(self, needle: SearchTerms | None, tokens: Colors) -> None:
        """Mark `needle` from now on; None for nothing."""
        if self.highlights:
            self.highlights.clear()
        self.highlights = Highlights(self.text_edit(), needle, tokens) if needle else None

    def refresh_highlights(self) -> None:
        """The text is another one."""
        if self.highlights:
            self.highlights.refresh()

    def scroll_to_match(self, number: int) -> None:
        """Scroll within, such that the mark of that number is seen."""

    def link_at(self, place: QPoint) -> str:  # noqa: ARG002
        """Where the link at `place` leads, if there is one."""
        return ""

    def set_accessible_name(self, name: str) -> None:
        """Be called that by screen readers, unless there is a better name."""
