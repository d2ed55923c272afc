"""The shortcuts dialog: the keys of the menus, and those of places in the window."""

from collections.abc import Iterable, Iterator

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QHeaderView,
    QMenu,
    QMenuBar,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from phichat.i18n import tr
from phichat.ui.theme.scaling import resize_window
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.dialogs import close_button_box

Row = tuple[str, str]
_NATIVE = QKeySequence.SequenceFormat.NativeText


class ShortcutsDialog(QDialog):
    """Lists the shortcuts in groups, one for each menu of `bar` and for each place."""

    def __init__(self, theme: Theme, bar: QMenuBar, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("shortcutsDialog")
        self.setWindowTitle(tr("Keyboard shortcuts"))
        self.setAccessibleName(tr("Keyboard shortcuts"))
        self._list = QTreeWidget()
        self._list.setObjectName("shortcutsList")
        self._list.setAccessibleName(tr("Keyboard shortcuts"))
        self._list.setColumnCount(2)
        self._list.setHeaderLabels([tr("Action"), tr("Shortcut")])
        self._list.setRootIsDecorated(False)
        self._list.setItemsExpandable(False)
        self._list.setIndentation(12)
        self._list.header().setStretchLastSection(False)
        self._list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        for heading, rows in groups(bar):
            self._add_group(heading, rows)
        self._list.setCurrentIndex(self._list.model().index(0, 0))
        theme.apply_stylesheet(self._list, "table")
        layout = QVBoxLayout(self)
        layout.addWidget(self._list)
        layout.addWidget(close_button_box(self))
        resize_window(self, 600, 560)

    def _add_group(self, heading: str, rows: Iterable[Row]) -> None:
        top = QTreeWidgetItem([heading])
        font = top.font(0)
        font.setBold(True)
        top.setFont(0, font)
        top.addChildren([QTreeWidgetItem(list(row)) for row in rows])
        self._list.addTopLevelItem(top)
        top.setExpanded(True)


def groups(bar: QMenuBar) -> list[tuple[str, list[Row]]]:
    """Return title and rows of each group: one for each menu of `bar`, then one for each place in the window."""
    menus = [(_without_mnemonic(menu.title()), list(_actions(menu))) for menu in map(_menu, bar.actions()) if menu]
    return [group for group in [*menus, *_places()] if group[1]]


def _menu(action: object) -> QMenu | None:
    found = action.menu() if hasattr(action, "menu") else None
    return found if isinstance(found, QMenu) else None


def _actions(menu: QMenu) -> Iterator[Row]:
    for action in menu.actions():
        if inside := _menu(action):
            yield from _actions(inside)
        elif action.shortcuts():
            yield _without_mnemonic(action.data() or action.text()), _keys(*action.shortcuts())


def _places() -> list[tuple[str, list[Row]]]:
    """Return the keys that widgets handle themselves, and that no action has."""
    return [
        (
            tr("Anywhere"),
            [
                (tr("Go to the next control"), _keys("Tab")),
                (tr("Open the context menu"), _keys("Shift+F10")),
            ],
        ),
        (
            tr("In the message field"),
            [
                (tr("Send"), _keys("Return")),
                (tr("Insert a line break"), _keys("Shift+Return")),
            ],
        ),
        (
            tr("In the conversation"),
            [
                (tr("Scroll"), _keys("Up", "Down", "PgUp", "PgDown")),
                (tr("Go to beginning or end"), _keys("Home", "End")),
                (tr("Select words in a message"), _keys("Shift+Left", "Shift+Right")),
                (tr("Select lines or whole messages"), _keys("Shift+Up", "Shift+Down")),
                (tr("Select whole messages from anywhere in the window"), _keys("Alt+Shift+Up", "Alt+Shift+Down")),
                (
                    tr("Select the message (press again to select all messages)"),
                    _keys(QKeySequence.StandardKey.SelectAll),
                ),
                (tr("Copy selection"), _keys(QKeySequence.StandardKey.Copy)),
                (tr("Clear selection"), _keys("Esc")),
                (tr("Switch between versions of an answer"), _keys("Alt+Left", "Alt+Right")),
            ],
        ),
        (
            tr("With “Show how sure the model was” turned on"),
            [
                (tr("Go from word to word"), _keys("Left", "Right", "Up", "Down")),
                (tr("Choose another word"), _keys("Return")),
                (tr("Switch between the tokens of a word"), _keys("Left", "Right")),
                (tr("Return to the selected word (press again to deselect it)"), _keys("Esc")),
            ],
        ),
        (
            tr("In the conversation list"),
            [
                (tr("Open"), _keys("Return")),
                (tr("Rename"), _keys("F2")),
                (tr("Delete"), _keys("Del")),
            ],
        ),
    ]


def _keys(*keys: str | QKeySequence | QKeySequence.StandardKey) -> str:
    """Return shortcuts as the desktop writes them; for a standard key, the first of its shortcuts."""
    return "\N{EM SPACE}".join(QKeySequence(key).toString(_NATIVE) for key in keys)


def _without_mnemonic(text: str) -> str:
    """Return the text of a menu entry without the `&` before its mnemonic."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&")
