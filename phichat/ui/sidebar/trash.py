"""The bin: conversations deleted in the last 30 days, to be restored or deleted for good."""

from dataclasses import replace

from PySide6.QtCore import QItemSelection, Signal, Slot
from PySide6.QtWidgets import QAbstractItemView, QVBoxLayout, QWidget

from phichat.i18n import tr
from phichat.store.base import ConversationSummary
from phichat.ui.controllers.conversation_model import ConversationListModel
from phichat.ui.sidebar.list_view import ListView
from phichat.ui.theme.scaling import set_icon_size
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.controls import banner_button
from phichat.ui.widgets.foreign_text import plain_label


class TrashPage(QWidget):
    """The list of deleted conversations and its buttons. What is typed here goes nowhere.

    Signals: `left` for the way back to the conversations; `read(str)` with an id; `restored(list)` with ids,
    `purged(list)` with summaries.
    """

    left = Signal()
    read = Signal(str)
    restored = Signal(list)
    purged = Signal(list)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("bin")
        self._theme = theme
        self._model = ConversationListModel(self)
        self._list = ListView(theme, self._model)
        self._list.set_conversation_delegate()
        self._list.setObjectName("binList")
        self._list.setAccessibleName(tr("Trash"))
        self._list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self._list.selectionModel().selectionChanged.connect(self._on_selection_changed)
        self._list.delete_requested.connect(self._purge)
        self._list.doubleClicked.connect(self._on_read)
        self._back = banner_button("binBackButton", tr("Trash"))
        self._back.setAccessibleName(tr("Back to conversations"))
        self._back.setToolTip(tr("Back to conversations"))
        set_icon_size(self._back, 16)
        self._read = banner_button("readButton", tr("View"))
        self._restore = banner_button("restoreButton", tr("Restore"))
        self._purge_button = banner_button("purgeButton", tr("Delete permanently"))
        self._note = muted(plain_label())
        self._note.setWordWrap(True)
        self._note.setContentsMargins(0, 0, 0, 4)
        self._lay_out()
        self._back.clicked.connect(self.left)
        self._read.clicked.connect(self._on_read)
        self._restore.clicked.connect(self._on_restore)
        self._purge_button.clicked.connect(self._purge)
        theme.apply_stylesheet(self._back, "quiet")
        theme.changed.connect(self._show_icons)
        self._show_icons()
        self.setFocusProxy(self._list)

    def show_conversations(self, summaries: list[ConversationSummary]) -> None:
        """Show the conversations in the bin, sorted by when they were deleted."""
        by_deletion = [replace(summary, changed=summary.deleted or 0.0, is_pinned=False) for summary in summaries]
        self._model.set_conversations(by_deletion)
        full = tr("Conversations in the trash are deleted permanently after 30 days.")
        self._note.setText(full if summaries else tr("The trash is empty."))
        self._on_selection_changed()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._back)
        layout.addWidget(self._list, 1)
        layout.addWidget(self._note)
        layout.addWidget(self._read)
        layout.addWidget(self._restore)
        layout.addWidget(self._purge_button)

    def _selected(self) -> list[ConversationSummary]:
        return self._list.selected_conversations()

    @Slot()
    @Slot(QItemSelection, QItemSelection)
    def _on_selection_changed(self, *_: QItemSelection) -> None:
        selected = self._selected()
        self._read.setEnabled(len(selected) == 1)
        for button in (self._restore, self._purge_button):
            button.setEnabled(bool(selected))

    @Slot()
    def _on_read(self) -> None:
        for summary in self._selected()[:1]:
            self.read.emit(summary.id)

    @Slot()
    def _on_restore(self) -> None:
        self.restored.emit([summary.id for summary in self._selected()])

    @Slot()
    def _purge(self) -> None:
        if selected := self._selected():
            self.purged.emit(selected)

    @Slot()
    def _show_icons(self) -> None:
        self._back.setIcon(self._theme.icon("previous"))
