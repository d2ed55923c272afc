"""Work in small steps while the window has nothing else to do."""

from collections.abc import Iterator

from PySide6.QtCore import QObject, QTimer, Slot


def run_when_idle(steps: Iterator[None], parent: QObject) -> None:
    """Take the next of `steps` whenever no event waits, to their end; not after `parent` is gone."""
    _IdleSteps(steps, parent)


class _IdleSteps(QObject):
    def __init__(self, steps: Iterator[None], parent: QObject) -> None:
        super().__init__(parent)
        self._steps = steps
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._step)
        self._timer.start()

    @Slot()
    def _step(self) -> None:
        for _ in self._steps:
            return  # the next one when the window is idle again
        self._timer.stop()
        self.deleteLater()
