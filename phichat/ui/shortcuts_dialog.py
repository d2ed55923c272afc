"""All keys that do something, made of the actions there are."""

from collections.abc import Iterable

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHeaderView, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from phichat.text import later, tr
from phichat.ui.lettering import scaled
from phichat.ui.theme import Theme

OTHERS = (
    ("Enter", later("Sends the message")),
    ("Shift+Enter", later("Begins a new line")),
    ("Tab", later("Goes on to the next button or field")),
    ("Alt+Left", later("Shows the previous version of a message")),
    ("Alt+Right", later("Shows the next version of a message")),
    ("F2", later("Renames the conversation chosen in the list")),
    ("Delete", later("Deletes the conversation chosen in the list")),
    ("Shift+Down", later("Selects messages as well, from one to the next")),
    ("Ctrl+C", later("Copies what is selected")),
    ("Shift+F10", later("Opens the menu of what has the focus")),
)
"""What is done by widgets and not by actions."""


class ShortcutsDialog(QDialog):
    """Lists `actions` with their keys, in the order they have."""

    def __init__(self, theme: Theme, actions: Iterable[QAction], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("shortcutsDialog")
        self.setWindowTitle(tr("Keyboard shortcuts"))
        self.setAccessibleName(tr("Keyboard shortcuts"))
        self._list = QTreeWidget()
        self._list.setObjectName("shortcutsList")
        self._list.setAccessibleName(tr("Keyboard shortcuts"))
        self._list.setColumnCount(2)
        self._list.setHeaderLabels([tr("Key"), tr("What it does")])
        self._list.setRootIsDecorated(False)
        self._list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        for keys, what in [*_of_actions(actions), *_of_others()]:
            self._list.addTopLevelItem(QTreeWidgetItem([keys, what]))
        self._list.setCurrentIndex(self._list.model().index(0, 0))
        theme.dress(self._list, "table")
        layout = QVBoxLayout(self)
        layout.addWidget(self._list)
        layout.addWidget(closing(self, theme))
        self.resize(scaled(520), scaled(520))


def closing(dialog: QDialog, theme: Theme) -> QDialogButtonBox:
    """A row with the button that closes `dialog`."""
    box = QDialogButtonBox()
    button = box.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
    button.setObjectName("closeButton")
    box.rejected.connect(dialog.reject)
    theme.dress(button, "button")
    return box


def _of_actions(actions: Iterable[QAction]) -> list[tuple[str, str]]:
    native = QKeySequence.SequenceFormat.NativeText
    rows = []
    for action in actions:
        text = action.text().replace("&&", "\0").replace("&", "").replace("\0", "&").rstrip("…")
        if text and not action.shortcut().isEmpty():
            rows.append((", ".join(dict.fromkeys(key.toString(native) for key in action.shortcuts())), text))
    return rows


def _of_others() -> list[tuple[str, str]]:
    native = QKeySequence.SequenceFormat.NativeText
    return [(QKeySequence(keys).toString(native), tr(what)) for keys, what in OTHERS]
