"""The actions for messages and for the find bar: their shortcuts, and their entries in menus."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from phichat.chat.conversation import Role
from phichat.chat.sampling import repeated
from phichat.chat.session import sampling_of
from phichat.i18n import tr
from phichat.ui.chat.message_commands import MessageCommands
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript.keyboard import MessageNavigator
from phichat.ui.transcript.transcript import Transcript

if TYPE_CHECKING:
    from phichat.ui.transcript.find_bar import FindBar


class MessageShortcuts(QObject):
    """The actions and shortcuts for messages and for the find bar."""

    def __init__(
        self,
        window: QWidget,
        theme: Theme,
        transcript: Transcript,
        navigator: MessageNavigator,
        message_commands: MessageCommands,
    ) -> None:
        super().__init__(window)
        self._navigator = navigator
        self._theme, self._transcript, self._signals = theme, transcript, transcript.context.signals
        self._bar: FindBar | None = None
        self._retry = _action(window, tr("Regenerate"), "Ctrl+R", self._on_retry)
        self._several = _action(window, tr("Generate three answers"), "", self._on_several)
        self._continue = _action(window, tr("Continue answer"), "Ctrl+Shift+Return", self._on_continue)
        self._edit = _action(window, tr("Edit message"), "Ctrl+E", self._on_edit)
        self._quote = _action(window, tr("Quote in message"), "Ctrl+Shift+R", self._on_quote)
        self._pin = _action(window, tr("Pin or unpin message"), "Ctrl+Shift+P", self._on_pin)
        self._copy = _action(window, tr("Copy conversation"), "Ctrl+Shift+C", message_commands.copy_conversation)
        self._next = _action(window, tr("Find next"), "F3", self._on_next)
        self._previous = _action(window, tr("Find previous"), "Shift+F3", self._on_previous)
        self._up = _action(window, tr("Previous message"), "Alt+Up", self._on_up)
        self._down = _action(window, tr("Next message"), "Alt+Down", self._on_down)
        self._start = _action(window, tr("Go to beginning"), "Ctrl+Home", self._on_start)
        self._end = _action(window, tr("Go to end"), "Ctrl+End", self._on_end)
        for keys, slot in (("Alt+Shift+Up", self._on_extend_up), ("Alt+Shift+Down", self._on_extend_down)):
            _action(window, "", keys, slot)
        for keys, slot in (("Alt+Left", self._on_left), ("Alt+Right", self._on_right)):
            action = _action(transcript, "", keys, slot)
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)

    def fill(self, edit: QMenu, view: QMenu, chat: QMenu, *, before: QAction) -> None:
        """Add the actions to menus, those to find something `before` another entry of the Edit menu."""
        edit.insertActions(before, [self._next, self._previous])
        view.addSeparator()
        view.addActions([self._start, self._up, self._down, self._end])
        chat.addSeparator()
        chat.addActions(self._for_messages())
        chat.aboutToShow.connect(self._show_what_can_be_done)
        chat.aboutToHide.connect(self._enable_all)

    @Slot()
    def _show_what_can_be_done(self) -> None:
        """Disable what there is nothing for, while the menu is open: keys find that out by themselves."""
        transcript = self._transcript
        reply, message = transcript.target_view(Role.ASSISTANT), transcript.target_view()
        for action, can in (
            (self._retry, reply),
            (self._several, reply and sampling_of(reply.message).temperature > 0),
            (self._continue, reply and reply.can_continue()),
            (self._edit, transcript.target_view(Role.USER)),
            (self._quote, message),
            (self._pin, message and message.message.text),
            (self._copy, message),
        ):
            action.setEnabled(bool(can))

    @Slot()
    def _enable_all(self) -> None:
        for action in self._for_messages():
            action.setEnabled(True)

    def _for_messages(self) -> list[QAction]:
        return [self._retry, self._several, self._continue, self._edit, self._quote, self._pin, self._copy]

    @Slot()
    def find(self) -> None:
        """Open the find bar."""
        self._signals.conversation_needed.emit()
        if self._transcript.isVisible():
            self._find_bar().open()

    def _find_bar(self) -> "FindBar":
        if self._bar is None:
            from phichat.ui.transcript.find_bar import FindBar  # noqa: PLC0415 - takes 20 ms: it imports Markdown

            self._bar = FindBar(self._theme, self._transcript)
        return self._bar

    @Slot()
    def _on_next(self) -> None:
        self._signals.conversation_needed.emit()
        if self._transcript.isVisible():
            self._find_bar().find_next()

    @Slot()
    def _on_previous(self) -> None:
        self._signals.conversation_needed.emit()
        if self._transcript.isVisible():
            self._find_bar().find_previous()

    @Slot()
    def _on_retry(self) -> None:
        if view := self._transcript.target_view(Role.ASSISTANT):
            self._signals.retry_requested.emit(view.message)

    @Slot()
    def _on_several(self) -> None:
        if view := self._transcript.target_view(Role.ASSISTANT):
            self._signals.several_requested.emit(view.message, repeated(sampling_of(view.message)))

    @Slot()
    def _on_continue(self) -> None:
        if (view := self._transcript.target_view(Role.ASSISTANT)) and view.can_continue():
            self._signals.continue_requested.emit(view.message)

    @Slot()
    def _on_edit(self) -> None:
        self._signals.conversation_needed.emit()
        if view := self._transcript.target_view(Role.USER):
            view.edit()

    @Slot()
    def _on_quote(self) -> None:
        view = self._transcript.target_view()
        selected = view.selection() if view else None
        if view and (text := selected.text if selected else view.message.text):
            self._signals.quote_requested.emit(text)

    @Slot()
    def _on_pin(self) -> None:
        self._signals.conversation_needed.emit()
        if (view := self._transcript.target_view()) and view.message.text:
            self._signals.pin_requested.emit(view.message)

    @Slot()
    def _on_left(self) -> None:
        self._transcript.switch_version(1 if self._transcript.isRightToLeft() else -1)

    @Slot()
    def _on_right(self) -> None:
        self._transcript.switch_version(-1 if self._transcript.isRightToLeft() else 1)

    @Slot()
    def _on_up(self) -> None:
        self._signals.conversation_needed.emit()
        self._navigator.move_focus(-1)

    @Slot()
    def _on_down(self) -> None:
        self._signals.conversation_needed.emit()
        self._navigator.move_focus(1)

    @Slot()
    def _on_start(self) -> None:
        self._signals.conversation_needed.emit()
        self._navigator.go_to_start()

    @Slot()
    def _on_end(self) -> None:
        self._signals.conversation_needed.emit()
        self._navigator.go_to_end()

    @Slot()
    def _on_extend_up(self) -> None:
        self._signals.conversation_needed.emit()
        self._navigator.extend_selection(-1)

    @Slot()
    def _on_extend_down(self) -> None:
        self._signals.conversation_needed.emit()
        self._navigator.extend_selection(1)


def _action(widget: QWidget, text: str, keys: str, slot: Callable[[], None]) -> QAction:
    action = QAction(text, widget)
    action.setShortcut(QKeySequence(keys))
    action.triggered.connect(slot)
    widget.addAction(action)
    return action
