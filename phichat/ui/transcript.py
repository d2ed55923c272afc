"""The conversation on the screen: messages in a column, following the end only while the reader is there."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QToolButton, QVBoxLayout, QWidget

from phichat.chat.messages import Ending, Message, Reply, Role
from phichat.text import tr
from phichat.ui.theme import Theme

if TYPE_CHECKING:
    from phichat.ui.message_view import MessageView

COLUMN = 760  # pixels: lines longer than that are tiring to read
NEAR_END = 30  # pixels from the end that still count as there


class Transcript(QScrollArea):
    """Shows a conversation's path.

    Signals: `retried` where the person wants the last answer again.
    """

    retried = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("transcript")
        self.setAccessibleName(tr("Conversation"))
        self._theme = theme
        self._views: list[MessageView] = []
        self._follows = True
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        content = QWidget()
        content.setObjectName("transcriptContent")
        outer = QHBoxLayout(content)
        outer.setContentsMargins(24, 24, 24, 16)
        column = QWidget()
        column.setMaximumWidth(COLUMN)
        outer.addWidget(column)
        self._column = QVBoxLayout(column)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(22)
        self._column.addStretch(1)
        self.setWidget(content)
        self._down = self._down_button()
        theme.dress(self._down, "round")
        theme.dress(self.verticalScrollBar(), "bar")
        theme.changed.connect(self._show_icons)
        self._show_icons()
        self.verticalScrollBar().rangeChanged.connect(self._on_range)
        self.verticalScrollBar().valueChanged.connect(self._on_value)

    def show_path(self, messages: Sequence[Message]) -> None:
        """Show `messages`, from their end; those that are shown already stay as they are."""
        kept = 0
        for view, message in zip(self._views, messages, strict=False):
            if view.message is not message:
                break
            kept += 1
        self._drop_from(kept)
        self._follows = True
        for message in messages[kept:]:
            self._add(message)

    def prepare(self) -> None:
        """Import what messages are made of, and make one, so that the first does not take longer than the others."""
        from phichat.ui.message_view import MessageView  # noqa: PLC0415 - an empty window has no messages

        for role in (Role.USER, Role.ASSISTANT):
            MessageView(Message(role, "**…**", reply=Reply(ending=Ending.STOP)), self._theme).deleteLater()

    def shows(self, message: Message) -> bool:
        """Whether `message`, in whatever state, is the last one shown."""
        return bool(self._views) and self._views[-1].message.id == message.id

    def show_reply(self, message: Message) -> None:
        """Show the last message as it is now."""
        self._views[-1].show_reply(message, is_last=True)

    def show_progress(self, text: str) -> None:
        """Show how far the last reply has come that has no words yet."""
        if self._views:
            self._views[-1].show_progress(text)

    def follow(self) -> None:
        """Go to the end and stay there."""
        self._follows = True
        self._to_end()

    def _add(self, message: Message) -> None:
        if self._views and self._views[-1].message.role is Role.ASSISTANT:
            self._views[-1].show_reply(self._views[-1].message, is_last=False)
        from phichat.ui.message_view import MessageView  # noqa: PLC0415 - an empty window has no messages

        view = MessageView(message, self._theme)
        view.setObjectName(f"message-{len(self._views)}")
        view.retried.connect(self.retried)
        self._views.append(view)
        self._column.insertWidget(self._column.count() - 1, view)

    def _drop_from(self, first: int) -> None:
        for view in self._views[first:]:
            self._column.removeWidget(view)
            view.setObjectName("")
            view.hide()
            view.deleteLater()
        del self._views[first:]

    def _down_button(self) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName("downButton")
        button.setAccessibleName(tr("Go to the end"))
        button.setToolTip(tr("Go to the end"))
        button.setIconSize(QSize(18, 18))
        button.setFixedSize(34, 34)
        button.hide()
        button.clicked.connect(self.follow)
        return button

    def _to_end(self) -> None:
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())

    @Slot()
    def _on_range(self) -> None:
        if self._follows:
            self._to_end()
        self._show_down()

    @Slot(int)
    def _on_value(self, value: int) -> None:
        self._follows = value >= self.verticalScrollBar().maximum() - NEAR_END
        self._show_down()

    def _show_down(self) -> None:
        self._down.setVisible(not self._follows)
        self._down.raise_()

    @Slot()
    def _show_icons(self) -> None:
        self._down.setIcon(self._theme.icon("down"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._down.move((self.width() - self._down.width()) // 2, self.height() - self._down.height() - 14)
