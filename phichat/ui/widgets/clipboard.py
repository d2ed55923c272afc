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
