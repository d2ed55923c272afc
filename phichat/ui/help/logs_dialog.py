"""The logs dialog: the last lines of the log file."""

from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from phichat.i18n import tr
from phichat.ui.theme.scaling import fixed_font, resize_window
from phichat.ui.widgets.clipboard import copy_to_clipboard
from phichat.ui.widgets.controls import help_label, push_button
from phichat.ui.widgets.dialogs import close_button_box, open_folder
from phichat.ui.widgets.foreign_text import PlainTextEdit

MAX_SHOWN = 200_000  # bytes, from the end of the file


class LogsDialog(QDialog):
    """Shows the log in `folder`."""

    def __init__(self, folder: Path, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("logsDialog")
        self.setWindowTitle(tr("Logs"))
        self.setAccessibleName(tr("Logs"))
        self._folder = folder
        self._text = PlainTextEdit()
        self._text.setObjectName("logText")
        self._text.setAccessibleName(tr("Latest log entries"))
        self._text.setReadOnly(True)
        self._text.setTabChangesFocus(True)
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._text.setFont(fixed_font())
        again = push_button("readAgainButton", tr("Refresh"))
        again.clicked.connect(self.show_log)
        copy = push_button("copyLogButton", tr("Copy"))
        copy.clicked.connect(self._on_copy)
        place = push_button("logFolderButton", tr("Open folder"))
        place.clicked.connect(self._on_folder)
        buttons = QHBoxLayout()
        for button in (again, copy, place):
            buttons.addWidget(button)
        buttons.addWidget(close_button_box(self), 1)
        layout = QVBoxLayout(self)
        layout.addWidget(
            help_label(
                tr(
                    "The log shows what Phichat did and what went wrong. It never includes your messages or "
                    "the model’s answers."
                )
            )
        )
        layout.addWidget(self._text)
        layout.addLayout(buttons)
        resize_window(self, 680, 440)
        self.show_log()

    @Slot()
    def show_log(self) -> None:
        """Read the log file and show its end."""
        self._text.setPlainText(_tail(self._folder / "phichat.log") or tr("The log is empty."))
        self._text.moveCursor(QTextCursor.MoveOperation.End)

    @Slot()
    def _on_copy(self) -> None:
        """Copy what is selected; without a selection, all that is shown."""
        copy_to_clipboard(self._text.textCursor().selection().toPlainText() or self._text.toPlainText())

    @Slot()
    def _on_folder(self) -> None:
        open_folder(self._folder, self)


def _tail(file: Path) -> str:
    try:
        with file.open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(0, size - MAX_SHOWN))
            text = log.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return text.partition("\n")[2] if size > MAX_SHOWN else text  # the first line is cut
