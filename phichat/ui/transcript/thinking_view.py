"""What a model thought before a reply: a quiet line that says how long, and opens and folds the text."""

from PySide6.QtCore import Property, QRect, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QResizeEvent, QTextCursor
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from phichat.chat.conversation import Ending, Message, Reply
from phichat.i18n import format_seconds, tr, tr_count
from phichat.ui.attachments.long_text_field import LongTextField
from phichat.ui.theme.scaling import scaled
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.highlights import Highlights, SearchTerms

HIGHEST = 280  # pixels of the text; more of it is scrolled to
PADDING = 14  # pixels above and below the lines together


class ThinkingView(QWidget):
    """Shows the thinking of one message. Its property `source` is the text so far.

    The text is created when it is first opened. It is plain, as Markdown in thoughts is not worth the time it takes.

    Signals: `toggled(bool)`: it was opened or folded.
    """

    toggled = Signal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._text = ""
        self._field: ThoughtField | None = None
        self._terms: SearchTerms | None = None
        self._highlights: Highlights | None = None
        self._has_grown = False  # since its matches were counted
        self._line = _ThinkingLine()
        self._line.toggled.connect(self._on_toggled)
        theme.apply_stylesheet(self._line, "thinking")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 6)
        self._column.setSpacing(2)
        self._column.addWidget(self._line, 0, Qt.AlignmentFlag.AlignLeft)
        theme.changed.connect(self._show_icon)
        self._show_icon()

    def _source(self) -> str:
        return self._text

    source = Property(str, _source)

    def show_message(self, message: Message) -> None:
        """Show the thinking of `message`, the next state of the message."""
        reply = message.reply or Reply(ending=Ending.STOP)
        added = reply.thinking[len(self._text) :] if reply.thinking.startswith(self._text) else None
        self._text = reply.thinking
        self._show_line(reply, is_under_way=message.is_thinking)
        if self._field and added is None:
            self._drop_field()
            self._show_field()
        elif self._field and added:
            self._field.extend(added)
            self._has_grown = True

    def is_open(self) -> bool:
        """Return whether the text shows."""
        return self._line.isChecked()

    def set_open(self, *, is_open: bool) -> None:
        """Open or fold the text."""
        self._line.setChecked(is_open)

    def tab_stops(self) -> list[QWidget]:
        """Return the widgets that take the focus."""
        return [self._line, *([self._field] if self._field and self.is_open() else [])]

    def highlight(self, terms: SearchTerms | None) -> None:
        """Highlight `terms` as long as the text shows; None removes the highlights."""
        self._terms = terms
        if self._field is None:
            return
        if self._highlights:
            self._highlights.clear()
            self._highlights = None
        if terms and self.is_open():
            self._field.complete()
            self._highlights = Highlights(self._field, terms, self._theme.colors)

    def match_count(self) -> int:
        """Return the number of matches; none while it is folded. Those in what has come since are highlighted now."""
        if self._highlights and self._has_grown:
            self._highlights.refresh()
        self._has_grown = False
        return len(self._highlights.ranges) if self._highlights and self.is_open() else 0

    def select_match(self, match: int) -> None:
        """Highlight a match more strongly, and scroll to it; -1 for none."""
        if self._highlights and self._field:
            self._highlights.set_current(match)
            if match >= 0:
                self._field.show_position(self._highlights.ranges[match][0])

    def match_area(self, match: int) -> QRect:
        """Return the rectangle of a match in this widget."""
        if self._highlights is None or self._field is None:
            return self.rect()
        area = self._highlights.rect_of(match)
        return QRect(self._field.viewport().mapTo(self, area.topLeft()), area.size())

    def _show_line(self, reply: Reply, *, is_under_way: bool) -> None:
        label = reply.thinking_label()
        self._line.setAccessibleName(tr("Thinking…") if is_under_way else label)
        if is_under_way:
            time = format_seconds(reply.thinking_seconds)
            tokens = tr_count("{count} token", "{count} tokens", reply.thinking_tokens)
            label = tr("Thinking… {time}, {tokens}").format(time=time, tokens=tokens)
        self._line.setText(label)

    @Slot(bool)
    def _on_toggled(self, is_open: bool) -> None:
        if is_open and self._field is None:
            self._show_field()
        if self._field:
            self._field.setVisible(is_open)
        self.highlight(self._terms)
        self._show_icon()
        self.toggled.emit(is_open)

    def _show_field(self) -> None:
        self._field = ThoughtField(self._text)
        self._field.setAccessibleName(tr("The model’s thinking"))
        self._theme.apply_stylesheet(self._field, "thought")
        self._column.addWidget(self._field)
        self._field.setVisible(self.is_open())
        self._field.show_next()
        self.highlight(self._terms)

    def _drop_field(self) -> None:
        if self._field:
            self._highlights = None
            self._column.removeWidget(self._field)
            self._field.hide()
            self._field.deleteLater()
            self._field = None

    @Slot()
    def _show_icon(self) -> None:
        folded = "previous" if self.isRightToLeft() else "next"
        self._line.setIcon(self._theme.icon("below" if self.is_open() else folded))


class _ThinkingLine(QPushButton):
    """The line: a button that stays down while the text is open. Enter presses it, as the space bar does."""

    def __init__(self) -> None:
        super().__init__()
        self.setCheckable(True)
        self.setAutoDefault(False)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.click()
        else:
            super().keyPressEvent(event)


class ThoughtField(LongTextField):
    """A read-only text that grows at its end, as high as its lines up to `HIGHEST`."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._late = ""
        self._is_complete = False
        self.setTabChangesFocus(True)
        self.setFrameShape(self.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.completed.connect(self._on_completed)
        self.document().documentLayout().documentSizeChanged.connect(self._fit_height)

    def extend(self, text: str) -> None:
        """Append `text`; stay at the end if that is in sight."""
        if not self._is_complete:
            self._late += text
            return
        bar = self.verticalScrollBar()
        is_at_end = bar.value() >= bar.maximum()
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(text)
        if is_at_end:
            bar.setValue(bar.maximum())

    def complete(self) -> None:
        """Show all of the text now."""
        while not self._is_complete:
            self.show_next()
        self._timer.stop()

    def show_position(self, position: int) -> None:
        """Scroll to a character."""
        cursor = QTextCursor(self.document())
        cursor.setPosition(position)
        self.setTextCursor(cursor)
        self.ensureCursorVisible()

    @Slot()
    def _on_completed(self) -> None:
        self._is_complete = True
        late, self._late = self._late, ""
        if late:
            self.extend(late)

    @Slot()
    def _fit_height(self) -> None:
        lines = max(int(self.document().size().height()), 1)  # with those that are wrapped
        wanted = self.fontMetrics().lineSpacing() * lines + PADDING
        self.setFixedHeight(min(wanted, scaled(HIGHEST)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_height()
