"""Opens the dialog that scores a text, and has the model score it."""

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from phichat.ui.controllers.text_score import TextScore
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.parent import parent_window


class ScoreController(QObject):
    """Shows the scores of `score` in a dialog over `window`.

    A text that was written there is there again when the dialog is opened without another one.
    """

    def __init__(self, theme: Theme, score: TextScore, window: QWidget) -> None:
        super().__init__(window)
        self._theme, self._score = theme, score
        self._written = ""

    @Slot(str)
    def open(self, text: str = "") -> None:
        """Open the dialog with `text`."""
        from phichat.ui.lens.score_dialog import ScoreDialog  # noqa: PLC0415 - brings all that draws the lens

        dialog = ScoreDialog(self._theme, parent_window(self, QWidget), text)
        if not text:
            dialog.offer_text(self._written)

        def keep_text() -> None:
            self._written = self._written if dialog.text() == text else dialog.text()

        dialog.finished.connect(keep_text)
        dialog.requested.connect(self._score.start)
        dialog.cancelled.connect(self._score.cancel)
        self._score.progressed.connect(dialog.show_progress)
        self._score.finished.connect(dialog.show_scores)
        self._score.failed.connect(dialog.show_failure)
        dialog.open()
