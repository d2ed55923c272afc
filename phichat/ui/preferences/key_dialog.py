"""The dialog in which the key of a server is entered."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QVBoxLayout, QWidget

from phichat.engine.remote.base import Server
from phichat.i18n import tr
from phichat.ui.theme.scaling import scaled
from phichat.ui.widgets.controls import heading_label, help_label
from phichat.ui.widgets.text_input import LineEdit


class KeyDialog(QDialog):
    """Asks for another key for `server`; the one that there is, is never shown.

    Signals: `entered(str)` with the key when the dialog is accepted; empty to delete it.
    """

    entered = Signal(str)

    def __init__(self, parent: QWidget, server: Server, *, has_key: bool) -> None:
        super().__init__(parent)
        self.setObjectName("serverKeyDialog")
        title = tr("Key for {name}").format(name=server.name)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self._field = LineEdit()
        self._field.setObjectName("newServerKey")
        self._field.setAccessibleName(title)
        self._field.setEchoMode(QLineEdit.EchoMode.Password)
        text = tr("Phichat sends the key only to {host}.").format(host=server.host)
        if has_key:
            text += " " + tr("To delete the saved key, leave the field empty.")
        buttons = QDialogButtonBox()
        agree = buttons.addButton(tr("Save"), QDialogButtonBox.ButtonRole.AcceptRole)
        agree.setObjectName("agreeButton")
        agree.setDefault(True)
        refuse = buttons.addButton(tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        refuse.setObjectName("refuseButton")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for part in (heading_label(title), self._field, help_label(text), buttons):
            layout.addWidget(part)
        self.setMinimumWidth(scaled(340))

    def accept(self) -> None:
        super().accept()
        self.entered.emit(self._field.text().strip())
