"""The parts of a reply in a column: made a few at a time, changed where it changed, all of a long one on demand."""

from time import perf_counter
from typing import cast

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from phichat.i18n import tr
from phichat.markdown.document import Block, Node, Paragraph, Table
from phichat.markdown.streaming import StreamingParser
from phichat.ui.blocks.base import BlockWidget
from phichat.ui.blocks.render_context import RenderContext
from phichat.ui.blocks.text_block import ENLARGEMENT, TextBlock
from phichat.ui.blocks.text_layout import GAP, INDENT, TIGHT
from phichat.ui.theme.theme import Theme

SLICE = 0.006  # seconds of making parts, between which the window does other things
PAUSE_FACTOR = 3  # times as long as showing more of a reply took, nothing more of it is shown
PAGE = 40_000  # characters of a reply that are shown, and as many again whenever more is wanted
GAP_AROUND_OTHERS = 0.8  # of the text's size: the gap around what is no prose


class BlockList(QObject):
    """Keeps `parts` as the blocks of a reply are, in `column`.

    Signals: `changed` when there are other parts.
    """

    changed = Signal()

    def __init__(self, theme: Theme, context: RenderContext, parts: list[BlockWidget], parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._context, self._parts = theme, context, parts
        self._parsing = StreamingParser()
        self._source, self._is_growing = "", False
        self._most = PAGE
        self._rested = 0.0
        self._more: QPushButton | None = None
        self.column = QVBoxLayout()
        self.column.setSpacing(0)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(0)
        self.column.addLayout(self._rows)
        self._soon = QTimer(self, singleShot=True)
        self._soon.timeout.connect(self._go_on)

    def show(self, source: str, *, is_growing: bool) -> None:
        """Show `source`: mostly what was shown, and more."""
        if (source, is_growing) == (self._source, self._is_growing):
            return
        self._source, self._is_growing = source, is_growing
        wait = self._rested - perf_counter()
        if is_growing and wait > 0:
            self._soon.start(int(1000 * wait) + 1)
            return
        self._work(perf_counter() + SLICE)

    def complete(self) -> None:
        """Have all parts that are to be seen, however long that takes."""
        if self._soon.isActive():
            self._work(float("inf"))

    def tab_stops(self) -> list[QWidget]:
        """What takes the focus besides the parts."""
        return [self._more] if self._more and not self._more.isHidden() else []

    @Slot()
    def show_more(self) -> None:
        """Show as much again."""
        self._most += PAGE
        self._work(perf_counter() + SLICE)

    @Slot()
    def _go_on(self) -> None:
        self._work(perf_counter() + SLICE)

    def _work(self, until: float) -> None:
        self._soon.stop()
        began = perf_counter()
        self._parsing.read(self._source, is_growing=self._is_growing)
        is_more = True
        while is_more and not self._is_enough():
            is_more = self._parsing.step()
            if perf_counter() > until:
                break
        is_done = self._fill(self._parsing.blocks(), until, is_all=not is_more)
        self._rested = perf_counter() + PAUSE_FACTOR * max(0.0, perf_counter() - began - SLICE)
        is_offered = bool(self.tab_stops()) or (self._is_enough() and is_done)
        self._offer(is_wanted=is_more and not self._is_growing and is_offered)
        if not is_done or (is_more and not self._is_enough()):
            self._soon.start(0)

    def _is_enough(self) -> bool:
        """Whether as much is read as is to be shown; one that is being made is shown to its end."""
        return self._parsing.at >= self._most and not self._is_growing

    def _fill(self, blocks: list[Block], until: float, *, is_all: bool) -> bool:
        """Have parts for `blocks`, as far as there is time; whether that was so."""
        before = len(self._parts)
        made, is_done = 0, True
        for index, block in enumerate(blocks):
            if index < len(self._parts) and self._parts[index].block is block:
                continue
            if index >= len(self._parts) and made and perf_counter() > until:
                is_done = False
                break
            made += self._show(index, block, blocks[index - 1] if index else None)
        if is_done and is_all:
            self._drop(len(blocks))
        if made or len(self._parts) != before:
            self.changed.emit()
        return is_done

    def _show(self, index: int, block: Block, before: Block | None) -> bool:
        """Have the part of that number show `block`; whether it is a new one."""
        kind = _kind(block.items[0])
        is_new = index >= len(self._parts) or _kind_of(self._parts[index]) is not kind
        if is_new:
            self._drop(index)
            self._parts.append(self._made(kind))
            self._rows.addLayout(self._placed(self._parts[index].widget(), block, before))
        self._parts[index].show_block(block)
        return is_new

    def _made(self, kind: type[Node]) -> BlockWidget:
        if kind is Paragraph:
            return TextBlock(self._context.formula_cache)
        if kind is Table:
            from phichat.ui.blocks.table_block import TableBlock  # noqa: PLC0415 - when there is a table

            table = TableBlock(self._context.formula_cache)
            self._theme.apply_stylesheet(table.horizontalScrollBar(), "bar")
            return table
        from phichat.ui.blocks.code_block import CodeBlock  # noqa: PLC0415 - when there is code

        return CodeBlock(self._theme, self._context.render_thread)

    def _placed(self, widget: QWidget, block: Block, before: Block | None) -> QHBoxLayout:
        """`widget` where it belongs: below what is before it, and as far from the edge as the list it is in."""
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

    def _drop(self, index: int) -> None:
        for part in self._parts[index:]:
            row = self._rows.takeAt(index)
            part.widget().hide()
            part.widget().deleteLater()
            if row and (layout := row.layout()):
                layout.deleteLater()
        del self._parts[index:]

    def _offer(self, *, is_wanted: bool) -> None:
        """Have a button with which the rest is shown, if there is one."""
        if is_wanted and self._more is None:
            self._more = QPushButton(tr("Show more"))
            self._more.setObjectName("moreButton")
            self._theme.apply_stylesheet(self._more, "small")
            self._more.clicked.connect(self.show_more)
            self.column.addSpacing(8)
            self.column.addWidget(self._more, 0, Qt.AlignmentFlag.AlignLeft)
            self.changed.emit()
        if self._more:
            self._more.setVisible(is_wanted)


def _kind(item: Node) -> type[Node]:
    return type(item)


def _kind_of(part: BlockWidget) -> type[Node] | None:
    return type(part.block.items[0]) if part.block else None


def _gap(item: Node, before: Node) -> float:
    if not (isinstance(item, Paragraph) and isinstance(before, Paragraph)):
        return GAP_AROUND_OTHERS
    if item.continues:
        return 0.0
    return TIGHT if item.marker and before.depth and item.depth else GAP
