"""The clipboard."""

import atexit
from functools import cache

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QClipboard, QGuiApplication
from shiboken6 import isValid


def copy_to_clipboard(what: str | QMimeData) -> None:
    """Put `what` on the clipboard."""
    if isinstance(what, str):
        QGuiApplication.clipboard().setText(what)
    else:
        QGuiApplication.clipboard().setMimeData(what)
        _last_data[:] = [what]
        _replace_at_exit()


_last_data: list[QMimeData] = []
"""The last data given to the clipboard, which Qt owns now."""


@cache
def _replace_at_exit() -> None:
    """Replace the data by its text when Python ends: Qt would free an object of Python after that."""
    atexit.register(_replace_by_text)


def _replace_by_text() -> None:
    if QGuiApplication.instance() and isValid(_last_data[0]):  # else the clipboard has other data by now
        QGuiApplication.clipboard().setText(_last_data[0].text())


def copy_to_selection(text: str) -> None:
    """Put `text` in the primary selection, which a middle click pastes, on desktops that have one."""
    clipboard = QGuiApplication.clipboard()
    if clipboard.supportsSelection():
        clipboard.setText(text, QClipboard.Mode.Selection)


def mime_data(text: str, html: str) -> QMimeData:
    """Return clipboard data that is both plain text and HTML."""
    data = QMimeData()
    data.setText(text)
    data.setHtml(html)
    return data
