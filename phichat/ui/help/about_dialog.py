"""The About dialog: the versions and licences of Phichat and its dependencies."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl, qVersion
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from phichat.i18n import tr
from phichat.ui.theme.scaling import resize_window
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import heading_label, help_label
from phichat.ui.widgets.dialogs import close_button_box
from phichat.ui.widgets.foreign_text import plain_label, tool_tip


class AboutDialog(QDialog):
    """Lists `parts`, each name, version and licence; links to `licences`, the file with the licence texts, if any."""

    def __init__(
        self, theme: Theme, parts: Sequence[tuple[str, str, str]], licences: Path | None, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setObjectName("aboutDialog")
        self.setWindowTitle(tr("About Phichat"))
        self.setAccessibleName(tr("About Phichat"))
        self._list = QTreeWidget()
        self._list.setObjectName("partsList")
        self._list.setAccessibleName(tr("Components"))
        self._list.setHeaderLabels([tr("Component"), tr("Version"), tr("License")])
        self._list.setRootIsDecorated(False)
        (_, ours, _), python, *packages = parts
        for row in (python, ("Qt", qVersion(), "LGPL-3.0-only"), *packages):
            item = QTreeWidgetItem(list(row))
            item.setToolTip(2, tool_tip(row[2]))
            self._list.addTopLevelItem(item)
        self._list.setCurrentIndex(self._list.model().index(0, 0))
        for column in range(2):
            self._list.header().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        theme.apply_stylesheet(self._list, "table")
        layout = QVBoxLayout(self)
        layout.addLayout(_header(self.windowIcon(), ours))
        layout.addWidget(self._list)
        if licences:
            layout.addWidget(_licences_link(licences))
        layout.addWidget(close_button_box(self))
        resize_window(self, 600, 480)


def _licences_link(licences: Path) -> QLabel:
    address = QUrl.fromLocalFile(str(licences)).toString(QUrl.ComponentFormattingOption.FullyEncoded)
    link = f'<a href="{escape(address)}">{escape(str(licences))}</a>'
    label = help_label(tr("License texts: {file}").format(file=link))
    label.setObjectName("licencesLink")
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
    label.setOpenExternalLinks(True)
    return label


def _header(icon: QIcon, version: str) -> QHBoxLayout:
    picture = plain_label()
    picture.setPixmap(icon.pixmap(QSize(56, 56)))
    words = QVBoxLayout()
    title = heading_label(f"Phichat {version}")
    title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    words.addWidget(title)
    words.addWidget(
        help_label(
            tr(
                "Chat with Microsoft Phi-3 and other models on your own computer, or on a server you choose. Phichat "
                "is released under the MIT license."
            )
        )
    )
    words.addWidget(help_label(tr("Models have their own licenses: MIT for Phi-3, Apache-2.0 for the starter model.")))
    head = QHBoxLayout()
    head.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
    head.addLayout(words, 1)
    return head
