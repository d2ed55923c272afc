"""What can be done with messages by key and by menu: with the one that has the focus, or else with the last."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from phichat.chat.conversation import Role
from phichat.i18n import tr
from phichat.ui.acting import Acting
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript.keyboard import MessageNavigator
from phichat.ui.transcript.transcript import Transcript

if TYPE_CHECKING:
    from phichat.ui.transcript.find_bar import FindBar


class MessageKeys(QObject):
    """Emits the transcript's signals for keys, and opens the bar in which words are looked for."""

    def __init__(
        self, window: QWidget, theme: Theme, transcript: Transcript, walking: MessageNavigator, acting: Acting
    ) -> None:
        super().__init__(window)
        self._walking = walking
        self._theme, self._transcript, self._signals = theme, transcript, transcript.context.signals
        self._bar: FindBar | None = None
        self._retry = _action(window, tr("Answer again"), "Ctrl+R", self._on_retry)
        self._continue = _action(window, tr("Continue the answer"), "Ctrl+Shift+Return", self._on_continue)
        self._edit = _action(window, tr("Edit the question"), "Ctrl+E", self._on_edit)
        self._quote = _action(window, tr("Quote in your message"), "Ctrl+Shift+R", self._on_quote)
        self._pin = _action(window, tr("Pin or unpin the message"), "Ctrl+Shift+P", self._on_pin)
        self._copy = _action(window, tr("Copy the conversation"), "Ctrl+Shift+C", acting.copy_conversation)
        self._next = _action(window, tr("Find the next place"), "F3", self._on_next)
        self._previous = _action(window, tr("Find the place before"), "Shift+F3", self._on_previous)
        self._up = _action(window, tr("Message before"), "Alt+Up", self._on_up)
        self._down = _action(window, tr("Message after"), "Alt+Down", self._on_down)
        self._start = _action(window, tr("Go to the beginning"), "Ctrl+Home", walking.go_to_start)
        self._end = _action(window, tr("Go to the end"), "Ctrl+End", walking.go_to_end)
        for keys, slot in (("Alt+Shift+Up", self._on_further_up), ("Alt+Shift+Down", self._on_further_down)):
            _action(window, "", keys, slot)
        for keys, slot in (("Alt+Left", self._on_left), ("Alt+Right", self._on_right)):
            action = _action(transcript, "", keys, slot)
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)

    def fill(self, edit: QMenu, view: QMenu, chat: QMenu) -> None:
        """Put them into menus."""
        edit.addActions([self._next, self._previous])
        view.addSeparator()
        view.addActions([self._start, self._up, self._down, self._end])
        chat.addSeparator()
        chat.addActions([self._retry, self._continue, self._edit, self._quote, self._pin, self._copy])

    @Slot()
    def find(self) -> None:
        """Open the bar."""
        if self._transcript.isVisible():
            self._find_bar().come()

    def _find_bar(self) -> "FindBar":
        if self._bar is None:
            from phichat.ui.transcript.find_bar import FindBar  # noqa: PLC0415 - when something is looked for

            self._bar = FindBar(self._theme, self._transcript)
        return self._bar

    @Slot()
    def _on_next(self) -> None:
        if self._transcript.isVisible():
            self._find_bar().next()

    @Slot()
    def _on_previous(self) -> None:
        if self._transcript.isVisible():
            self._find_bar().previous()

    @Slot()
    def _on_retry(self) -> None:
        if view := self._transcript.target(Role.ASSISTANT):
            self._signals.retried.emit(view.message)

    @Slot()
    def _on_continue(self) -> None:
        if (view := self._transcript.target(Role.ASSISTANT)) and view.can_go_on():
            self._signals.continued.emit(view.message)

    @Slot()
    def _on_edit(self) -> None:
        if view := self._transcript.target(Role.USER):
            view.edit()

    @Slot()
    def _on_quote(self) -> None:
        if view := self._transcript.target():
            selected = view.selected()
            self._signals.quoted.emit(selected.text if selected else view.message.text)

    @Slot()
    def _on_pin(self) -> None:
        if (view := self._transcript.target()) and view.message.text:
            self._signals.pinned.emit(view.message)

    @Slot()
    def _on_left(self) -> None:
        self._transcript.turn(1 if self._transcript.isRightToLeft() else -1)

    @Slot()
    def _on_right(self) -> None:
        self._transcript.turn(-1 if self._transcript.isRightToLeft() else 1)

    @Slot()
    def _on_up(self) -> None:
        self._walking.walk(-1)

    @Slot()
    def _on_down(self) -> None:
        self._walking.walk(1)

    @Slot()
    def _on_further_up(self) -> None:
        self._walking.extend(-1)

    @Slot()
    def _on_further_down(self) -> None:
        self._walking.extend(1)


def _action(widget: QWidget, text: str, keys: str, slot: Callable[[], None]) -> QAction:
    action = QAction(text, widget)
    action.setShortcut(QKeySequence(keys))
    action.triggered.connect(slot)
    widget.addAction(action)
    return action
