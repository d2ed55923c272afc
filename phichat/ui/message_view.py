"""One message: a bubble for what the person wrote, blocks of prose and code for what the model answered."""

from PySide6.QtCore import Property, Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from phichat.chat.markdown import Block, blocks
from phichat.chat.messages import Ending, Message, Reply, Role
from phichat.text import number, tr, tr_count
from phichat.ui.code_block import CodeBlock, CopyButton
from phichat.ui.prose import Prose
from phichat.ui.theme import Theme, muted

BUBBLE_WIDTH = 0.86  # of the column, at most
BUBBLE_MARGIN = 14


class MessageView(QWidget):
    """Shows one message and what can be done with it; its property `source` is the message's Markdown so far.

    Signals: `retried` where the person wants another answer.
    """

    retried = Signal()

    def __init__(self, message: Message, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._message = message
        self._parts: list[Prose | CodeBlock] = []
        self._bubble: QFrame | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        if message.role is Role.USER:
            self.setAccessibleName(tr("You"))
            self._bubble = self._add_bubble(layout)
        else:
            self.setAccessibleName(tr("Answer"))
            self._blocks = QVBoxLayout()
            self._blocks.setSpacing(10)
            layout.addLayout(self._blocks)
            self._add_footer(layout)
            self.show_reply(message, is_last=True)

    def _source(self) -> str:
        return self._message.text

    source = Property(str, _source)

    @property
    def message(self) -> Message:
        """What is shown."""
        return self._message

    def show_reply(self, message: Message, *, is_last: bool) -> None:
        """Show a reply as it is now; only the last one can be asked for again."""
        self._message = message
        found = blocks(message.text)
        for index, block in enumerate(found):
            self._show_block(index, block)
        for part in self._parts[len(found) :]:
            self._drop(part)
        del self._parts[len(found) :]
        self._show_footer(message.reply or Reply(), is_last=is_last)

    def show_progress(self, text: str) -> None:
        """Show how far a reply without words has come."""
        if self._message.role is Role.ASSISTANT and not self._message.text:
            self._note.setText(text)

    def _show_block(self, index: int, block: Block) -> None:
        kind = Prose if block.language is None else CodeBlock
        if index == len(self._parts) or not isinstance(self._parts[index], kind):
            self._put(index, Prose() if kind is Prose else CodeBlock(self._theme))
        part = self._parts[index]
        if isinstance(part, Prose):
            part.setAccessibleName(tr("Answer"))
            part.show_markdown(block.text)
        else:
            part.show_code(block.text, block.language or "")

    def _put(self, index: int, part: Prose | CodeBlock) -> None:
        for late in self._parts[index:]:
            self._drop(late)
        self._parts[index:] = [part]
        self._blocks.addWidget(part)

    def _drop(self, part: QWidget) -> None:
        self._blocks.removeWidget(part)
        part.hide()
        part.deleteLater()

    def _add_bubble(self, layout: QVBoxLayout) -> QFrame:
        bubble = QFrame()
        bubble.setProperty("part", "bubble")
        self._theme.dress(bubble, "bubble")
        text = Prose()
        text.setAccessibleName(tr("You"))
        text.show_plain(self._message.text)
        self._parts.append(text)
        inside = QVBoxLayout(bubble)
        inside.setContentsMargins(BUBBLE_MARGIN, 10, BUBBLE_MARGIN, 10)
        inside.addWidget(text)
        layout.addWidget(bubble, 0, Qt.AlignmentFlag.AlignRight)
        return bubble

    def _add_footer(self, layout: QVBoxLayout) -> None:
        self._note = muted(QLabel())
        self._note.setWordWrap(True)
        self._note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._copy = CopyButton(self._theme, tr("Copy answer"), self._source)
        self._retry = QToolButton()
        self._retry.setAutoRaise(True)
        self._retry.setAccessibleName(tr("Answer again"))
        self._retry.setToolTip(tr("Answer again"))
        self._retry.clicked.connect(self.retried)
        self._theme.changed.connect(self._show_icons)
        self._show_icons()
        footer = QHBoxLayout()
        footer.setSpacing(0)
        footer.setContentsMargins(0, 0, 0, 0)
        for button in (self._copy, self._retry):
            footer.addWidget(button)
        footer.addSpacing(4)
        footer.addWidget(self._note, 1)
        layout.addLayout(footer)

    def _show_footer(self, reply: Reply, *, is_last: bool) -> None:
        is_over = reply.ending is not Ending.ANSWERING
        self._copy.setVisible(is_over and bool(self._message.text))
        self._retry.setVisible(is_over and is_last)
        note = describe(reply) if is_over else ("" if self._message.text else tr("Reading…"))
        muted(self._note, alert=reply.ending is Ending.ERROR)
        self._note.setText(note)
        self._note.setVisible(bool(note))

    @Slot()
    def _show_icons(self) -> None:
        self._retry.setIcon(self._theme.icon("retry"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        text = self._parts[0] if self._parts else None
        if self._bubble and isinstance(text, Prose):
            most = int(self.width() * BUBBLE_WIDTH)
            self._bubble.setFixedWidth(max(40, min(most, text.widest_line() + 2 * BUBBLE_MARGIN)))


def describe(reply: Reply) -> str:
    """What there is to say about a finished reply: why it ended, how long it is, how fast it came, its seed."""
    if reply.ending is Ending.ERROR:
        return str(reply.statistics.get("error", "")) or tr("The answer was broken off.")
    endings = {
        Ending.CANCELLED: tr("Stopped"),
        Ending.LENGTH: tr("Reached the longest reply or the end of the context"),
    }
    parts = [endings.get(reply.ending, ""), tr_count("{count} token", "{count} tokens", len(reply.tokens))]
    if speed := float(reply.statistics.get("tokens_per_second") or 0):
        parts.append(tr("{speed} tokens/s").format(speed=number(speed, 1)))
    parts.append(tr("seed {seed}").format(seed=reply.seed))
    return " · ".join(filter(None, parts))
