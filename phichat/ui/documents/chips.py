"""Chips in the composer for the documents that a conversation uses: its own, and collections."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton

from phichat.documents.library import FileState, FileStatus
from phichat.i18n import tr, tr_count
from phichat.ui.theme.scaling import set_icon_size
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.foreign_text import tool_tip
from phichat.unicode import replace_surrogates, short_title


class DocumentChip(QFrame):
    """A document or a collection: a button that shows the document or the collections, and one that removes it.

    Its `problem` is a sentence that says why answers are not based on it; empty if they are.

    Signals: `opened`, `removed`.
    """

    opened = Signal()
    removed = Signal()

    def __init__(self, theme: Theme, title: str, state: str, icon: str, problem: str = "") -> None:
        super().__init__()
        self._theme, self._title, self._icon, self._problem = theme, title, icon, problem
        self.setProperty("part", "chip")
        self._open, self._remove = QToolButton(), QToolButton()
        self._open.setObjectName("documentChip")
        self._open.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._open.setAccessibleName(title)
        self.show_state(state)
        self._open.setToolTip(tool_tip(problem or tr("Answers to your questions are based on these documents.")))
        self._open.clicked.connect(self.opened)
        self._remove.setObjectName("documentChipRemove")
        self._remove.setAccessibleName(tr("Remove {name}").format(name=title))
        self._remove.setToolTip(tr("Remove (Del)"))
        self._remove.clicked.connect(self.removed)
        row = QHBoxLayout(self)
        row.setContentsMargins(1, 1, 1, 1)
        row.setSpacing(0)
        for button, size in ((self._open, 15), (self._remove, 13)):
            set_icon_size(button, size)
            row.addWidget(button)
        theme.apply_stylesheet(self, "chip")
        theme.changed.connect(self._show_icons)
        self._show_icons()

    def show_state(self, state: str) -> None:
        """Show what is known of it now, in a few words."""
        self._open.setText(f" {self._title} · {state}".replace("&", "&&"))
        self._open.setAccessibleDescription(f"{state}. {self._problem}" if self._problem else state)

    @Slot()
    def _show_icons(self) -> None:
        self._open.setIcon(self._theme.icon(self._icon))
        self._remove.setIcon(self._theme.icon("close"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}:
            self.removed.emit()
        else:
            super().keyPressEvent(event)


def file_state(status: FileStatus, *, is_indexing: bool) -> str:
    """Return what is known of a file, in a few words."""
    match status.state:
        case FileState.INDEXED:
            return tr_count("{count} passage", "{count} passages", status.passages)
        case FileState.WAITING:
            return tr("reading…") if is_indexing else tr("waiting")
        case FileState.FAILED:
            return tr("couldn’t be read")
        case FileState.MISSING:
            return tr("missing")


def file_problem(status: FileStatus) -> str:
    """Return why answers are not based on a file; empty if they are, or will be."""
    if status.state is FileState.FAILED and not status.passages:
        return tr("This document couldn’t be read, so answers aren’t based on it.")
    return ""


def file_title(status: FileStatus) -> str:
    """Return the name of a file on one line."""
    return short_title(replace_surrogates(status.path.name))
