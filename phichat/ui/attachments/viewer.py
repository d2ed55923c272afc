"""An attached file's text, to be read and copied."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QGuiApplication, QTextCursor
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QVBoxLayout, QWidget

from phichat.chat.attachments import Attachment
from phichat.i18n import tr
from phichat.ui.theme.scaling import fixed_font
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.plain_text import PlainTextEdit

if TYPE_CHECKING:
    from phichat.ui.widgets.highlights import Highlights, SearchTerms

SIZE = QSize(680, 520)


class AttachmentViewer(QDialog):
    """The text as the model reads it, whatever became of the file since; what is looked for is marked in it."""

    def __init__(self, theme: Theme, parent: QWidget, file: Attachment, needle: "SearchTerms | None") -> None:
        super().__init__(parent)
        self.setObjectName("attachmentWindow")
        self.setWindowTitle(file.title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._file = file
        self._field = PlainTextEdit()
        self._field.setObjectName("attachmentText")
        self._field.setAccessibleName(tr("Text of {name}").format(name=file.title))
        self._field.setReadOnly(True)
        self._field.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._field.setTabChangesFocus(True)
        self._field.setFont(fixed_font())
        self._field.setPlainText(file.text)
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
        theme.apply_stylesheet(self._field, "field")
        theme.apply_stylesheet(buttons, "button")
        theme.apply_stylesheet(self._field.verticalScrollBar(), "bar")
        self.resize(SIZE.boundedTo(parent.size()))
        self._marks = self._mark(needle, theme) if needle else None

    def _mark(self, needle: "SearchTerms", theme: Theme) -> "Highlights":
        from phichat.ui.widgets.highlights import Highlights  # noqa: PLC0415 - rarely needed

        marks = Highlights(self._field, needle, theme.colors)
        if marks.places:
            marks.choose(0)
            cursor = QTextCursor(self._field.document())
            cursor.setPosition(marks.places[0][0])
            self._field.setTextCursor(cursor)
            self._field.centerCursor()
        return marks

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._file.text)


def show_attachment(theme: Theme, parent: QWidget, file: Attachment, needle: "SearchTerms | None" = None) -> None:
    """Open the text of `file` over `parent`."""
    AttachmentViewer(theme, parent, file, needle).open()
