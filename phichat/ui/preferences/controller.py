"""The controllers of the preferences and of the text size."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QFontDatabase, QWindowStateChangeEvent
from PySide6.QtWidgets import QWidget

from phichat.i18n import format_number, tr
from phichat.ui.actions import Actions
from phichat.ui.controllers.client_requests import ServerState
from phichat.ui.controllers.preferences import PreferencesStore
from phichat.ui.controllers.servers import Servers
from phichat.ui.theme.reduced_motion import ReducedMotion
from phichat.ui.theme.scaling import LEAST, MOST, STEP
from phichat.ui.theme.theme import Theme
from phichat.ui.threads.background import BackgroundTasks
from phichat.ui.widgets.parent import parent_window

if TYPE_CHECKING:
    from phichat.engine.base import ModelRef
    from phichat.models.base import TokenKeeper, TokenState
    from phichat.ui.preferences.dialog import PreferencesDialog


class TextSize(QObject):
    """Applies the preferred text size and font, and does what the View menu offers of sizes.

    Signals: `notified(str)` with a sentence for the status bar.
    """

    notified = Signal(str)

    def __init__(self, window: QWidget, actions: Actions, theme: Theme, preferences: PreferencesStore) -> None:
        super().__init__(window)
        self._actions, self._theme, self._preferences = actions, theme, preferences
        actions.larger.triggered.connect(self._on_larger)
        actions.smaller.triggered.connect(self._on_smaller)
        actions.reset_text_size.triggered.connect(self._on_usual)
        actions.full_screen.triggered.connect(self._on_full)
        window.installEventFilter(self)
        preferences.changed.connect(self._on_preference)
        self._show_actions()

    @Slot(str)
    def _on_preference(self, name: str) -> None:
        now = self._preferences.current
        if name in {"text_percent", "font"}:
            self._theme.set_font(now.text_percent, now.font)
            self._show_actions()
        if name == "text_percent":
            self.notified.emit(tr("Text size: {percent}%").format(percent=format_number(now.text_percent)))

    def _change(self, percent: int) -> None:
        self._preferences.change(text_percent=min(max(percent, LEAST), MOST))

    def _show_actions(self) -> None:
        percent = self._preferences.current.text_percent
        self._actions.larger.setEnabled(percent < MOST)
        self._actions.smaller.setEnabled(percent > LEAST)
        self._actions.full_screen.setChecked(self._window().isFullScreen())

    @Slot()
    def _on_larger(self) -> None:
        self._change(self._preferences.current.text_percent + STEP)

    @Slot()
    def _on_smaller(self) -> None:
        self._change(self._preferences.current.text_percent - STEP)

    @Slot()
    def _on_usual(self) -> None:
        self._change(100)

    @Slot()
    def _on_full(self) -> None:
        # The window's state decides, not the action's: the desktop may have changed it.
        window = self._window()
        window.setWindowState(window.windowState() ^ Qt.WindowState.WindowFullScreen)
        self._actions.full_screen.setChecked(window.isFullScreen())

    def _window(self) -> QWidget:
        return parent_window(self, QWidget)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QWindowStateChangeEvent):  # by the desktop, too
            self._actions.full_screen.setChecked(self._window().isFullScreen())
        return super().eventFilter(watched, event)


class PreferencesController(QObject):
    """Opens the preferences dialog, stores what is chosen in it, and applies that at once.

    `data_folder` is the folder of all data; `can_look` whether new versions can be checked for. `access` gives what
    keeps the token for `hub`, the host that models come from. `servers` are those with models.
    """

    def __init__(
        self,
        window: QWidget,
        actions: Actions,
        theme: Theme,
        preferences: PreferencesStore,
        reduced_motion: ReducedMotion,
        data_folder: Path,
        access: "Callable[[], TokenKeeper]",
        list_models: "Callable[[], Sequence[ModelRef]]",
        hub: str,
        servers: Servers,
        *,
        can_look: bool,
    ) -> None:
        super().__init__(window)
        self._access, self._list_models, self._hub, self._servers = access, list_models, hub, servers
        self._tasks = BackgroundTasks("token", 1, self)
        self._theme, self._preferences, self._can_look = theme, preferences, can_look
        self._reduced_motion, self._data_folder = reduced_motion, data_folder
        self._server = ServerState()
        preferences.changed.connect(self._on_preference)
        actions.preferences.triggered.connect(self.open_dialog)
        servers.page_requested.connect(self.show_servers)

    @Slot()
    def close(self) -> None:
        """End all threads."""
        self._tasks.close()

    @Slot()
    def ask_for_token(self) -> None:
        """Open the preferences dialog at the field for the access token."""
        self.open_dialog()
        if dialog := self._dialog():
            dialog.focus_token()

    @Slot()
    def show_servers(self) -> None:
        """Open the preferences dialog at the servers."""
        self.open_dialog()
        if dialog := self._dialog():
            dialog.show_servers()

    @Slot()
    def open_dialog(self) -> None:
        """Open the preferences dialog."""
        from phichat.ui.preferences.dialog import PreferencesDialog  # noqa: PLC0415 - when it is opened

        families = [name for name in QFontDatabase.families() if not QFontDatabase.isPrivateFamily(name)]
        self._preferences.save()  # which brings what another program has changed, such as `phichat models default`
        now, folders = self._preferences.current, self._folders()
        dialog = PreferencesDialog(
            self._theme,
            now,
            folders,
            families,
            self._window(),
            can_look=self._can_look,
            hub=self._hub,
            servers=self._servers,
            server=self._server,
        )
        dialog.chosen.connect(self._preferences.set_value)
        dialog.folder_requested.connect(self._ask_for_folder)
        dialog.opened.connect(self._open_folder)
        dialog.token_entered.connect(self._save_token)
        dialog.token_removed.connect(self._delete_token)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        self._tasks.run(lambda _: self._list_models(), dialog.show_models, owner=dialog)
        token = dialog.token
        self._tasks.run(lambda _: self._access().token_state(), token.show_state, token.show_error, owner=token)

    @Slot(object)
    def show_server(self, state: ServerState) -> None:
        """Show in the dialog what has become of the server for other apps."""
        self._server = state
        if dialog := self._dialog():
            dialog.server.show_state(state, is_on=self._preferences.current.serves)

    @Slot(str)
    def _save_token(self, token: str) -> None:
        self._change_token(lambda access: access.save_token(token))

    @Slot()
    def _delete_token(self) -> None:
        self._change_token(lambda access: access.delete_token())

    def _change_token(self, change: "Callable[[TokenKeeper], TokenState]") -> None:
        if dialog := self._dialog():
            row = dialog.token
            self._tasks.run(lambda _: change(self._access()), row.show_saved, row.show_error, owner=row)

    @Slot(str)
    def _on_preference(self, name: str) -> None:
        now, dialog = self._preferences.current, self._dialog()
        if name in {"theme", "accent"}:
            self._theme.set_theme(now.theme, now.accent)
        elif name == "less_motion":
            self._reduced_motion.set_reduced(now.less_motion)
        elif name == "text_percent" and dialog:
            dialog.show_size(now.text_percent)
        elif name == "models_folder" and dialog:
            data, models = self._folders()
            dialog.show_models_folder(models, is_ours=models.parent == data)

    def _folders(self) -> tuple[Path, Path]:
        """Return the data folder, and the models folder from the next start on."""
        data, chosen = self._data_folder, self._preferences.current.models_folder
        return data, Path(chosen) if chosen else data / "models"

    @Slot()
    def _ask_for_folder(self) -> None:
        from PySide6.QtWidgets import QFileDialog  # noqa: PLC0415 - when a folder is chosen

        chosen = QFileDialog.getExistingDirectory(self._window(), tr("Models folder"), str(self._folders()[1]))
        if chosen:
            self._preferences.change(models_folder=str(Path(chosen).absolute()))

    @Slot(Path)
    def _open_folder(self, folder: Path) -> None:
        from phichat.ui.widgets.dialogs import open_folder  # noqa: PLC0415 - when a folder is opened

        open_folder(folder, self._dialog() or self._window())

    def _window(self) -> QWidget:
        return parent_window(self, QWidget)

    def _dialog(self) -> "PreferencesDialog | None":
        found = self._window().findChild(QWidget, "preferencesDialog")
        return cast("PreferencesDialog | None", found)
