"""What can be done by key and by menu."""

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenuBar

from phichat.text import tr


class Actions:
    """The window's actions, which do nothing by themselves: who does it connects to each one's `triggered`."""

    def __init__(self, window: QMainWindow) -> None:
        self.sidebar = _action(window, tr("Conversations"), "Ctrl+B")
        self.panel = _action(window, tr("Settings"), "Ctrl+.")
        self.new = _action(window, tr("New conversation"), QKeySequence.StandardKey.New)
        self.open = _action(window, tr("Open a model file…"), QKeySequence.StandardKey.Open)
        self.models = _action(window, tr("Models…"), "Ctrl+Shift+M")
        self.quit = _action(window, tr("Quit"), QKeySequence.StandardKey.Quit)
        self.stop = _action(window, tr("Stop the answer"), "Escape")
        self.write = _action(window, tr("Write a message"), "Ctrl+L")
        for fold in (self.sidebar, self.panel):
            fold.setCheckable(True)
            fold.setChecked(True)

    def fill(self, bar: QMenuBar) -> None:
        """Put them into menus."""
        file = bar.addMenu(tr("&File"))
        file.addActions([self.new, self.open, self.models])
        file.addSeparator()
        file.addAction(self.quit)
        view = bar.addMenu(tr("&View"))
        view.addActions([self.sidebar, self.panel])
        chat = bar.addMenu(tr("&Conversation"))
        chat.addActions([self.write, self.stop])


def _action(window: QMainWindow, text: str, keys: str | QKeySequence.StandardKey) -> QAction:
    action = QAction(text, window)
    action.setShortcut(QKeySequence(keys))
    window.addAction(action)
    return action
