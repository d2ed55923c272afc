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
from phichat.ui.widgets.foreign_text import notification
from phichat.ui.widgets.parent import parent_window

LONG = 10.0  # seconds from which on a user may have turned to something else


class NotificationRules(QObject):
    """Notifies of what ended while the window was not in front; never with its text, as others may see the screen.

    `is_wanted` is called each time; `show` shows a sentence outside the window.
    """

    def __init__(
        self,
        window: QWidget,
        generation: GenerationController,
        is_wanted: Callable[[], bool],
        show: Callable[[str], None],
    ) -> None:
        super().__init__(window)
        self._is_wanted, self._show = is_wanted, show
        self._begun: tuple[str, float] = "", 0.0
        generation.replied.connect(self._on_replied)

    @Slot(str)
    def notify(self, sentence: str) -> None:
        """Show `sentence` if notifications are wanted and the window is not in front."""
        if self._is_wanted() and self._is_unseen():
            QApplication.alert(parent_window(self, QWidget))
            self._show(sentence)

    def _is_unseen(self) -> bool:
        """Whether none of the application's windows is active."""
        window = parent_window(self, QWidget)
        is_there = window.isVisible() and not window.isMinimized()
        return not is_there or QApplication.activeWindow() is None

    @Slot(object, object)
    def _on_replied(self, _: Session, message: Message) -> None:
        """Notify of a long reply that ended, unless it was stopped; closing the window stops it, too."""
        ending = message.reply.ending if message.reply else Ending.CANCELLED
        if ending is Ending.ANSWERING:
            if self._begun[0] != message.id:
                self._begun = message.id, time.monotonic()
            return
        (begun, since), self._begun = self._begun, ("", 0.0)
        if begun == message.id and time.monotonic() - since >= LONG and ending is not Ending.CANCELLED:
            self.notify(
                tr("The answer couldn’t be completed.") if ending is Ending.ERROR else tr("Your answer is ready.")
            )


SHOWN_FOR = 10_000  # milliseconds, after which the tray icon is removed, too


class DesktopNotifications(QObject):
    """Shows notifications with an icon in the system tray, which is there only meanwhile.

    Signals: `clicked` when the user clicks on one.
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
        """Show `sentence`."""
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
        """Remove the icon."""
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
