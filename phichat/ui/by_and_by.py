"""Work in small steps, between which the window does other things."""

from collections.abc import Iterator

from PySide6.QtCore import QObject, QTimer, Slot


class ByAndBy(QObject):
    """Takes the next of `steps` whenever nothing else is to be done, to their end."""

    def __init__(self, steps: Iterator[None], parent: QObject) -> None:
        super().__init__(parent)
        self._steps = steps
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._step)
        self._timer.start()

    @Slot()
    def _step(self) -> None:
        if next(self._steps, self) is self:
            self._timer.stop()
            self.deleteLater()
