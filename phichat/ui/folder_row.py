"""A folder in the preferences: where it is, and buttons that show it and choose another one."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from phichat.i18n import tr
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.plain_text import plain_label


class FolderRow(QWidget):
    """Shows a folder called `what`; with `can_change`, another one can be chosen.

    Signals: `opened(Path)` to see it, `change_wanted` for another one, `own_wanted` for the one there was first.
    """

    opened = Signal(Path)
    change_wanted = Signal()
    own_wanted = Signal()

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
        self._change = self._button(name + "Change", tr("Change…"), self.change_wanted)
        self._own = self._button(name + "Own", tr("Use Phichat’s own"), self.own_wanted)
        for button in (self._open, self._change, self._own):
            buttons.addWidget(button)
        buttons.addStretch()
        self._change.setVisible(can_change)
        self._own.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._path)
        layout.addLayout(buttons)

    def show_folder(self, folder: Path, *, is_ours: bool = True) -> None:
        """It is at `folder`, which is the first one if it `is_ours`."""
        self._folder = folder
        # A label breaks after these.
        self._path.setText("".join(char + "\N{ZERO WIDTH SPACE}" if char in "/\\" else char for char in str(folder)))
        self._path.setAccessibleDescription(str(folder))
        self._own.setVisible(not is_ours)

    @Slot()
    def _on_open(self) -> None:
        self.opened.emit(self._folder)

    def _button(self, name: str, text: str, slot: object) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setAutoDefault(False)
        button.clicked.connect(slot)
        self._theme.dress(button, "small")
        return button
