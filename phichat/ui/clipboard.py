"""What goes to the clipboard: Markdown for where text is wanted, and HTML for where it may look like something."""

import atexit
from collections.abc import Sequence
from functools import cache

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QClipboard, QGuiApplication
from shiboken6 import isValid

from phichat.chat.messages import Message
from phichat.chat.sharing import as_html, as_markdown, markdown_html, message_html
from phichat.ui.excerpts import Excerpt


def put(what: str | QMimeData) -> None:
    """Put `what` on the clipboard."""
    if isinstance(what, str):
        QGuiApplication.clipboard().setText(what)
    else:
        QGuiApplication.clipboard().setMimeData(what)
        _given[:] = [what]
        _settle_at_end()


_given: list[QMimeData] = []
"""What was put there last, which Qt owns now."""


@cache
def _settle_at_end() -> None:
    """Have text alone there when Python ends: Qt keeps it for longer than that, and Python made the other."""
    atexit.register(_settle)


def _settle() -> None:
    if QGuiApplication.instance() and isValid(_given[0]):  # else something else was put there since
        QGuiApplication.clipboard().setText(_given[0].text())


def put_selected(text: str) -> None:
    """Have `text` where a click of the middle button pastes from, on systems that have such a place."""
    clipboard = QGuiApplication.clipboard()
    if clipboard.supportsSelection():
        clipboard.setText(text, QClipboard.Mode.Selection)


def both(text: str, html: str) -> QMimeData:
    """One thing, as text and as HTML."""
    data = QMimeData()
    data.setText(text)
    data.setHtml(html)
    return data


def of_message(message: Message) -> QMimeData:
    """All of one message."""
    return both(message.text, message_html(message))


def of_excerpt(excerpt: Excerpt) -> QMimeData:
    """Some of a message."""
    return both(excerpt.text, markdown_html(excerpt.markdown))


def of_messages(messages: Sequence[Message]) -> QMimeData:
    """Whole messages; several are told apart by who said them."""
    if len(messages) == 1:
        return of_message(messages[0])
    return both(as_markdown(messages), as_html(messages))
