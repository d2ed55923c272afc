"""Opens the dialog that scores a text, and has the model score it."""

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from phichat.ui.controllers.text_score import TextScore
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.parent import parent_window


class ScoreController(QObject):
    """Shows the scores of `score` in a dialog over `window`."""

    def __init__(self, theme: Theme, score: TextScore, window: QWidget) -> None:
        super().__init__(window)
        self._theme, self._score = theme, score

    @Slot(str)
    def open(self, text: str = "") -> None:
        """Open the dialog with `text`."""
        from phichat.ui.lens.score_dialog import ScoreDialog  # noqa: PLC0415 - brings all that draws the lens

        dialog = ScoreDialog(self._theme, parent_window(self, QWidget), text)
        dialog.requested.connect(self._score.start)
        dialog.cancelled.connect(self._score.cancel)
        self._score.progressed.connect(dialog.show_progress)
        self._score.finished.connect(dialog.show_scores)
        self._score.failed.connect(dialog.show_failure)
        dialog.open()
