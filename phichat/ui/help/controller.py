"""The controller of the Help menu: shortcuts, About, diagnostics, logs."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QMainWindow

from phichat.cancellation import CancelToken
from phichat.i18n import tr
from phichat.ui.actions import Actions
from phichat.ui.theme.theme import Theme
from phichat.ui.threads.background import BackgroundTasks
from phichat.ui.widgets.parent import parent_window

Part = tuple[str, str, str]
"""Name, version and licence."""


class HelpController(QObject):
    """Opens the dialogs of the Help menu, and copies what `diagnose` returns, which runs in a background thread.

    `parts` returns name, version and licence of Phichat and of each dependency, and the file with the licence texts,
    None if there is none.

    Signals: `notified(str)`, `failed(str)` and `progressed(str)` with a sentence for the status bar.
    """

    notified = Signal(str)
    failed = Signal(str)
    progressed = Signal(str)

    def __init__(
        self,
        window: QMainWindow,
        actions: Actions,
        theme: Theme,
        logs: Path,
        diagnose: Callable[[CancelToken], str],
        parts: Callable[[], tuple[Sequence[Part], Path | None]],
    ) -> None:
        super().__init__(window)
        self._theme, self._logs, self._diagnose, self._parts = theme, logs, diagnose, parts
        self._tasks = BackgroundTasks("diagnosing", 1, self)
        self._diagnosis: CancelToken | None = None
        actions.shortcuts.triggered.connect(self._show_shortcuts)
        actions.about.triggered.connect(self._show_about)
        actions.diagnostics.triggered.connect(self._copy_diagnostics)
        actions.logs.triggered.connect(self._show_logs)

    @Slot()
    def close(self) -> None:
        """End the background thread."""
        self._tasks.close()

    @Slot()
    def _show_shortcuts(self) -> None:
        from phichat.ui.help.shortcuts_dialog import ShortcutsDialog  # noqa: PLC0415 - when it is opened

        window = self._window()
        _open(ShortcutsDialog(self._theme, window.menuBar(), window))

    @Slot()
    def _show_about(self) -> None:
        from phichat.ui.help.about_dialog import AboutDialog  # noqa: PLC0415 - when it is opened

        _open(AboutDialog(self._theme, *self._parts(), self._window()))

    @Slot()
    def _show_logs(self) -> None:
        from phichat.ui.help.logs_dialog import LogsDialog  # noqa: PLC0415 - when it is opened

        _open(LogsDialog(self._logs, self._window()))

    @Slot()
    def _copy_diagnostics(self) -> None:
        if self._diagnosis is None:
            self.progressed.emit(tr("Collecting information about this computer…"))
            self._diagnosis = self._tasks.run(self._diagnose, self._on_diagnosed, self.failed.emit, self._on_ended)

    def _on_diagnosed(self, found: str) -> None:
        QGuiApplication.clipboard().setText(found)
        self.notified.emit(tr("Diagnostic information copied."))

    def _on_ended(self) -> None:
        self._diagnosis = None
        self.progressed.emit("")

    def _window(self) -> QMainWindow:
        return parent_window(self, QMainWindow)


def _open(dialog: QDialog) -> None:
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
