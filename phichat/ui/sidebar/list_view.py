"""The list views of the sidebar."""

import sys

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QSortFilterProxyModel,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemDelegate, QAbstractItemView, QApplication, QFrame, QListView, QWidget

from phichat.store.base import ConversationSummary
from phichat.ui.controllers.conversation_model import SUMMARY_ROLE
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.text_keys import is_typing

_NONE, _CONTROL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
# Not Backspace alone: pressed by who believes to write, it would delete conversations.
DELETE_KEYS = {(Qt.Key.Key_Delete, _NONE)}
if sys.platform == "darwin":
    DELETE_KEYS.add((Qt.Key.Key_Backspace, _CONTROL))  # Command and Backspace, as in the Finder


class ListView(QListView):
    """Shows a model whose rows are all of the same height.

    Signals:
        row_entered(QModelIndex): Enter was pressed in the row, or it was clicked.
        chosen: the user is done here: one row was clicked without Ctrl or Shift, or the ground beside the rows.
        delete_requested: Delete was pressed.
        typed(QKeyEvent): a key that means text: letters do not search in the list, since who types them may believe to
            write a message.
        menu_requested(QPoint): a context menu was asked for at that place, in global coordinates.
    """

    row_entered = Signal(QModelIndex)
    chosen = Signal()
    delete_requested = Signal()
    typed = Signal(object)
    menu_requested = Signal(QPoint)

    def __init__(self, theme: Theme, model: QAbstractItemModel) -> None:
        super().__init__()
        self._theme = theme
        # QListView asks for the number of rows twice for each row. This proxy has the same rows, and answers in C++:
        # laying out 10,000 rows would take several times as long.
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
        self.clicked.connect(self.row_entered)
        theme.apply_stylesheet(self, "list")

    def set_conversation_delegate(self) -> None:
        """Paint the rows as conversations from now on."""
        from phichat.ui.sidebar.delegates import ConversationDelegate  # noqa: PLC0415 - imports QStyle; an empty list needs no delegate

        if not isinstance(self.itemDelegate(), ConversationDelegate):
            self.setItemDelegate(ConversationDelegate(self._theme, self))

    def selected_conversations(self) -> list[ConversationSummary]:
        """Return the selected conversations in the order of the rows."""
        indexes = sorted(self.selectionModel().selectedIndexes(), key=QModelIndex.row)
        summaries = [index.data(SUMMARY_ROLE) for index in indexes]
        return [summary for summary in summaries if isinstance(summary, ConversationSummary)]

    def select_index(self, index: QModelIndex) -> None:
        """Select `index` alone and scroll to it; clear the selection if it is invalid."""
        if index.isValid():
            self.scrollTo(index.siblingAtRow(max(index.row() - 1, 0)))  # the row above may be the title of its section
            # QListView.setCurrentIndex() would add to the selection while Ctrl or Shift is held, as for a shortcut.
            self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        else:
            self.selectionModel().clear()

    def nearest_selectable(self, row: int) -> QModelIndex:
        """Return the index in `row` if it is selectable, else the next one below that is, else above."""
        count = self.model().rowCount()
        for at in [*range(row, count), *range(min(row, count) - 1, -1, -1)]:
            index = self.model().index(at, 0)
            if index.flags() & Qt.ItemFlag.ItemIsSelectable:
                return index
        return QModelIndex()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_editing = self.state() == QAbstractItemView.State.EditingState
        stroke = event.key(), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if stroke in DELETE_KEYS and not is_editing:
            self.delete_requested.emit()
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and not is_editing and self.currentIndex().isValid():
            self.row_entered.emit(self.currentIndex())
        elif is_typing(event) and not is_editing:
            self.typed.emit(event)
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        is_plain = event.button() is Qt.MouseButton.LeftButton and not event.modifiers()
        focus = QApplication.focusWidget()
        is_editing = focus is not None and focus is not self and self.isAncestorOf(focus)
        if is_plain and not is_editing and len(self.selectionModel().selectedIndexes()) <= 1:
            self.chosen.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            place = self.visualRect(self.currentIndex()).center()
        else:
            place = self.viewport().mapFromGlobal(event.globalPos())
        if self.indexAt(place).flags() & Qt.ItemFlag.ItemIsSelectable:
            self.menu_requested.emit(self.viewport().mapToGlobal(place))


class ConversationListView(ListView):
    """The list of conversations.

    The conversation that is shown is always selected, as a click beside the rows changes nothing.

    Signals: `opened(str)` with the id of the conversation that the user selected; `renamed`: the field for the title
    was closed.
    """

    opened = Signal(str)
    renamed = Signal()
    _emits_opened = True

    def __init__(self, theme: Theme, model: QAbstractItemModel) -> None:
        super().__init__(theme, model)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.EditKeyPressed | triggers.DoubleClicked)
        self.row_entered.connect(self._on_entered)

    def select_silently(self, index: QModelIndex) -> None:
        """Select `index` as select_index() does, without emitting `opened`."""
        self._emits_opened = False
        self.select_index(index)
        self._emits_opened = True

    @Slot(QModelIndex)
    def _on_entered(self, index: QModelIndex) -> None:
        if not self.selected_conversations():  # the list has the focus, but no selection yet
            self.select_index(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_editing = self.state() == QAbstractItemView.State.EditingState
        super().keyPressEvent(event)
        is_enter = event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}
        if is_enter and not is_editing and len(self.selected_conversations()) == 1:
            self.chosen.emit()

    def closeEditor(self, editor: QWidget, hint: QAbstractItemDelegate.EndEditHint) -> None:
        super().closeEditor(editor, hint)
        self.renamed.emit()

    def selectionCommand(
        self, index: QModelIndex | QPersistentModelIndex, event: QEvent | None = None
    ) -> QItemSelectionModel.SelectionFlag:
        if not index.isValid():
            return QItemSelectionModel.SelectionFlag.NoUpdate
        return super().selectionCommand(index, event)

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        super().selectionChanged(selected, deselected)
        chosen = self.selected_conversations() if self._emits_opened else []
        if len(chosen) == 1:
            self.opened.emit(chosen[0].id)
