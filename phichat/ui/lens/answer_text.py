"""The text of an answer under the lens: rendered, but for code, tables and formulas, which are shown as source."""

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from phichat.chat.weighed_reply import WeighedWord
from phichat.markdown.document import Block, Node, Table
from phichat.markdown.streaming import StreamingParser
from phichat.ui.lens.lens_text import LensText
from phichat.ui.lens.rendered_answer import LetterMap, shown_paragraphs
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.long_text import MOST_LETTERS, wrap_by_words_of


class AnswerText(LensText):
    """Shows Markdown; one that is too long to be laid out at once by its source."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.text_layout.has_code_ground = False  # words have grounds
        self._parser = StreamingParser()
        self._letters: LetterMap | None = None

    def _show_text(self, text: str, *, is_same_start: bool, is_growing: bool) -> None:
        if len(text) > MOST_LETTERS:
            if self.block:  # what is shown isn't the beginning of the source
                self._text, is_same_start = "", False
            self.block = self._letters = None
            super()._show_text(text, is_same_start=is_same_start, is_growing=is_growing)
            return
        wrap_by_words_of(self, text)
        self._parser.set_source(text, is_growing=is_growing)
        while self._parser.step():
            pass
        self._text = self._source = text
        block = Block(tuple(item for block in self._parser.blocks() for item in block.items), text)
        if block == self.block and self._letters:
            self._place_words(self._letters)
        else:
            self.show_block(block)

    def set_items(self, items: tuple[Node, ...]) -> None:
        """Show `items`, and find the words in them."""
        paragraphs = list(shown_paragraphs(items, self._text))
        self.text_layout.show(paragraphs)
        self._letters = LetterMap(paragraphs, self._text, self._letters)
        self._place_words(self._letters)

    def _place_words(self, letters: LetterMap) -> None:
        self._pieces.clear()
        shown = letters.shown_words(self._text, self._all_words)
        self._words: Sequence[WeighedWord] = [word for word, _, _ in shown]
        self._starts, self._ends = [begin for _, begin, _ in shown], [end for _, _, end in shown]

    def selected_markdown(self, *, is_escaped: bool = False) -> str:
        if self._letters is None:
            return super().selected_markdown(is_escaped=is_escaped)
        cursor = self.textCursor()
        return self._letters.source_between(cursor.selectionStart(), cursor.selectionEnd(), self._text)

    def tables(self) -> list[Table]:
        return []  # they are shown by their source
