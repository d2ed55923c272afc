"""The clipboard, and the button that copies to it."""

import atexit
from collections.abc import Callable
from functools import cache
from weakref import WeakMethod

from PySide6.QtCore import QMimeData, QTimer, Slot
from PySide6.QtGui import QClipboard, QGuiApplication
from PySide6.QtWidgets import QToolButton
from shiboken6 import isValid

from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.plain_text import tool_tip

CONFIRMED_FOR = 1500  # milliseconds that a button shows "copied"

Copied = Callable[[], str | QMimeData]


def copy_to_clipboard(what: str | QMimeData) -> None:
    """Put `what` on the clipboard."""
    if isinstance(what, str):
        QGuiApplication.clipboard().setText(what)
    else:
        QGuiApplication.clipboard().setMimeData(what)
        _given[:] = [what]
        _settle_at_end()


_given: list[QMimeData] = []
"""The last data given to the clipboard, which Qt owns now."""


@cache
def _settle_at_end() -> None:
    """Leave only text there when Python ends: Qt keeps the data for longer than that, and Python made it."""
    atexit.register(_settle)


def _settle() -> None:
    if QGuiApplication.instance() and isValid(_given[0]):  # else something else was put there since
        QGuiApplication.clipboard().setText(_given[0].text())


def copy_to_selection(text: str) -> None:
    """Put `text` where a middle click pastes from, on systems that have such a clipboard."""
    clipboard = QGuiApplication.clipboard()
    if clipboard.supportsSelection():
        clipboard.setText(text, QClipboard.Mode.Selection)


def mime_data(text: str, html: str) -> QMimeData:
    """Return clipboard data that is both plain text and HTML."""
    data = QMimeData()
    data.setText(text)
    data.setHtml(html)
    return data


class CopyButton(QToolButton):
    """Copies what a method returns, and shows for a moment that it did. Holds the method weakly."""

    def __init__(self, theme: Theme, label: str, text: WeakMethod[Copied]) -> None:
        super().__init__()
        self.setAutoRaise(True)
        self._theme, self._text = theme, text
        self.setAccessibleName(label)
        self.setToolTip(tool_tip(label))
        self._done = QTimer(self, interval=CONFIRMED_FOR, singleShot=True)
        self._done.timeout.connect(self._show_icon)
        self.clicked.connect(self._copy)
        theme.changed.connect(self._show_icon)
        self._show_icon()

    @Slot()
    def _copy(self) -> None:
        text = self._text()
        if text is None:
            return
        copy_to_clipboard(text())
        self.setIcon(self._theme.icon("done"))
        self._done.start()

    @Slot()
    def _show_icon(self) -> None:
        self.setIcon(self._theme.icon("copy"))
