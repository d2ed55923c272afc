"""Questions to the person: one with two answers, asked without holding anything up, and one for a file."""

from collections.abc import Callable

from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from phichat.text import tr
from phichat.ui.theme import Theme


def ask(
    theme: Theme, parent: QWidget, name: str, question: str, yes: str, no: str, agreed: Callable[[], object]
) -> None:
    """Ask over `parent`; Escape and Enter are `no`. A question that is already open comes to the front."""
    if there := parent.findChild(QMessageBox, name):
        there.activateWindow()
        return
    box = QMessageBox(QMessageBox.Icon.NoIcon, "Phichat", question, parent=parent)
    box.setObjectName(name)
    agree = box.addButton(yes, QMessageBox.ButtonRole.DestructiveRole)
    refuse = box.addButton(no, QMessageBox.ButtonRole.RejectRole)
    agree.setObjectName("agreeButton")
    refuse.setObjectName("refuseButton")
    box.setDefaultButton(refuse)
    box.setEscapeButton(refuse)
    agree.clicked.connect(agreed)
    theme.dress(box, "button")
    box.finished.connect(box.deleteLater)
    box.open()


def ask_for_model(parent: QWidget) -> str:
    """A model file that the person chooses; empty for none."""
    kinds = ";;".join([tr("Models (*.gguf *.GGUF)"), tr("All files (*)")])
    file, _ = QFileDialog.getOpenFileName(parent, tr("Open a model file"), "", kinds)
    return file
