"""Garbage is collected when nobody notices, and in the main thread alone."""

import gc

from PySide6.QtCore import QObject, QTimer, Slot

EVERY = 500  # milliseconds
SOME = 700  # new objects that make looking at them worthwhile: Python's own measure
MUCH = 20  # such looks after which all objects are looked at


class Tidying(QObject):
    """Takes the place of Python's own collector while a window is open.

    That one runs in whatever thread has just made an object, and halts all of them: for a twentieth of a second where
    a long conversation is there. And where Qt's objects are garbage, only the main thread may free them.
    """

    def __init__(self, parent: QObject, every: int = EVERY) -> None:
        super().__init__(parent)
        if gc.isenabled():
            gc.disable()
            parent.destroyed.connect(_as_before)
        timer = QTimer(self, interval=every)
        timer.timeout.connect(self._look_at_new)
        timer.start()

    @Slot()
    def look_at_all(self) -> None:
        """Nothing goes on: it may take its time, if that is due."""
        if gc.get_count()[2] >= MUCH:
            gc.collect()

    @Slot()
    def _look_at_new(self) -> None:
        if gc.get_count()[0] > SOME:
            gc.collect(1)


def _as_before() -> None:
    gc.enable()
