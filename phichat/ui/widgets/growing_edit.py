"""A text field that grows: Enter sends, input methods compose in peace, and files that are pasted are handed on."""

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent, QGuiApplication, QInputMethodEvent, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QTextEdit

from phichat.ui.widgets.plain_text import SealedDocument

MOST_LINES = 9
PARAGRAPH, LINE = "\u2029", "\u2028"  # what ends them in a document


class GrowingTextEdit(QTextEdit):
    """Plain text, as high as what is in it. Enter is `enter_pressed`, Shift+Enter a new line; Tab moves on.

    What an input method composes is no text yet: Enter does nothing meanwhile, as it is for the input method.

    Signals: `files_pasted(list[Path])` for files that are pasted, if it `takes_files`.
    """

    enter_pressed = Signal()
    focused = Signal(bool)
    files_pasted = Signal(list)

    def __init__(self, *, takes_files: bool = False) -> None:
        super().__init__()
        self.setDocument(SealedDocument(self))
        self._takes_files = takes_files
        self._composed = ""
        self.setAcceptRichText(False)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(4)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self._fit()

    def text(self) -> str:
        """What is written, with spaces that do not break; `toPlainText` makes others of them."""
        return self.document().toRawText().replace(PARAGRAPH, "\n").replace(LINE, "\n")

    def finish_composing(self) -> None:
        """What is being composed becomes text, as it is: nobody goes on with it here."""
        if not self._composed:
            return
        method = QGuiApplication.inputMethod()
        if self.hasFocus():
            method.commit()
        if composed := self._composed:  # there is no input method any more, or it does not listen
            event = QInputMethodEvent()
            event.setCommitString(composed)
            QGuiApplication.sendEvent(self, event)
            method.reset()

    @Slot()
    def _fit(self) -> None:
        line = self.fontMetrics().lineSpacing()
        wanted = int(self.document().size().height())
        most = MOST_LINES * line + 8
        self.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAsNeeded if wanted > most else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        )
        height = min(max(wanted, line + 8, 34), most)
        self.setViewportMargins(0, max(0, (height - wanted) // 2), 0, 0)  # one line stands in the middle
        self.setFixedHeight(height)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and self._leaves(event):
            event.ignore()  # then it is the window's
            return True
        return super().event(event)

    def _leaves(self, event: QKeyEvent) -> bool:
        """Whether it is the key for undoing, or for redoing, and there is nothing of the kind here."""
        keys = QKeySequence.StandardKey
        undoes = event.matches(keys.Undo) and not self.document().isUndoAvailable()
        return undoes or (event.matches(keys.Redo) and not self.document().isRedoAvailable())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_enter = event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}
        if is_enter and self._composed:
            event.accept()
        elif is_enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.enter_pressed.emit()
        else:
            super().keyPressEvent(event)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        self._composed = event.preeditString()
        super().inputMethodEvent(event)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return not source.hasUrls() and super().canInsertFromMimeData(source)  # files are the window's to take

    def insertFromMimeData(self, source: QMimeData) -> None:
        if self._takes_files and (files := files_in(source)):
            self.files_pasted.emit(files)
        else:
            super().insertFromMimeData(source)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.focused.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.focused.emit(False)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()


def files_in(source: QMimeData) -> list[Path]:
    """The files on this computer that are dropped or pasted."""
    return [Path(file) for url in source.urls() if (file := url.toLocalFile())]


def strip_blank_lines(text: str) -> str:
    """Return `text` without blank lines around it; its first line stays indented, as code may be."""
    text = text.rstrip()
    blank = len(text) - len(text.lstrip())
    return text[text.rfind("\n", 0, blank) + 1 :]
