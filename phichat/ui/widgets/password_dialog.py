"""The dialog that asks for the password of a document."""

from itertools import count

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QApplication, QDialog, QDialogButtonBox, QLineEdit, QVBoxLayout, QWidget

from phichat.i18n import tr
from phichat.ui.theme.scaling import scaled
from phichat.ui.widgets.controls import heading_label
from phichat.ui.widgets.foreign_text import MOST_IN_TIP, plain_label
from phichat.ui.widgets.text_input import LineEdit
from phichat.unicode import shortened

_numbers = count()


class PasswordDialog(QDialog):
    """Asks for a password over `parent`; `sentence` says of what. It is kept nowhere.

    `open` waits while another one is open, or waits itself.

    Signals: `entered(str)` with the password when the dialog is accepted.
    """

    entered = Signal(str)

    def __init__(self, parent: QWidget, sentence: str) -> None:
        super().__init__(parent)
        self._number, self._is_wanted = next(_numbers), False
        self.setObjectName("passwordDialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Password"))
        self.setAccessibleName(tr("Password"))
        self._field = LineEdit()
        self._field.setObjectName("passwordField")
        self._field.setEchoMode(QLineEdit.EchoMode.Password)
        self._field.setAccessibleName(tr("Password"))
        self._field.setAccessibleDescription(sentence)
        label = plain_label(shortened(sentence, MOST_IN_TIP))
        label.setWordWrap(True)
        layout = QVBoxLayout(self)
        for part in (heading_label(tr("Password")), label, self._field, self._buttons()):
            layout.addWidget(part)
        self.setMinimumWidth(scaled(340))
        self._field.textChanged.connect(self._validate)
        self._validate()

    def open(self) -> None:
        self._is_wanted = True
        dialogs = [each for each in QApplication.topLevelWidgets() if isinstance(each, PasswordDialog)]
        before = [each for each in dialogs if each._is_wanted and each._number < self._number]
        if before:
            max(before, key=lambda each: each._number).destroyed.connect(self._open_now)
        else:
            self._open_now()

    @Slot()
    def _open_now(self) -> None:
        super().open()

    def done(self, result: int) -> None:
        self._is_wanted = False
        super().done(result)

    def accept(self) -> None:
        super().accept()
        self.entered.emit(self._field.text())

    def _buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox()
        self._agree = buttons.addButton(tr("Open"), QDialogButtonBox.ButtonRole.AcceptRole)
        self._agree.setObjectName("agreeButton")
        self._agree.setDefault(True)
        refuse = buttons.addButton(tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        refuse.setObjectName("refuseButton")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        return buttons

    @Slot()
    def _validate(self) -> None:
        self._agree.setEnabled(bool(self._field.text()))
