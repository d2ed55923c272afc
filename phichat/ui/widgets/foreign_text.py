"""Labels, tool tips, notifications and text fields that show foreign text as plain text.

Qt takes any string that looks like HTML for rich text, and then loads the images it names, from the disk and from
network shares of Windows. So widgets that may show such a string are made here; a test finds those made elsewhere.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QChildEvent, QEvent, QMimeData, QObject, QPointF, Qt, QUrl, Signal, Slot
from PySide6.QtGui import (
    QAction,
    QContextMenuEvent,
    QDrag,
    QImage,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextDocument,
)
from PySide6.QtGui import Qt as Gui
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextDocumentLayout, QPlainTextEdit, QWidget

from phichat.ui.theme.scaling import set_tab_width
from phichat.ui.widgets.clipboard import copy_to_clipboard, copy_to_selection
from phichat.ui.widgets.long_text import MOST_LETTERS, MOST_LINES, is_long, wrap_by_words_of
from phichat.unicode import BREAK, breakable, letters_of, shortened, utf16_length, utf16_slice, without_controls

if TYPE_CHECKING:
    from PySide6.QtWidgets import QFileDialog

MOST_IN_LABEL, MOST_IN_TIP = 4_000, 2_000  # characters
_DESCRIBED = "describedByToolTip"
_NOTIFICATION = str.maketrans("<>", "‹›")


class PlainLabel(QLabel):
    """A label for plain text, of which no more is laid out than anyone reads.

    If it wraps, it breaks long words, too: else it would be as wide as the longest, and with it all around it.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._text = self._ends_of_lines = ""
        self._drag_from: QPointF | None = None
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def text(self) -> str:
        """Return what is shown."""
        return self._text

    def setText(self, text: str) -> None:
        """Show `text`, without its middle if it is very long."""
        self._text = _harmless(text, MOST_IN_LABEL)
        super().setText(self._laid_out())

    def show_path(self, path: Path) -> None:
        """Show `path`, in which a line may end after each separator."""
        self._ends_of_lines = "/\\"
        self.setText(str(path))

    def setWordWrap(self, on: bool) -> None:
        """Set whether lines are broken where there is no more room."""
        super().setWordWrap(on)
        super().setText(self._laid_out())

    def _selected(self) -> str:
        """Return the selection as it is in the text, without the places where a line may end."""
        begin = self.selectionStart()
        end = begin + utf16_length(self.selectedText())
        first, last = (letters_of(utf16_slice(self._laid_out(), 0, place), self._text) for place in (begin, end))
        return self._text[first:last]

    def _laid_out(self) -> str:
        """Return the text with the places where a line may end."""
        text = breakable(self._text) if self.wordWrap() else self._text
        return "".join(f"{letter}{BREAK}" if letter in self._ends_of_lines else letter for letter in text)

    @Slot()
    def _copy(self) -> None:
        copy_to_clipboard(self._selected())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy) and self.hasSelectedText():
            self._copy()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        before = self.selectionStart(), self.selectedText()
        super().mousePressEvent(event)
        is_on_selection = before[1] and before == (self.selectionStart(), self.selectedText())
        self._drag_from = event.position() if is_on_selection else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        start, is_held = self._drag_from, bool(event.buttons() & Qt.MouseButton.LeftButton)
        if start and is_held and (event.position() - start).manhattanLength() >= QApplication.startDragDistance():
            self._drag_from = None
            self._drag()
        else:
            super().mouseMoveEvent(event)

    def _drag(self) -> None:
        """Drag the selection, in place of Qt, which would take it as it is laid out."""
        drag, data = QDrag(self), QMimeData()
        data.setText(self._selected())
        drag.setMimeData(data)
        drag.exec(Qt.DropAction.CopyAction)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if self.hasSelectedText():
            copy_to_selection(self._selected())

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        super().contextMenuEvent(event)
        for action in self.findChildren(QAction, "edit-copy"):
            action.triggered.connect(self._copy)  # after Qt's own, whose text is replaced


class ElidedLabel(PlainLabel):
    """A label of one line with an ellipsis in its middle where that has no room; its tool tip has all of it then."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setMinimumWidth(1)

    def setText(self, text: str) -> None:
        """Show `text`."""
        super().setText(text)
        self._describe()

    def shown_text(self) -> str:
        """Return what there is room for."""
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, self.contentsRect().width())

    def _describe(self) -> None:
        self.setToolTip(tool_tip(self.text()) if self.shown_text() != self.text() else "")

    def paintEvent(self, _: QPaintEvent) -> None:
        from PySide6.QtWidgets import QStyle  # noqa: PLC0415 - its enumerations take 4 ms of the window's start

        painter, flags = (
            QPainter(self),
            Qt.TextFlag.TextSingleLine | QStyle.visualAlignment(self.layoutDirection(), self.alignment()),
        )
        self.style().drawItemText(
            painter,
            self.contentsRect(),
            int(flags),
            self.palette(),
            self.isEnabled(),
            self.shown_text(),
            self.foregroundRole(),
        )
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._describe()


def plain_label(text: str = "") -> PlainLabel:
    """Return a label that shows `text`, and any text set later, as plain text."""
    return PlainLabel(text)


def tool_tip(text: str) -> str:
    """Return `text` for a tool tip, which has no mode for plain text: escaped where Qt would take it for HTML."""
    text = _harmless(text, MOST_IN_TIP)
    if not Gui.mightBeRichText(text):
        return text
    from html import escape  # noqa: PLC0415 - brings a table of entities, and such a text is rare

    return f'<span style="white-space: pre-wrap">{escape(text)}</span>'


def set_tool_tip(widget: QWidget, text: str) -> None:
    """Set a tool tip; if it had to be escaped, and there is no other description, set `text` for screen readers."""
    text = _harmless(text, MOST_IN_TIP)
    widget.setToolTip(tool_tip(text))
    described = widget.accessibleDescription()
    if not described or described == widget.property(_DESCRIBED):
        description = text if widget.toolTip() != text else ""
        widget.setAccessibleDescription(description)
        widget.setProperty(_DESCRIBED, description)


def notification(text: str) -> str:
    """Return `text` without `<` and `>`: some desktops take notifications for markup, some show it."""
    return _harmless(text, MOST_IN_TIP).translate(_NOTIFICATION)


def _harmless(text: str, most: int) -> str:
    return without_controls(shortened(text, most))


def keep_boxes_plain(dialog: "QFileDialog") -> None:
    """Make the message boxes of `dialog` plain text, such as whether to replace a file, whose name is in it."""
    dialog.installEventFilter(_PlainBoxes(dialog))
    # The home folder alone: the tool tips of others are paths, which may look like HTML.
    dialog.setSidebarUrls([QUrl.fromLocalFile(str(Path.home()))])


class _PlainBoxes(QObject):
    def eventFilter(self, dialog: QObject, event: QEvent) -> bool:
        from PySide6.QtWidgets import QMessageBox  # noqa: PLC0415 - its enumerations take 2 ms of the window's start

        if isinstance(event, QChildEvent) and event.polished() and isinstance(box := event.child(), QMessageBox):
            box.setTextFormat(Qt.TextFormat.PlainText)
        return super().eventFilter(dialog, event)


class SealedDocument(QTextDocument):
    """A document that loads no resources, neither from files nor from the network."""

    def loadResource(self, kind: int, name: QUrl | str) -> Any:  # noqa: ARG002
        """Return an empty image or style sheet: for None, Qt would open the file itself."""
        if kind == QTextDocument.ResourceType.ImageResource.value:
            image = QImage(1, 1, QImage.Format.Format_ARGB32)
            image.fill(Qt.GlobalColor.transparent)
            return image
        return b""


class PlainTextEdit(QPlainTextEdit):
    """A field for plain text, over a sealed document.

    Signals: `text_cut`: not all of a text was inserted, as it is too long to be laid out at once.
    """

    text_cut = Signal()

    def __init__(self, text: str = "") -> None:
        super().__init__()
        document = SealedDocument(self)
        document.setDocumentLayout(QPlainTextDocumentLayout(document))
        document.setDefaultFont(self.font())
        self.setDocument(document)
        if text:
            self.setPlainText(text)
        set_tab_width(self)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            set_tab_width(self)

    def setPlainText(self, text: str) -> None:
        """Replace the text."""
        wrap_by_words_of(self, text)
        super().setPlainText(text)

    def show_text(self, text: str) -> None:
        """Replace the text; if it is too long to be edited here, show its beginning and end, read-only."""
        is_too_long = is_long(text)
        self.setReadOnly(is_too_long)
        self.setPlainText(shortened(text, MOST_IN_LABEL) if is_too_long else text)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Insert as much of the text as can be laid out at once."""
        room = MOST_LETTERS - self.document().characterCount() + len(self.textCursor().selectedText())
        text = source.text()
        lines = text.split("\n", MOST_LINES)[:MOST_LINES]
        fitting = "\n".join(lines)[: max(room, 0)]
        if len(fitting) < len(text):
            self.text_cut.emit()
        wrap_by_words_of(self, self.toPlainText() + fitting)
        self.textCursor().insertText(fitting)
        self.ensureCursorVisible()
