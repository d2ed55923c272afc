"""The controllers of the preferences and of the text size."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QWidget

from phichat.i18n import format_number, tr
from phichat.ui.actions import Actions
from phichat.ui.controllers.preferences import PreferencesStore
from phichat.ui.theme.reduced_motion import ReducedMotion
from phichat.ui.theme.scaling import LEAST, MOST, STEP
from phichat.ui.theme.theme import Theme

if TYPE_CHECKING:
    from phichat.ui.preferences.dialog import PreferencesDialog


class TextSize(QObject):
    """Changes and stores the text size, and switches to full screen and back, as the View menu offers it.

    Signals: `changed(int)` with the percentage; `notified(str)` with a sentence for the status bar.
    """

    changed = Signal(int)
    notified = Signal(str)

    def __init__(self, window: QWidget, actions: Actions, theme: Theme, preferences: PreferencesStore) -> None:
        super().__init__(window)
        self._actions, self._theme, self._preferences = actions, theme, preferences
        actions.larger.triggered.connect(self._on_larger)
        actions.smaller.triggered.connect(self._on_smaller)
        actions.reset_text_size.triggered.connect(self._on_usual)
        actions.full_screen.triggered.connect(self._on_full)
        window.installEventFilter(self)
        self._show_actions()

    @Slot(int)
    def set_percent(self, percent: int) -> None:
        """Set and store the text size in percent of the desktop's, within LEAST and MOST."""
        percent = min(max(percent, LEAST), MOST)
        if percent == self._preferences.current.text_percent:
            return
        self._preferences.change(text_percent=percent)
        self._apply_font()
        self.changed.emit(percent)
        self.notified.emit(tr("Text size: {percent} %").format(percent=format_number(percent)))

    @Slot(str)
    def set_family(self, family: str) -> None:
        """Set and store the font family; empty for the desktop's."""
        self._preferences.change(font=family)
        self._apply_font()

    def _apply_font(self) -> None:
        self._theme.set_font(self._preferences.current.text_percent, self._preferences.current.font)
        self._show_actions()

    def _show_actions(self) -> None:
        percent = self._preferences.current.text_percent
        self._actions.larger.setEnabled(percent < MOST)
        self._actions.smaller.setEnabled(percent > LEAST)
        self._actions.full_screen.setChecked(self._window().isFullScreen())

    @Slot()
    def _on_larger(self) -> None:
        self.set_percent(self._preferences.current.text_percent + STEP)

    @Slot()
    def _on_smaller(self) -> None:
        self.set_percent(self._preferences.current.text_percent - STEP)

    @Slot()
    def _on_usual(self) -> None:
        self.set_percent(100)

    @Slot()
    def _on_full(self) -> None:
        # The window's state decides, not the action's: the desktop may have changed it.
        window = self._window()
        window.setWindowState(window.windowState() ^ Qt.WindowState.WindowFullScreen)
        self._actions.full_screen.setChecked(window.isFullScreen())

    def _window(self) -> QWidget:
        # No attribute: a reference cycle is freed by the garbage collector, in any thread.
        window = self.parent()
        assert isinstance(window, QWidget)  # noqa: S101 - __init__ sets it
        return window

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.WindowStateChange:  # by the desktop, too
            self._actions.full_screen.setChecked(self._window().isFullScreen())
        return super().eventFilter(watched, event)


class PreferencesController(QObject):
    """Opens the preferences dialog, stores what is chosen in it, and applies that at once.

    `data_folder` is the folder of all data; `can_look` whether new versions can be checked for.
    """

    def __init__(
        self,
        window: QWidget,
        actions: Actions,
        theme: Theme,
        preferences: PreferencesStore,
        text_size: TextSize,
        reduced_motion: ReducedMotion,
        data_folder: Path,
        *,
        can_look: bool,
    ) -> None:
        super().__init__(window)
        self._theme, self._preferences, self._can_look = theme, preferences, can_look
        self._text_size, self._reduced_motion, self._data_folder = text_size, reduced_motion, data_folder
        actions.preferences.triggered.connect(self.open_dialog)

    @Slot()
    def open_dialog(self) -> None:
        """Open the preferences dialog."""
        from phichat.ui.preferences.dialog import PreferencesDialog  # noqa: PLC0415 - when it is opened

        families = [name for name in QFontDatabase.families() if not QFontDatabase.isPrivateFamily(name)]
        now, folders = self._preferences.current, self._folders()
        dialog = PreferencesDialog(self._theme, now, folders, families, self._window(), can_look=self._can_look)
        dialog.chosen.connect(self.set_preference)
        dialog.folder_requested.connect(self._ask_for_folder)
        dialog.opened.connect(self._open_folder)
        self._text_size.changed.connect(dialog.show_size)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str, object)
    def set_preference(self, name: str, value: Any) -> None:
        """Store `value` as the preference `name`, and apply it."""
        if name == "text_percent":
            self._text_size.set_percent(value)
        elif name == "font":
            self._text_size.set_family(value)
        else:
            self._preferences.change(**{name: value})
        now = self._preferences.current
        match name:
            case "theme" | "accent":
                self._theme.set_theme(now.theme, now.accent)
            case "less_motion":
                self._reduced_motion.set_reduced(now.less_motion)
            case "system" | "sampling":
                self._preferences.defaults_changed.emit()
            case "looks_for_versions":
                self._preferences.versions_requested.emit()
            case "models_folder":
                data, models = self._folders()
                if dialog := self._dialog():
                    dialog.show_models_folder(models, is_ours=models.parent == data)

    def _folders(self) -> tuple[Path, Path]:
        """Return the data folder, and the models folder from the next start on."""
        data, chosen = self._data_folder, self._preferences.current.models_folder
        return data, Path(chosen) if chosen else data / "models"

    @Slot()
    def _ask_for_folder(self) -> None:
        from PySide6.QtWidgets import QFileDialog  # noqa: PLC0415 - when a folder is chosen

        chosen = QFileDialog.getExistingDirectory(self._window(), tr("Folder for models"), str(self._folders()[1]))
        if chosen:
            self.set_preference("models_folder", str(Path(chosen).absolute()))

    @Slot(Path)
    def _open_folder(self, folder: Path) -> None:
        from phichat.ui.widgets.dialogs import open_folder  # noqa: PLC0415 - when a folder is opened

        open_folder(folder)

    def _window(self) -> QWidget:
        # No attribute: a reference cycle is freed by the garbage collector, in any thread.
        window = self.parent()
        assert isinstance(window, QWidget)  # noqa: S101 - __init__ sets it
        return window

    def _dialog(self) -> "PreferencesDialog | None":
        found = self._window().findChild(QWidget, "preferencesDialog")
        return cast("PreferencesDialog | None", found)
