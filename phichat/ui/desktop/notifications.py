"""Desktop notifications: when to show one, and how."""

import shutil
import sys
import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QProcess, QTimer, Signal, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from phichat.chat.conversation import Ending, Message
from phichat.chat.session import Session
from phichat.i18n import tr
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.widgets.parent import parent_window
from phichat.ui.widgets.plain_text import notification

LONG = 10.0  # seconds that nobody sits and waits for


class NotificationRules(QObject):
    """Says what ended, but not with which words: others may see the screen.

    `is_wanted` is asked each time; `pop` shows a sentence outside the window.
    """

    def __init__(
        self,
        window: QWidget,
        generation: GenerationController,
        is_wanted: Callable[[], bool],
        pop: Callable[[str], None],
    ) -> None:
        super().__init__(window)
        self._is_wanted, self._pop = is_wanted, pop
        self._begun: tuple[str, float] = "", 0.0
        generation.replied.connect(self._on_replied)

    @Slot(str)
    def notify(self, sentence: str) -> None:
        """Say it, if the person is somewhere else."""
        if self._is_wanted() and self._is_unseen():
            QApplication.alert(parent_window(self, QWidget))
            self._pop(sentence)

    def _is_unseen(self) -> bool:
        """Whether none of our windows is in front."""
        window = parent_window(self, QWidget)
        is_there = window.isVisible() and not window.isMinimized()
        return not is_there or QApplication.activeWindow() is None

    @Slot(object, object)
    def _on_replied(self, _: Session, message: Message) -> None:
        """A reply begins, grows or ends. One that was stopped is no news, and the window that closes stops it, too."""
        ending = message.reply.ending if message.reply else Ending.CANCELLED
        if ending is Ending.ANSWERING:
            if self._begun[0] != message.id:
                self._begun = message.id, time.monotonic()
            return
        (begun, since), self._begun = self._begun, ("", 0.0)
        if begun == message.id and time.monotonic() - since >= LONG and ending is not Ending.CANCELLED:
            self.notify(
                tr("The answer could not be finished.") if ending is Ending.ERROR else tr("The answer is there.")
            )


SHOWN_FOR = 10_000  # milliseconds, after which the sign in the tray goes, too


class DesktopNotifications(QObject):
    """Has a sign in the system's tray for as long as a sentence hangs on it.

    Signals: `clicked` where the person wants to see more.
    """

    clicked = Signal()

    def __init__(self, icon: QIcon, parent: QObject) -> None:
        super().__init__(parent)
        self._icon = icon
        self._tray: QSystemTrayIcon | None = None
        self._timer = QTimer(self, interval=SHOWN_FOR, singleShot=True)
        self._timer.timeout.connect(self.hide)

    @Slot(str)
    def show(self, sentence: str) -> None:
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
    def hide(self) -> None:
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
        self.hide()
        self.clicked.emit()
