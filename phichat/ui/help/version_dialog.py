"""The release notes of a new version, and a link to its page."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl, Signal, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFrame, QScrollArea, QVBoxLayout, QWidget

from phichat.i18n import tr
from phichat.ui.blocks.base import BlockWidget
from phichat.ui.blocks.block_list import BlockList
from phichat.ui.blocks.render_context import RenderContext
from phichat.ui.theme.scaling import resize_window
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import heading_label, help_label
from phichat.ui.widgets.dialogs import LinkDialog, close_button_box

if TYPE_CHECKING:
    from phichat.net.releases import Release


class VersionDialog(QDialog):
    """Shows the notes of `release` as Markdown, as untrusted as a reply: they come from the network.

    Signals: `skipped` when the user wants no more banners of this version.
    """

    skipped = Signal()

    def __init__(self, theme: Theme, release: "Release", ours: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("versionDialog")
        title = tr("What’s new in Phichat {version}").format(version=release.version)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self._page = QUrl(release.page)
        layout = QVBoxLayout(self)
        layout.addWidget(heading_label(title))
        layout.addWidget(_Notes(theme, release.notes or tr("See what’s new on the release page."), title))
        words = tr(
            "You have version {version}. Phichat doesn’t update itself. Download the new version from the release page."
        )
        layout.addWidget(help_label(words.format(version=ours)))
        layout.addWidget(self._buttons())
        resize_window(self, 560, 440)

    def _buttons(self) -> QDialogButtonBox:
        box = close_button_box(self)
        for name, label, role, slot in (
            ("versionPageButton", tr("Open release page"), QDialogButtonBox.ButtonRole.ActionRole, self._on_page),
            ("versionSkipButton", tr("Skip this version"), QDialogButtonBox.ButtonRole.ActionRole, self._on_skip),
        ):
            button = box.addButton(label, role)
            button.setObjectName(name)
            button.clicked.connect(slot)
        return box

    @Slot()
    def _on_page(self) -> None:
        LinkDialog(self._page, self).open()

    @Slot()
    def _on_skip(self) -> None:
        self.skipped.emit()
        self.reject()


class _Notes(QScrollArea):
    """A scroll area of Markdown blocks."""

    def __init__(self, theme: Theme, source: str, name: str) -> None:
        super().__init__()
        self.setObjectName("versionNotes")
        self.setAccessibleName(name)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self._name, self._parts = name, list[BlockWidget]()
        page = QWidget()
        self._blocks = BlockList(theme, RenderContext(self), self._parts, page)
        self._blocks.changed.connect(self._on_parts)
        column = QVBoxLayout(page)
        column.addLayout(self._blocks.column)
        column.addStretch()
        self.setWidget(page)
        self._blocks.show(source, is_growing=False)

    @Slot()
    def _on_parts(self) -> None:
        for part in self._parts:
            part.set_accessible_name(self._name)
