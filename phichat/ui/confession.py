"""Says once what happened before this window opened."""

from PySide6.QtCore import QObject, Slot

from phichat.ui.main_window import MainWindow


class Confession(QObject):
    """Made once a model is ready: until then other things are said, and taken back."""

    def __init__(self, window: MainWindow, sentence: str) -> None:
        super().__init__(window)
        self._window, self._sentence = window, sentence
        self._is_made = False

    @Slot()
    def make(self) -> None:
        """Say it, if that is still to be done."""
        if not self._is_made:
            self._window.say(self._sentence)
        self._is_made = True
