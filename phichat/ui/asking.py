"""Questions to the person: one with two answers, asked without holding anything up, and one for a file."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from phichat.i18n import tr
from phichat.ui.plain_text import keep_boxes_plain
from phichat.ui.theme.theme import Theme


def ask(
    theme: Theme, parent: QWidget, name: str, question: str, yes: str, no: str, agreed: Callable[[], object]
) -> None:
    """Ask over `parent`; Escape and Enter are `no`. A question that is already open comes to the front."""
    if there := parent.findChild(QMessageBox, name):
        there.activateWindow()
        return
    box = QMessageBox(QMessageBox.Icon.NoIcon, "Phichat", "", parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)  # names of files and models are in it, which others chose
    box.setText(question)
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


def ask_for_conversations(parent: QWidget) -> list[str]:
    """Files with conversations that the person chooses."""
    kinds = ";;".join([tr("Conversations (*.json *.zip)"), tr("All files (*)")])
    files, _ = QFileDialog.getOpenFileNames(parent, tr("Import conversations"), "", kinds)
    return files


def ask_for_texts(parent: QWidget) -> list[str]:
    """Text files that the person chooses. They are of more kinds than could be listed."""
    files, _ = QFileDialog.getOpenFileNames(parent, tr("Attach text files"), "", tr("All files (*)"))
    return files


def ask_where_to_export(parent: QWidget, name: str, chosen: Callable[[str], object]) -> None:
    """Where to write conversations, and by its ending in what form; `name` is suggested."""
    dialog = QFileDialog(parent, tr("Export"))
    keep_boxes_plain(dialog)
    dialog.setObjectName("exportDialog")
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setNameFilters(
        [
            tr("Everything, to be imported again (*.json)"),
            tr("Markdown (*.md)"),
            tr("Text (*.txt)"),
            tr("Web page (*.html)"),
        ]
    )
    dialog.selectFile(name)
    dialog.filterSelected.connect(lambda kind: dialog.setDefaultSuffix(kind.rpartition("*.")[2].rstrip(")")))
    dialog.setDefaultSuffix("json")
    dialog.fileSelected.connect(chosen)
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()


def ask_for_model(parent: QWidget) -> str:
    """A model file that the person chooses; empty for none."""
    kinds = ";;".join([tr("Models (*.gguf *.GGUF)"), tr("All files (*)")])
    file, _ = QFileDialog.getOpenFileName(parent, tr("Open a model file"), "", kinds)
    return file
