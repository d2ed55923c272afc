"""Where people write: a text field that grows, with Send and Stop beside it."""

from PySide6.QtCore import QEvent, QMimeData, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QTextEdit, QWidget

from phichat.text import tr
from phichat.ui.theme import Theme, muted

MOST_LINES = 9
MUCH = 20_000  # characters, which take their time to be read at every key
SAID_EVERY = 200  # milliseconds, where there is that much
PARAGRAPH, LINE = "\u2029", "\u2028"  # what ends them in a document


class Composer(QFrame):
    """The field and its buttons.

    Signals: `submitted(str)` for a question, `stopped` where the reply should end, `written(str)` with what is there.
    """

    submitted = Signal(str)
    written = Signal(str)
    stopped = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("composerBox")
        self._theme = theme
        self.field = Field()
        self.field.setObjectName("composer")
        self.field.setAccessibleName(tr("Your message"))
        self.field.setPlaceholderText(tr("Write a message…"))
        self._send = _button("sendButton", tr("Send"), tr("Send (Enter)"))
        self._stop = _button("stopButton", tr("Stop"), tr("Stop (Escape)"))
        self._stop.hide()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 7, 8, 7)
        layout.addWidget(self.field, 1)
        self._forecast = _forecast()
        layout.addWidget(self._forecast, 0, Qt.AlignmentFlag.AlignBottom)
        for button in (self._send, self._stop):
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignBottom)
        self.setFocusProxy(self.field)
        self._pause = QTimer(self, interval=SAID_EVERY, singleShot=True)
        self._pause.timeout.connect(self.settle)
        self._is_said = True
        self.field.textChanged.connect(self._on_text)
        self.field.entered.connect(self.submit)
        self.field.focused.connect(self._show_focus)
        self._send.clicked.connect(self.submit)
        self._stop.clicked.connect(self.stopped)
        theme.dress(self, "composer")
        theme.changed.connect(self._show_icons)
        self._show_icons()
        self._on_text()

    def text(self) -> str:
        """What is written so far."""
        return self.field.text()

    def set_text(self, text: str) -> None:
        """Put `text` there, in place of what is."""
        self.field.setPlainText(text)
        self.field.moveCursor(self.field.textCursor().MoveOperation.End)
        self.settle()

    @Slot()
    def settle(self) -> None:
        """Say what is written, if that has not been said yet."""
        if not self._is_said:
            self._say()

    @Slot(str)
    def show_forecast(self, words: str) -> None:
        """Say beside Send how long the answer will take to come; nothing for no words."""
        self._forecast.setText(words.replace("\N{NO-BREAK SPACE}", " "))
        self._forecast.setAccessibleDescription(words)
        self._forecast.setVisible(bool(words))

    def set_answering(self, answering: bool) -> None:
        """While a reply is made, Stop stands where Send was; writing goes on."""
        had_focus = self._send.hasFocus() or self._stop.hasFocus()
        self._send.setVisible(not answering)
        self._stop.setVisible(answering)
        if had_focus:
            self.field.setFocus()

    @Slot()
    def submit(self) -> None:
        """Send what is written, unless that is nothing or an answer is being made; then it stays."""
        text = trimmed(self.text())
        if text and not self._send.isHidden():
            self.field.clear()
            self.submitted.emit(text)

    @Slot()
    def _on_text(self) -> None:
        self._is_said = False
        has_much = self.field.document().characterCount() > MUCH
        if not (has_much and self._pause.isActive()):
            self._say()
        if has_much and not self._pause.isActive():
            self._pause.start()

    def _say(self) -> None:
        self._is_said = True
        text = self.text()
        self._send.setEnabled(bool(text.strip()))
        self.written.emit(text)

    @Slot(bool)
    def _show_focus(self, has_focus: bool) -> None:
        self.setProperty("focused", has_focus)
        self.setStyleSheet(self.styleSheet())  # which looks at the property again

    @Slot()
    def _show_icons(self) -> None:
        self._send.setIcon(self._theme.icon("send", on_accent=True))
        self._stop.setIcon(self._theme.icon("stop"))


class Field(QTextEdit):
    """Plain text, as high as what is in it. Enter is `entered`, Shift+Enter a new line; Tab moves on."""

    entered = Signal()
    focused = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptRichText(False)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(4)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self._fit()

    def text(self) -> str:
        """What is written, with spaces that do not break; `toPlainText` makes others of them."""
        return self.document().toRawText().replace(PARAGRAPH, "\n").replace(LINE, "\n")

    @Slot()
    def _fit(self) -> None:
        line = self.fontMetrics().lineSpacing()
        wanted = int(self.document().size().height())
        most = MOST_LINES * line + 8
        self.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAsNeeded if wanted > most else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        )
        self.setFixedHeight(min(max(wanted, line + 8, 34), most))

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
        if is_enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.entered.emit()
        else:
            super().keyPressEvent(event)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return not source.hasUrls() and super().canInsertFromMimeData(source)  # files are the window's to take

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


def trimmed(text: str) -> str:
    """`text` without blank lines around it; its first line stays indented, as code may be."""
    text = text.rstrip()
    blank = len(text) - len(text.lstrip())
    return text[text.rfind("\n", 0, blank) + 1 :]


def _forecast() -> QLabel:
    """In two short lines of a fixed width, so that the text beside it does not jump with every second."""
    label = muted(QLabel())
    label.setObjectName("forecast")
    label.setAccessibleName(tr("Time to the first word"))
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    font = label.font()
    font.setPointSizeF(font.pointSizeF() * 0.85)
    label.setFont(font)
    label.setFixedSize(label.fontMetrics().horizontalAdvance(tr("to the first word")) + 12, 34)
    label.hide()
    return label


def _button(name: str, label: str, tip: str) -> QPushButton:
    button = QPushButton()
    button.setObjectName(name)
    button.setAccessibleName(label)
    button.setToolTip(tip)
    button.setFixedSize(34, 34)
    button.setIconSize(QSize(18, 18))
    return button
