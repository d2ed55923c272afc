"""The window that shows the text of an attached file."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QGuiApplication, QTextCursor
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QVBoxLayout, QWidget

from phichat.chat.attachments import Attachment
from phichat.i18n import tr
from phichat.ui.attachments.long_text_field import LongTextField
from phichat.ui.theme.scaling import fixed_font, resize_window
from phichat.ui.theme.theme import Theme

if TYPE_CHECKING:
    from phichat.ui.widgets.highlights import Highlights, SearchTerms

WIDTH, HEIGHT = 680, 520  # pixels


class AttachmentViewer(QDialog):
    """Shows the text as the model reads it, whatever became of the file since.

    `terms` are highlighted in it, and it is scrolled to the match of that number.
    """

    def __init__(
        self, theme: Theme, parent: QWidget, file: Attachment, terms: "SearchTerms | None", match: int = 0
    ) -> None:
        super().__init__(parent)
        self.setObjectName("attachmentWindow")
        self.setWindowTitle(file.title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._file = file
        self._field = LongTextField(file.text)
        self._field.setObjectName("attachmentText")
        self._field.setAccessibleName(tr("Text of {name}").format(name=file.title))
        self._field.setReadOnly(True)
        self._field.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._field.setTabChangesFocus(True)
        self._field.setFont(fixed_font())
        copy, close = QPushButton(tr("Copy")), QPushButton(tr("Close"))
        buttons = QDialogButtonBox()
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(close, QDialogButtonBox.ButtonRole.RejectRole)
        copy.clicked.connect(self._copy)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addWidget(self._field)
        layout.addWidget(buttons)
        close.setDefault(True)
        resize_window(self, WIDTH, HEIGHT)
        self._terms, self._match, self._theme = terms, match, theme
        self._highlights: Highlights | None = None
        self._field.completed.connect(self._show_terms)
        self._field.show_next()

    def _highlight(self, terms: "SearchTerms", theme: Theme) -> "Highlights":
        from phichat.ui.widgets.highlights import Highlights  # noqa: PLC0415 - only after a search

        highlights = Highlights(self._field, terms, theme.colors)
        if highlights.ranges:
            match = min(self._match, len(highlights.ranges) - 1)
            highlights.set_current(match)
            cursor = QTextCursor(self._field.document())
            cursor.setPosition(highlights.ranges[match][0])
            self._field.setTextCursor(cursor)
            self._field.centerCursor()
        return highlights

    @Slot()
    def _show_terms(self) -> None:
        if self._terms:
            self._highlights = self._highlight(self._terms, self._theme)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._file.text)
