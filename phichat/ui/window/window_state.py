"""What is kept of the window from one start to the next: its place and size, and its columns."""

from PySide6.QtCore import QByteArray, QObject, QSize, Slot
from PySide6.QtWidgets import QMainWindow

from phichat.ui.actions import Actions
from phichat.ui.controllers.preferences import PreferencesStore
from phichat.ui.widgets.parent import parent_window
from phichat.ui.window.layout import Columns

SIZE = QSize(1180, 760)
FRAME = QSize(20, 60)  # pixels


class WindowState(QObject):
    """Restores size, place and columns of `window`, and has them stored whenever preferences are saved."""

    def __init__(self, window: QMainWindow, columns: Columns, actions: Actions, preferences: PreferencesStore) -> None:
        super().__init__(window)
        self._columns, self._actions, self._preferences = columns, actions, preferences
        preferences.save_started.connect(self._save)

    def restore(self) -> None:
        """Give the window its size and place, and show the columns that were open, once they have their style."""
        known = self._preferences.current
        window = parent_window(self, QMainWindow)
        room = window.screen().availableSize() - FRAME
        self._columns.restore(
            known.columns,
            sidebar_open=known.sidebar_open,
            panel_open=known.panel_open,
            room=min(SIZE.width(), room.width()),
        )
        window.resize(SIZE.boundedTo(room))
        window.restoreGeometry(QByteArray.fromBase64(known.geometry.encode()))

    @Slot()
    def _save(self) -> None:
        self._preferences.change(
            geometry=parent_window(self, QMainWindow).saveGeometry().toBase64().toStdString(),
            columns=self._columns.widths() or self._preferences.current.columns,
            sidebar_open=self._columns.is_open(self._actions.sidebar),
            panel_open=self._columns.is_open(self._actions.panel),
        )
