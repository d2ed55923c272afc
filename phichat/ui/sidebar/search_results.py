"""The list of search results."""

from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from phichat.i18n import tr, tr_count
from phichat.store.base import SearchHit
from phichat.ui.controllers.conversation_model import SUMMARY_ROLE, Index, title_of_summary
from phichat.ui.sidebar.delegates import SearchHitDelegate
from phichat.ui.sidebar.list_view import ListView
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.foreign_text import plain_label, tool_tip


class SearchHitsModel(QAbstractListModel):
    """A row for each SearchHit, which is its SUMMARY_ROLE."""

    def __init__(self) -> None:
        super().__init__()
        self._hits: list[SearchHit] = []

    def show_hits(self, hits: list[SearchHit]) -> None:
        """Replace all rows."""
        self.beginResetModel()
        self._hits = hits
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._hits)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        hit = self._hits[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return title_of_summary(hit.summary)
            case Qt.ItemDataRole.AccessibleTextRole:
                return title_of_summary(hit.summary) + (f": {hit.excerpt}" if hit.message else "")
            case Qt.ItemDataRole.ToolTipRole:
                return tool_tip(title_of_summary(hit.summary))
            case Qt.ItemDataRole.UserRole:  # SUMMARY_ROLE
                return hit
        return None


class SearchResults(QWidget):
    """The list of hits, and above it a note on how many there are.

    Signals: `opened(SearchHit)` when the user opens a hit; `chosen` after it was done by mouse; `left_upwards` for the
    Up key in the first row; `typed(QKeyEvent)` for a key that means text.
    """

    opened = Signal(object)
    chosen = Signal()
    left_upwards = Signal()
    typed = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._model = SearchHitsModel()
        self._model.setParent(self)
        self._list = _HitList(theme, self._model)
        self._list.setItemDelegate(SearchHitDelegate(theme, self._list))
        self._list.setObjectName("searchResults")
        self._list.setUniformItemSizes(False)  # titles take less room than excerpts
        self._list.setResizeMode(ListView.ResizeMode.Adjust)
        self._list.setAccessibleName(tr("Search results"))
        self._list.row_entered.connect(self._open)
        self._list.chosen.connect(self.chosen)
        self._list.left_upwards.connect(self.left_upwards)
        self._list.typed.connect(self.typed)
        self._note = muted(plain_label())
        self._note.setObjectName("searchNote")
        self._note.setWordWrap(True)
        self._note.setContentsMargins(10, 0, 10, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._note)
        layout.addWidget(self._list, 1)
        self.setFocusProxy(self._list)

    def show_hits(self, hits: list[SearchHit], most: int) -> None:
        """Show `hits`; the search stopped at `most`."""
        self._model.show_hits(hits)
        self._list.scrollToTop()
        if not hits:
            text = tr("No results.")
        elif len(hits) < most:
            text = tr_count("{count} result", "{count} results", len(hits))
        else:
            text = tr_count("First {count} result", "First {count} results", len(hits))
        self._note.setText(text)

    def select_first(self) -> None:
        """Select the first hit."""
        self._list.select_index(self._list.model().index(0, 0))

    def open_first(self) -> None:
        """Open the first hit, if there is one."""
        if self._model.rowCount():
            self.select_first()
            self._open(self._model.index(0, 0))

    @Slot(QModelIndex)
    def _open(self, index: QModelIndex) -> None:
        self.opened.emit(index.data(SUMMARY_ROLE))


class _HitList(ListView):
    left_upwards = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Up and self.currentIndex().row() <= 0:
            self.left_upwards.emit()
        else:
            super().keyPressEvent(event)
