"""The sidebar: a new conversation, a search, and the conversations there are, the newest first."""

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QLineEdit, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from phichat.chat.session import Session
from phichat.text import tr
from phichat.ui.theme import Theme


class ConversationList(QWidget):
    """Lists sessions.

    Signals: `chosen(Session)`, and `begun` where the person wants a new conversation.
    """

    chosen = Signal(object)
    begun = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidebar")
        self._theme = theme
        self._new = QPushButton(tr("New conversation"))
        self._new.setObjectName("newConversationButton")
        self._new.setAccessibleName(tr("New conversation"))
        self._new.setIconSize(QSize(16, 16))
        self._new.clicked.connect(self.begun)
        self._search = QLineEdit()
        self._search.setObjectName("searchField")
        self._search.setAccessibleName(tr("Search conversations"))
        self._search.setPlaceholderText(tr("Search"))
        self._search.setClearButtonEnabled(True)
        self._search.textChanged.connect(self._filter)
        self._list = QListWidget()
        self._list.setObjectName("conversationList")
        self._list.setAccessibleName(tr("Conversations"))
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self._list.currentItemChanged.connect(self._on_current)
        theme.dress(self._new, "button")
        theme.dress(self._search, "field")
        theme.dress(self._list, "list")
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.AlternateBase)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 14, 12, 12)
        layout.setSpacing(8)
        for widget in (self._new, self._search, self._list):
            layout.addWidget(widget)
        theme.changed.connect(self._show_icons)
        self._show_icons()

    def add(self, session: Session) -> None:
        """Put `session` first and choose it."""
        item = QListWidgetItem(_title(session))
        item.setData(Qt.ItemDataRole.UserRole, session)
        self._search.clear()
        self._list.insertItem(0, item)
        self._list.setCurrentItem(item)

    def has(self, session: Session) -> bool:
        """Whether `session` is in the list."""
        return any(item.data(Qt.ItemDataRole.UserRole) is session for item in self._items())

    def refresh(self) -> None:
        """Show titles as they are now."""
        for item in self._items():
            title = _title(item.data(Qt.ItemDataRole.UserRole))
            if item.text() != title:
                item.setText(title)
                item.setToolTip(
                    title.replace("&", "&amp;").replace("<", "&lt;")
                )  # a tip that looks like HTML is shown as it

    @Slot(str)
    def _filter(self, words: str) -> None:
        wanted = words.casefold().split()
        for item in self._items():
            session: Session = item.data(Qt.ItemDataRole.UserRole)
            texts = [session.conversation.title, *(message.text for message in session.conversation.path())]
            everything = "\n".join(texts).casefold()
            item.setHidden(not all(word in everything for word in wanted))

    @Slot(QListWidgetItem)
    def _on_current(self, item: QListWidgetItem | None) -> None:
        if item:
            self.chosen.emit(item.data(Qt.ItemDataRole.UserRole))

    def _items(self) -> list[QListWidgetItem]:
        return [self._list.item(row) for row in range(self._list.count())]

    @Slot()
    def _show_icons(self) -> None:
        self._new.setIcon(self._theme.icon("new"))


def _title(session: Session) -> str:
    return session.conversation.title or tr("New conversation")
