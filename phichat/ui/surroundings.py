"""What belongs to no conversation: sizes, motion, preferences, help, new versions, a word when something has ended."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from phichat.stop import Stop
from phichat.ui.answering import Answering
from phichat.ui.arrivals import Arrivals
from phichat.ui.helping import Helping, Part
from phichat.ui.main_window import MainWindow
from phichat.ui.motion import Motion
from phichat.ui.notifying import Notifying
from phichat.ui.popping import Popping
from phichat.ui.preferring import Preferring
from phichat.ui.remembering import Remembering
from phichat.ui.theme import Theme
from phichat.ui.updating import Updating
from phichat.ui.zooming import Zooming

if TYPE_CHECKING:
    from phichat.updates import Updates

ASKED_AFTER = 1500  # milliseconds, when all that one waits for has been done


class Surroundings(QObject):
    """Builds and connects its parts.

    Attributes:
        motion: whether things may move.
    """

    def __init__(
        self,
        window: MainWindow,
        application: QApplication,
        theme: Theme,
        answering: Answering,
        arrivals: Arrivals,
        remembering: Remembering,
        folders: tuple[Path, Path, Path],
        diagnose: Callable[[Stop], str],
        parts: Callable[[], tuple[Sequence[Part], Path | None]],
        versions: "Updates",
    ) -> None:
        super().__init__(window)
        *places, logs = folders
        actions = window.commands
        self.motion = Motion(application, self)
        self.motion.want_less(remembering.now.less_motion)
        zooming = Zooming(window, actions, theme, remembering)
        ways = zooming, self.motion, (places[0], places[1])
        preferring = Preferring(window, actions, theme, remembering, *ways, can_look=versions.can_look())
        helping = Helping(window, actions, theme, logs, diagnose, parts)
        updating = Updating(window, window.bars, theme, remembering, versions)
        popping = Popping(application.windowIcon(), self)
        Notifying(window, answering, arrivals, lambda: remembering.now.notifies, popping.pop)
        popping.clicked.connect(window.come_forward)
        for part in (zooming, preferring, helping):
            part.told.connect(window.say)
        for end in (helping.close, updating.close, popping.leave, self.motion.close):
            window.closed.connect(end)
        if application.platformName() != "offscreen":  # there, nobody asked for anything
            QTimer.singleShot(ASKED_AFTER, self.motion.ask_system)
