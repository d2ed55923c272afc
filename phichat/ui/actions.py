"""The actions of the window, and its menus."""

import sys

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu, QMenuBar

from phichat.i18n import tr
from phichat.ui.undo import UndoStack


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
        self.export = _action(window, tr("Export this conversation…"), "Ctrl+Shift+E")
        self.export_all = _action(window, tr("Export all…"))
        self.open = _action(window, tr("Open a model file…"), keys.Open)
        self.models = _action(window, tr("Models…"), "Ctrl+Shift+M")
        self.delete_everything = _action(window, tr("Delete everything…"))
        self.quit = _action(window, tr("Quit"), keys.Quit)
        self.undo = _action(window, tr("Undo"), keys.Undo)
        self.redo = _action(window, tr("Redo"), keys.Redo)
        self.find = _action(window, tr("Find in this conversation…"), keys.Find)
        self.search = _action(window, tr("Search all conversations"), "Ctrl+Shift+F")
        self.stop = _action(window, tr("Stop the answer"), "Escape")
        self.focus_composer = _action(window, tr("Write a message"), "Ctrl+L")
        self.prefill_draft = _action(window, tr("Read along while I write"))
        self.larger = _action(window, tr("Larger text"), keys.ZoomIn)
        plain = QKeySequence("Ctrl+=")  # on keyboards where plus is Shift+=, without Shift
        self.larger.setShortcuts([*(key for key in self.larger.shortcuts() if key != plain), plain])
        self.smaller = _action(window, tr("Smaller text"), keys.ZoomOut)
        self.reset_text_size = _action(window, tr("Usual text size"), "Ctrl+0")
        # Not the standard keys elsewhere: KDE's are Ctrl+Shift+F, which searches here, and others list F11 twice.
        self.full_screen = _action(window, tr("Full screen"), keys.FullScreen if sys.platform == "darwin" else "F11")
        self.full_screen.setCheckable(True)
        self.preferences = _action(window, tr("Preferences…"), "Ctrl+,")
        self.preferences.setMenuRole(QAction.MenuRole.PreferencesRole)
        self.shortcuts = _action(window, tr("Keyboard shortcuts"))
        self.shortcuts.setShortcuts([QKeySequence("F1"), QKeySequence("Ctrl+/")])
        self.diagnostics = _action(window, tr("Copy diagnostics"))
        self.logs = _action(window, tr("Show logs"))
        self.about = _action(window, tr("About Phichat"))
        self.about.setMenuRole(QAction.MenuRole.AboutRole)
        self.quit.setMenuRole(QAction.MenuRole.QuitRole)
        for switch in (self.sidebar, self.panel, self.prefill_draft):
            switch.setCheckable(True)
            switch.setChecked(True)

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
        edit.addActions([self.undo, self.redo])
        edit.addSeparator()
        edit.addActions([self.find, self.search])
        edit.addSeparator()
        edit.addAction(self.preferences)
        view = bar.addMenu(tr("&View"))
        view.addActions([self.sidebar, self.panel])
        view.addSeparator()
        view.addActions([self.larger, self.smaller, self.reset_text_size, self.full_screen])
        chat = bar.addMenu(tr("&Conversation"))
        chat.addActions([self.focus_composer, self.stop, self.prefill_draft])
        help_ = bar.addMenu(tr("&Help"))
        help_.addActions([self.shortcuts])
        help_.addSeparator()
        help_.addActions([self.diagnostics, self.logs])
        help_.addSeparator()
        help_.addAction(self.about)
        return edit, view, chat

    def connect_undo_stack(self, stack: UndoStack) -> None:
        """Connect Undo and Redo with `stack`, and show the texts of its commands."""
        self.undo.triggered.connect(stack.undo)
        self.redo.triggered.connect(stack.redo)
        stack.canUndoChanged.connect(self.undo.setEnabled)
        stack.canRedoChanged.connect(self.redo.setEnabled)
        stack.undoTextChanged.connect(self._on_undo_text)
        stack.redoTextChanged.connect(self._on_redo_text)
        self.undo.setEnabled(stack.canUndo())
        self.redo.setEnabled(stack.canRedo())

    @Slot(str)
    def _on_undo_text(self, text: str) -> None:
        self.undo.setText(tr("Undo: {what}").format(what=text.replace("&", "&&")) if text else tr("Undo"))

    @Slot(str)
    def _on_redo_text(self, text: str) -> None:
        self.redo.setText(tr("Redo: {what}").format(what=text.replace("&", "&&")) if text else tr("Redo"))


def _action(window: QMainWindow, text: str, keys: str | QKeySequence.StandardKey = "") -> QAction:
    action = QAction(text, window)
    action.setShortcut(QKeySequence(keys))
    window.addAction(action)
    return action
