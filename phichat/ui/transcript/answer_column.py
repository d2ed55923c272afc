"""One of several answers that are written side by side: a column with a header, and a button to choose it."""

from dataclasses import replace
from weakref import WeakMethod

from PySide6.QtCore import QMimeData, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from phichat.chat.conversation import Ending, Message, Reply
from phichat.i18n import format_number, tr
from phichat.ui.a11y.announce import announce
from phichat.ui.blocks.base import BlockWidget
from phichat.ui.blocks.block_list import BlockList
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.transcript.copying import message_data
from phichat.ui.transcript.message_context import MessageContext
from phichat.ui.transcript.message_footer import footer
from phichat.ui.transcript.thinking_view import ThinkingView
from phichat.ui.widgets.clipboard import copy_to_clipboard
from phichat.ui.widgets.controls import CopyButton, heading_label, push_button
from phichat.ui.widgets.foreign_text import ElidedLabel, tool_tip
from phichat.ui.widgets.message_line import AlertLabel

SCROLLING = {Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1), Qt.Key.Key_PageUp: (-1, 0), Qt.Key.Key_PageDown: (1, 0)}
"""Keys, and the pages and lines that they scroll."""

LINE = 40  # pixels that an arrow key scrolls


class AnswerColumn(QFrame):
    """Shows an answer as it grows. `number` counts from 1; `setting` tells it from the others, in words.

    Attributes: `title` is its name.

    While it has the focus, Enter chooses it, arrow keys scroll it or move to the next, and Ctrl+C copies it.

    Signals:
        chosen(Message): go on with this answer.
        moved(int): the user wants the column so many further.
        closed: go back to the conversation.
    """

    chosen = Signal(object)
    moved = Signal(int)
    closed = Signal()

    def __init__(self, theme: Theme, context: MessageContext, message: Message, number: int, setting: str) -> None:
        super().__init__()
        self.setObjectName(f"answer-{number}")
        self.setProperty("part", "answer")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._message, self._theme, self._context = message, theme, context
        self.title = tr("Answer {number}").format(number=format_number(number))
        self._setting = setting
        self._parts: list[BlockWidget] = []
        self._thinking: ThinkingView | None = None
        self._blocks = BlockList(theme, context.render, self._parts, self)
        self._blocks.changed.connect(self._on_blocks_changed)
        self._note = AlertLabel(theme)
        self._note.setWordWrap(True)
        self._copy_button = CopyButton(theme, tr("Copy answer"), WeakMethod(self._data))
        self._copy_button.setAccessibleName(f"{tr('Copy answer')} ({self.title})")
        self._use = push_button(f"useAnswer-{number}", tr("Use this answer"))
        self._use.setAccessibleName(f"{tr('Use this answer')} ({self.title})")
        self._use.setToolTip(
            tool_tip(
                tr("Continue the conversation with this answer. The others stay available as alternative versions.")
            )
        )
        self._use.clicked.connect(self._choose)
        theme.apply_stylesheet(self._use, "small")
        theme.apply_stylesheet(self, "answer")
        self._lay_out()
        self.show_message(message)

    @property
    def message(self) -> Message:
        """The answer that is shown."""
        return self._message

    def show_message(self, message: Message) -> None:
        """Show `message`, the next state of the answer."""
        was_growing = _is_growing(self._message)
        self._message = message
        is_growing = _is_growing(message)
        self._show_thinking()
        self._blocks.show(message.text, is_growing=is_growing)
        reply = replace(message.reply or Reply(), seed=None)  # which is no news beside `setting`
        waiting = "" if message.text or message.is_thinking else tr("Processing…")
        self._note.set_alert(is_alert=reply.ending is Ending.ERROR)
        self._note.setText(waiting if is_growing else footer(reply))
        self._copy_button.setEnabled(bool(message.text))
        self._use.setEnabled(is_growing or bool(message.text))
        self.setAccessibleName(", ".join(filter(None, [self.title, self._setting])))
        self.setAccessibleDescription(self._note.text())
        if was_growing and not is_growing:
            done = tr("{answer} is complete.").format(answer=self.title)
            announce(self, done if reply.ending is Ending.STOP else f"{self.title}: {footer(reply)}")

    def set_framed(self, *, is_framed: bool) -> None:
        """Frame the column as the one that the conversation goes on from, or don't: then Tab skips it."""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if is_framed else Qt.FocusPolicy.ClickFocus)
        if bool(self.property("framed")) != is_framed:
            self.setProperty("framed", is_framed)
            self.setStyleSheet(self.styleSheet())  # evaluates the property again

    def _lay_out(self) -> None:
        header = QHBoxLayout()
        header.addWidget(heading_label(self.title))
        header.addWidget(muted(ElidedLabel(self._setting)), 1)
        header.addWidget(self._copy_button)
        text = QWidget()
        text.setObjectName("answerText")
        self._column = QVBoxLayout(text)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addLayout(self._blocks.column)
        self._column.addStretch(1)
        self._area = QScrollArea()
        self._area.setObjectName("answerScroll")
        self._area.setWidget(text)
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._last = 0
        self._area.verticalScrollBar().rangeChanged.connect(self._follow)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(14, 8, 8, 10)
        rows.addLayout(header)
        rows.addWidget(self._area, 1)
        rows.addWidget(self._note)
        rows.addWidget(self._use, 0, Qt.AlignmentFlag.AlignLeft)

    def _show_thinking(self) -> None:
        if self._thinking is None and (self._message.thinking or self._message.is_thinking):
            self._thinking = ThinkingView(self._theme)
            self._column.insertWidget(0, self._thinking)
        if self._thinking:
            self._thinking.show_message(self._message)

    def _data(self) -> QMimeData:
        return message_data(self._message, self._context.find_sources)

    @Slot(int, int)
    def _follow(self, _: int, most: int) -> None:
        """Stay at the end while the answer grows, unless the user scrolled up."""
        bar = self._area.verticalScrollBar()
        was_at_end, self._last = bar.value() >= self._last, most
        if was_at_end and _is_growing(self._message):
            bar.setValue(most)

    @Slot(int)
    def _on_blocks_changed(self, first: int) -> None:
        for part in self._parts[first:]:
            part.set_accessible_name(self.title)

    @Slot()
    def _choose(self) -> None:
        if self._use.isEnabled():
            self.chosen.emit(self._message)

    def _scroll(self, pages: int, lines: int) -> None:
        bar = self._area.verticalScrollBar()
        bar.setValue(bar.value() + pages * bar.pageStep() + lines * LINE)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, right = event.key(), -1 if self.isRightToLeft() else 1
        if event.matches(QKeySequence.StandardKey.Copy):
            copy_to_clipboard(self._data())
        elif event.modifiers() not in {Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier}:
            super().keyPressEvent(event)
        elif key in SCROLLING:
            self._scroll(*SCROLLING[Qt.Key(key)])
        elif key in {Qt.Key.Key_Left, Qt.Key.Key_Right}:
            self.moved.emit(right if key == Qt.Key.Key_Right else -right)
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._choose()
        elif key == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)


def _is_growing(message: Message) -> bool:
    return bool(message.reply and message.reply.ending is Ending.ANSWERING)
