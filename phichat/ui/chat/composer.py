"""Where people write: a text field that grows, with Send and Stop beside it."""

from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from phichat.chat.attachments import Attachment, Attachments
from phichat.i18n import tr
from phichat.ui.a11y.announce import announce
from phichat.ui.theme.scaling import set_fixed_size, set_icon_size, text_scale
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.growing_edit import GrowingTextEdit, strip_blank_lines
from phichat.ui.widgets.plain_text import plain_label, tool_tip

if TYPE_CHECKING:
    from phichat.ui.attachments.chips import AttachmentChips

LONG_DRAFT = 20_000  # characters, which take their time to be read at every key
LONG_DRAFT_INTERVAL = 200  # milliseconds, where there is that much


class Composer(QFrame):
    """The field and its buttons, and above it the files that go with what is written.

    Signals:
        submitted(str) for a question, `stopped` where the reply should end.
        draft_changed(str): what is there now, or goes with other files.
        attach_wanted where the person wants to choose files, `files_pasted(list[Path])` for files that were pasted.
        removed(Attachment): that is not to go with it.
    """

    submitted = Signal(str)
    draft_changed = Signal(str)
    stopped = Signal()
    attach_requested = Signal()
    files_pasted = Signal(list)
    removed = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("composerBox")
        self._theme = theme
        self._chips: AttachmentChips | None = None
        self._attach = _button("attachButton", tr("Attach text files"), tr("Attach text files, or drop them here"))
        self.field = GrowingTextEdit(takes_files=True)
        self.field.setObjectName("composer")
        self.field.setAccessibleName(tr("Your message"))
        self.field.setPlaceholderText(tr("Write a message…"))
        self._send = _button("sendButton", tr("Send"), tr("Send (Enter)"))
        self._stop = _button("stopButton", tr("Stop"), tr("Stop (Escape)"))
        self._stop.hide()
        self._forecast = _forecast()
        self._note = _note()
        self._hindrance = ""
        self._lay_out()
        self.setFocusProxy(self.field)
        self._pause = QTimer(self, interval=LONG_DRAFT_INTERVAL, singleShot=True)
        self._pause.timeout.connect(self.flush_draft)
        self._is_said = True
        self.field.textChanged.connect(self._on_text)
        self.field.enter_pressed.connect(self.submit)
        self.field.focused.connect(self._show_focus)
        self.field.files_pasted.connect(self.files_pasted)
        self._attach.clicked.connect(self.attach_requested)
        self._send.clicked.connect(self.submit)
        self._stop.clicked.connect(self.stopped)
        theme.apply_stylesheet(self, "composer")
        theme.changed.connect(self._show_icons)
        self._show_icons()
        self._on_text()

    def text(self) -> str:
        """What is written so far."""
        return self.field.text()

    def set_text(self, text: str) -> None:
        """Put `text` there, in place of what is."""
        self.field.finish_composing()
        self.field.setPlainText(text)
        self.field.moveCursor(self.field.textCursor().MoveOperation.End)
        self.flush_draft()

    @Slot()
    def flush_draft(self) -> None:
        """Say what is written, if that has not been said yet, what is being composed included."""
        self.field.finish_composing()
        if not self._is_said:
            self._say()

    @Slot(str)
    def show_time_estimate(self, words: str) -> None:
        """Say beside Send how long the answer will take to come; nothing for no words."""
        self._forecast.setText(words.replace("\N{NO-BREAK SPACE}", " "))
        self._forecast.setAccessibleDescription(words)
        self._forecast.setVisible(bool(words))

    def files(self) -> Attachments:
        """What goes with what is written."""
        return self._chips.files() if self._chips else ()

    def show_files(self, files: Attachments) -> None:
        """Show that `files` go with what is written."""
        if self._chips is None and files:
            self._chips = self._make_chips()
        if self._chips:
            self._chips.show_files(files)

    def show_tokens(self, file: Attachment, tokens: int) -> None:
        """Say how many tokens `file` takes."""
        if self._chips:
            self._chips.show_tokens(file, tokens)

    def show_note(self, sentence: str, *, hinders: bool = False) -> None:
        """Say something about what is written; nothing for no words. If it `hinders`, that is not sent as it is."""
        self._hindrance = sentence if hinders else ""
        self._note.setText(sentence)
        self._note.setVisible(bool(sentence))

    def set_answering(self, answering: bool) -> None:
        """While a reply is made, Stop stands where Send was; writing goes on."""
        had_focus = self._send.hasFocus() or self._stop.hasFocus()
        self._send.setVisible(not answering)
        self._stop.setVisible(answering)
        if had_focus:
            self.field.setFocus()

    @Slot()
    def submit(self) -> None:
        """Send what is written, unless that is nothing, or it cannot be answered now; then it stays."""
        self.field.finish_composing()
        text = strip_blank_lines(self.text())
        if self._hindrance:
            announce(self._note, self._hindrance)
            self.field.setFocus()
        elif (text or self.files()) and not self._send.isHidden():
            self.field.clear()
            self.submitted.emit(text)

    @Slot()
    def _on_text(self) -> None:
        self._is_said = False
        has_much = self.field.document().characterCount() > LONG_DRAFT
        if not (has_much and self._pause.isActive()):
            self._say()
        if has_much and not self._pause.isActive():
            self._pause.start()

    @Slot()
    def _on_files(self) -> None:
        before, chips = self._before(), self._chips.buttons() if self._chips else []
        if before:
            for first, second in pairwise([before, *chips]):
                QWidget.setTabOrder(first, second)
        self._say()

    def _before(self) -> QWidget | None:
        """What Tab leaves to come here; where chips belong, that are made later than all else."""
        at = self._attach.previousInFocusChain()
        while at and at is not self._attach:
            takes_focus = bool(at.focusPolicy() & Qt.FocusPolicy.TabFocus) and at.focusProxy() is None
            if takes_focus and not self.isAncestorOf(at):
                return at
            at = at.previousInFocusChain()
        return None

    def _say(self) -> None:
        self._is_said = True
        text = self.text()
        self._send.setEnabled(bool(text.strip() or self.files()))
        self.draft_changed.emit(text)

    @Slot(bool)
    def _show_focus(self, has_focus: bool) -> None:
        self.setProperty("focused", has_focus)
        self.setStyleSheet(self.styleSheet())  # which looks at the property again

    @Slot()
    def _show_icons(self) -> None:
        self._send.setIcon(self._theme.icon("send", on_accent=True))
        self._stop.setIcon(self._theme.icon("stop"))
        self._attach.setIcon(self._theme.icon("attach"))

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self._attach, 0, Qt.AlignmentFlag.AlignBottom)
        row.addWidget(self.field, 1)
        for widget in (self._forecast, self._send, self._stop):
            row.addWidget(widget, 0, Qt.AlignmentFlag.AlignBottom)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(8, 7, 8, 7)
        self._column.setSpacing(6)
        self._column.addWidget(self._note)
        self._column.addLayout(row)

    def _make_chips(self) -> "AttachmentChips":
        from phichat.ui.attachments.chips import AttachmentChips, ChipArea  # noqa: PLC0415 - few questions have files

        chips = AttachmentChips(self._theme, self, can_go=True)
        chips.changed.connect(self._on_files)
        chips.removed.connect(self.removed)
        self._column.insertWidget(0, ChipArea(self._theme, chips, self))
        return chips


def _forecast() -> QLabel:
    """In two short lines of a fixed width, so that the text beside it does not jump with every second."""
    label = muted(plain_label())
    label.setObjectName("forecast")
    label.setAccessibleName(tr("Time to the first word"))
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    font = label.font()
    font.setPointSizeF(font.pointSizeF() * 0.85)
    label.setFont(font)
    width = label.fontMetrics().horizontalAdvance(tr("to the first word")) / text_scale()
    set_fixed_size(label, round(width) + 12, 34)
    label.hide()
    return label


def _note() -> QLabel:
    label = muted(plain_label(), alert=True)
    label.setObjectName("composerNote")
    label.setAccessibleName(tr("About what is written"))
    label.setWordWrap(True)
    label.setContentsMargins(6, 0, 6, 0)
    label.hide()
    return label


def _button(name: str, label: str, tip: str) -> QPushButton:
    button = QPushButton()
    button.setObjectName(name)
    button.setAccessibleName(label)
    button.setToolTip(tool_tip(tip))
    set_icon_size(button, 18, 34, 34)
    return button
