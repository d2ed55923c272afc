"""Whether things may move by themselves: as the system says, or less where the person wants it so."""

import sys

from PySide6.QtCore import QObject, QProcess, Qt, Signal, Slot
from PySide6.QtWidgets import QApplication

COMMANDS = {
    "linux": ("gsettings", ["get", "org.gnome.desktop.interface", "enable-animations"], "false"),
    "darwin": ("defaults", ["read", "com.apple.universalaccess", "reduceMotion"], "1"),
}
"""By platform: a command that tells, and what it says where the system asks for less; Qt does not know."""

EFFECTS = (
    Qt.UIEffect.UI_AnimateMenu,
    Qt.UIEffect.UI_FadeMenu,
    Qt.UIEffect.UI_AnimateCombo,
    Qt.UIEffect.UI_AnimateTooltip,
    Qt.UIEffect.UI_FadeTooltip,
)


class ReducedMotion(QObject):
    """The one place that is asked. Nothing of ours moves by itself; this is for what Qt would move, and the cursor.

    Signals: `changed` when it is another way.
    """

    changed = Signal()

    def __init__(self, application: QApplication, parent: QObject) -> None:
        super().__init__(parent)
        self._application = application
        self._flash = application.cursorFlashTime()
        self._had = [effect for effect in EFFECTS if application.isEffectEnabled(effect)]
        self._system_wants_less = self._person_wants_less = False
        self._was_allowed = True
        self._question: QProcess | None = None

    def is_allowed(self) -> bool:
        """Whether something may move."""
        return not (self._system_wants_less or self._person_wants_less)

    @Slot(bool)
    def set_reduced(self, wants_less: bool) -> None:
        """What the person wants; the system is listened to, too."""
        self._person_wants_less = wants_less
        self._apply()

    @Slot()
    def ask_system(self) -> None:
        """Find out what the system wants; nothing waits for that."""
        if sys.platform == "win32":
            self._system_wants_less = _windows_wants_less()
            self._apply()
        elif sys.platform in COMMANDS:
            program, arguments, _ = COMMANDS[sys.platform]
            self._question = QProcess(self)
            self._question.finished.connect(self._on_answer)
            self._question.start(program, arguments)

    @Slot()
    def close(self) -> None:
        """Nobody waits for the answer any more."""
        if self._question:
            self._question.kill()
            self._question.waitForFinished(500)

    @Slot()
    def _on_answer(self) -> None:
        if self._question:
            told = self._question.readAllStandardOutput().toStdString().strip()
            self._system_wants_less = told == COMMANDS[sys.platform][2]
            self._apply()

    def _apply(self) -> None:
        is_allowed = self.is_allowed()
        if is_allowed is self._was_allowed:
            return
        self._was_allowed = is_allowed
        if not is_allowed:
            self._flash = self._application.cursorFlashTime()
        for effect in self._had:
            self._application.setEffectEnabled(effect, is_allowed)
        self._application.setCursorFlashTime(self._flash if is_allowed else 0)
        self.changed.emit()


def _windows_wants_less() -> bool:
    """Whether "Animation effects" are off in the settings of Windows."""
    import ctypes  # noqa: PLC0415 - there alone

    moves = ctypes.c_int(1)
    windows = getattr(ctypes, "windll").user32  # noqa: B009 - not there on other systems
    windows.SystemParametersInfoW(0x1042, 0, ctypes.byref(moves), 0)  # SPI_GETCLIENTAREAANIMATION
    return not moves.value
