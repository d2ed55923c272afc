"""A list of rows that are painted, not made: the base of the sidebar's lists."""

from PySide6.QtCore import (
    QAbstractItemModel,
    QItemSelection,
    QModelIndex,
    QPoint,
    QSortFilterProxyModel,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QContextMenuEvent, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView

from phichat.store.base import ConversationSummary
from phichat.ui.controllers.conversation_model import SUMMARY_ROLE
from phichat.ui.theme.theme import Theme

DELETING = {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}


class ListView(QListView):
    """Shows a model whose rows are all of the same height.

    Signals:
        entered_row(QModelIndex): Enter was pressed on it, or it was clicked.
        delete_requested: the key for it was pressed.
        menu_requested(QPoint): somewhere on the screen.
    """

    entered_row = Signal(QModelIndex)
    delete_requested = Signal()
    menu_requested = Signal(QPoint)

    def __init__(self, theme: Theme, model: QAbstractItemModel) -> None:
        super().__init__()
        self._theme = theme
        # QListView asks for the number of rows twice for each row. This proxy has the same rows, and answers in C++:
        # laying out 10,000 rows takes 3 ms instead of 12 (a shown view, timed around layoutChanged).
        rows = QSortFilterProxyModel(self)
        rows.setSourceModel(model)
        self.setModel(rows)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.clicked.connect(self.entered_row)
        theme.apply_stylesheet(self, "list")

    def set_conversation_delegate(self) -> None:
        """From now on there are rows, of conversations."""
        from phichat.ui.sidebar.delegates import ConversationDelegate  # noqa: PLC0415 - brings all of QStyle, an empty list needs none

        if not isinstance(self.itemDelegate(), ConversationDelegate):
            self.setItemDelegate(ConversationDelegate(self._theme, self))

    def selected_conversations(self) -> list[ConversationSummary]:
        """The conversations that are chosen, in the order they are shown."""
        indexes = sorted(self.selectionModel().selectedIndexes(), key=QModelIndex.row)
        headings = [index.data(SUMMARY_ROLE) for index in indexes]
        return [heading for heading in headings if isinstance(heading, ConversationSummary)]

    def select_index(self, index: QModelIndex) -> None:
        """Make `index` the only one that is chosen, and show it; none if it is invalid."""
        if index.isValid():
            self.scrollTo(index.siblingAtRow(max(index.row() - 1, 0)))  # it may be the name of its section
            self.setCurrentIndex(index)
        else:
            self.selectionModel().clear()

    def nearest_selectable(self, row: int) -> QModelIndex:
        """What can be chosen in `row`, else below it, else above it."""
        count = self.model().rowCount()
        for at in [*range(row, count), *range(min(row, count) - 1, -1, -1)]:
            index = self.model().index(at, 0)
            if index.flags() & Qt.ItemFlag.ItemIsSelectable:
                return index
        return QModelIndex()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_editing = self.state() == QAbstractItemView.State.EditingState
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if event.key() in DELETING and plain and not is_editing:
            self.delete_requested.emit()
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and not is_editing and self.currentIndex().isValid():
            self.entered_row.emit(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            place = self.visualRect(self.currentIndex()).center()
        else:
            place = self.viewport().mapFromGlobal(event.globalPos())
        if self.indexAt(place).flags() & Qt.ItemFlag.ItemIsSelectable:
            self.menu_requested.emit(self.viewport().mapToGlobal(place))


class ConversationListView(ListView):
    """The conversations there are.

    Signals: `opened(str)` where the person chose one.
    """

    opened = Signal(str)
    _tells = True

    def __init__(self, theme: Theme, model: QAbstractItemModel) -> None:
        super().__init__(theme, model)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.EditKeyPressed | triggers.DoubleClicked)
        self.entered_row.connect(self._on_entered)

    def select_silently(self, index: QModelIndex) -> None:
        """As `choose`, and tell nobody."""
        self._tells = False
        self.select_index(index)
        self._tells = True

    @Slot(QModelIndex)
    def _on_entered(self, index: QModelIndex) -> None:
        if not self.selected_conversations():  # the list has the focus, and nothing has been chosen yet
            self.select_index(index)

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        super().selectionChanged(selected, deselected)
        chosen = self.selected_conversations() if self._tells else []
        if len(chosen) == 1:
            self.opened.emit(chosen[0].id)
