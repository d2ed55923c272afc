"""Keys in the transcript: go, select, copy, and from message to message."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence, QTextCursor
from PySide6.QtWidgets import QScrollBar

from phichat.ui.transcript.transcript import Transcript

if TYPE_CHECKING:
    from phichat.ui.blocks.base import BlockTextEdit
    from phichat.ui.transcript.message_view import MessageView


_NONE, _SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
_CONTROL, _KEYPAD = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.KeypadModifier
_Move = QTextCursor.MoveOperation

Stroke = tuple[int, Qt.KeyboardModifier]

_TEXT: dict[Stroke, QTextCursor.MoveOperation] = {
    (Qt.Key.Key_Left, _SHIFT): _Move.Left,
    (Qt.Key.Key_Right, _SHIFT): _Move.Right,
    (Qt.Key.Key_Left, _SHIFT | _CONTROL): _Move.WordLeft,
    (Qt.Key.Key_Right, _SHIFT | _CONTROL): _Move.WordRight,
    (Qt.Key.Key_Up, _SHIFT): _Move.Up,
    (Qt.Key.Key_Down, _SHIFT): _Move.Down,
    (Qt.Key.Key_Home, _SHIFT): _Move.StartOfLine,
    (Qt.Key.Key_End, _SHIFT): _Move.EndOfLine,
}
_BEGINS_TEXT = {_Move.Left, _Move.Right, _Move.WordLeft, _Move.WordRight}  # the others need some to be selected already
_MESSAGES: dict[Stroke, int] = {
    (Qt.Key.Key_Up, _SHIFT): -1,
    (Qt.Key.Key_Down, _SHIFT): 1,
    (Qt.Key.Key_Home, _SHIFT | _CONTROL): -(10**9),
    (Qt.Key.Key_End, _SHIFT | _CONTROL): 10**9,
}
_SCROLLS: dict[Stroke, QScrollBar.SliderAction] = {
    (Qt.Key.Key_Up, _NONE): QScrollBar.SliderAction.SliderSingleStepSub,
    (Qt.Key.Key_Down, _NONE): QScrollBar.SliderAction.SliderSingleStepAdd,
    (Qt.Key.Key_PageUp, _NONE): QScrollBar.SliderAction.SliderPageStepSub,
    (Qt.Key.Key_PageDown, _NONE): QScrollBar.SliderAction.SliderPageStepAdd,
    (Qt.Key.Key_Space, _SHIFT): QScrollBar.SliderAction.SliderPageStepSub,
    (Qt.Key.Key_Space, _NONE): QScrollBar.SliderAction.SliderPageStepAdd,
}
_UPWARDS = {QScrollBar.SliderAction.SliderSingleStepSub, QScrollBar.SliderAction.SliderPageStepSub}


class TranscriptKeyboard(QObject):
    """Filters the keys of `transcript` and of the text fields in its messages.

    Attributes:
        navigator: goes from message to message.
    """

    def __init__(self, transcript: Transcript) -> None:
        super().__init__(transcript)
        self.navigator = MessageNavigator(transcript)
        self._transcript, self._text = transcript, transcript.text_selection
        transcript.context.key_filter = self
        transcript.installEventFilter(self)

    def _handle_key(self, event: QKeyEvent, view: "MessageView | None", field: "BlockTextEdit | None" = None) -> bool:
        """Do what the key says, with `view` in which the focus is, in its `field` if in one; False for nothing."""
        stroke = event.key(), event.modifiers() & ~_KEYPAD
        if event.matches(QKeySequence.StandardKey.Copy):
            return self._copy(view)
        if event.matches(QKeySequence.StandardKey.SelectAll):
            return self._select_all(view)
        if stroke == (Qt.Key.Key_Escape, _NONE):
            return self._end(view)
        if view and field and self._extend_text(stroke, view, field):
            return True
        if stroke in _MESSAGES:
            self._text.clear()
            self.navigator.extend_selection(_MESSAGES[stroke])
            return True
        return self._scroll(stroke)

    def _scroll(self, stroke: Stroke) -> bool:
        bar, navigator = self._transcript.verticalScrollBar(), self.navigator
        if stroke == (Qt.Key.Key_Home, _NONE):
            navigator.go_to_start()
        elif stroke == (Qt.Key.Key_End, _NONE):
            navigator.go_to_end()
        elif action := _SCROLLS.get(stroke):
            bar.triggerAction(action)
        else:
            return False
        return True

    def _copy(self, view: "MessageView | None") -> bool:
        messages = self._transcript.selection
        if view and not messages.is_active and (selected := view.selection()):
            from phichat.ui.transcript.copying import excerpt_data  # noqa: PLC0415 - once something is copied
            from phichat.ui.widgets.clipboard import copy_to_clipboard  # noqa: PLC0415

            copy_to_clipboard(excerpt_data(selected))
        elif messages.is_active:
            messages.copy()
        else:
            return False
        return True

    def _select_all(self, view: "MessageView | None") -> bool:
        """A message's text, and once more for all messages."""
        if view is None or self._transcript.selection.is_active or not self._text.select_all(view):
            self._text.clear()
            self._transcript.selection.select_all()
        return True

    def _end(self, view: "MessageView | None") -> bool:
        if not self._has_selection(view):
            return False
        self._text.clear()
        self._transcript.selection.clear()
        return True

    def _is_for_selection(self, event: QKeyEvent, view: "MessageView | None") -> bool:
        """Whether that key ends a selection, in `view` or of messages."""
        return event.key() == Qt.Key.Key_Escape and self._has_selection(view)

    def _has_selection(self, view: "MessageView | None") -> bool:
        return self._transcript.selection.is_active or bool(view and self._text.has_selection_in(view))

    def _extend_text(self, stroke: Stroke, view: "MessageView", field: "BlockTextEdit") -> bool:
        move = _TEXT.get(stroke)
        if move is None or self._transcript.selection.is_active:
            return False
        if move not in _BEGINS_TEXT and not self._text.has_selection_in(view):
            return False
        self._text.extend(view, field, move)
        return True

    def _press_in_field(self, field: "BlockTextEdit", event: QKeyEvent) -> bool:
        if _scrolls_itself(field, (event.key(), event.modifiers() & ~_KEYPAD)):
            return False
        return self._handle_key(event, self._transcript.view_containing(field), field)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and watched is self._transcript:
            return self._filter_transcript(event)
        if isinstance(event, QKeyEvent):
            from phichat.ui.blocks.base import BlockTextEdit  # noqa: PLC0415 - there are messages by now

            if event.type() is QEvent.Type.KeyPress and isinstance(watched, BlockTextEdit):
                return self._press_in_field(watched, event)
        if isinstance(event, QFocusEvent) and event.gotFocus():
            self._on_focus(watched, event)
        return False

    def _filter_transcript(self, event: QKeyEvent) -> bool:
        view = self._transcript.focused_view
        if event.type() is QEvent.Type.ShortcutOverride and self._is_for_selection(event, view):
            event.accept()  # else Escape would stop the answer under way
            return True
        return event.type() is QEvent.Type.KeyPress and self._handle_key(event, view)

    def _on_focus(self, field: QObject, event: QFocusEvent) -> None:
        """Messages are selected from there on; where the mouse is pressed, that decides."""
        is_by_key = event.reason() is not Qt.FocusReason.MouseFocusReason
        if is_by_key and (view := self._transcript.view_containing(field)):
            self._transcript.selection.begin_at(view.message)


def _scrolls_itself(field: "BlockTextEdit", stroke: Stroke) -> bool:
    """Whether the field is cut, such as long code, and goes on where the key leads."""
    action, bar = _SCROLLS.get(stroke), field.verticalScrollBar()
    if action is None:
        return False
    return bar.value() > bar.minimum() if action in _UPWARDS else bar.value() < bar.maximum()


class MessageNavigator(QObject):
    """Moves the focus in `transcript`.

    Signals: `left` where one goes on after the last message.
    """

    moved_past_end = Signal()

    def __init__(self, transcript: Transcript) -> None:
        super().__init__(transcript)
        self._transcript = transcript

    def move_focus(self, step: int) -> None:
        """Focus the message so many further or, from elsewhere, the one at that end of what is seen."""
        self._transcript.selection.clear()
        number, count = self._next(step), len(self._transcript.path())
        if 0 <= number < count:
            self._transcript.focus_message(number)
        elif count and number >= count:
            self.moved_past_end.emit()

    def extend_selection(self, step: int) -> None:
        """Select whole messages, from the one with the focus to the one so many further."""
        path, selection = self._transcript.path(), self._transcript.selection
        if not path:
            return
        focused, last = self._transcript.focused_index(), selection.end_index()
        if focused >= 0:
            selection.begin_at(path[focused])
        number = min(max(last + step if last >= 0 else self._next(step), 0), len(path) - 1)
        selection.extend_to(number)
        self._transcript.focus_message(number)

    @Slot()
    def go_to_start(self) -> None:
        """Go to the first message; the focus, too, if a message had it."""
        had_focus = self._transcript.focused_index() >= 0
        self._transcript.scroll_to_start()
        if had_focus:
            self._transcript.focus_message(0)

    @Slot()
    def go_to_end(self) -> None:
        """Go to the end and stay there; the focus, too, if a message had it."""
        had_focus = self._transcript.focused_index() >= 0
        self._transcript.follow()
        if had_focus:
            self._transcript.focus_message(len(self._transcript.path()) - 1)
            self._transcript.follow()

    def _next(self, step: int) -> int:
        focused = self._transcript.focused_index()
        if focused >= 0:
            return focused + step
        return self._transcript.first_visible() if step > 0 else self._transcript.last_visible()
