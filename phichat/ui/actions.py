"""The actions of the window, and its menus."""

import sys

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QLineEdit,
    QMainWindow,
    QMenu,
    QMenuBar,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)
from shiboken6 import isValid

from phichat.i18n import tr
from phichat.ui.undo import UndoStack
from phichat.unicode import shortened

LONGEST = 80  # letters of a change in the menu

TextField = QLineEdit | QTextEdit | QPlainTextEdit


class Actions(QObject):
    """Makes the window's actions; controllers connect to their `triggered`."""

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        keys = QKeySequence.StandardKey
        self.sidebar = _action(window, tr("Conversations"), "Ctrl+B")
        self.panel = _action(window, tr("Settings"), "Ctrl+.")
        self.new = _action(window, tr("New conversation"), keys.New)
        self.temporary = _action(window, tr("New temporary conversation"), "Ctrl+Shift+N")
        self.import_conversations = _action(window, tr("Import conversations…"))
        self.export = _action(window, tr("Export conversation…"), "Ctrl+Shift+E")
        self.export_all = _action(window, tr("Export all conversations…"))
        self.open = _action(window, tr("Open model file…"), keys.Open)
        self.models = _action(window, tr("Models…"), "Ctrl+Shift+M")
        self.delete_everything = _action(window, tr("Delete all conversations…"))
        self.quit = _action(window, tr("Quit"), keys.Quit)
        self.undo = _action(window, tr("Undo"), keys.Undo)
        self.redo = _action(window, tr("Redo"), keys.Redo)
        self.undo_change, self.redo_change = QAction(self), QAction(self)
        self._undo_actions: UndoActions | None = None
        self.find = _action(window, tr("Find in conversation…"), keys.Find)
        self.search = _action(window, tr("Search conversations"), "Ctrl+Shift+F")
        self.stop = _action(window, tr("Stop generating"), "Escape")
        self.answer_now = _action(window, tr("Answer now"), "Ctrl+Shift+A")
        self.focus_composer = _action(window, tr("Go to message field"), "Ctrl+L")
        self.prefill_draft = _action(window, tr("Process messages as you type"))
        self.larger = _action(window, tr("Increase text size"), keys.ZoomIn)
        plain = QKeySequence("Ctrl+=")  # on keyboards where plus is Shift+=, without Shift
        self.larger.setShortcuts([*(key for key in self.larger.shortcuts() if key != plain), plain])
        self.smaller = _action(window, tr("Decrease text size"), keys.ZoomOut)
        self.reset_text_size = _action(window, tr("Reset text size"), "Ctrl+0")
        # Not the standard keys elsewhere: KDE's are Ctrl+Shift+F, which searches here, and others list F11 twice.
        self.full_screen = _action(window, tr("Full screen"), keys.FullScreen if sys.platform == "darwin" else "F11")
        self.full_screen.setCheckable(True)
        self.lens = _action(window, tr("Show how sure the model was for all answers"), "Ctrl+Shift+L")
        self.lens.setObjectName("lensAction")
        self.next_hesitation = _action(window, tr("Next hesitation"), "F8")
        self.previous_hesitation = _action(window, tr("Previous hesitation"), "Shift+F8")
        self.score = _action(window, tr("Score text…"))
        self.preferences = _action(window, tr("Preferences…"), "Ctrl+,")
        self.preferences.setMenuRole(QAction.MenuRole.PreferencesRole)
        self.shortcuts = _action(window, tr("Keyboard shortcuts"))
        self.shortcuts.setShortcuts([QKeySequence("F1"), QKeySequence("Ctrl+/")])
        self.diagnostics = _action(window, tr("Copy diagnostic information"))
        self.logs = _action(window, tr("Show logs"))
        self.about = _action(window, tr("About Phichat"))
        self.about.setMenuRole(QAction.MenuRole.AboutRole)
        self.quit.setMenuRole(QAction.MenuRole.QuitRole)
        for switch in (self.sidebar, self.panel, self.prefill_draft):
            switch.setCheckable(True)
            switch.setChecked(True)
        self.lens.setCheckable(True)

    def fill_menu_bar(self, bar: QMenuBar) -> tuple[QMenu, QMenu, QMenu]:
        """Fill the menu bar; return the Edit, View and Conversation menus, for more entries."""
        file = bar.addMenu(tr("&File"))
        for group in (
            [self.new, self.temporary],
            [self.import_conversations, self.export, self.export_all],
            [self.open, self.models],
            [self.delete_everything],
        ):
            file.addActions(group)
            file.addSeparator()
        file.addAction(self.quit)
        edit = bar.addMenu(tr("&Edit"))
        edit.addActions([self.undo, self.redo, self.undo_change, self.redo_change])
        edit.aboutToShow.connect(self._on_edit_menu)
        edit.addSeparator()
        edit.addActions([self.find, self.search])
        edit.addSeparator()
        edit.addAction(self.preferences)
        view = bar.addMenu(tr("&View"))
        view.addActions([self.sidebar, self.panel])
        view.addSeparator()
        view.addActions([self.larger, self.smaller, self.reset_text_size, self.full_screen])
        view.addSeparator()
        view.addActions([self.lens, self.next_hesitation, self.previous_hesitation, self.score])
        chat = bar.addMenu(tr("&Conversation"))
        chat.addActions([self.focus_composer, self.answer_now, self.stop, self.prefill_draft])
        help_ = bar.addMenu(tr("&Help"))
        help_.addActions([self.shortcuts])
        help_.addSeparator()
        help_.addActions([self.diagnostics, self.logs])
        help_.addSeparator()
        help_.addAction(self.about)
        return edit, view, chat

    def connect_undo_stack(self, stack: UndoStack) -> None:
        """Connect Undo and Redo with `stack`, and show the texts of its commands."""
        self._undo_actions = UndoActions(self, stack)

    @Slot()
    def _on_edit_menu(self) -> None:
        if self._undo_actions:
            self._undo_actions.refresh()


class UndoActions(QObject):
    """Undo and Redo: of typing in the text field that has the focus, else of the last change on the `stack`.

    A text field takes the keys itself, even if nothing was typed, so that they undo nothing but typing there. While one
    has the focus, the change on the stack has an entry of its own in the menu, without keys.
    """

    def __init__(self, actions: Actions, stack: UndoStack) -> None:
        super().__init__(actions)
        self._actions, self._stack = actions, stack
        self._field: TextField | None = None
        for action in (actions.undo, actions.redo):
            action.setData(action.text())  # which stays, for the list of shortcuts
        actions.undo.triggered.connect(self._on_undo)
        actions.redo.triggered.connect(self._on_redo)
        actions.undo_change.triggered.connect(stack.undo)
        actions.redo_change.triggered.connect(stack.redo)
        for changed in (stack.undoTextChanged, stack.redoTextChanged, stack.indexChanged):
            changed.connect(self.refresh)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._on_focus)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show what can be undone, and made again, now."""
        actions, stack = self._actions, self._stack
        undo, redo = tr("Undo: {change}"), tr("Redo: {change}")
        typing = (self._can_undo_typing(), self._can_redo_typing()) if self._has_field() else (None, None)
        _show(actions.undo, actions.undo_change, undo, stack.undoText(), typing[0])
        _show(actions.redo, actions.redo_change, redo, stack.redoText(), typing[1])

    def _has_field(self) -> bool:
        return self._field is not None and isValid(self._field)

    def _can_undo_typing(self) -> bool:
        field = self._field
        if field is None or not isValid(field):
            return False
        return field.isUndoAvailable() if isinstance(field, QLineEdit) else field.document().isUndoAvailable()

    def _can_redo_typing(self) -> bool:
        field = self._field
        if field is None or not isValid(field):
            return False
        return field.isRedoAvailable() if isinstance(field, QLineEdit) else field.document().isRedoAvailable()

    @Slot(QWidget, QWidget)
    def _on_focus(self, _: QWidget | None, now: QWidget | None) -> None:
        if now and not isinstance(now, QMenu | QMenuBar):  # else the field gets the focus back
            self._field = _editable_field(now)
            self.refresh()

    @Slot()
    def _on_undo(self) -> None:
        if self._field and isValid(self._field):
            self._field.undo()
        else:
            self._stack.undo()

    @Slot()
    def _on_redo(self) -> None:
        if self._field and isValid(self._field):
            self._field.redo()
        else:
            self._stack.redo()


def _show(action: QAction, of_change: QAction, label: str, change: str, can_type: bool | None) -> None:
    """Have `action` name the change on the stack or, in a text field, `of_change` beside it.

    `can_type` says whether there is typing to undo, or redo, in the text field with the focus; None without one.
    """
    change = shortened(change.removesuffix("."), LONGEST).replace("&", "&&")
    named, in_field = label.format(change=change), can_type is not None
    action.setText(action.data() if in_field or not change else named)
    action.setEnabled(can_type if can_type is not None else bool(change))
    of_change.setText(named)
    of_change.setVisible(in_field and bool(change))


def text_field_of(widget: QWidget | None) -> TextField | None:
    """Return the text field that `widget` is or, as a spin box, contains."""
    found = widget.findChild(QLineEdit) if isinstance(widget, QAbstractSpinBox) else widget
    return found if isinstance(found, QLineEdit | QTextEdit | QPlainTextEdit) else None


def _editable_field(widget: QWidget) -> TextField | None:
    found = text_field_of(widget)
    return found if found and not found.isReadOnly() else None


def _action(window: QMainWindow, text: str, keys: str | QKeySequence.StandardKey = "") -> QAction:
    action = QAction(text, window)
    action.setShortcut(QKeySequence(keys))
    window.addAction(action)
    return action
