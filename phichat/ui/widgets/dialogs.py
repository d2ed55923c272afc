"""Parts of dialogs."""

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QDialogButtonBox

from phichat.i18n import tr
from phichat.ui.theme.theme import Theme


def close_button_box(dialog: QDialog, theme: Theme) -> QDialogButtonBox:
    """Return a row with the button that closes `dialog`."""
    box = QDialogButtonBox()
    button = box.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
    button.setObjectName("closeButton")
    box.rejected.connect(dialog.reject)
    theme.dress(button, "button")
    return box


def open_folder(folder: Path) -> None:
    """Show `folder`, or the nearest parent that exists, in the system's file manager."""
    place = next((place for place in (folder, *folder.parents) if place.is_dir()), folder)
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(place)))
