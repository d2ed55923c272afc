"""Sentences outside the window, as the system shows them; nothing where it has no place for them."""

import shutil
import sys

from PySide6.QtCore import QObject, QProcess, QTimer, Signal, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QSystemTrayIcon

from phichat.ui.widgets.plain_text import notification

SHOWN_FOR = 10_000  # milliseconds, after which the sign in the tray goes, too


class Popping(QObject):
    """Has a sign in the system's tray for as long as a sentence hangs on it.

    Signals: `clicked` where the person wants to see more.
    """

    clicked = Signal()

    def __init__(self, icon: QIcon, parent: QObject) -> None:
        super().__init__(parent)
        self._icon = icon
        self._tray: QSystemTrayIcon | None = None
        self._timer = QTimer(self, interval=SHOWN_FOR, singleShot=True)
        self._timer.timeout.connect(self.leave)

    @Slot(str)
    def pop(self, sentence: str) -> None:
        """Show it."""
        sentence = notification(sentence)
        if QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages():
            tray = self._tray or self._make_tray()
            tray.show()
            tray.showMessage("Phichat", sentence, self._icon, SHOWN_FOR)
            self._timer.start()
        elif sys.platform == "linux" and (command := shutil.which("notify-send")):  # GNOME has no tray
            QProcess.startDetached(command, ["--app-name=Phichat", "--icon=phichat", "--", "Phichat", sentence])

    @Slot()
    def leave(self) -> None:
        """Take the sign away."""
        if self._tray:
            self._tray.hide()

    def _make_tray(self) -> QSystemTrayIcon:
        self._tray = QSystemTrayIcon(self._icon, self)
        self._tray.setToolTip("Phichat")
        for signal in (self._tray.messageClicked, self._tray.activated):
            signal.connect(self._on_clicked)
        return self._tray

    @Slot()
    def _on_clicked(self) -> None:
        self.leave()
        self.clicked.emit()
