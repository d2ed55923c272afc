"""A text field that grows with its text; Enter is a signal, and pasted files are passed on."""

from PySide6.QtCore import QEvent, QMimeData, Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent, QGuiApplication, QInputMethodEvent, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QTextEdit

from phichat.ui.theme.scaling import set_tab_width
from phichat.ui.widgets.drops import files_in
from phichat.ui.widgets.foreign_text import SealedDocument
from phichat.ui.widgets.long_text import (
    ANYWHERE,
    LONG_WORD,
    MARGIN,
    MOST_LETTERS,
    MOST_LINES,
    SHORT,
    is_long,
    wrap_anywhere,
    wrap_by_words_of,
)
from phichat.ui.widgets.text_input import TextInput, text_in

MAX_LINES = 9
TALL = 8_000  # letters that take more lines than that, however wide the window is
Stroke = tuple[int, Qt.KeyboardModifier]
PAGE_KEYS: dict[Stroke, int] = {
    (Qt.Key.Key_PageUp, Qt.KeyboardModifier.NoModifier): -1,
    (Qt.Key.Key_PageDown, Qt.KeyboardModifier.NoModifier): 1,
}
_GO_TO_ENDS: set[Stroke] = {(key, Qt.KeyboardModifier.ControlModifier) for key in (Qt.Key.Key_Home, Qt.Key.Key_End)}
PARAGRAPH_SEPARATOR, LINE_SEPARATOR = "\u2029", "\u2028"  # in QTextDocument.toRawText()


class GrowingTextEdit(TextInput, QTextEdit):
    """A plain-text field as high as its text, up to MAX_LINES. Shift+Enter breaks the line, Tab moves the focus.

    While an input method composes, Enter is left to it. An empty field leaves to others the keys that scroll.

    Signals:
        enter_pressed: Enter was pressed.
        focused(bool): the field got or lost the focus.
        files_pasted(list[Path]): files were pasted; only if it `takes_files`.
        long_text_pasted(str): text was pasted with which the field would be too long to be laid out at once.
        picture_pasted: a picture was pasted or dropped, without any text.
    """

    enter_pressed = Signal()
    focused = Signal(bool)
    files_pasted = Signal(list)
    long_text_pasted = Signal(str)
    picture_pasted = Signal()

    def __init__(self, *, takes_files: bool = False) -> None:
        super().__init__()
        self.setDocument(SealedDocument(self))
        self._takes_files = takes_files
        self._composed = self._placeholder = ""
        self._had_long_word = False  # which may come back by undo or redo
        self.setAcceptRichText(False)
        self.setTabChangesFocus(True)
        set_tab_width(self)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(4)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self.textChanged.connect(self._wrap_long_words)
        self._fit()

    def setPlaceholderText(self, text: str) -> None:
        """Show `text` while the field is empty, in one line with an ellipsis where that has no room."""
        self._placeholder = text
        self._fit_placeholder()

    def text(self) -> str:
        """Return the text with its no-break spaces, which toPlainText() replaces by others."""
        return self.document().toRawText().replace(PARAGRAPH_SEPARATOR, "\n").replace(LINE_SEPARATOR, "\n")

    def finish_composing(self) -> None:
        """Commit what an input method is composing, as it is."""
        if not self._composed:
            return
        method = QGuiApplication.inputMethod()
        if self.hasFocus():
            method.commit()
        if composed := self._composed:  # no input method is there any more, or it ignored that
            event = QInputMethodEvent()
            event.setCommitString(composed)
            QGuiApplication.sendEvent(self, event)
            method.reset()

    def would_be_long(self, text: str) -> bool:
        """Return whether the field would be too long to be laid out at once with `text` in it, too."""
        document, cursor = self.document(), self.textCursor()
        letters = document.characterCount() - len(cursor.selectedText()) + len(text)
        lines = document.blockCount() + text.count("\n")
        if len(text) <= SHORT:  # it belongs to what is written there
            return letters > MARGIN * MOST_LETTERS or lines > MARGIN * MOST_LINES
        return letters > MOST_LETTERS or lines > MOST_LINES

    def setPlainText(self, text: str) -> None:
        """Replace the text; if it is too long for the field, empty that and emit `long_text_pasted`."""
        if is_long(text):
            self.clear()
            self.long_text_pasted.emit(text)
        else:
            wrap_by_words_of(self, text)
            super().setPlainText(text)

    def insertPlainText(self, text: str) -> None:
        """Insert `text`, or emit `long_text_pasted`."""
        if self.would_be_long(text):
            self.long_text_pasted.emit(text)
        else:
            wrap_by_words_of(self, self.text() + text)
            super().insertPlainText(text)

    @Slot()
    def _wrap_long_words(self) -> None:
        """Break lines anywhere once a word has become long, and at words again when the text is short."""
        is_anywhere = self.wordWrapMode() is ANYWHERE
        self._had_long_word |= is_anywhere
        if is_anywhere and self.document().characterCount() < LONG_WORD:
            wrap_by_words_of(self, "")
        elif not is_anywhere and (block := self.textCursor().block()).length() > LONG_WORD:
            wrap_by_words_of(self, block.text())

    @Slot()
    def _fit(self) -> None:
        line = self.fontMetrics().lineSpacing()
        most = MAX_LINES * line + 8
        # Asking for the size lays out everything.
        is_tall = self.document().blockCount() > MAX_LINES or self.document().characterCount() > TALL
        wanted = most + 1 if is_tall else int(self.document().size().height())
        self.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAsNeeded if wanted > most else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        )
        height = min(max(wanted, line + 8, 34), most)
        self.setViewportMargins(0, max(0, (height - wanted) // 2), 0, 0)  # centre a single line
        self.setFixedHeight(height)

    def _fit_placeholder(self) -> None:
        # The viewport itself would make Python build all of Qt's widget classes, 7 ms of the start.
        room = self.maximumViewportSize().width() - 2 * round(self.document().documentMargin())
        shown = self.fontMetrics().elidedText(self._placeholder, Qt.TextElideMode.ElideRight, room)
        if shown != self.placeholderText():
            super().setPlaceholderText(shown)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and self._leaves_to_window(event):
            event.ignore()  # it goes to the beginning or the end of the conversation
            return True
        return super().event(event)

    def _leaves_to_window(self, event: QKeyEvent) -> bool:
        is_override = event.type() is QEvent.Type.ShortcutOverride
        return is_override and self.document().isEmpty() and stroke_of(event) in _GO_TO_ENDS

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._had_long_word and _is_undo_or_redo(event):
            wrap_anywhere(self)
        is_enter = event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}
        if is_enter and self._composed:
            event.accept()
        elif is_enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.enter_pressed.emit()
        elif stroke_of(event) in PAGE_KEYS and self.document().isEmpty():
            event.ignore()
        else:
            super().keyPressEvent(event)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        self._composed = event.preeditString()
        if self.would_be_long(event.commitString()):
            self.long_text_pasted.emit(event.commitString())
            event.setCommitString("")
        super().inputMethodEvent(event)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        if files_in(source):
            return self._takes_files
        return super().canInsertFromMimeData(source) or source.hasImage()

    def insertFromMimeData(self, source: QMimeData) -> None:
        if self._takes_files and (files := files_in(source)):
            self.files_pasted.emit(files)
            return
        text = text_in(source)
        if source.hasImage() and not text:
            self.picture_pasted.emit()
        else:
            self.insertPlainText(text)
            self.ensureCursorVisible()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
        self._fit_placeholder()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.focused.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.focused.emit(False)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            set_tab_width(self)
            self._fit()
            self._fit_placeholder()


def stroke_of(event: QKeyEvent) -> Stroke:
    """Return the key of `event` and its modifiers, the same for the keypad."""
    return event.key(), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier


def _is_undo_or_redo(event: QKeyEvent) -> bool:
    keys = QKeySequence.StandardKey
    return event.matches(keys.Undo) or event.matches(keys.Redo)


def strip_blank_lines(text: str) -> str:
    """Return `text` without blank lines around it; its first line stays indented, as code may be."""
    text = text.rstrip()
    blank = len(text) - len(text.lstrip())
    return text[text.rfind("\n", 0, blank) + 1 :]
