"""What is selected in the transcript: whole messages, or text of one over several blocks."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCursor, QMouseEvent, QTextCursor
from PySide6.QtWidgets import QApplication, QFrame, QScrollArea, QWidget

from phichat.chat.conversation import Message
from phichat.i18n import tr_count
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript.visible_messages import VisibleMessages

if TYPE_CHECKING:
    from phichat.ui.blocks.base import BlockTextEdit
    from phichat.ui.transcript.message_view import MessageView


BESIDE, ABOVE = 12, 7  # pixels that the band behind them is larger


class MessageSelection(QObject):
    """Goes from where one began to where it was extended to; a band behind them shows it.

    Signals: `notified(str)` with a sentence about what is selected, or was copied.
    """

    notified = Signal(str)

    def __init__(self, live: VisibleMessages, content: QWidget, theme: Theme) -> None:
        super().__init__(content)
        self._live, self._content, self._theme = live, content, theme
        self._from = self._to = ""  # ids; it ends where `_to` is, and is none where that is empty
        self._band: QFrame | None = None
        self._settling = QTimer(self, interval=0, singleShot=True)
        self._settling.timeout.connect(self._settle)
        live.changed.connect(self._check)

    @property
    def is_active(self) -> bool:
        """Whether there is one."""
        return bool(self._to)

    def begin_at(self, message: Message) -> None:
        """One is extended from here, unless there is one."""
        if not self._to:
            self._from = message.id

    def extend_to(self, number: int) -> None:
        """Select all from where it began to the message of that number."""
        name = self._live.path[number].id
        if self._live.index_of(self._from) < 0:
            self._from = name
        if name == self._to:
            return
        if not self._to:
            self._content.installEventFilter(self)
        self._to = name
        self._settle()
        self.notified.emit(
            tr_count("{count} message selected", "{count} messages selected", len(self.selected_range()))
        )

    def select_all(self) -> None:
        """Select all there are."""
        if self._live.path:
            self._from = self._live.path[0].id
            self.extend_to(len(self._live.path) - 1)

    def clear(self) -> None:
        """Select none."""
        if self._to:
            self._to = ""
            self._content.removeEventFilter(self)
            self._settle()
            self.notified.emit("")

    def selected_range(self) -> range:
        """Which are selected."""
        if not self._to:
            return range(0)
        ends = sorted((self._live.index_of(self._from), self._live.index_of(self._to)))
        return range(ends[0], ends[1] + 1)

    def end_index(self) -> int:
        """The number of the one it was extended to; -1 if there is none."""
        return self._live.index_of(self._to) if self._to else -1

    def messages(self) -> list[Message]:
        """Those that are selected, oldest first."""
        numbers = self.selected_range()
        return self._live.path[numbers.start : numbers.stop]

    def copy(self) -> None:
        """Put them on the clipboard."""
        from phichat.ui.transcript.copying import messages_data  # noqa: PLC0415 - once something is copied
        from phichat.ui.widgets.clipboard import copy_to_clipboard  # noqa: PLC0415

        messages = self.messages()
        copy_to_clipboard(messages_data(messages))
        self.notified.emit(tr_count("{count} message copied.", "{count} messages copied.", len(messages)))

    @Slot()
    def _check(self) -> None:
        """There is none any more if an end of it is no longer shown."""
        if self._to and min(self._live.index_of(self._from), self._live.index_of(self._to)) < 0:
            self.clear()
        elif self._to:
            self._settling.start()

    @Slot()
    def _settle(self) -> None:
        """Have the band where those of them are that are there."""
        numbers, live = self.selected_range(), self._live
        first, last = max(numbers.start, live.first), min(numbers.stop, live.end) - 1
        if self._band is None and first <= last:
            self._band = self._make_band()
        if self._band is None:
            return
        self._band.setVisible(first <= last)
        if first <= last:
            top, end = self._area(live.views[first - live.first]), self._area(live.views[last - live.first])
            self._band.setGeometry(top.united(end).adjusted(-BESIDE, -ABOVE, BESIDE, ABOVE))

    def _area(self, view: QWidget) -> QRect:
        return QRect(view.mapTo(self._content, QPoint()), view.size())

    def _make_band(self) -> QFrame:
        band = QFrame(self._content)
        band.setObjectName("selectionBand")
        band.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._theme.apply_stylesheet(band, "chosen")
        band.lower()
        return band

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: ARG002 - Qt's
        if event.type() in {QEvent.Type.LayoutRequest, QEvent.Type.Resize}:
            self._settling.start()  # after the layout itself
        return False


EVERY = 30  # milliseconds between steps of scrolling while the mouse is pulled out of what is seen
SPEED = 4  # a step is the distance to the mouse divided by that

_Move = QTextCursor.MoveOperation
_KEEP = QTextCursor.MoveMode.KeepAnchor


class TextSelection(QObject):
    """Each field of a message selects in itself alone; where the mouse or a key leaves one, this goes on in the next.

    It hears the fields' viewports as an event filter. Where Shift is held in another message, `messages` are selected.
    """

    _is_calming = True  # also while it is freed with its window, when it may still be asked and has no values left

    def __init__(self, area: QScrollArea, live: VisibleMessages, messages: MessageSelection) -> None:
        super().__init__(area)
        self._area, self._live, self._messages = area, live, messages
        self._view: MessageView | None = None
        self._from: BlockTextEdit | None = None  # where it began, at the anchor of that field's cursor
        self._to: BlockTextEdit | None = None  # where it ends, at the position of that field's cursor
        self._is_pulling = self._is_own = self._is_calming = False
        self._scrolling = QTimer(self, interval=EVERY)
        self._scrolling.timeout.connect(self._scroll)

    def has_selection_in(self, view: "MessageView") -> bool:
        """Whether some of the text of `view` is selected."""
        return any(field.textCursor().hasSelection() for field in view.text_edits())

    def clear(self) -> None:
        """Select no text."""
        if self._view in self._live.views and self._view:
            for field in self._view.text_edits():
                _select(field, None)
        self._view = self._from = self._to = None
        self._stop()

    def select_all(self, view: "MessageView") -> bool:
        """Select all text of `view`; False if it was already."""
        fields = view.text_edits()
        before = [_span(field) for field in fields]
        if not fields:
            return False
        if self._view is not view:
            self.clear()
        self._view, self._from = view, fields[0]
        _select(fields[0], (0, 0))
        self._spread(fields[-1], _end(fields[-1]))
        return before != [_span(field) for field in fields]

    def extend(self, view: "MessageView", field: "BlockTextEdit", move: QTextCursor.MoveOperation) -> None:
        """Let the selection in `view` go further by one `move`; `field` has the focus."""
        if self._view is not view or self._to not in view.text_edits() or self._to is None:
            self.clear()
            self._view, self._from, self._to = view, field, field
        cursor = self._to.textCursor()
        if cursor.movePosition(move, _KEEP):
            self._spread(self._to, cursor.position())
        elif beyond := self._beyond(self._to, is_back=move in _BACK):
            self._spread(beyond, _end(beyond) if move in _BACK else 0)
        self._show_end()

    def _on_press(self, viewport: QWidget, event: QMouseEvent) -> bool:
        """A button of the mouse went down; whether that is all there is to it."""
        field, view = viewport.parentWidget(), self._live.view_containing(viewport)
        if event.button() is not Qt.MouseButton.LeftButton or view is None:
            return False
        found = next((one for one in view.text_edits() if one is field), None)
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            return self._press_further(view, event)
        if self._view is not view or self._from is not found or self._to is not found:
            self.clear()
        self._messages.clear()
        self._messages.begin_at(view.message)
        self._view, self._from, self._to = view, found, found
        self._is_pulling, self._is_own = found is not None, False
        return False

    def _on_move(self, event: QMouseEvent) -> bool:
        """The mouse moves; whether the field it was pressed in need not care."""
        if not self._is_pulling or not event.buttons() & Qt.MouseButton.LeftButton or not self._view:
            return False
        return self._pull_to(event.globalPosition().toPoint())

    def _on_release(self) -> None:
        """The button is up again."""
        if self._is_pulling:
            self._stop()
            QTimer.singleShot(0, self._offer)  # after the field has offered its own part

    def _press_further(self, view: "MessageView", event: QMouseEvent) -> bool:
        """With Shift: text in the message one is in, or whole messages."""
        if self._messages.is_active or self._view is not view:
            self.clear()
            self._messages.extend_to(self._live.index_of(view.message.id))
            return True
        self._is_pulling = self._is_own = True
        self._pull_to(event.globalPosition().toPoint())
        return True

    def _pull_to(self, at: QPoint) -> bool:
        fields = self._view.text_edits() if self._view else []
        if self._from not in fields or self._from is None:
            self._stop()
            return False
        target = next((field for field in reversed(fields) if _inside(field, at).y() >= 0), fields[0])
        inside = _inside(target, at)
        is_home = target is self._from and inside.y() < target.viewport().height()
        self._follow(at)
        if is_home and not self._is_own:
            if self._to is not self._from:
                self._spread(self._from, self._from.textCursor().position())
            return False
        if self._to is self._from and not self._is_own:
            self._calm(self._from)
        self._spread(target, _position(target, inside))
        return True

    def _spread(self, target: "BlockTextEdit", position: int) -> None:
        """Select from where it began to `position` in `target`."""
        if self._view is None or self._from is None:
            return
        fields = self._view.text_edits()
        start, end = fields.index(self._from), fields.index(target)
        anchor = self._from.textCursor().anchor()
        for number, field in enumerate(fields):
            if not min(start, end) <= number <= max(start, end):
                _select(field, None)
                continue
            begin = anchor if number == start else 0 if end > start else _end(field)
            stop = position if number == end else _end(field) if end > start else 0
            _select(field, (begin, stop), is_seen=field is target)
        self._to = target

    def _beyond(self, field: "BlockTextEdit", *, is_back: bool) -> "BlockTextEdit | None":
        fields = self._view.text_edits() if self._view else []
        number = fields.index(field) + (-1 if is_back else 1)
        return fields[number] if 0 <= number < len(fields) else None

    def _calm(self, field: "BlockTextEdit") -> None:
        """The field may be scrolling after the mouse by itself: tell it that the mouse is inside."""
        place = QPointF(field.viewport().rect().center())
        there = field.viewport().mapToGlobal(place)
        no, left = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton
        event = QMouseEvent(QEvent.Type.MouseMove, place, there, no, left, Qt.KeyboardModifier.NoModifier)
        self._is_calming = True
        QApplication.sendEvent(field.viewport(), event)
        self._is_calming = False

    def _follow(self, at: QPoint) -> None:
        """Scroll while the mouse is above or below what is seen."""
        if self._outside(at) and not self._scrolling.isActive():
            self._scrolling.start()
        elif not self._outside(at):
            self._scrolling.stop()

    def _outside(self, at: QPoint) -> int:
        viewport = self._area.viewport()
        y = viewport.mapFromGlobal(at).y()
        return min(y, 0) + max(y - viewport.height(), 0)

    def _show_end(self) -> None:
        """Have the place seen where it ends."""
        content = self._area.widget()
        if self._to and content:
            place = self._to.cursorRect(self._to.textCursor()).center()
            seen = self._to.viewport().mapTo(content, place)
            bar = self._area.verticalScrollBar()
            room = self._area.viewport().height() - 40
            bar.setValue(min(max(bar.value(), seen.y() - room), seen.y() - 40))

    def _stop(self) -> None:
        self._is_pulling = self._is_own = False
        self._scrolling.stop()

    @Slot()
    def _scroll(self) -> None:
        at = QCursor.pos()
        bar = self._area.verticalScrollBar()
        bar.setValue(bar.value() + self._outside(at) // SPEED)
        self._pull_to(at)

    @Slot()
    def _offer(self) -> None:
        if self._view in self._live.views and self._view and self._from is not self._to:
            from phichat.ui.widgets.clipboard import copy_to_selection  # noqa: PLC0415 - once something is selected

            if selected := self._view.selection():
                copy_to_selection(selected.text)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self._is_calming or not isinstance(event, QMouseEvent) or not isinstance(watched, QWidget):
            return False
        kind = event.type()
        if kind is QEvent.Type.MouseMove:
            return self._on_move(event)
        if kind is QEvent.Type.MouseButtonPress:
            return self._on_press(watched, event)
        if kind is QEvent.Type.MouseButtonRelease:
            self._on_release()
        return False


_BACK = {_Move.Left, _Move.WordLeft, _Move.Up, _Move.StartOfLine, _Move.Start}


def _end(field: "BlockTextEdit") -> int:
    return field.document().characterCount() - 1


def _span(field: "BlockTextEdit") -> tuple[int, int]:
    cursor = field.textCursor()
    return cursor.selectionStart(), cursor.selectionEnd()


def _inside(field: "BlockTextEdit", at: QPoint) -> QPoint:
    return field.viewport().mapFromGlobal(at)


def _position(field: "BlockTextEdit", inside: QPoint) -> int:
    if inside.y() < 0:
        return 0
    if inside.y() >= field.viewport().height():
        return _end(field)
    return field.cursorForPosition(inside).position()


def _select(field: "BlockTextEdit", span: tuple[int, int] | None, *, is_seen: bool = False) -> None:
    """Select from the first to the second position, or nothing; only where `is_seen` the field may scroll to it."""
    cursor = field.textCursor()
    if span is None:
        if not cursor.hasSelection():
            return
        cursor.clearSelection()
    elif (cursor.anchor(), cursor.position()) == span:
        return
    else:
        cursor.setPosition(span[0])
        cursor.setPosition(span[1], _KEEP)
    bars = field.horizontalScrollBar(), field.verticalScrollBar()
    values = [bar.value() for bar in bars]
    field.setTextCursor(cursor)
    if not is_seen:
        for bar, value in zip(bars, values, strict=True):
            bar.setValue(value)
