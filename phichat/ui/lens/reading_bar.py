"""The bar that shows how much of an answer the model has reread, with buttons that begin and cancel that."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QProgressBar, QWidget

from phichat.i18n import tr
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import help_label, push_button

STEPS = 1000  # of the progress bar
THICKNESS = 6  # pixels of it


class ReadingBar(QWidget):
    """Offers to have an answer reread, or shows that this is being done.

    Signals:
        requested: have the model reread the answer.
        cancelled: cancel that.
    """

    requested = Signal()
    cancelled = Signal()

    def __init__(self, theme: Theme, name: str) -> None:
        """Name the buttons after `name`."""
        super().__init__()
        self._begin = push_button(f"{name}Read", tr("Have the model reread the answer"))
        self._cancel = push_button(f"{name}Cancel", tr("Cancel"))
        self._label = help_label(tr("Reading the answer…"))
        self._label.setObjectName(f"{name}Reading")
        self._progress = QProgressBar(textVisible=False)
        self._progress.setObjectName(f"{name}Progress")
        self._progress.setAccessibleName(self._label.text())
        self._progress.setRange(0, STEPS)
        self._progress.setFixedHeight(THICKNESS)
        self._begin.clicked.connect(self.requested)
        self._cancel.clicked.connect(self.cancelled)
        for button in (self._begin, self._cancel):
            theme.apply_stylesheet(button, "small")
        self._lay_out()
        self.show_reading(None)

    def _lay_out(self) -> None:
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(2)
        layout.setColumnStretch(0, 1)
        for row, widget in enumerate((self._label, self._progress)):
            layout.addWidget(widget, row, 0)
        layout.addWidget(self._cancel, 0, 1, 2, 1)
        layout.addWidget(self._begin, 2, 0, 1, 2)

    def tab_stops(self) -> list[QWidget]:
        """Return the button that is there."""
        return [each for each in (self._begin, self._cancel) if not self.isHidden() and not each.isHidden()]

    def is_reading_in_sight(self) -> bool:
        """Return whether the progress can be seen, as the bar isn't scrolled away."""
        return not self._progress.visibleRegion().isEmpty()

    def show_reading(self, share: float | None) -> None:
        """Show which part of the answer is read, from 0 to 1; None if it isn't being read, and the button is there."""
        is_reading = share is not None
        had_focus = self._begin.hasFocus() or self._cancel.hasFocus()
        self._progress.setValue(round(STEPS * (share or 0)))
        for each in (self._label, self._progress, self._cancel):
            each.setVisible(is_reading)
        self._begin.setVisible(not is_reading)
        if had_focus:
            (self._cancel if is_reading else self._begin).setFocus()
