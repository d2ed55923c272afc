"""Flat tool buttons whose icons follow the theme."""

from collections.abc import Callable
from weakref import WeakMethod

from PySide6.QtCore import QMimeData, QTimer, Slot
from PySide6.QtWidgets import QToolButton

from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.clipboard import copy_to_clipboard
from phichat.ui.widgets.foreign_text import tool_tip

CONFIRMED_FOR = 1500  # milliseconds that a button shows a check mark

Copied = Callable[[], str | QMimeData]


class IconButton(QToolButton):
    """Shows the theme's `icon`. `label` is the tool tip and, without the keys in brackets at its end, the name."""

    def __init__(self, theme: Theme, icon: str, label: str, object_name: str = "") -> None:
        super().__init__()
        self._theme, self._icon = theme, icon
        self.setObjectName(object_name)
        self.setAutoRaise(True)
        self.setAccessibleName(label.partition(" (")[0])
        self.setToolTip(tool_tip(label))
        self._confirmed = QTimer(self, interval=CONFIRMED_FOR, singleShot=True)
        self._confirmed.timeout.connect(self._show_icon)
        theme.changed.connect(self._show_icon)
        self._show_icon()

    def confirm(self) -> None:
        """Show a check mark for a moment."""
        self.setIcon(self._theme.icon("done"))
        self._confirmed.start()

    @Slot()
    def _show_icon(self) -> None:
        self.setIcon(self._theme.icon(self._icon))


class CopyButton(IconButton):
    """Copies what a method returns, and confirms it. Holds the method weakly."""

    def __init__(self, theme: Theme, label: str, text: WeakMethod[Copied]) -> None:
        super().__init__(theme, "copy", label)
        self._text = text
        self.clicked.connect(self._copy)

    @Slot()
    def _copy(self) -> None:
        if text := self._text():
            copy_to_clipboard(text())
            self.confirm()
