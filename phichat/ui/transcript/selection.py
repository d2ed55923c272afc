"""Selection in the transcript: whole messages, or text across the blocks of one message."""

from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCursor, QMouseEvent, QTextCursor
from PySide6.QtWidgets import QApplication, QFrame, QScrollArea, QWidget

from phichat.chat.conversation import Message
from phichat.i18n import tr_count
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript.message_context import MessageContext
from phichat.ui.transcript.visible_messages import VisibleMessages
from phichat.ui.widgets.clipboard import copy_to_clipboard, copy_to_selection

if TYPE_CHECKING:
    from phichat.ui.blocks.base import BlockTextEdit
    from phichat.ui.transcript.message_view import MessageView


BESIDE, ABOVE = 12, 7  # pixels by which the band extends beyond the selected messages


class MessageSelection(QObject):
    """Selects a range of whole messages, and shows a band behind them.

    Signals: `changed(str)`: a sentence about what is selected; empty when the selection ends. `copied(str)`: one about
    what was copied.
    """

    changed = Signal(str)
    copied = Signal(str)

    def __init__(self, visible: VisibleMessages, content: QWidget, theme: Theme, context: MessageContext) -> None:
        super().__init__(content)
        self._visible, self._content, self._theme, self._context = visible, content, theme, context
        self._anchor_id = self._end_id = ""  # message ids; without `_end_id`, nothing is selected
        self._band: QFrame | None = None
        self._band_timer = QTimer(self, interval=0, singleShot=True)
        self._band_timer.timeout.connect(self._update_band)
        visible.changed.connect(self._check)

    @property
    def is_active(self) -> bool:
        """Whether any message is selected."""
        return bool(self._end_id)

    def begin_at(self, message: Message) -> None:
        """Set the anchor from which `extend_to` selects, unless messages are selected."""
        if not self._end_id:
            self._anchor_id = message.id

    def extend_to(self, index: int) -> None:
        """Select all from the anchor to the message at `index`."""
        name = self._visible.path[index].id
        if self._visible.index_of(self._anchor_id) < 0:
            self._anchor_id = name
        if name == self._end_id:
            return
        if not self._end_id:
            self._content.installEventFilter(self)
        self._end_id = name
        self._update_band()
        self.changed.emit(tr_count("{count} message selected", "{count} messages selected", len(self.selected_range())))

    def select_all(self) -> None:
        """Select all messages."""
        if self._visible.path:
            self._anchor_id = self._visible.path[0].id
            self.extend_to(len(self._visible.path) - 1)

    def clear(self) -> None:
        """Clear the selection."""
        if self._end_id:
            self._end_id = ""
            self._content.removeEventFilter(self)
            self._update_band()
            self.changed.emit("")

    def selected_range(self) -> range:
        """Return the indexes of the selected messages."""
        if not self._end_id:
            return range(0)
        ends = sorted((self._visible.index_of(self._anchor_id), self._visible.index_of(self._end_id)))
        return range(ends[0], ends[1] + 1)

    def end_index(self) -> int:
        """Return the index of the message it was extended to; -1 if there is none."""
        return self._visible.index_of(self._end_id) if self._end_id else -1

    def messages(self) -> list[Message]:
        """Return the selected messages, oldest first."""
        indexes = self.selected_range()
        return self._visible.path[indexes.start : indexes.stop]

    def copy(self) -> None:
        """Copy the selected messages to the clipboard."""
        from phichat.ui.transcript.copying import messages_data  # noqa: PLC0415 - takes 10 ms: it imports Markdown

        messages = self.messages()
        copy_to_clipboard(messages_data(messages, self._context.find_sources))
        self.copied.emit(tr_count("{count} message copied.", "{count} messages copied.", len(messages)))

    @Slot()
    def _check(self) -> None:
        """Clear the selection if an end of it has left the path, else update the band."""
        if self._end_id and min(self._visible.index_of(self._anchor_id), self._visible.index_of(self._end_id)) < 0:
            self.clear()
        elif self._end_id:
            self._band_timer.start()

    @Slot()
    def _update_band(self) -> None:
        """Put the band behind the selected messages that have widgets."""
        indexes, visible = self.selected_range(), self._visible
        first, last = max(indexes.start, visible.first), min(indexes.stop, visible.end) - 1
        if self._band is None and first <= last:
            self._band = self._make_band()
        if self._band is None:
            return
        self._band.setVisible(first <= last)
        if first <= last:
            top, end = self._area(visible.views[first - visible.first]), self._area(visible.views[last - visible.first])
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

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: ARG002
        if event.type() in {QEvent.Type.LayoutRequest, QEvent.Type.Resize}:
            self._band_timer.start()  # after the layout itself
        return False


SCROLL_INTERVAL = 30  # milliseconds between steps of scrolling while the mouse is dragged out of the viewport
SCROLL_DIVISOR = 4  # a step is the distance to the mouse divided by this

_Move = QTextCursor.MoveOperation
_KEEP = QTextCursor.MoveMode.KeepAnchor


class TextSelection(QObject):
    """Extends the selection of one text field to the next, where the mouse or a key leaves it.

    A Qt text field selects only within itself, and every block of a message is one. This is the event filter of their
    viewports. A click with Shift in another message selects whole `messages`.
    """

    def __init__(self, area: QScrollArea, visible: VisibleMessages, messages: MessageSelection) -> None:
        super().__init__(area)
        self._area, self._visible, self._messages = area, visible, messages
        self._view: MessageView | None = None
        self._anchor_field: BlockTextEdit | None = None  # the selection begins at this field's anchor …
        self._cursor_field: BlockTextEdit | None = None  # … and ends at this field's cursor
        self._is_dragging = False
        self._extends = False  # all moves are handled here, those inside the first field, too
        self._ignores_mouse = False
        self._scrolling = QTimer(self, interval=SCROLL_INTERVAL)
        self._scrolling.timeout.connect(self._scroll)

    def has_selection_in(self, view: "MessageView") -> bool:
        """Return whether any text of `view` is selected."""
        return any(field.textCursor().hasSelection() for field in view.text_edits())

    def clear(self) -> None:
        """Clear the selection."""
        if self._view in self._visible.views and self._view:
            for field in self._view.text_edits():
                _select(field, None)
        self._view = self._anchor_field = self._cursor_field = None
        self._stop()

    def select_all(self, view: "MessageView") -> bool:
        """Select all text of `view`. Return False if it was selected before."""
        fields = view.text_edits()
        before = [_span(field) for field in fields]
        if not fields:
            return False
        if self._view is not view:
            self.clear()
        self._view, self._anchor_field = view, fields[0]
        _select(fields[0], (0, 0))
        self._select_to(fields[-1], _end(fields[-1]))
        return before != [_span(field) for field in fields]

    def extend(self, view: "MessageView", field: "BlockTextEdit", move: QTextCursor.MoveOperation) -> None:
        """Extend the selection in `view` by one `move`; without one, from the cursor of `field`."""
        fields = view.text_edits()
        is_there = self._anchor_field in fields and self._cursor_field in fields  # a block may become another one
        if self._view is not view or not is_there or self._cursor_field is None:
            self.clear()
            self._view, self._anchor_field, self._cursor_field = view, field, field
        place = _moved(self._cursor_field, move)
        if place is not None:
            self._select_to(self._cursor_field, place)
        elif beyond := self._neighbour(self._cursor_field, is_backwards=move in _BACKWARDS):
            self._select_to(beyond, _end(beyond) if move in _BACKWARDS else 0)
        self._scroll_to_end()

    def _on_press(self, viewport: QWidget, event: QMouseEvent) -> bool:
        """Begin a selection. Return True to keep the event from the field."""
        field, view = viewport.parentWidget(), self._visible.view_containing(viewport)
        if event.button() is not Qt.MouseButton.LeftButton or view is None:
            return False
        found = next((one for one in view.text_edits() if one is field), None)  # typed as a text field
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            return self._extend_by_click(view, event)
        if self._view is not view or self._anchor_field is not found or self._cursor_field is not found:
            self.clear()
        self._messages.clear()
        self._messages.begin_at(view.message)
        self._view, self._anchor_field, self._cursor_field = view, found, found
        self._is_dragging, self._extends = found is not None, False
        return False

    def _extend_by_click(self, view: "MessageView", event: QMouseEvent) -> bool:
        """Extend the text selection in `view`, or select whole messages up to `view` if the selection is elsewhere."""
        if self._messages.is_active or self._view is not view:
            self.clear()
            self._messages.extend_to(self._visible.index_of(view.message.id))
            return True
        self._is_dragging = self._extends = True
        self._drag_to(event.globalPosition().toPoint())
        return True

    def _drag_to(self, at: QPoint) -> bool:
        """Extend the selection to a point of the screen. Return True to keep the event from the field."""
        fields = self._view.text_edits() if self._view else []
        if self._anchor_field not in fields or self._anchor_field is None:
            self._stop()
            return False
        target = next((field for field in reversed(fields) if _viewport_position(field, at).y() >= 0), fields[0])
        inside = _viewport_position(target, at)
        is_in_first = target is self._anchor_field and inside.y() < target.viewport().height()
        self._autoscroll(at)
        if is_in_first and not self._extends:
            if self._cursor_field is not self._anchor_field:
                self._select_to(self._anchor_field, _ends(self._anchor_field)[1])
            return False
        if self._cursor_field is self._anchor_field and not self._extends:
            self._stop_field_autoscroll(self._anchor_field)
        self._select_to(target, _position(target, inside))
        return True

    def _select_to(self, target: "BlockTextEdit", position: int) -> None:
        """Select from the anchor to `position` in `target`."""
        if self._view is None or self._anchor_field is None:
            return
        fields = self._view.text_edits()
        start, end = fields.index(self._anchor_field), fields.index(target)
        anchor = _ends(self._anchor_field)[0]
        for index, field in enumerate(fields):
            if not min(start, end) <= index <= max(start, end):
                _select(field, None)
                continue
            first, last = (0, _end(field)) if end > start else (_end(field), 0)
            span = anchor if index == start else first, position if index == end else last
            _select(field, span, scrolls=field is target)
        self._cursor_field = target

    def _neighbour(self, field: "BlockTextEdit", *, is_backwards: bool) -> "BlockTextEdit | None":
        fields = self._view.text_edits() if self._view else []
        index = fields.index(field) + (-1 if is_backwards else 1)
        return fields[index] if 0 <= index < len(fields) else None

    def _stop_field_autoscroll(self, field: "BlockTextEdit") -> None:
        """Stop the autoscroll of `field` by telling it that the mouse is inside."""
        place = QPointF(field.viewport().rect().center())
        there = field.viewport().mapToGlobal(place)
        no, left = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton
        event = QMouseEvent(QEvent.Type.MouseMove, place, there, no, left, Qt.KeyboardModifier.NoModifier)
        self._ignores_mouse = True
        QApplication.sendEvent(field.viewport(), event)
        self._ignores_mouse = False

    def _autoscroll(self, at: QPoint) -> None:
        """Scroll while the mouse is above or below the viewport."""
        if self._distance_outside(at) and not self._scrolling.isActive():
            self._scrolling.start()
        elif not self._distance_outside(at):
            self._scrolling.stop()

    def _distance_outside(self, at: QPoint) -> int:
        viewport = self._area.viewport()
        y = viewport.mapFromGlobal(at).y()
        return min(y, 0) + max(y - viewport.height(), 0)

    def _scroll_to_end(self) -> None:
        """Scroll to the end of the selection."""
        content = self._area.widget()
        if self._cursor_field and content:
            place = self._cursor_field.cursorRect(self._cursor_field.textCursor()).center()
            seen = self._cursor_field.viewport().mapTo(content, place)
            bar = self._area.verticalScrollBar()
            room = self._area.viewport().height() - 40
            bar.setValue(min(max(bar.value(), seen.y() - room), seen.y() - 40))

    def _stop(self) -> None:
        self._is_dragging = self._extends = False
        self._scrolling.stop()

    @Slot()
    def _scroll(self) -> None:
        at = QCursor.pos()
        bar = self._area.verticalScrollBar()
        bar.setValue(bar.value() + self._distance_outside(at) // SCROLL_DIVISOR)
        self._drag_to(at)

    @Slot()
    def _copy_to_primary(self) -> None:
        if self._view not in self._visible.views or self._view is None or self._anchor_field is self._cursor_field:
            return
        if selected := self._view.selection():
            copy_to_selection(selected.text)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # The type comes first: while the window is freed, other events come when this has no attributes any more.
        if not isinstance(event, QMouseEvent) or not isinstance(watched, QWidget) or self._ignores_mouse:
            return False
        kind = event.type()
        if kind is QEvent.Type.MouseButtonPress:
            return self._on_press(watched, event)
        if kind is QEvent.Type.MouseMove and self._is_dragging and event.buttons() & Qt.MouseButton.LeftButton:
            return self._drag_to(event.globalPosition().toPoint())
        if kind is QEvent.Type.MouseButtonRelease and self._is_dragging:
            self._stop()
            QTimer.singleShot(0, self._copy_to_primary)  # after the field has copied its own part
        return False


_BACKWARDS = {_Move.Left, _Move.WordLeft, _Move.Up, _Move.StartOfLine, _Move.Start}


def _end(field: "BlockTextEdit") -> int:
    return field.document().characterCount() - 1


def _ends(field: "BlockTextEdit") -> tuple[int, int]:
    """Return the anchor and the position of the selection; a table has more of it than its text cursor."""
    if ends := getattr(field, "ends", None):
        return cast("tuple[int, int]", ends())
    return field.textCursor().anchor(), field.textCursor().position()


def _moved(field: "BlockTextEdit", move: QTextCursor.MoveOperation) -> int | None:
    """Return where the end of the selection is after a `move`; None if there is nothing further in the field."""
    if moved := getattr(field, "moved", None):
        return cast("int | None", moved(move))
    cursor = field.textCursor()
    return cursor.position() if cursor.movePosition(move, _KEEP) else None


def _span(field: "BlockTextEdit") -> tuple[int, int]:
    cursor = field.textCursor()
    return cursor.selectionStart(), cursor.selectionEnd()


def _viewport_position(field: "BlockTextEdit", at: QPoint) -> QPoint:
    return field.viewport().mapFromGlobal(at)


def _position(field: "BlockTextEdit", inside: QPoint) -> int:
    if inside.y() < 0:
        return 0
    if inside.y() >= field.viewport().height():
        return _end(field)
    return field.cursorForPosition(inside).position()


def _select(field: "BlockTextEdit", span: tuple[int, int] | None, *, scrolls: bool = False) -> None:
    """Select `span`, from anchor to cursor, or nothing. The field scrolls to the cursor only if `scrolls`."""
    cursor = field.textCursor()
    if span is None:
        if not cursor.hasSelection():
            return
        cursor.clearSelection()
    elif _ends(field) == span:
        return
    else:
        cursor.setPosition(span[0])
        cursor.setPosition(span[1], _KEEP)
    bars = field.horizontalScrollBar(), field.verticalScrollBar()
    values = [bar.value() for bar in bars]
    if span and (select_between := getattr(field, "select_between", None)):
        select_between(*span)
    else:
        field.setTextCursor(cursor)
    if not scrolls:
        for bar, value in zip(bars, values, strict=True):
            bar.setValue(value)
