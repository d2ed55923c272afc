"""The row of a folder in the preferences: where it is, and buttons to open and to change it."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from phichat.i18n import tr
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import push_button
from phichat.ui.widgets.foreign_text import plain_label


class FolderRow(QWidget):
    """Shows a folder, `what` for short; with `can_change`, offers to choose another one.

    Signals: `opened(Path)` to show it in the file manager, `change_requested` to choose another folder,
    `own_requested` to go back to the default one.
    """

    opened = Signal(Path)
    change_requested = Signal()
    own_requested = Signal()

    def __init__(self, theme: Theme, name: str, what: str, *, can_change: bool = False) -> None:
        super().__init__()
        self._theme, self._folder = theme, Path()
        self._path = plain_label()
        self._path.setObjectName(name)
        self._path.setAccessibleName(what)
        self._path.setWordWrap(True)
        self._path.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        buttons = QHBoxLayout()
        self._open = self._button(name + "Open", tr("Open folder"), self._on_open)
        self._change = self._button(name + "Change", tr("Change…"), self.change_requested)
        self._own = self._button(name + "Own", tr("Use default folder"), self.own_requested)
        for button in (self._open, self._change, self._own):
            buttons.addWidget(button)
        buttons.addStretch()
        self._change.setVisible(can_change)
        self._own.hide()
        layout = QVBoxLayout(self)
        # QFormLayout centers a label in 7/4 of its height, as beside a field.
        layout.setContentsMargins(0, self._path.fontMetrics().height() * 3 // 8, 0, 0)
        layout.addWidget(self._path)
        layout.addLayout(buttons)

    def show_folder(self, folder: Path, *, is_ours: bool = True) -> None:
        """Show `folder`; `is_ours` if it is the default one."""
        self._folder = folder
        self._path.show_path(folder)
        self._path.setAccessibleDescription(str(folder))
        self._own.setVisible(not is_ours)

    @Slot()
    def _on_open(self) -> None:
        self.opened.emit(self._folder)

    def _button(self, name: str, text: str, slot: object) -> QPushButton:
        button = push_button(name, text)
        button.clicked.connect(slot)
        self._theme.apply_stylesheet(button, "small")
        return button
