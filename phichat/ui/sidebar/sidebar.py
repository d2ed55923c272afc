"""The sidebar: the New button, the search field, and one page of conversations, search results or the bin."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QPalette
from PySide6.QtWidgets import QMenu, QStackedWidget, QVBoxLayout, QWidget

from phichat.i18n import tr
from phichat.store.base import ConversationSummary, SearchHit
from phichat.ui.controllers.conversation_model import ConversationListModel
from phichat.ui.sidebar.list_view import ConversationListView
from phichat.ui.theme.scaling import set_icon_size
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import banner_button
from phichat.ui.widgets.search_field import SearchField

if TYPE_CHECKING:
    from phichat.ui.sidebar.search_results import SearchResults
    from phichat.ui.sidebar.trash import TrashPage


class Sidebar(QWidget):
    """The list of conversations and everything that the user can do in it. Escape leads back to it from other pages.

    Attributes:
        titles: the list view of the conversations.

    Signals tell what the user asked for; conversations are given by their ids:
        begun: a new conversation.
        left: to go on in the message field.
        typed(QKeyEvent): this key, which means text, in the message field.
        opened(str): a conversation.
        searched(str): a search for these words.
        found(SearchHit): a search result.
        pinned(str, bool): pinning or unpinning a conversation.
        deleted(list), exported(list): deletion or export of conversations.
        bin_opened: the bin.
        read(str): the text of a conversation in the bin.
        restored(list): restoring conversations in the bin.
        purged(list): deleting those with these summaries for good.
    """

    begun = Signal()
    left = Signal()
    typed = Signal(object)
    opened = Signal(str)
    searched = Signal(str)
    found = Signal(object)
    pinned = Signal(str, bool)
    deleted = Signal(list)
    exported = Signal(list)
    bin_opened = Signal()
    read = Signal(str)
    restored = Signal(list)
    purged = Signal(list)

    def __init__(self, theme: Theme, headings: ConversationListModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidebar")
        self._theme, self._headings = theme, headings
        self._results: SearchResults | None = None
        self._bin: TrashPage | None = None
        self._has_results = self._opens_first_hit = self._returns = False
        self._new = banner_button("newConversationButton", tr("New conversation"))
        set_icon_size(self._new, 16)
        self._search = SearchField()
        self.titles = ConversationListView(theme, headings)
        self.titles.setObjectName("conversationList")
        self.titles.setAccessibleName(tr("Conversations"))
        self._pages = QStackedWidget()
        self._pages.addWidget(self.titles)
        self._open_bin = banner_button("binButton", tr("Trash"))
        set_icon_size(self._open_bin, 16)
        theme.apply_stylesheet(self._open_bin, "quiet")
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.AlternateBase)
        self._lay_out()
        self._connect()
        self._show_icons()

    def show_current(self, name: str) -> None:
        """Select the conversation of that id, or none if it is not in the list."""
        if self._headings.rowCount():
            self.titles.set_conversation_delegate()
        index = self.titles.model().index(self._headings.index_of(name).row(), 0)
        is_selected = [summary.id for summary in self.titles.selected_conversations()] == [name]
        if self.titles.currentIndex() != index or not is_selected:
            self.titles.select_silently(index)

    def open_near(self, row: int) -> None:
        """Open the conversation in `row`, or the nearest one to it."""
        self.titles.select_index(self.titles.nearest_selectable(row))

    def show_hits(self, hits: list[SearchHit], most: int) -> None:
        """Show the results of a search that stopped at `most`."""
        results = self._results or self._make_results()
        results.show_hits(hits, most)
        self._pages.setCurrentWidget(results)
        self._has_results = True
        if self._opens_first_hit:
            self._open_first()

    def show_list(self) -> None:
        """Show the conversations instead of search results or the bin, with the focus if that had it."""
        page, focus = self._pages.currentWidget(), self.window().focusWidget()
        had_focus = page is not None and page is not self.titles and focus is not None and page.isAncestorOf(focus)
        self._pages.setCurrentWidget(self.titles)
        if had_focus:
            self.titles.setFocus()
        self._open_bin.show()
        self._search.clear()

    def show_bin(self, headings: list[ConversationSummary]) -> None:
        """Show the bin with the conversations in it, and with the focus if the button that opens it has that."""
        page = self._bin or self._make_bin()
        page.show_conversations(headings)
        self._search.clear()
        self._pages.setCurrentWidget(page)
        if self._open_bin.hasFocus():
            page.setFocus()
        self._open_bin.hide()

    def is_bin_shown(self) -> bool:
        """Return whether the page shown is the bin."""
        return self._bin is not None and self._pages.currentWidget() is self._bin

    def focus_search(self) -> None:
        """Move the focus to the search field and select its text."""
        self._search.setFocus()
        self._search.selectAll()

    def rename(self, name: str) -> None:
        """Have the user edit a title in the list, and then go on where they were.

        It is that of the conversation of that id; with the focus in the list, that of the selected one, which may not
        be shown yet.
        """
        selected = self.titles.selected_conversations() if self.titles.hasFocus() else []
        name = selected[0].id if len(selected) == 1 else name
        index = self.titles.model().index(self._headings.index_of(name).row(), 0)
        if index.isValid() and self.titles.state() is not ConversationListView.State.EditingState:
            self._returns = not self.titles.hasFocus()
            self.show_list()
            self.titles.select_silently(index)
            self.titles.setFocus()
            self.titles.edit(index)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 14, 12, 8)
        layout.setSpacing(8)
        for widget in (self._new, self._search):
            layout.addWidget(widget)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self._open_bin)

    def _connect(self) -> None:
        self._new.clicked.connect(self.begun)
        self._open_bin.clicked.connect(self.bin_opened)
        self._search.changed.connect(self._on_search_changed)
        self._search.left_downwards.connect(self._enter_page)
        self._search.enter_pressed.connect(self._open_first)
        self.titles.opened.connect(self.opened)
        self.titles.chosen.connect(self.left)
        self.titles.typed.connect(self.typed)
        self.titles.renamed.connect(self._on_renamed)
        self.titles.delete_requested.connect(self._delete)
        self.titles.menu_requested.connect(self._show_menu)
        self._theme.changed.connect(self._show_icons)

    @Slot(str)
    def _on_search_changed(self, words: str) -> None:
        self._has_results = self._opens_first_hit = False
        if not words.strip() and not self.is_bin_shown():
            self.show_list()
        self.searched.emit(words)

    @Slot()
    def _enter_page(self) -> None:
        """Move the focus from the search field to the page below it."""
        page = self._pages.currentWidget() or self.titles
        page.setFocus()
        if self._results and self._results is page:
            self._results.select_first()
        elif page is self.titles and not self.titles.currentIndex().isValid():
            self.titles.select_index(self.titles.nearest_selectable(0))

    @Slot()
    def _open_first(self) -> None:
        """Open the first search result, now or as soon as the results are there."""
        self._opens_first_hit = not self._has_results
        if self._results and self._has_results:
            self._results.open_first()

    @Slot()
    def _delete(self) -> None:
        if chosen := self.titles.selected_conversations():
            self.deleted.emit([heading.id for heading in chosen])

    @Slot(QPoint)
    def _show_menu(self, place: QPoint) -> None:
        chosen = self.titles.selected_conversations()
        menu = QMenu(self)
        if len(chosen) == 1:
            menu.addAction(tr("Rename…")).triggered.connect(self._rename)
            pin = menu.addAction(tr("Unpin") if chosen[0].is_pinned else tr("Pin"))
            pin.triggered.connect(self._pin)
            pin.setEnabled(not self._headings.is_temporary(chosen[0].id))  # it is above all others already
        menu.addAction(tr("Export…")).triggered.connect(self._export)
        menu.addSeparator()
        menu.addAction(tr("Delete")).triggered.connect(self._delete)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)

    @Slot()
    def _rename(self) -> None:
        self.titles.edit(self.titles.currentIndex())

    @Slot()
    def _on_renamed(self) -> None:
        if self._returns and self.titles.hasFocus():
            self.left.emit()
        self._returns = False

    @Slot()
    def _pin(self) -> None:
        for heading in self.titles.selected_conversations():
            self.pinned.emit(heading.id, not heading.is_pinned)

    @Slot()
    def _export(self) -> None:
        self.exported.emit([heading.id for heading in self.titles.selected_conversations()])

    def _make_results(self) -> "SearchResults":
        from phichat.ui.sidebar.search_results import SearchResults  # noqa: PLC0415 - at the first search

        self._results = SearchResults(self._theme)
        self._results.opened.connect(self.found)
        self._results.chosen.connect(self.left)
        self._results.typed.connect(self.typed)
        self._results.left_upwards.connect(self._search.setFocus)
        self._pages.addWidget(self._results)
        return self._results

    def _make_bin(self) -> "TrashPage":
        from phichat.ui.sidebar.trash import TrashPage  # noqa: PLC0415 - when the bin is first opened

        self._bin = TrashPage(self._theme)
        self._bin.left.connect(self.show_list)
        self._bin.read.connect(self.read)
        self._bin.restored.connect(self.restored)
        self._bin.purged.connect(self.purged)
        self._pages.addWidget(self._bin)
        return self._bin

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._pages.currentWidget() is not self.titles:
            self.show_list()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _show_icons(self) -> None:
        self._new.setIcon(self._theme.icon("new"))
        self._open_bin.setIcon(self._theme.icon("bin"))
