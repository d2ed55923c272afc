"""The blocks of a reply in a column: created in slices of idle time, updated where the reply changed."""

from math import ceil
from time import perf_counter
from typing import cast

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLayout, QPushButton, QVBoxLayout, QWidget

from phichat.i18n import tr
from phichat.markdown.document import Block, Node, Paragraph, Table
from phichat.markdown.streaming import StreamingParser
from phichat.ui.blocks.base import BlockWidget
from phichat.ui.blocks.render_context import RenderContext
from phichat.ui.blocks.text_block import ENLARGEMENT, TextBlock
from phichat.ui.blocks.text_layout import GAP, INDENT, TIGHT
from phichat.ui.theme.theme import Theme

SLICE = 0.006  # seconds of creating blocks before the event loop runs again
LONG_SLICE = 0.04  # seconds, while somebody waits for what is far below
PAUSE_FACTOR = 3  # after an update of a growing reply, the next waits this many times as long as it took
PAGE = 40_000  # characters of a reply that are shown at first, and more with each "Show more"
PAGE_BLOCKS = 400  # of its blocks: a widget for code takes 4 ms to make, and Qt more time for each the more there are
SECTION = 40  # blocks in a widget of their own: when one block changes, Qt lays out its section, not all of them
GAP_AROUND_OTHERS = 0.8  # of the font size: the gap around code and tables


class BlockList(QObject):
    """Keeps `parts`, the block widgets in `column`, equal to the blocks of a reply.

    Signals: `changed(int)`: block widgets were added or removed; those before that index are still the same.
    """

    changed = Signal(int)

    def __init__(self, theme: Theme, context: RenderContext, parts: list[BlockWidget], parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._context, self._parts = theme, context, parts
        self._parser = StreamingParser()
        self._source, self._is_growing = "", False
        self._is_hidden = False
        self._pages = 1
        self._paused_until = 0.0
        self._more_button: QPushButton | None = None
        self.column = QVBoxLayout()
        self.column.setSpacing(0)
        self._sections: list[QWidget] = []
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._update)

    def show(self, source: str, *, is_growing: bool) -> None:
        """Show `source`; blocks that did not change keep their widgets."""
        if (source, is_growing) == (self._source, self._is_growing):
            return
        if self._is_growing and not is_growing:  # what was seen while it grew stays
            seen = max(self._parser.at // PAGE, len(self._parts) // PAGE_BLOCKS)
            self._pages = max(self._pages, seen + 2)  # one more: the end may close a last block
        self._source, self._is_growing = source, is_growing
        wait = self._paused_until - perf_counter()
        if is_growing and wait > 0:
            self._timer.start(int(1000 * wait) + 1)
            return
        self._update()

    def set_visible(self, *, is_visible: bool) -> None:
        """Show or hide all blocks."""
        if self._is_hidden is is_visible:
            self._is_hidden = not is_visible
            for section in self._sections:
                section.setVisible(is_visible)
            if self._more_button and not is_visible:
                self._more_button.hide()
            elif is_visible and self._source:
                self._update()

    def complete(self) -> None:
        """Create all missing widgets now, however long that takes; what is in them is laid out as ever."""
        if self._timer.isActive():
            self._update_until(float("inf"))
        for section in self._sections:
            section.setHidden(self._is_hidden)

    def advance(self) -> bool:
        """Create more widgets, of what is shown on demand, too, for a moment; return whether there may be more."""
        if part := next((part for part in self._parts if not part.is_laid_out()), None):
            part.lay_out(LONG_SLICE)
            return True
        if not self._timer.isActive() and self.has_more():
            self._pages += 1
        elif not self._timer.isActive():
            return False
        self._update_until(perf_counter() + LONG_SLICE)
        return True

    def is_pending(self) -> bool:
        """Return whether widgets of a finished reply are still to be created or laid out."""
        is_laid_out = all(part.is_laid_out() for part in self._parts)
        return not self._is_growing and (self._timer.isActive() or not is_laid_out)

    def has_more(self) -> bool:
        """Return whether part of the reply is shown only on demand."""
        return bool(self.tab_stops())

    def tab_stops(self) -> list[QWidget]:
        """Return the button for more, if it shows."""
        return [self._more_button] if self._more_button and not self._more_button.isHidden() else []

    @Slot()
    def show_more(self) -> None:
        """Show another page of the reply."""
        self._pages += 1
        self._update()

    @Slot()
    def _update(self) -> None:
        self._update_until(perf_counter() + SLICE)

    def _update_until(self, until: float) -> None:
        self._timer.stop()
        began = perf_counter()
        self._parser.set_source(self._source, is_growing=self._is_growing)
        is_more = True
        while is_more and not self._is_limit_reached():
            is_more = self._parser.step()
            if perf_counter() > until:
                break
        is_done = self._sync_widgets(self._parser.blocks(), until, is_all=not is_more)
        self._paused_until = perf_counter() + PAUSE_FACTOR * max(0.0, perf_counter() - began - SLICE)
        is_offered = bool(self.tab_stops()) or (self._is_limit_reached() and is_done)
        self._update_more_button(is_wanted=is_more and not self._is_growing and is_offered)
        if not is_done or (is_more and not self._is_limit_reached()):
            self._timer.start(0)

    def _is_limit_reached(self) -> bool:
        """Return whether as much is parsed as should show. A growing reply is shown to its end."""
        if self._is_growing:
            return False
        return self._parser.at >= self._pages * PAGE or len(self._parser.blocks()) >= self._pages * PAGE_BLOCKS

    def _sync_widgets(self, blocks: list[Block], until: float, *, is_all: bool) -> bool:
        """Create and update widgets for `blocks`. Return False if there was no time for all."""
        before = first = len(self._parts)
        made, is_done = 0, True
        for index, block in enumerate(blocks):
            if index < len(self._parts) and self._parts[index].block is block:
                continue
            if index >= len(self._parts) and made and perf_counter() > until:
                is_done = False
                break
            if self._show_block(index, block, blocks[index - 1] if index else None):
                made, first = made + 1, min(first, index)
        if is_done and is_all:
            self._remove_from(len(blocks))
        if made or len(self._parts) != before:
            self.changed.emit(min(first, len(self._parts)))
        return is_done

    def _show_block(self, index: int, block: Block, before: Block | None) -> bool:
        """Show `block` in the widget at `index`. Return True if the widget is new."""
        kind = type(block.items[0])
        shown = self._parts[index].block if index < len(self._parts) else None
        is_new = shown is None or type(shown.items[0]) is not kind
        if is_new:
            self._remove_from(index)
            self._parts.append(self._create_widget(kind))
            self._section(index // SECTION).addLayout(self._row_for(self._parts[index].widget(), block, before))
        self._parts[index].show_block(block)
        return is_new

    def _create_widget(self, kind: type[Node]) -> BlockWidget:
        if kind is Paragraph:
            return TextBlock(self._context.formula_cache)
        if kind is Table:
            from phichat.ui.blocks.table_block import TableBlock  # noqa: PLC0415 - with the first table

            return TableBlock(self._context.formula_cache)
        from phichat.ui.blocks.code_block import CodeBlock  # noqa: PLC0415 - with the first code

        return CodeBlock(self._theme, self._context)

    def _row_for(self, widget: QWidget, block: Block, before: Block | None) -> QHBoxLayout:
        """Return a layout with `widget`, indented like its list and with the gap to the block before."""
        view = cast(QWidget, self.parent())
        size = view.fontMetrics().height() * ENLARGEMENT / 1.2
        item = block.items[0]
        gap = _gap(item, before.items[-1]) if before else 0.0
        indent = 0 if isinstance(item, Paragraph) else int(item.depth * INDENT * size)
        row = QHBoxLayout()
        is_rtl = view.layoutDirection() is Qt.LayoutDirection.RightToLeft
        row.setContentsMargins(0 if is_rtl else indent, int(gap * size), indent if is_rtl else 0, 0)
        row.addWidget(widget)
        return row

    def _section(self, number: int) -> QVBoxLayout:
        """Return the layout of the section of that number, which is the last one or a new one."""
        if number == len(self._sections):
            section = QWidget()
            layout = QVBoxLayout(section)
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(0)
            layout.setSizeConstraint(
                QLayout.SizeConstraint.SetMinimumSize
            )  # else its blocks are squeezed when it grows
            self.column.insertWidget(number, section)
            if self._is_hidden:
                section.hide()
            self._sections.append(section)
        return cast(QVBoxLayout, self._sections[number].layout())

    def _remove_from(self, index: int) -> None:
        for number in reversed(range(index, len(self._parts))):
            row = self._section(number // SECTION).takeAt(number % SECTION)
            self._parts[number].widget().hide()
            self._parts[number].widget().deleteLater()
            if row and (layout := row.layout()):
                layout.deleteLater()
        del self._parts[index:]
        count = ceil(index / SECTION)
        for section in self._sections[count:]:
            section.deleteLater()
        del self._sections[count:]

    def _update_more_button(self, *, is_wanted: bool) -> None:
        """Show or hide the button for more."""
        if is_wanted and self._more_button is None:
            self._more_button = QPushButton(tr("Show more"))
            self._more_button.setObjectName("moreButton")
            self._theme.apply_stylesheet(self._more_button, "small")
            self._more_button.clicked.connect(self.show_more)
            self.column.addSpacing(8)
            self.column.addWidget(self._more_button, 0, Qt.AlignmentFlag.AlignLeft)
            self.changed.emit(len(self._parts))
        if self._more_button:
            self._more_button.setVisible(is_wanted and not self._is_hidden)


def _gap(item: Node, before: Node) -> float:
    if not (isinstance(item, Paragraph) and isinstance(before, Paragraph)):
        return GAP_AROUND_OTHERS
    if item.continues:
        return 0.0
    return TIGHT if item.marker and before.depth and item.depth else GAP
