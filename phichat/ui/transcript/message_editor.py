"""The editor that replaces a message of the user while it is edited."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from phichat.chat.attachments import Attachment, Attachments, text_attachment
from phichat.i18n import tr
from phichat.ui.a11y.announce import announce
from phichat.ui.attachments.chips import AttachmentChips
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.drops import accept_copy, files_in
from phichat.ui.widgets.foreign_text import plain_label, tool_tip
from phichat.ui.widgets.growing_edit import GrowingTextEdit, strip_blank_lines


class MessageEditor(QFrame):
    """A text field, the attached files, Cancel and Send. Escape cancels.

    Signals: `changed(str)`: the text so far; `files_changed`; `files_given(list[Path])`: read these files, which were
    pasted or dropped, and show them with the others; at the end `sent(str)` or `cancelled`.
    """

    changed = Signal(str)
    files_changed = Signal()
    files_given = Signal(list)
    sent = Signal(str)
    cancelled = Signal()

    def __init__(self, theme: Theme, text: str, files: Attachments = ()) -> None:
        super().__init__()
        self.setObjectName("editBox")
        self.field = GrowingTextEdit(takes_files=True)
        self.field.setObjectName("editField")
        self.field.setAccessibleName(tr("Edit message"))
        self.field.setAccessibleDescription(tr("Press Enter to send or Esc to cancel."))
        self.field.setPlainText(text)
        self.field.moveCursor(self.field.textCursor().MoveOperation.End)
        self.field.installEventFilter(self)
        self.setAcceptDrops(True)
        self._send = QPushButton(tr("Send"))
        self._send.setObjectName("editSend")
        self._cancel = QPushButton(tr("Cancel"))
        self._cancel.setObjectName("editCancel")
        self._cancel.setToolTip(tr("Cancel (Esc)"))
        self._can_send, self._is_reading, self._reading = True, False, ""
        self._hint = muted(plain_label(tr("Sending creates a new version of this message. Press Esc to cancel.")))
        self._usual_hint, self._has_notice = self._hint.text(), False
        self.chips = AttachmentChips(theme, self, is_removable=True)
        self.chips.show_files(files)
        self.chips.removed.connect(self._on_removed)
        self._lay_out()
        self.field.textChanged.connect(self._on_text)
        self.field.enter_pressed.connect(self._on_send)
        self.field.long_text_pasted.connect(self._on_long_text)
        # After a drop, which counts as a change of the text.
        self.field.picture_pasted.connect(self._on_picture, Qt.ConnectionType.QueuedConnection)
        self.field.files_pasted.connect(self.files_given)
        self._send.clicked.connect(self._on_send)
        self._cancel.clicked.connect(self.cancelled)
        theme.apply_stylesheet(self, "edit")
        self._show_send()

    def restore_changes(self, text: str, files: Attachments) -> None:
        """Put back what was changed before and then cancelled; Undo takes the text out again."""
        if files != self.chips.files():
            self.show_files(files)
        if text != self.field.text():
            cursor = self.field.textCursor()
            cursor.select(cursor.SelectionType.Document)
            cursor.insertText(text)
            self.field.setTextCursor(cursor)
        self._hint.setText(tr("Your unsent changes were restored. Undo them to return to the original message."))
        self._has_notice = True
        announce(self._hint, self._hint.text())

    def set_can_send(self, can_send: bool) -> None:
        """Set whether the model can answer now."""
        has_ended = can_send and not self._can_send
        self._can_send = can_send
        self._show_send()
        if has_ended and not self._has_notice:
            self._show_hint("")

    def show_reading(self, title: str | None) -> None:
        """Hold the message back while a file is being read, and show its `title` unless that is empty."""
        before, has_begun = (self._is_reading, self._reading), title is not None and not self._is_reading
        self._reading = tr("Reading {name}…").format(name=title) if title else ""
        self._is_reading = title is not None
        if (self._is_reading, self._reading) != before:
            if has_begun or not self._has_notice:
                self._show_hint("")
            if self._reading:
                announce(self._hint, self._reading)
        self._show_send()

    def tab_stops(self) -> list[QWidget]:
        """Return the widgets that take the focus, in reading order."""
        return [*self.chips.buttons(), self.field, self._cancel, self._send]

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        self._hint.setWordWrap(True)
        buttons.addWidget(self._hint, 1)
        for button in (self._cancel, self._send):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 10, 10)
        layout.setSpacing(6)
        layout.addWidget(self.chips)
        layout.addWidget(self.field)
        layout.addLayout(buttons)

    def _show_send(self) -> None:
        has_something = bool(self.field.text().strip() or self.chips.files())
        self._send.setEnabled(self._can_send and has_something and not self._is_reading)
        tip = (
            tr("Send as a new version (Enter)")
            if self._can_send
            else tr("The model is busy. Wait for the current answer to finish, or stop it.")
        )
        self._send.setToolTip(tool_tip(self._reading or tip))

    @Slot()
    def _on_text(self) -> None:
        self._show_hint("")
        self.changed.emit(self.field.text())
        self._show_send()

    @Slot(object)
    def _on_removed(self, file: Attachment) -> None:
        self.show_files([other for other in self.chips.files() if other is not file])

    @Slot(str)
    def _on_long_text(self, text: str) -> None:
        """Attach text that is too long for the field."""
        self.show_files([*self.chips.files(), text_attachment(text, self.chips.files())])

    def show_files(self, files: Sequence[Attachment]) -> None:
        """Show `files` instead of those before."""
        self.chips.show_files(files)
        self.files_changed.emit()
        self._show_send()

    @Slot()
    def _on_send(self) -> None:
        self.field.finish_composing()
        if self._send.isEnabled():
            self.sent.emit(strip_blank_lines(self.field.text()))
        elif not self._can_send:
            self._show_hint(tr("The model is busy. Try again when the answer is finished."))
        elif self._reading:
            self._show_hint("")
            announce(self._hint, self._reading)
        elif self._is_reading:
            self._show_hint(tr("A file is still being read. Try again in a moment."))

    @Slot()
    def _on_picture(self) -> None:
        self._show_hint(tr("Phichat can’t read images. Paste text or attach a document instead."), is_notice=True)

    def _show_hint(self, alert: str, *, is_notice: bool = False) -> None:
        """Show `alert`; if it is empty, what is being read, or the usual hint. A notice stays while a file is read."""
        self._has_notice = is_notice
        muted(self._hint, alert=bool(alert))
        self._hint.setText(alert or self._reading or self._usual_hint)
        if alert:
            announce(self._hint, alert)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ShortcutOverride and _is_escape(event):
            event.accept()  # else Escape would stop the reply
            return True
        return super().eventFilter(watched, event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        self._answer_drag(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        self._answer_drag(event)

    def dropEvent(self, event: QDropEvent) -> None:
        self._answer_drag(event)
        if event.isAccepted():
            self.files_given.emit(files_in(event.mimeData()))
            self.field.setFocus()

    def _answer_drag(self, event: QDropEvent) -> None:
        """Take files; leave all else to the window."""
        if files_in(event.mimeData()):
            accept_copy(event)
        else:
            event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _is_escape(event):
            self.cancelled.emit()
        else:
            super().keyPressEvent(event)


def _is_escape(event: QEvent) -> bool:
    return isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
