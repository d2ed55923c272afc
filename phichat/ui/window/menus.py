"""The entries of the Edit menu for whatever has the focus, and those of the Conversation menu for what is shown."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QKeyCombination, QObject, Qt, Slot
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QLineEdit,
    QMenu,
    QMenuBar,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)
from shiboken6 import isValid

from phichat.i18n import tr
from phichat.ui.actions import Actions, TextField, text_field_of
from phichat.ui.controllers.conversations import Conversations
from phichat.ui.sidebar.sidebar import Sidebar


class EditMenu(QObject):
    """Adds Cut, Copy, Paste and Select All to `menu`, before the action `before`.

    Each does in the widget with the focus what its keys do there: the widget gets the key. So the keys stay those of
    the widget, and the menu only names them. `can_copy` returns whether a message has something selected.
    """

    def __init__(self, menu: QMenu, before: QAction, can_copy: Callable[[], bool], parent: QObject) -> None:
        super().__init__(parent)
        self._can_copy = can_copy
        self._widget: QWidget | None = None
        keys = QKeySequence.StandardKey
        self._actions = {
            key: self._make_action(label, key)
            for key, label in (
                (keys.Cut, tr("Cut")),
                (keys.Copy, tr("Copy")),
                (keys.Paste, tr("Paste")),
                (keys.SelectAll, tr("Select all")),
            )
        }
        menu.insertActions(before, list(self._actions.values()))
        menu.insertSeparator(before)
        menu.aboutToShow.connect(self.refresh)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._on_focus)

    @Slot()
    def refresh(self) -> None:
        """Enable what the widget with the focus can do now."""
        widget, field, keys = self._target(), self._field(), QKeySequence.StandardKey
        is_writable = field is not None and not field.isReadOnly()
        is_list = isinstance(widget, QAbstractItemView)
        has_selection = field is not None and _has_selection(field)
        can_copy = has_selection or (not is_writable and self._can_copy()) or (is_list and _has_current(widget))
        self._actions[keys.Cut].setEnabled(is_writable and has_selection)
        self._actions[keys.Copy].setEnabled(can_copy)
        self._actions[keys.Paste].setEnabled(is_writable and _can_paste(field))
        self._actions[keys.SelectAll].setEnabled(is_list or (field is not None and _has_text(field)))

    def _make_action(self, label: str, key: QKeySequence.StandardKey) -> QAction:
        action = QAction(label, self)
        action.setShortcut(QKeySequence(key))
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)  # shown, and left to the widget with the focus
        action.triggered.connect(self._on_triggered)
        return action

    def _target(self) -> QWidget | None:
        return self._widget if self._widget and isValid(self._widget) and self._widget.isVisible() else None

    def _field(self) -> TextField | None:
        return text_field_of(self._target())

    @Slot(QWidget, QWidget)
    def _on_focus(self, _: QWidget | None, now: QWidget | None) -> None:
        if now and not isinstance(now, QMenu | QMenuBar):  # else the widget gets the focus back
            self._widget = now

    @Slot()
    def _on_triggered(self) -> None:
        key = next((key for key, action in self._actions.items() if action is self.sender()), None)
        if key and (widget := self._target()):
            sequence: Any = QKeySequence(key)  # whose index operator PySide does not declare
            stroke: QKeyCombination = sequence[0]
            event = QKeyEvent(QEvent.Type.KeyPress, stroke.key(), stroke.keyboardModifiers())
            QGuiApplication.sendEvent(widget, event)


def _has_selection(field: TextField) -> bool:
    return field.hasSelectedText() if isinstance(field, QLineEdit) else field.textCursor().hasSelection()


def _has_current(view: QWidget | None) -> bool:
    return isinstance(view, QAbstractItemView) and view.currentIndex().isValid()


def _can_paste(field: TextField | None) -> bool:
    if isinstance(field, QTextEdit | QPlainTextEdit):
        return field.canPaste()
    return bool(QGuiApplication.clipboard().text())


def _has_text(field: TextField) -> bool:
    return bool(field.text()) if isinstance(field, QLineEdit) else not field.document().isEmpty()


class ConversationMenu(QObject):
    """Adds Rename, Pin, Export and Delete to `menu`, for the conversation that is shown."""

    def __init__(
        self, menu: QMenu, actions: Actions, sidebar: Sidebar, conversations: Conversations, window: QWidget
    ) -> None:
        super().__init__(window)
        self._commands, self._sidebar, self._conversations = actions, sidebar, conversations
        self._rename = self._make_action(window, tr("Rename…"), "F2", self._on_rename)
        self._pin = self._make_action(window, tr("Pin"), "Ctrl+D", self._on_pin)
        # Without keys: those that delete are pressed in text fields, too, where they mean words.
        self._delete = self._make_action(window, tr("Delete conversation"), "", self._on_delete)
        menu.addSeparator()
        menu.addActions([self._rename, self._pin, actions.export])
        menu.addSeparator()
        menu.addAction(self._delete)
        model = conversations.list_model
        for changed in (model.dataChanged, model.layoutChanged, model.rowsInserted, model.rowsRemoved):
            changed.connect(self.refresh)
        conversations.current.session_changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Enable what can be done with the conversation that is shown now: nothing before it is in the list."""
        summary = self._conversations.list_model.summary(self._shown())
        for action in (self._rename, self._pin, self._delete):
            action.setEnabled(summary is not None)
        self._pin.setText(tr("Unpin") if summary and summary.is_pinned else tr("Pin"))

    def _make_action(self, window: QWidget, label: str, keys: str, slot: Callable[[], None]) -> QAction:
        action = QAction(label, window)
        action.setShortcut(QKeySequence(keys))
        action.triggered.connect(slot)
        window.addAction(action)
        return action

    def _shown(self) -> str:
        return self._conversations.current.session.conversation.id

    @Slot()
    def _on_rename(self) -> None:
        self._commands.sidebar.setChecked(True)
        self._sidebar.rename(self._shown())

    @Slot()
    def _on_pin(self) -> None:
        if summary := self._conversations.list_model.summary(self._shown()):
            self._conversations.commands.pin(summary.id, not summary.is_pinned)

    @Slot()
    def _on_delete(self) -> None:
        self._conversations.commands.delete([self._shown()])
