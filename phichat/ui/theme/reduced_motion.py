"""The reduced-motion setting: the desktop's, or the user's own in the preferences."""

import sys

from PySide6.QtCore import QObject, QProcess, Qt, Signal, Slot
from PySide6.QtWidgets import QApplication

COMMANDS = {
    "linux": ("gsettings", ["get", "org.gnome.desktop.interface", "enable-animations"], "false"),
    "darwin": ("defaults", ["read", "com.apple.universalaccess", "reduceMotion"], "1"),
}
"""By platform: a command that prints the setting, which Qt does not report, and its output for less motion."""

EFFECTS = (
    Qt.UIEffect.UI_AnimateMenu,
    Qt.UIEffect.UI_FadeMenu,
    Qt.UIEffect.UI_AnimateCombo,
    Qt.UIEffect.UI_AnimateTooltip,
    Qt.UIEffect.UI_FadeTooltip,
)


class ReducedMotion(QObject):
    """Switches Qt's animations and the blinking of the cursor; Phichat has no animations of its own.

    Signals: `changed` when is_allowed() has changed.
    """

    changed = Signal()

    def __init__(self, application: QApplication, parent: QObject) -> None:
        super().__init__(parent)
        self._application = application
        self._flash = application.cursorFlashTime()
        self._effects = [effect for effect in EFFECTS if application.isEffectEnabled(effect)]
        self._system_reduces = self._user_reduces = False
        self._was_allowed = True
        self._query: QProcess | None = None

    def is_allowed(self) -> bool:
        """Return whether anything may move."""
        return not (self._system_reduces or self._user_reduces)

    @Slot(bool)
    def set_reduced(self, is_reduced: bool) -> None:
        """Set the user's preference; motion is reduced if either the user or the desktop wants that."""
        self._user_reduces = is_reduced
        self._apply()

    @Slot()
    def query_system(self) -> None:
        """Query the desktop's setting, asynchronously where that takes a command."""
        if sys.platform == "win32":
            self._system_reduces = _windows_reduces_motion()
            self._apply()
        elif sys.platform in COMMANDS:
            program, arguments, _ = COMMANDS[sys.platform]
            self._query = QProcess(self)
            self._query.finished.connect(self._on_query_finished)
            self._query.start(program, arguments)

    @Slot()
    def close(self) -> None:
        """Stop a query that is under way."""
        if self._query:
            self._query.kill()
            self._query.waitForFinished(500)

    @Slot()
    def _on_query_finished(self) -> None:
        if self._query:
            output = self._query.readAllStandardOutput().toStdString().strip()
            self._system_reduces = output == COMMANDS[sys.platform][2]
            self._apply()

    def _apply(self) -> None:
        is_allowed = self.is_allowed()
        if is_allowed is self._was_allowed:
            return
        self._was_allowed = is_allowed
        if not is_allowed:
            self._flash = self._application.cursorFlashTime()
        for effect in self._effects:
            self._application.setEffectEnabled(effect, is_allowed)
        self._application.setCursorFlashTime(self._flash if is_allowed else 0)
        self.changed.emit()


def _windows_reduces_motion() -> bool:
    """Return whether "Animation effects" are off in the settings of Windows."""
    import ctypes  # noqa: PLC0415 - on Windows alone

    moves = ctypes.c_int(1)
    windows = getattr(ctypes, "windll").user32  # noqa: B009 - not there on other systems
    windows.SystemParametersInfoW(0x1042, 0, ctypes.byref(moves), 0)  # SPI_GETCLIENTAREAANIMATION
    return not moves.value
