"""The dialog "Score a text": any text under the lens, with how surprising each of its words is to the model."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from phichat.engine.base import Scored
from phichat.i18n import format_number, tr
from phichat.ui.a11y.announce import announce
from phichat.ui.feedback import FeedbackController
from phichat.ui.lens.legend import LensLegend
from phichat.ui.lens.lens_text import LensText
from phichat.ui.lens.pointer import LensPointer
from phichat.ui.lens.scored_text import ScoredText
from phichat.ui.theme.scaling import resize_window
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.clipboard import copy_to_clipboard
from phichat.ui.widgets.controls import heading_label, help_label, push_button
from phichat.ui.widgets.dialogs import close_button_box
from phichat.ui.widgets.foreign_text import tool_tip
from phichat.ui.widgets.message_line import MessageLine
from phichat.ui.widgets.text_input import PlainTextField, picture_refusal

CONTROL = Qt.KeyboardModifier.ControlModifier
WIDTH, HEIGHT = 620, 480  # pixels
_SOURCE = "score"  # of feedback


class ScoreDialog(QDialog):
    """Takes a text, and shows its score. Ctrl+Enter scores it; Escape stops that, or closes the dialog.

    Signals: `requested(str)` to score that text, `cancelled` to stop.
    """

    requested = Signal(str)
    cancelled = Signal()

    def __init__(self, theme: Theme, parent: QWidget, text: str = "") -> None:
        super().__init__(parent)
        self.setObjectName("scoreDialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Score text"))
        self.setAccessibleName(self.windowTitle())
        self._theme, self._whole = theme, text
        self._scored: ScoredText | None = None
        self._is_scoring = False
        self._feedback = FeedbackController(self)
        self._field = PlainTextField()
        self._field.setObjectName("scoreField")
        self._field.setAccessibleName(tr("Text to score"))
        self._field.setPlaceholderText(tr("Write or paste text…"))
        self._field.setTabChangesFocus(True)
        self._field.show_text(text)
        self._field.textChanged.connect(self._on_text)
        after = Qt.ConnectionType.QueuedConnection  # once the rest is there
        self._field.text_cut.connect(self._on_cut, after)
        self._field.picture_pasted.connect(self._on_picture, after)
        self._result = LensText(theme)
        self._result.setObjectName("scoreResult")
        self._result.set_accessible_name(tr("Scored text"))
        self._result.installEventFilter(self)
        self._pointer = LensPointer(theme, self, _never, tells_surprise=True)
        self._pointer.add(self._result)
        self._summary = heading_label("")
        self._summary.setObjectName("scoreSummary")
        self._meaning = help_label("")
        self._pages = QStackedWidget()
        self._pages.addWidget(self._field)
        self._pages.addWidget(self._make_result_page())
        self._lay_out()
        resize_window(self, WIDTH, HEIGHT)
        self._show_state()

    def text(self) -> str:
        """Return the text to score."""
        return self._whole if self._field.isReadOnly() else self._field.toPlainText()

    def offer_text(self, text: str) -> None:
        """Put `text` into the field, selected, so that another one can be written over it."""
        self._field.show_text(text)
        self._whole = text
        self._field.selectAll()

    def show_progress(self, sentence: str, share: float) -> None:
        """Show how much of the text was scored, from 0 to 1."""
        self._feedback.progress(_SOURCE, sentence, share)

    def show_scores(self, tokens: Sequence[Scored]) -> None:
        """Show the text of `tokens` with their scores."""
        self._end()
        self._scored = ScoredText.of_tokens(tokens)
        self._result.show_words(self._scored.text, self._scored.words)
        self._summary.setText(self._scored.summary)
        self._meaning.setText(self._scored.meaning)
        self._meaning.setVisible(bool(self._scored.meaning))
        self._pages.setCurrentIndex(1)
        self._show_state()
        self._result.setFocus()
        announce(self._result, self._scored.summary)

    def show_failure(self, sentence: str) -> None:
        """Show why there is no score; nothing if the sentence is empty."""
        self._end()
        if sentence:
            self._feedback.fail(sentence)

    def reject(self) -> None:
        self.cancelled.emit()
        super().reject()

    def _make_result_page(self) -> QWidget:
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 8, 0)
        column.addWidget(self._result)
        column.addStretch(1)
        area.setWidget(inside)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._summary)
        layout.addWidget(self._meaning)
        layout.addWidget(LensLegend(self._theme))
        layout.addWidget(area, 1)
        return page

    def _lay_out(self) -> None:
        self._start = push_button("scoreButton", tr("Score"))
        self._start.clicked.connect(self._on_start)
        self._theme.apply_stylesheet(self._start, "primary")
        keys = QKeySequence("Ctrl+Return").toString(QKeySequence.SequenceFormat.NativeText)
        self._start.setToolTip(tool_tip(tr("Score ({keys})").format(keys=keys)))
        self._edit = push_button("scoreEdit", tr("Edit text"))
        self._edit.clicked.connect(self._on_edit)
        self._copy = push_button("scoreCopy", tr("Copy table"))
        self._copy.setToolTip(
            tool_tip(tr("Copy all words with their probability, surprise, and rank, to paste into a spreadsheet"))
        )
        self._copy.clicked.connect(self._copy_table)
        self._cancel = push_button("scoreCancel", tr("Cancel"))
        self._cancel.clicked.connect(self.cancelled)
        buttons = QHBoxLayout()
        for button in (self._start, self._cancel, self._edit, self._copy):
            buttons.addWidget(button)
        buttons.addWidget(close_button_box(self), 1)
        layout = QVBoxLayout(self)
        layout.addWidget(
            help_label(
                tr("The model reads only this text, not your conversation. You’ll see which words it didn’t expect.")
            )
        )
        layout.addWidget(self._pages, 1)
        layout.addWidget(MessageLine(self._theme, self._feedback, "scoreMessage"))
        layout.addLayout(buttons)

    @Slot()
    def _show_state(self) -> None:
        is_result = self._pages.currentIndex() == 1
        self._start.setVisible(not is_result and not self._is_scoring)
        self._start.setEnabled(bool(self.text().strip()))
        self._cancel.setVisible(self._is_scoring)
        self._edit.setVisible(is_result)
        self._copy.setVisible(is_result)
        self._field.setEnabled(not self._is_scoring)

    @Slot()
    def _on_start(self) -> None:
        self._feedback.clear("")
        self._is_scoring = True
        self._show_state()
        self._cancel.setFocus()
        self.requested.emit(self.text().rstrip("\r\n"))

    @Slot()
    def _on_text(self) -> None:
        self._feedback.clear("")
        self._show_state()

    @Slot()
    def _on_cut(self) -> None:
        sentence = tr(
            "This text is too long, so only the first {count} characters were kept. To score all of it, "
            "save it as a file and run “phichat score FILE”."
        )
        self._feedback.fail(sentence.format(count=format_number(len(self.text()))))

    @Slot()
    def _on_picture(self) -> None:
        self._feedback.fail(picture_refusal())

    @Slot()
    def _on_edit(self) -> None:
        self._pointer.hide()
        self._pages.setCurrentIndex(0)
        self._show_state()
        self._field.setFocus()

    def _end(self) -> None:
        self._is_scoring = False
        self._feedback.progress(_SOURCE, "")
        self._show_state()
        self._field.setFocus()

    @Slot()
    def _copy_table(self) -> None:
        if self._scored:
            copy_to_clipboard(self._scored.table())
            self._feedback.succeed(tr("Table copied."))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._is_scoring and event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and event.modifiers() & CONTROL:
            if self._start.isVisible():
                self._start.click()
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            is_copy = event.matches(QKeySequence.StandardKey.Copy)
            if is_copy and not self._result.textCursor().hasSelection():
                self._copy_table()
                return True
        return super().eventFilter(watched, event)


def _never() -> bool:
    """Return that no word can be chosen, as the text is nobody's answer."""
    return False
