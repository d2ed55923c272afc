"""Says that the window before this one crashed."""

from PySide6.QtCore import QObject, Slot

from phichat.text import tr
from phichat.ui.main_window import MainWindow


class Confession(QObject):
    """Made once a model is ready: until then other things are said, and taken back."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._is_made = False

    @Slot()
    def make(self) -> None:
        """Say it, if that is still to be done."""
        if not self._is_made:
            self._window.say(tr("Phichat ended unexpectedly last time. The logs say what is known of it."))
        self._is_made = True
