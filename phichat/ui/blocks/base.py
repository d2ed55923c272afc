"""The mixin of widgets that show a block of a message: text, code or a table."""

from typing import cast

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from phichat.markdown.document import Block, Table
from phichat.ui.theme.palette import Colors
from phichat.ui.widgets.highlights import Highlights, SearchTerms

BlockTextEdit = QTextEdit | QPlainTextEdit


class BlockWidget:
    """Mixed into a QWidget that shows a block in a text field.

    Attributes:
        highlights: the highlighted search terms; None for none.
        block: the block of a reply that is shown; None for other text.
        separator: what is between the text of the block before and this one, where both are copied.
    """

    highlights: Highlights | None = None
    block: Block | None = None
    separator: str = "\n\n"

    def widget(self) -> QWidget:
        """Return self typed as a QWidget."""
        return cast("QWidget", self)

    def text_edit(self) -> BlockTextEdit:
        """Return the text field, which takes the focus."""
        raise NotImplementedError

    def show_block(self, block: Block) -> None:
        """Show `block`; what it shares with the block shown before is not laid out again."""
        raise NotImplementedError

    def uses_key(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:  # noqa: ARG002
        """Return whether a key means something in this block, so that the transcript leaves it alone."""
        return False

    def is_laid_out(self) -> bool:
        """Return whether all of the block is laid out; a long one is in slices of idle time."""
        return True

    def lay_out(self, seconds: float) -> None:
        """Lay out more of the block, for about that long."""

    def buttons(self) -> list[QWidget]:
        """Return the buttons, which precede the text in the tab order."""
        return []

    def selected_text(self) -> str:
        """Return the selected text."""
        return self.text_edit().textCursor().selection().toPlainText()

    def markdown(self) -> str:
        """Return the whole block as Markdown."""
        return self.selected_text()

    def continued_markdown(self, *, is_escaped: bool = False) -> str:
        """Return the selected rows of a table that goes on here, to follow those selected in the block before."""
        return self.selected_markdown(is_escaped=is_escaped)

    def selected_markdown(self, *, is_escaped: bool = False) -> str:  # noqa: ARG002
        """Return the selected text as Markdown, in which signs that are no marks are escaped if it `is_escaped`."""
        return self.selected_text()

    def goes_on(self) -> bool:
        """Return whether this goes on with a table of the block before."""
        return bool(self.tables()) and self.tables()[0].continues

    def highlight(self, terms: SearchTerms | None, colors: Colors) -> None:
        """Highlight `terms` from now on; None removes the highlights."""
        if self.highlights:
            self.highlights.clear()
        self.highlights = Highlights(self.text_edit(), terms, colors) if terms else None

    def refresh_highlights(self) -> None:
        """Search again after the text has changed."""
        if self.highlights:
            self.highlights.refresh()

    def scroll_to_match(self, index: int) -> None:
        """Scroll within the block to the match at `index`."""

    def tables(self) -> list[Table]:
        """Return the parts of the table that is shown; empty for other blocks."""
        return [item for item in self.block.items if isinstance(item, Table)] if self.block else []

    def link_at(self, position: QPoint) -> str:  # noqa: ARG002
        """Return the URL of the link at `position`, empty if there is none."""
        return ""

    def set_accessible_name(self, name: str) -> None:
        """Set the name for screen readers, unless the block has a better one."""
