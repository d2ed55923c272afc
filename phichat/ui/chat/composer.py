"""The composer: a text field that grows, with Attach, Send and Stop, and chips for attached files."""

from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from phichat.chat.attachments import Attachment, Attachments
from phichat.i18n import tr
from phichat.ui.a11y.announce import announce
from phichat.ui.theme.scaling import set_fixed_size, set_icon_size, text_scale
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.controls import banner_button, help_label
from phichat.ui.widgets.foreign_text import plain_label, tool_tip
from phichat.ui.widgets.growing_edit import PAGE_KEYS, GrowingTextEdit, strip_blank_lines, stroke_of
from phichat.ui.widgets.long_text import is_long, wrap_by_words_of
from phichat.ui.widgets.message_line import AlertLabel
from phichat.ui.widgets.text_keys import pass_on

LONG_DRAFT = 20_000  # characters; reading more at every key press would be slow
LONG_DRAFT_INTERVAL = 200  # milliseconds between signals for a long draft


if TYPE_CHECKING:
    from phichat.ui.attachments.chips import AttachmentChips


class Composer(QFrame):
    """A text field with buttons, and the attached files above it.

    Signals:
        submitted(str): send this message.
        draft_changed(str): the text, or the files with it, have changed.
        stopped: end the reply.
        answer_requested: end the thinking, and answer.
        unqueued: do not send the message that is queued.
        attach_requested: let the user choose files.
        documents_requested: let the user choose collections of documents.
        files_pasted(list[Path]): attach these files.
        long_text_pasted(str): attach this text, which is too long for the field.
        picture_pasted: a picture was pasted, which no model can read.
        page_requested(int): scroll the conversation by a page, up for -1.
        removed(Attachment): detach this file.
    """

    submitted = Signal(str)
    draft_changed = Signal(str)
    stopped = Signal()
    answer_requested = Signal()
    unqueued = Signal()
    attach_requested = Signal()
    documents_requested = Signal()
    files_pasted = Signal(list)
    long_text_pasted = Signal(str)
    picture_pasted = Signal()
    page_requested = Signal(int)
    removed = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("composerBox")
        self._theme = theme
        self._chips: AttachmentChips | None = None
        self._attach = _button(
            "attachButton", tr("Attach files"), tr("Attach documents or text files. You can also drop them here.")
        )
        self.documents_button = _button("documentsButton", tr("Documents"), tr("Ask about a collection of documents"))
        self.field = GrowingTextEdit(takes_files=True)
        self.field.setObjectName("composer")
        self.field.setAccessibleName(tr("Your message"))
        self.field.setPlaceholderText(tr("Write a message…"))
        self._send = _button("sendButton", tr("Send"), tr("Send (Enter)"))
        self._stop = _button("stopButton", tr("Stop"), tr("Stop (Esc)"))
        self._stop.hide()
        self._answer_now = banner_button("answerNowButton", tr("Answer now"))
        set_fixed_size(self._answer_now, 0, 34)
        self._answer_now.hide()
        self._time_estimate = _time_estimate()
        self._note = _note(theme)
        self._host = _host_line()
        self._queue_row: QueueRow | None = None
        self._blocked_because = ""
        self._lay_out()
        self.setFocusProxy(self.field)
        self._draft_timer = QTimer(self, interval=LONG_DRAFT_INTERVAL, singleShot=True)
        self._draft_timer.timeout.connect(self.flush_draft)
        self._is_draft_emitted = True
        self.field.textChanged.connect(self._on_text)
        self.field.enter_pressed.connect(self.submit)
        self.field.focused.connect(self._show_focus)
        self.field.files_pasted.connect(self.files_pasted)
        self.field.long_text_pasted.connect(self.long_text_pasted)
        self.field.picture_pasted.connect(self.picture_pasted)
        self._attach.clicked.connect(self.attach_requested)
        self.documents_button.clicked.connect(self.documents_requested)
        self._send.clicked.connect(self.submit)
        self._answer_now.clicked.connect(self.answer_requested)
        self._stop.clicked.connect(self.stopped)
        theme.apply_stylesheet(self, "composer")
        theme.apply_stylesheet(self._answer_now, "small")
        theme.changed.connect(self._show_icons)
        self._show_icons()
        self._on_text()

    def text(self) -> str:
        """Return the text."""
        return self.field.text()

    def set_text(self, text: str) -> None:
        """Replace the text; attach it instead if it is too long for the field."""
        self.field.finish_composing()
        self.field.setPlainText(text)
        self.field.moveCursor(self.field.textCursor().MoveOperation.End)
        self.flush_draft()

    def edit_text(self, text: str) -> None:
        """Replace the text in a way that can be undone as typing can."""
        if is_long(text):
            self.set_text(text)
            return
        self.field.finish_composing()
        wrap_by_words_of(self.field, text)
        cursor = self.field.textCursor()
        cursor.select(cursor.SelectionType.Document)
        cursor.insertText(text)
        self.field.setTextCursor(cursor)
        self.flush_draft()

    @Slot()
    def flush_draft(self) -> None:
        """Emit `draft_changed` now if that is due, including text still in the input method."""
        self.field.finish_composing()
        if not self._is_draft_emitted:
            self._emit_draft()

    @Slot(object)
    def take_key(self, event: QKeyEvent) -> None:
        """Take a key that was pressed elsewhere, and the focus."""
        pass_on(event, self.field)

    def can_insert(self, source: QMimeData) -> bool:
        """Return whether there is a text in what is dragged, or a picture, which is refused with a sentence."""
        return self.field.isVisible() and self.field.canInsertFromMimeData(source)

    @Slot(object)
    def insert_dropped(self, source: QMimeData) -> None:
        """Insert words that were dropped elsewhere on the window, and take the focus."""
        self.field.setFocus()
        self.field.insertFromMimeData(source)

    @Slot(str)
    def show_time_estimate(self, words: str) -> None:
        """Show `words` beside Send: the time to the first token. Empty for nothing."""
        self._time_estimate.setText(words.replace("\N{NO-BREAK SPACE}", " "))
        self._time_estimate.setAccessibleDescription(words)
        self._time_estimate.setVisible(bool(words))

    def files(self) -> Attachments:
        """Return the attached files."""
        return self._chips.files() if self._chips else ()

    def show_files(self, files: Attachments) -> None:
        """Show `files` and no others."""
        if self._chips is None and files:
            self._chips = self._make_chips()
        if self._chips:
            self._chips.show_files(files)

    def add_row(self, widget: QWidget) -> None:
        """Show `widget` above everything else."""
        self._column.insertWidget(0, widget)

    def show_tokens(self, file: Attachment, tokens: int, *, is_estimate: bool = False, is_least: bool = False) -> None:
        """Show the number of tokens of `file`, an estimate of it, or a lower bound."""
        if self._chips:
            self._chips.show_tokens(file, tokens, is_estimate=is_estimate, is_least=is_least)

    def show_note(self, sentence: str, *, blocks: bool = False, is_alert: bool = True) -> None:
        """Show a sentence about the draft; empty for none. If it `blocks`, the draft cannot be sent as it is."""
        self._note.set_alert(is_alert=is_alert)
        self._blocked_because = sentence if blocks else ""
        self._note.setText(sentence)
        self._note.setVisible(bool(sentence))
        self._enable_send()

    def show_host(self, host: str) -> None:
        """Show that messages go to `host`; empty if they stay on this computer."""
        self._host.setText(tr("Messages go to {host}").format(host=host) if host else "")
        self._host.setVisible(bool(host))

    def show_queued(self, sentence: str) -> None:
        """Show `sentence` about the message, which is queued, and a button to take it back; empty for none."""
        if sentence and self._queue_row is None:
            self._queue_row = QueueRow(self._theme)
            self._queue_row.unqueued.connect(self.unqueued)
            self._column.insertWidget(self._column.count() - 1, self._queue_row)
        if self._queue_row:
            self._queue_row.show_sentence(sentence)

    def set_answering(self, answering: bool) -> None:
        """Show Stop instead of Send while a reply is generated."""
        had_focus = self._send.hasFocus() or self._stop.hasFocus()
        self._send.setVisible(not answering)
        self._stop.setVisible(answering)
        if had_focus:
            self.field.setFocus()

    def name_answer_keys(self, keys: QKeySequence) -> None:
        """Name the `keys` that do what Answer now does, where it is explained."""
        shown = keys.toString(QKeySequence.SequenceFormat.NativeText)
        self._answer_now.setToolTip(tool_tip(tr("Stop thinking and answer now ({keys})").format(keys=shown)))

    def set_thinking(self, *, is_thinking: bool) -> None:
        """Show Answer now while the model thinks."""
        if self._answer_now.hasFocus() and not is_thinking:
            self.field.setFocus()
        self._answer_now.setVisible(is_thinking)

    @Slot()
    def submit(self) -> None:
        """Send the draft, unless it is empty or cannot be answered now; then it stays."""
        self.field.finish_composing()
        text = strip_blank_lines(self.text())
        if self._blocked_because:
            announce(self._note, self._blocked_because)
            self.field.setFocus()
        elif text or self.files():
            self.field.clear()
            self.submitted.emit(text)

    @Slot()
    def _on_text(self) -> None:
        self._is_draft_emitted = False
        has_much = self.field.document().characterCount() > LONG_DRAFT
        if not (has_much and self._draft_timer.isActive()):
            self._emit_draft()
        if has_much and not self._draft_timer.isActive():
            self._draft_timer.start()

    @Slot()
    def _on_files(self) -> None:
        before, chips = self._previous_tab_stop(), self._chips.buttons() if self._chips else []
        if before:
            for first, second in pairwise([before, *chips]):
                QWidget.setTabOrder(first, second)
        self._emit_draft()

    def _previous_tab_stop(self) -> QWidget | None:
        """Return the widget before the composer in the tab order, which chips created later have to follow."""
        at = self._attach.previousInFocusChain()
        while at and at is not self._attach:
            takes_focus = bool(at.focusPolicy() & Qt.FocusPolicy.TabFocus) and at.focusProxy() is None
            if takes_focus and not self.isAncestorOf(at):
                return at
            at = at.previousInFocusChain()
        return None

    def _emit_draft(self) -> None:
        self._is_draft_emitted = True
        text = self.text()
        self._enable_send()
        self.draft_changed.emit(text)

    def _enable_send(self) -> None:
        has_something = bool(self.text().strip() or self.files())
        self._send.setEnabled(has_something and not self._blocked_because)

    @Slot()
    def _show_focus(self) -> None:
        self.update()  # it has the focus for Qt, too, as that is its proxy's

    @Slot()
    def _show_icons(self) -> None:
        self._send.setIcon(self._theme.icon("send", on_accent=True))
        self._stop.setIcon(self._theme.icon("stop"))
        self._attach.setIcon(self._theme.icon("attach"))
        self.documents_button.setIcon(self._theme.icon("collection"))

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        for button in (self._attach, self.documents_button):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignBottom)
        row.addWidget(self.field, 1)
        for widget in (self._answer_now, self._time_estimate, self._send, self._stop):
            row.addWidget(widget, 0, Qt.AlignmentFlag.AlignBottom)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(8, 7, 8, 7)
        self._column.setSpacing(6)
        for widget in (self._host, self._note):
            self._column.addWidget(widget)
        self._column.addLayout(row)

    def _make_chips(self) -> "AttachmentChips":
        from phichat.ui.attachments.chips import AttachmentChips, ChipArea  # noqa: PLC0415 - not for the start

        chips = AttachmentChips(self._theme, self, is_removable=True)
        chips.changed.connect(self._on_files)
        chips.removed.connect(self.removed)
        self._column.insertWidget(0, ChipArea(chips, self))
        return chips

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if step := PAGE_KEYS.get(stroke_of(event)):
            self.page_requested.emit(step)
        else:
            super().keyPressEvent(event)


class QueueRow(QWidget):
    """A sentence on when a message is sent, and a button to hold it back.

    Signals: `unqueued` when the button was clicked.
    """

    unqueued = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("queueRow")
        self._sentence = muted(plain_label())
        self._sentence.setWordWrap(True)
        hold = banner_button("unqueueButton", tr("Don’t send"))
        hold.clicked.connect(self.unqueued)
        theme.apply_stylesheet(hold, "small")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 0, 0, 0)
        layout.addWidget(self._sentence, 1)
        layout.addWidget(hold)

    def show_sentence(self, sentence: str) -> None:
        """Show and announce `sentence`; hide if it is empty."""
        if sentence and (sentence != self._sentence.text() or self.isHidden()):
            announce(self, sentence)
        self._sentence.setText(sentence)
        self.setVisible(bool(sentence))


def _time_estimate() -> QLabel:
    """Return a label with room for two short lines, so that the text beside it does not jump every second."""
    label = muted(plain_label())
    label.setObjectName("forecast")
    label.setAccessibleName(tr("Time until the first word"))
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    font = label.font()
    font.setPointSizeF(font.pointSizeF() * 0.85)
    label.setFont(font)
    width = label.fontMetrics().horizontalAdvance(tr("until the first word")) / text_scale()
    set_fixed_size(label, round(width) + 12, 34)
    label.hide()
    return label


def _note(theme: Theme) -> AlertLabel:
    label = AlertLabel(theme)
    label.setObjectName("composerNote")
    label.setAccessibleName(tr("Note about your message"))
    label.setContentsMargins(6, 0, 6, 0)
    label.hide()
    return label


def _host_line() -> QLabel:
    label = help_label("")
    label.setObjectName("composerHost")
    label.setAccessibleName(tr("Where your messages go"))
    label.setContentsMargins(6, 0, 6, 0)
    label.hide()
    return label


def _button(name: str, label: str, tip: str) -> QPushButton:
    button = QPushButton()
    button.setObjectName(name)
    button.setAccessibleName(label)
    button.setToolTip(tool_tip(tip))
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # who clicks goes on writing
    set_icon_size(button, 18, 34, 34)
    return button
