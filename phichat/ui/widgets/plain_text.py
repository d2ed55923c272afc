"""Text that may not be ours, shown as the letters it is: labels, tool tips, notifications, and text fields.

Qt takes any string that looks like HTML for rich text, and then loads the pictures it names, from the disk and from
Windows' network shares. So what can hold such a string is made here, and a test finds whatever is made elsewhere.
"""

from html import escape
from pathlib import Path
from typing import Any

from PySide6.QtCore import QChildEvent, QEvent, QObject, Qt, QUrl
from PySide6.QtGui import QImage, QTextDocument
from PySide6.QtGui import Qt as Gui
from PySide6.QtWidgets import QFileDialog, QLabel, QMessageBox, QPlainTextDocumentLayout, QPlainTextEdit, QWidget

_DESCRIBED = "describedByToolTip"
_NOTIFICATION = str.maketrans("<>", "‹›")


def plain_label(text: str = "") -> QLabel:
    """Return a label that shows `text`, and whatever it is given later, as it is."""
    made = QLabel()
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setText(text)
    return made


def tool_tip(text: str) -> str:
    """Return `text` for a tool tip, which has no mode for plain text: escaped where Qt would take it for HTML."""
    if not Gui.mightBeRichText(text):
        return text
    return f'<span style="white-space: pre-wrap">{escape(text)}</span>'


def set_tool_tip(widget: QWidget, text: str) -> None:
    """Give `widget` a tool tip; what is escaped in it, a screen reader gets as it is, if nothing better."""
    widget.setToolTip(tool_tip(text))
    described = widget.accessibleDescription()
    if not described or described == widget.property(_DESCRIBED):
        said = text if widget.toolTip() != text else ""
        widget.setAccessibleDescription(said)
        widget.setProperty(_DESCRIBED, said)


def notification(text: str) -> str:
    """Return `text` for the system's notifications, some of which read markup, and others show it."""
    return text.translate(_NOTIFICATION)


def keep_boxes_plain(dialog: QFileDialog) -> None:
    """Have the questions that `dialog` asks by itself, such as whether to replace a file, show names as they are."""
    dialog.installEventFilter(_PlainBoxes(dialog))
    dialog.setSidebarUrls([QUrl.fromLocalFile(str(Path.home()))])  # whose tool tips are paths


class _PlainBoxes(QObject):
    def eventFilter(self, dialog: QObject, event: QEvent) -> bool:
        if isinstance(event, QChildEvent) and event.polished() and isinstance(box := event.child(), QMessageBox):
            box.setTextFormat(Qt.TextFormat.PlainText)
        return super().eventFilter(dialog, event)


class SealedDocument(QTextDocument):
    """Loads nothing, neither from a file nor from the network, whatever is in it."""

    def loadResource(self, kind: int, name: QUrl | str) -> Any:  # noqa: ARG002
        """Return an empty picture or style sheet: for nothing at all, Qt would open the file by itself."""
        if kind == QTextDocument.ResourceType.ImageResource.value:
            image = QImage(1, 1, QImage.Format.Format_ARGB32)
            image.fill(Qt.GlobalColor.transparent)
            return image
        return b""


class PlainTextEdit(QPlainTextEdit):
    """A field for plain text, over a sealed document."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        document = SealedDocument(self)
        document.setDocumentLayout(QPlainTextDocumentLayout(document))
        document.setDefaultFont(self.font())
        self.setDocument(document)
        if text:
            self.setPlainText(text)
