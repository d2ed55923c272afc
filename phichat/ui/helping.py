"""What the Help menu does: keys, what this program is, what to send with a report, and the log."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QWidget

from phichat.stop import Stop
from phichat.text import tr
from phichat.ui.actions import Actions
from phichat.ui.jobs import Errands, once
from phichat.ui.theme import Theme


class Helping(QObject):
    """Opens dialogs, which are made when they are wanted; `diagnose` finds what to copy, and may take its time.

    Signals: `told(str)` with a sentence.
    """

    told = Signal(str)

    def __init__(
        self, window: QWidget, actions: Actions, theme: Theme, logs: Path, diagnose: Callable[[], str]
    ) -> None:
        super().__init__(window)
        self._theme, self._logs, self._diagnose = theme, logs, diagnose
        self._errands = Errands("diagnosing", parent=self)
        actions.shortcuts.triggered.connect(self._show_shortcuts)
        actions.about.triggered.connect(self._show_about)
        actions.diagnostics.triggered.connect(self._copy_diagnostics)
        actions.logs.triggered.connect(self._show_logs)

    @Slot()
    def close(self) -> None:
        """The window is gone."""
        self._errands.close()

    @Slot()
    def _show_shortcuts(self) -> None:
        from phichat.ui.shortcuts_dialog import ShortcutsDialog  # noqa: PLC0415 - when it is wanted

        window = self._window()
        _open(ShortcutsDialog(self._theme, window.actions(), window))

    @Slot()
    def _show_about(self) -> None:
        from phichat.ui.about_dialog import AboutDialog  # noqa: PLC0415 - as above

        _open(AboutDialog(self._theme, self._window()))

    @Slot()
    def _show_logs(self) -> None:
        from phichat.ui.logs_dialog import LogsDialog  # noqa: PLC0415 - as above

        _open(LogsDialog(self._theme, self._logs, open_folder, self._window()))

    @Slot()
    def _copy_diagnostics(self) -> None:
        self.told.emit(tr("Looking at this computer…"))
        self._errands.send(once(self._look), self._on_diagnosed, self._on_ended)

    def _look(self, _: Stop) -> str:
        return self._diagnose()

    def _on_diagnosed(self, found: str) -> None:
        QGuiApplication.clipboard().setText(found)
        self.told.emit(tr("Copied: what `phichat doctor` prints."))

    def _on_ended(self, trouble: str) -> None:
        if trouble:
            self.told.emit(trouble)

    def _window(self) -> QWidget:
        window = self.parent()
        assert isinstance(window, QWidget)  # noqa: S101 - it was made so
        return window


def open_folder(folder: Path) -> None:
    """Show `folder`, or the one above that is there, in the system's file manager."""
    place = next((place for place in (folder, *folder.parents) if place.is_dir()), folder)
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(place)))


def _open(dialog: QDialog) -> None:
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
