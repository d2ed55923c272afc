"""Several answers to one question, written side by side: in columns or, where that is too narrow, under tabs."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QTabBar, QVBoxLayout, QWidget

from phichat.chat.conversation import Message, Reply
from phichat.chat.sampling import Sampling, changed_settings
from phichat.i18n import format_number, tr
from phichat.ui.theme.scaling import scaled
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.transcript.answer_column import AnswerColumn
from phichat.ui.transcript.message_context import MessageContext
from phichat.ui.widgets.controls import heading_label, push_button
from phichat.ui.widgets.foreign_text import ElidedLabel, tool_tip
from phichat.unicode import short_title

NARROWEST = 230  # pixels of a column


class AnswerColumns(QWidget):
    """Shows the versions of one answer, and lets the user choose one.

    One of them is framed: the one that had the focus last, which a question asked now goes on from.

    Signals:
        chosen(Message): go on with this one.
        framed(Message): another one is framed.
        closed: go back to the conversation.
    """

    chosen = Signal(object)
    framed = Signal(object)
    closed = Signal()

    def __init__(self, theme: Theme, context: MessageContext) -> None:
        super().__init__()
        self.setObjectName("answerColumns")
        self.setAccessibleName(tr("Answers side by side"))
        self._theme, self._context = theme, context
        self._columns: list[AnswerColumn] = []
        self._current = 0
        self._question = muted(ElidedLabel())
        self._back = push_button("backToConversation", tr("Back to conversation"))
        kept = tr("All answers are kept as versions. The conversation continues with the selected one.")
        self._back.setToolTip(tool_tip(kept))
        self._back.clicked.connect(self.closed)
        theme.apply_stylesheet(self._back, "small")
        self._tabs = QTabBar()
        self._tabs.setObjectName("answerTabs")
        self._tabs.setAccessibleName(tr("Answers"))
        self._tabs.setDrawBase(False)
        self._tabs.setExpanding(False)
        self._tabs.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # else a click leaves it to the column that is hidden
        self._tabs.currentChanged.connect(self._show_current)
        self._lay_out()
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._on_focus)

    def show_messages(self, question: str, messages: Sequence[Message], current: int = 0) -> None:
        """Show `messages`, the answers to `question`, in place of others; `current` is the index of the framed one."""
        for column in self._columns:
            self._row.removeWidget(column)
            column.hide()
            column.deleteLater()
        self._question.setText(short_title(question))
        settings = _settings(messages, self._context.presets())
        self._columns = [
            AnswerColumn(self._theme, self._context, message, number, setting)
            for number, (message, setting) in enumerate(zip(messages, settings, strict=True), 1)
        ]
        for column in self._columns:
            column.chosen.connect(self.chosen)
            column.closed.connect(self.closed)
            column.moved.connect(self._move)
            self._row.addWidget(column, 1)
        self._fill_tabs(current)
        self._current = current
        self._arrange()

    def show_message(self, message: Message) -> None:
        """Show the next state of one of them, if it is."""
        for column in self._columns:
            if column.message.id == message.id:
                column.show_message(message)

    def focus_current(self) -> None:
        """Focus the current column."""
        if self._columns:
            self._columns[self._current].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _lay_out(self) -> None:
        heading = QHBoxLayout()
        title = heading_label(tr("Choose an answer to continue with"))
        title.setWordWrap(True)
        heading.addWidget(title, 1)
        heading.addWidget(self._back, 0, Qt.AlignmentFlag.AlignTop)
        self._row = QHBoxLayout()
        self._row.setSpacing(10)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(18, 6, 18, 10)
        rows.addLayout(heading)
        rows.addWidget(self._question)
        rows.addWidget(self._tabs)
        rows.addLayout(self._row, 1)

    def _fill_tabs(self, current: int) -> None:
        self._tabs.blockSignals(True)
        while self._tabs.count():
            self._tabs.removeTab(0)
        for column in self._columns:
            self._tabs.addTab(column.title)
        self._tabs.setCurrentIndex(current)
        self._tabs.blockSignals(False)

    @Slot(int)
    def _show_current(self, index: int) -> None:
        """Frame the column at `index`."""
        if 0 <= index < len(self._columns) and index != self._current:
            self._current = index
            self._tabs.setCurrentIndex(index)
            self._arrange()
            self.framed.emit(self._columns[index].message)

    @Slot(QWidget, QWidget)
    def _on_focus(self, _: QWidget | None, now: QWidget | None) -> None:
        """Frame the column that has the focus, or in which something was clicked: Tab moves past others' buttons."""
        is_clicked = QApplication.mouseButtons() != Qt.MouseButton.NoButton
        for at, column in enumerate(self._columns):
            if now and (now is column or (is_clicked and column.isAncestorOf(now))):
                self._show_current(at)

    @Slot(int)
    def _move(self, step: int) -> None:
        """Move the focus to the column `step` further."""
        self._show_current(min(max(self._current + step, 0), len(self._columns) - 1))
        self.focus_current()

    def _arrange(self) -> None:
        """Show all columns, or the current one and the tabs."""
        is_narrow = self.width() < len(self._columns) * scaled(NARROWEST)
        self._tabs.setVisible(is_narrow)
        for at, column in enumerate(self._columns):
            column.setVisible(at == self._current or not is_narrow)
            column.set_framed(is_framed=at == self._current)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()


def _settings(messages: Sequence[Message], presets: Sequence[tuple[str, Sampling]]) -> list[str]:
    """Return what tells each answer from the others: its preset, its temperature, or its seed if those are the same."""
    replies = [message.reply or Reply() for message in messages]
    samplings = [Sampling().with_values(reply.sampling) for reply in replies]
    names = [next((name for name, each in presets if not changed_settings(known, each)), "") for known in samplings]
    if all(names) and len({*names}) == len(names) > 1:
        return names
    temperatures = [reply.sampling.get("temperature") for reply in replies]
    if len({str(each) for each in temperatures}) > 1:
        return [tr("temperature {value}").format(value=format_number(float(each or 0), 2)) for each in temperatures]
    return [tr("seed {seed}").format(seed=reply.seed) if reply.seed is not None else "" for reply in replies]
