"""Asks for a name, and says at once what is wrong with one."""

from collections.abc import Callable

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QVBoxLayout, QWidget

from phichat.i18n import tr
from phichat.ui.labels import explanation, heading
from phichat.ui.theme.scaling import scaled
from phichat.ui.theme.theme import Theme


class NameDialog(QDialog):
    """A field for a name that begins as `name`; `objection` is a sentence about one that cannot be had, or empty.

    Signals: `named(str)` with what was agreed to.
    """

    named = Signal(str)

    def __init__(
        self, theme: Theme, parent: QWidget, title: str, name: str, longest: int, objection: Callable[[str], str]
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self._objection = objection
        self._field = QLineEdit(name)
        self._field.setObjectName("nameField")
        self._field.setAccessibleName(title)
        self._field.setMaxLength(longest)
        self._field.selectAll()
        self._note = explanation("")
        self._note.setObjectName("nameNote")
        buttons = QDialogButtonBox()
        self._agree = buttons.addButton(tr("Save"), QDialogButtonBox.ButtonRole.AcceptRole)
        self._agree.setObjectName("agreeButton")
        self._agree.setDefault(True)
        refuse = buttons.addButton(tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        refuse.setObjectName("refuseButton")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._field.textChanged.connect(self._look)
        layout = QVBoxLayout(self)
        for part in (heading(title), self._field, self._note, buttons):
            layout.addWidget(part)
        theme.dress(self._field, "field")
        theme.dress(buttons, "button")
        self.setMinimumWidth(scaled(340))
        self._look()

    def accept(self) -> None:
        super().accept()
        self.named.emit(self._name())

    @Slot()
    def _look(self) -> None:
        name = self._name()
        sentence = self._objection(name) if name else ""
        self._note.setText(sentence)
        self._field.setAccessibleDescription(sentence)
        self._agree.setEnabled(bool(name) and not sentence)

    def _name(self) -> str:
        return " ".join(self._field.text().split())
