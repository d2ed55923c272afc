"""Small dialogs: a question, a name, a link, files to open and save."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QByteArray, QDir, QStandardPaths, Qt, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFileDialog, QMessageBox, QVBoxLayout, QWidget

from phichat.i18n import tr
from phichat.ui.a11y.announce import announce
from phichat.ui.theme.scaling import scaled
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import heading_label, help_label
from phichat.ui.widgets.foreign_text import MOST_IN_TIP, PlainTextEdit, keep_boxes_plain, plain_label
from phichat.ui.widgets.text_input import LineEdit
from phichat.unicode import shortened


def close_button_box(dialog: QDialog) -> QDialogButtonBox:
    """Return a button box with one button, which closes `dialog`."""
    box = QDialogButtonBox()
    button = box.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
    button.setObjectName("closeButton")
    box.rejected.connect(dialog.reject)
    return box


def open_folder(folder: Path, parent: QWidget) -> None:
    """Show `folder`, or the nearest parent that exists, in the system's file manager; without any, say where it is."""
    place = next((place for place in (folder, *folder.parents) if place.is_dir()), folder)
    if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(place))):
        _tell_place(place, parent)


def _tell_place(folder: Path, parent: QWidget) -> None:
    box = QMessageBox(QMessageBox.Icon.NoIcon, "Phichat", "", QMessageBox.StandardButton.Ok, parent)
    box.setObjectName("folderNotOpened")
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(tr("Phichat couldn’t open a file manager. The folder’s location:") + f"\n\n{folder}")
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    box.finished.connect(box.deleteLater)
    box.open()


def ask_question(
    theme: Theme, parent: QWidget, name: str, question: str, yes: str, no: str, agreed: Callable[[], object]
) -> None:
    """Ask a question over `parent` and call `agreed` for `yes`; Escape and Enter mean `no`.

    If the dialog of that object name is open already, bring it to the front.
    """
    if there := parent.findChild(QMessageBox, name):
        there.activateWindow()
        return
    box = QMessageBox(QMessageBox.Icon.NoIcon, "Phichat", "", parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)  # it may contain names of files and models that others chose
    box.setText(shortened(question, MOST_IN_TIP))
    box.setObjectName(name)
    agree = box.addButton(yes, QMessageBox.ButtonRole.DestructiveRole)
    refuse = box.addButton(no, QMessageBox.ButtonRole.RejectRole)
    agree.setObjectName("agreeButton")
    refuse.setObjectName("refuseButton")
    box.setDefaultButton(refuse)
    box.setEscapeButton(refuse)
    agree.clicked.connect(agreed)
    theme.apply_stylesheet(agree, "destructive")
    box.finished.connect(box.deleteLater)
    box.open()


def start_folder() -> str:
    """Return the folder that a file dialog begins in: the one used last, else Documents.

    Qt remembers the former, and begins in the folder that the app was started from.
    """
    last, begun = QFileDialog().directory().absolutePath(), QDir.currentPath()
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    return documents if last == begun and QDir(documents).exists() else last


def remember_folder(file: str) -> None:
    """Have the next file dialog begin where `file` is, which was typed rather than looked for, perhaps."""
    if file:
        QFileDialog().setDirectory(str(Path(file).parent))


def choose_files(parent: QWidget, title: str, kinds: str = "") -> list[str]:
    """Return the files that the user chooses to open, of any kind without `kinds`; none if the user cancels."""
    files, _ = QFileDialog.getOpenFileNames(parent, title, start_folder(), kinds or tr("All files (*)"))
    remember_folder(next(iter(files), ""))
    return files


def choose_file(parent: QWidget, title: str, kinds: str) -> str:
    """Return the file that the user chooses to open; empty if the user cancels."""
    file, _ = QFileDialog.getOpenFileName(parent, title, start_folder(), kinds)
    remember_folder(file)
    return file


def choose_conversation_files(parent: QWidget) -> list[str]:
    """Return the files that the user chooses to import; none if the user cancels."""
    kinds = ";;".join([tr("Conversations (*.json *.jsonl *.ndjson *.zip)"), tr("All files (*)")])
    return choose_files(parent, tr("Import conversations"), kinds)


def choose_attachments(parent: QWidget) -> list[str]:
    """Return the files that the user chooses to attach; of any kind, as there are too many to list."""
    return choose_files(parent, tr("Attach files"))


def choose_export_file(parent: QWidget, name: str, filters: Sequence[str], chosen: Callable[[str], object]) -> None:
    """Ask for the file to export to, with `name` suggested, in a format of `filters`. Call `chosen` with it."""
    dialog = QFileDialog(parent, tr("Export"), start_folder())
    keep_boxes_plain(dialog)
    dialog.setObjectName("exportDialog")
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setNameFilters(filters)
    dialog.selectFile(name)
    dialog.filterSelected.connect(lambda kind: dialog.setDefaultSuffix(kind.rpartition("*.")[2].rstrip(")")))
    dialog.setDefaultSuffix("json")
    dialog.fileSelected.connect(remember_folder)
    dialog.fileSelected.connect(chosen)
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()


def choose_model_file(parent: QWidget) -> str:
    """Return the model file that the user chooses; empty if the user cancels."""
    kinds = ";;".join([tr("Model files (*.gguf *.GGUF)"), tr("All files (*)")])
    return choose_file(parent, tr("Open model file"), kinds)


class NameDialog(QDialog):
    """Asks for a name; `objection` returns why a name cannot be used, empty if it can.

    Signals: `named(str)` with the name when the dialog is accepted.
    """

    named = Signal(str)

    def __init__(self, parent: QWidget, title: str, name: str, longest: int, objection: Callable[[str], str]) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self._objection = objection
        self._field = LineEdit(name)
        self._field.setObjectName("nameField")
        self._field.setAccessibleName(title)
        self._field.setMaxLength(longest)
        self._field.selectAll()
        self._note = help_label("")
        self._note.setObjectName("nameNote")
        buttons = QDialogButtonBox()
        self._agree = buttons.addButton(tr("Save"), QDialogButtonBox.ButtonRole.AcceptRole)
        self._agree.setObjectName("agreeButton")
        self._agree.setDefault(True)
        refuse = buttons.addButton(tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        refuse.setObjectName("refuseButton")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._field.textChanged.connect(self._validate)
        layout = QVBoxLayout(self)
        for part in (heading_label(title), self._field, self._note, buttons):
            layout.addWidget(part)
        self.setMinimumWidth(scaled(340))
        self._validate()

    def accept(self) -> None:
        super().accept()
        self.named.emit(self._name())

    @Slot()
    def _validate(self) -> None:
        name = self._name()
        sentence = self._objection(name) if name else ""
        self._note.setText(sentence)
        self._field.setAccessibleDescription(sentence)
        self._agree.setEnabled(bool(name) and not sentence)

    def _name(self) -> str:
        return " ".join(self._field.text().split())


ADDRESS_SIZE = 440, 74  # pixels


class LinkDialog(QDialog):
    """Shows the whole address, in ASCII so that no letter can pass for another, and asks whether to open it."""

    def __init__(self, url: QUrl, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("linkDialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Open this link?"))
        self._url = url
        host = _decode(QUrl.toAce(url.host())) or url.host()
        self._address = PlainTextEdit()
        self._address.show_text(_decode(url.toEncoded()))
        self._address.setObjectName("linkAddress")
        self._address.setReadOnly(True)
        self._address.setTabChangesFocus(True)
        self._address.setAccessibleName(tr("Address"))
        self._address.setMinimumWidth(ADDRESS_SIZE[0])
        self._address.setFixedHeight(ADDRESS_SIZE[1])
        self._leads = plain_label(tr("This link opens {host} in your browser:").format(host=host))
        self._leads.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.addWidget(self._leads)
        layout.addWidget(self._address)
        layout.addWidget(self._buttons())

    def _buttons(self) -> QDialogButtonBox:
        box = QDialogButtonBox()
        for name, label, role, slot in (
            ("openLink", tr("Open"), QDialogButtonBox.ButtonRole.AcceptRole, self._on_open),
            ("copyLink", tr("Copy"), QDialogButtonBox.ButtonRole.ActionRole, self._on_copy),
            ("cancelLink", tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole, self.reject),
        ):
            button = box.addButton(label, role)
            button.setObjectName(name)
            button.clicked.connect(slot)
            if role is QDialogButtonBox.ButtonRole.AcceptRole:
                button.setDefault(True)
                button.setFocus()
        return box

    @Slot()
    def _on_open(self) -> None:
        if QDesktopServices.openUrl(self._url):
            self.accept()
        else:
            self._leads.setText(tr("Phichat couldn’t open a browser. Copy the address instead:"))
            announce(self._leads, self._leads.text())

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(_decode(self._url.toEncoded()))
        self.reject()


def _decode(ascii_bytes: QByteArray) -> str:
    return bytes(ascii_bytes.data()).decode("ascii", "replace")
