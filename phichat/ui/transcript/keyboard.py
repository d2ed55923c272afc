"""Keys in the transcript: scroll, select, copy, and move from message to message."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence, QTextCursor
from PySide6.QtWidgets import QScrollBar

from phichat.ui.transcript.transcript import Transcript
from phichat.ui.widgets.clipboard import copy_to_clipboard
from phichat.ui.widgets.text_keys import is_typing

if TYPE_CHECKING:
    from phichat.ui.blocks.base import BlockTextEdit
    from phichat.ui.transcript.message_view import MessageView


_NONE, _SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
_CONTROL, _KEYPAD = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.KeypadModifier
_Move = QTextCursor.MoveOperation

Stroke = tuple[int, Qt.KeyboardModifier]

_TEXT_MOVES: dict[Stroke, QTextCursor.MoveOperation] = {
    (Qt.Key.Key_Left, _SHIFT): _Move.Left,
    (Qt.Key.Key_Right, _SHIFT): _Move.Right,
    (Qt.Key.Key_Left, _SHIFT | _CONTROL): _Move.WordLeft,
    (Qt.Key.Key_Right, _SHIFT | _CONTROL): _Move.WordRight,
    (Qt.Key.Key_Up, _SHIFT): _Move.Up,
    (Qt.Key.Key_Down, _SHIFT): _Move.Down,
    (Qt.Key.Key_Home, _SHIFT): _Move.StartOfLine,
    (Qt.Key.Key_End, _SHIFT): _Move.EndOfLine,
}
_BEGINS_TEXT = {_Move.Left, _Move.Right, _Move.WordLeft, _Move.WordRight}  # the others only extend a selection
_MESSAGE_STEPS: dict[Stroke, int] = {
    (Qt.Key.Key_Up, _SHIFT): -1,
    (Qt.Key.Key_Down, _SHIFT): 1,
    (Qt.Key.Key_Home, _SHIFT | _CONTROL): -(10**9),
    (Qt.Key.Key_End, _SHIFT | _CONTROL): 10**9,
}
_SCROLL_ACTIONS: dict[Stroke, QScrollBar.SliderAction] = {
    (Qt.Key.Key_Up, _NONE): QScrollBar.SliderAction.SliderSingleStepSub,
    (Qt.Key.Key_Down, _NONE): QScrollBar.SliderAction.SliderSingleStepAdd,
    (Qt.Key.Key_PageUp, _NONE): QScrollBar.SliderAction.SliderPageStepSub,
    (Qt.Key.Key_PageDown, _NONE): QScrollBar.SliderAction.SliderPageStepAdd,
    (Qt.Key.Key_Space, _SHIFT): QScrollBar.SliderAction.SliderPageStepSub,
    (Qt.Key.Key_Space, _NONE): QScrollBar.SliderAction.SliderPageStepAdd,
}
_UPWARDS = {QScrollBar.SliderAction.SliderSingleStepSub, QScrollBar.SliderAction.SliderPageStepSub}


class TranscriptKeyboard(QObject):
    """The event filter for keys of `transcript` and of the text fields in its messages.

    Attributes:
        navigator: moves the focus from message to message.

    Signals: `typed(QKeyEvent)` for a key that means text, which belongs into the message field.
    """

    typed = Signal(object)

    def __init__(self, transcript: Transcript) -> None:
        super().__init__(transcript)
        self.navigator = MessageNavigator(transcript)
        self._transcript, self._text_selection = transcript, transcript.text_selection
        transcript.context.key_filter = self
        transcript.installEventFilter(self)

    def _handle_key(self, event: QKeyEvent, view: "MessageView | None", field: "BlockTextEdit | None" = None) -> bool:
        """Handle a key with the focus in `view`, or in its `field`. Return False if the key means nothing here."""
        stroke = event.key(), event.modifiers() & ~_KEYPAD
        if event.matches(QKeySequence.StandardKey.Copy):
            return self._copy(view)
        if event.matches(QKeySequence.StandardKey.SelectAll):
            return self._select_all(view)
        if stroke == (Qt.Key.Key_Escape, _NONE):
            return self._clear_selection(view)
        if view and field and self._extend_text(stroke, view, field):
            return True
        if stroke in _MESSAGE_STEPS:
            self._text_selection.clear()
            self.navigator.extend_selection(_MESSAGE_STEPS[stroke])
            return True
        return self._scroll(stroke) or self._type(event)

    def _type(self, event: QKeyEvent) -> bool:
        if not is_typing(event):
            return False
        self.typed.emit(event)
        return True

    def _scroll(self, stroke: Stroke) -> bool:
        bar, navigator = self._transcript.verticalScrollBar(), self.navigator
        if stroke == (Qt.Key.Key_Home, _NONE):
            navigator.go_to_start()
        elif stroke == (Qt.Key.Key_End, _NONE):
            navigator.go_to_end()
        elif action := _SCROLL_ACTIONS.get(stroke):
            bar.triggerAction(action)
        else:
            return False
        return True

    def _copy(self, view: "MessageView | None") -> bool:
        messages = self._transcript.selection
        if view and not messages.is_active and (selected := view.selection()):
            from phichat.ui.transcript.copying import selection_data  # noqa: PLC0415 - takes 10 ms: it imports Markdown

            copy_to_clipboard(selection_data(selected))
        elif messages.is_active:
            messages.copy()
        else:
            return False
        return True

    def _select_all(self, view: "MessageView | None") -> bool:
        """Select the text of `view`; if it is selected already, all messages."""
        if view is None or self._transcript.selection.is_active or not self._text_selection.select_all(view):
            self._text_selection.clear()
            self._transcript.selection.select_all()
        return True

    def _clear_selection(self, view: "MessageView | None") -> bool:
        if not self._has_selection(view):
            return False
        self._text_selection.clear()
        self._transcript.selection.clear()
        return True

    def _has_selection(self, view: "MessageView | None") -> bool:
        return self._transcript.selection.is_active or bool(view and self._text_selection.has_selection_in(view))

    def _extend_text(self, stroke: Stroke, view: "MessageView", field: "BlockTextEdit") -> bool:
        move = _TEXT_MOVES.get(stroke)
        if move is None or self._transcript.selection.is_active:
            return False
        if move not in _BEGINS_TEXT and not self._text_selection.has_selection_in(view):
            return False
        self._text_selection.extend(view, field, move)
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and watched is self._transcript:
            return self._filter_transcript(event)
        if isinstance(event, QKeyEvent):
            from phichat.ui.blocks.base import BlockTextEdit, BlockWidget  # noqa: PLC0415 - with the first message

            if isinstance(watched, BlockWidget) and watched.uses_key(event.key(), event.modifiers()):
                return False
            if event.type() is QEvent.Type.KeyPress and isinstance(watched, BlockTextEdit):
                stroke = event.key(), event.modifiers() & ~_KEYPAD
                view = self._transcript.view_containing(watched)
                return not _scrolls_itself(watched, stroke) and self._handle_key(event, view, watched)
        if isinstance(event, QFocusEvent) and event.gotFocus():
            self._on_focus(watched, event)
        return False

    def _filter_transcript(self, event: QKeyEvent) -> bool:
        view = self._transcript.focused_view
        is_escape = event.key() == Qt.Key.Key_Escape
        if event.type() is QEvent.Type.ShortcutOverride and is_escape and self._has_selection(view):
            event.accept()  # else Escape would stop the reply
            return True
        return event.type() is QEvent.Type.KeyPress and self._handle_key(event, view)

    def _on_focus(self, field: QObject, event: QFocusEvent) -> None:
        """Select messages from here on, unless the mouse was pressed: `TextSelection` handles that."""
        is_by_key = event.reason() is not Qt.FocusReason.MouseFocusReason
        if is_by_key and (view := self._transcript.view_containing(field)):
            self._transcript.selection.begin_at(view.message)


def _scrolls_itself(field: "BlockTextEdit", stroke: Stroke) -> bool:
    """Return whether `field`, such as long code, can scroll further in the key's direction."""
    action, bar = _SCROLL_ACTIONS.get(stroke), field.verticalScrollBar()
    if action is None:
        return False
    return bar.value() > bar.minimum() if action in _UPWARDS else bar.value() < bar.maximum()


class MessageNavigator(QObject):
    """Moves the focus from message to message.

    Signals: `moved_past_end`: the focus should leave the last message downwards.
    """

    moved_past_end = Signal()

    def __init__(self, transcript: Transcript) -> None:
        super().__init__(transcript)
        self._transcript = transcript

    def move_focus(self, step: int) -> None:
        """Focus the message `step` further or, from elsewhere, the first or last visible one.

        Messages in which nothing takes the focus yet, such as an answer without a word, are passed over.
        """
        self._transcript.selection.clear()
        index, count = self._target_index(step), len(self._transcript.path())
        while 0 <= index < count and not self._focus(index):
            index += step
        if count and index >= count:
            self.moved_past_end.emit()

    def _focus(self, index: int) -> bool:
        """Focus the message at `index`; return whether it has the focus now."""
        self._transcript.focus_message(index)
        view, focus = self._transcript.view(index), self._transcript.window().focusWidget()
        return bool(view and focus and view.isAncestorOf(focus))

    def extend_selection(self, step: int) -> None:
        """Select whole messages, from the one with the focus to the one `step` further, within the path."""
        path, selection = self._transcript.path(), self._transcript.selection
        if not path:
            return
        focused, last = self._transcript.focused_index(), selection.end_index()
        if focused >= 0:
            selection.begin_at(path[focused])
        index = min(max(last + step if last >= 0 else self._target_index(step), 0), len(path) - 1)
        selection.extend_to(index)
        self._transcript.focus_message(index)

    @Slot()
    def go_to_start(self) -> None:
        """Scroll to the first message; move the focus there if a message has it."""
        had_focus = self._transcript.focused_index() >= 0
        self._transcript.scroll_to_start()
        if had_focus:
            self._transcript.focus_message(0)

    @Slot()
    def go_to_end(self) -> None:
        """Scroll to the end and stay there; move the focus there if a message has it."""
        had_focus = self._transcript.focused_index() >= 0
        self._transcript.follow()
        if had_focus:
            self._transcript.focus_message(len(self._transcript.path()) - 1)
            self._transcript.follow()

    @Slot(int)
    def scroll_page(self, step: int) -> None:
        """Scroll by a page, up for -1."""
        action = QScrollBar.SliderAction
        self._transcript.verticalScrollBar().triggerAction(
            action.SliderPageStepAdd if step > 0 else action.SliderPageStepSub
        )

    def _target_index(self, step: int) -> int:
        focused = self._transcript.focused_index()
        if focused >= 0:
            return focused + step
        return self._transcript.first_visible() if step > 0 else self._transcript.last_visible()
