"""What all text fields of the window do alike: take text in whatever form it comes, and delete whole characters."""

import unicodedata
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, Qt, QTextBoundaryFinder, QUrl, Signal, Slot
from PySide6.QtGui import (
    QAction,
    QContextMenuEvent,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QTextCursor,
)
from PySide6.QtWidgets import QAbstractSpinBox, QLineEdit, QTextEdit, QWidget

from phichat.i18n import tr
from phichat.ui.widgets.drops import accept_copy, can_copy, files_in
from phichat.ui.widgets.foreign_text import PlainTextEdit

if TYPE_CHECKING:
    _Field = QTextEdit
else:
    _Field = object

LONGEST_CLUSTER = 64  # UTF-16 code units, as many as any emoji has


class TextInput(_Field):
    """Mixed into a QTextEdit or QPlainTextEdit, before it."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _is_backspace(event) and not self.isReadOnly() and not self.textCursor().hasSelection():
            self._select_cluster()
        super().keyPressEvent(event)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return not files_in(source) and (source.hasText() or source.hasHtml() or source.hasUrls())

    def insertFromMimeData(self, source: QMimeData) -> None:
        if text := text_in(source):
            plain = QMimeData()
            plain.setText(text)
            super().insertFromMimeData(plain)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if is_for_window(self, event):
            event.ignore()
        else:
            super().dragEnterEvent(event)
            answer(self, event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        super().dragMoveEvent(event)
        answer(self, event)

    def dropEvent(self, event: QDropEvent) -> None:
        super().dropEvent(event)
        answer(self, event)
        _take_focus(self)

    def _select_cluster(self) -> None:
        """Select the character before the cursor if it consists of several, so that Backspace deletes all of it."""
        cursor, end = self.textCursor(), self.textCursor().position()
        before = QTextCursor(cursor)
        before.setPosition(max(cursor.block().position(), end - LONGEST_CLUSTER))
        before.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        if length := cluster_length(before.selectedText()):
            cursor.setPosition(end - length, QTextCursor.MoveMode.KeepAnchor)
            self.setTextCursor(cursor)


class PlainTextField(TextInput, PlainTextEdit):  # type: ignore[misc]  # for mypy, TextInput is a QTextEdit
    """A field for several lines of plain text.

    Signals: `picture_pasted`: a picture was pasted or dropped, without any text; see `picture_refusal`.
    """

    picture_pasted = Signal()

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return super().canInsertFromMimeData(source) or (source.hasImage() and not files_in(source))

    def insertFromMimeData(self, source: QMimeData) -> None:
        if source.hasImage() and not text_in(source):
            self.picture_pasted.emit()
        else:
            super().insertFromMimeData(source)


def picture_refusal() -> str:
    """Return why a picture isn't inserted into a field of which nothing can be attached, as a sentence."""
    return tr("Phichat can’t read images. Paste text instead.")


class LineEdit(QLineEdit):
    """A field for one line."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _is_backspace(event) and not self.isReadOnly() and not self.hasSelectedText():
            end = self.cursorPosition()
            if length := cluster_length(_units(self.text(), max(0, end - LONGEST_CLUSTER), end)):
                self.setSelection(end - length, length)
        if event.matches(QKeySequence.StandardKey.Paste) and not self.isReadOnly():
            self._paste()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.createStandardContextMenu()
        menu.aboutToHide.connect(menu.deleteLater)
        if paste := menu.findChild(QAction, "edit-paste"):  # which takes plain text alone
            paste.triggered.disconnect()
            paste.triggered.connect(self._paste)
            paste.setEnabled(not self.isReadOnly() and bool(text_in(QGuiApplication.clipboard().mimeData())))
        menu.popup(event.globalPos())

    @Slot()
    def _paste(self) -> None:
        self._insert(QGuiApplication.clipboard().mimeData())

    def _insert(self, source: QMimeData) -> None:
        if text := " ".join(text_in(source).split("\n")):
            self.insert(text)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if is_for_window(self, event):
            event.ignore()
        elif self._needs_help(event.mimeData()):
            accept_copy(event)
        else:
            super().dragEnterEvent(event)
            answer(self, event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if self._needs_help(event.mimeData()):
            accept_copy(event)
        else:
            super().dragMoveEvent(event)
            answer(self, event)

    def dropEvent(self, event: QDropEvent) -> None:
        if self._needs_help(event.mimeData()):
            accept_copy(event)
            self._insert(event.mimeData())
        else:
            super().dropEvent(event)
            answer(self, event)
        _take_focus(self)

    def _needs_help(self, source: QMimeData) -> bool:
        """Return whether Qt would find no text in what is dragged, or addresses that are decoded."""
        return not self.isReadOnly() and (source.hasUrls() or not source.hasText()) and bool(text_in(source))


def _take_focus(field: QWidget) -> None:
    """Focus a field in which something was dropped, whichever window that came from: the user goes on there."""
    field.activateWindow()
    field.setFocus(Qt.FocusReason.OtherFocusReason)


def refuse_drops(field: QAbstractSpinBox) -> None:
    """Leave to the window what is dropped on a field for numbers."""
    for inside in field.findChildren(QLineEdit):
        inside.setAcceptDrops(False)


def is_for_window(field: QWidget, event: QDropEvent) -> bool:
    """Return whether a drag over `field` is left to the window: files, and what its source would give away."""
    return bool(files_in(event.mimeData())) or not (can_copy(event) or _is_own(field, event))


def answer(field: QWidget, event: QDropEvent) -> None:
    """Answer what `field` has accepted with a copy, unless text is moved within it."""
    if event.isAccepted() and not _is_own(field, event):
        accept_copy(event)


def _is_own(field: QWidget, event: QDropEvent) -> bool:
    source = event.source()
    return isinstance(source, QWidget) and (source is field or field.isAncestorOf(source))


def text_in(source: QMimeData) -> str:
    """Return the text in dropped or pasted data: as it is, of addresses, or of HTML; empty if there is none."""
    plain = source.text() if "text/plain" in source.formats() else ""
    # As text, Qt and programs made with it offer addresses decoded and without passwords: those would lead elsewhere.
    if source.hasUrls() and plain in {"", "\n".join(url.toDisplayString() for url in source.urls())}:
        return "\n".join(url.toString(QUrl.ComponentFormattingOption.FullyEncoded) for url in source.urls())
    if plain:
        return plain
    if not source.hasHtml():
        return ""
    from phichat.ui.widgets.html_text import html_text  # noqa: PLC0415 - with the first HTML that is pasted

    return html_text(source.html())


def cluster_length(before: str) -> int:
    """Return how many UTF-16 code units Backspace deletes of `before`, the text before the cursor; 0 for Qt's choice.

    Emoji and letters with accents go as a whole. In scripts whose marks have keys of their own, as in Arabic, Hindi or
    Thai, Backspace deletes the last mark alone, as it does elsewhere.
    """
    if not before or before.isascii():
        return 0
    finder = QTextBoundaryFinder(QTextBoundaryFinder.BoundaryType.Grapheme, before)
    end = len(before.encode("utf-16-le", "surrogatepass")) // 2
    finder.setPosition(end)
    length = end - finder.toPreviousBoundary()
    first = _units(before, end - length, end)[0]
    is_european = first < "\N{HEBREW ACCENT ETNAHTA}" or "\u1e00" <= first < "\u2000"
    has_keys_for_marks = unicodedata.category(first).startswith("L") and not is_european
    return 0 if has_keys_for_marks else length


def _units(text: str, start: int, end: int) -> str:
    """Return the UTF-16 code units of `text` from `start` to `end`."""
    return text.encode("utf-16-le", "surrogatepass")[2 * start : 2 * end].decode("utf-16-le", "replace")


def _is_backspace(event: QKeyEvent) -> bool:
    return event.key() == Qt.Key.Key_Backspace and not event.modifiers() & ~(
        Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier
    )
