"""Opens the preferences, and does at once what is chosen there."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from phichat.i18n import tr
from phichat.ui.actions import Actions
from phichat.ui.controllers.preferences import PreferencesStore
from phichat.ui.theme.reduced_motion import ReducedMotion
from phichat.ui.theme.theme import Theme
from phichat.ui.zooming import Zooming

if TYPE_CHECKING:
    from phichat.ui.preferences_dialog import PreferencesDialog


class Preferring(QObject):
    """`data_folder` has all that is stored; `can_look` is whether it is known where versions are published.

    Signals: `told(str)` with a sentence.
    """

    told = Signal(str)

    def __init__(
        self,
        window: QWidget,
        actions: Actions,
        theme: Theme,
        remembering: PreferencesStore,
        zooming: Zooming,
        motion: ReducedMotion,
        data_folder: Path,
        *,
        can_look: bool,
    ) -> None:
        super().__init__(window)
        self._theme, self._remembering, self._can_look = theme, remembering, can_look
        self._zooming, self._motion, self._data_folder = zooming, motion, data_folder
        actions.preferences.triggered.connect(self.open)

    @Slot()
    def open(self) -> None:
        """Show them."""
        from PySide6.QtGui import QFontDatabase  # noqa: PLC0415 - when it is wanted

        from phichat.ui.preferences_dialog import PreferencesDialog  # noqa: PLC0415

        families = [name for name in QFontDatabase.families() if not QFontDatabase.isPrivateFamily(name)]
        now, places = self._remembering.now, self._places()
        dialog = PreferencesDialog(self._theme, now, places, families, self._window(), can_look=self._can_look)
        dialog.chosen.connect(self.use)
        dialog.folder_wanted.connect(self._ask_for_folder)
        dialog.opened.connect(self._open_folder)
        self._zooming.changed.connect(dialog.show_size)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str, object)
    def use(self, name: str, value: Any) -> None:
        """The preference called `name` is `value` from now on."""
        if name == "text_percent":
            self._zooming.use(value)
        elif name == "font":
            self._zooming.use_font(value)
        else:
            self._remembering.change(**{name: value})
        now = self._remembering.now
        match name:
            case "theme" | "accent":
                self._theme.choose(now.theme, now.accent)
            case "less_motion":
                self._motion.want_less(now.less_motion)
            case "system" | "sampling":
                self._remembering.defaults_changed.emit()
            case "looks_for_versions":
                self._remembering.versions_wanted.emit()
            case "models_folder":
                data, models = self._places()
                if dialog := self._dialog():
                    dialog.show_models_folder(models, is_ours=models.parent == data)

    def _places(self) -> tuple[Path, Path]:
        """The folders as they will be."""
        data, chosen = self._data_folder, self._remembering.now.models_folder
        return data, Path(chosen) if chosen else data / "models"

    @Slot()
    def _ask_for_folder(self) -> None:
        from PySide6.QtWidgets import QFileDialog  # noqa: PLC0415 - rarely wanted

        chosen = QFileDialog.getExistingDirectory(self._window(), tr("Folder for models"), str(self._places()[1]))
        if chosen:
            self.use("models_folder", str(Path(chosen).absolute()))

    @Slot(Path)
    def _open_folder(self, folder: Path) -> None:
        from phichat.ui.widgets.dialogs import open_folder  # noqa: PLC0415 - as above

        open_folder(folder)

    def _window(self) -> QWidget:
        # Not kept: a circle of references is freed at any time, in any thread.
        window = self.parent()
        assert isinstance(window, QWidget)  # noqa: S101 - it was made so
        return window

    def _dialog(self) -> "PreferencesDialog | None":
        found = self._window().findChild(QWidget, "preferencesDialog")
        return cast("PreferencesDialog | None", found)
