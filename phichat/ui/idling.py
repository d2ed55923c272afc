"""What is done once nothing has been asked for a while: the fastest settings are found, memory is given back."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from phichat.i18n import tr
from phichat.ui.answering import Answering, State

CALIBRATE_AFTER = 8_000  # milliseconds in which a person who has just come would begin to write
MINUTE = 60_000


class Idling(QObject):
    """Looks when the model was used last.

    `minutes` says after how many of them without use its memory is given back, 0 for never; `has_power` whether there
    is some to spare.

    Signals: `told(str)` with a sentence about what is done; `calm` once nobody does anything.
    """

    told = Signal(str)
    calm = Signal()

    def __init__(
        self,
        answering: Answering,
        minutes: Callable[[], int],
        has_power: Callable[[], bool],
        parent: QObject | None = None,
        calibrate_after: int = CALIBRATE_AFTER,
        minute: int = MINUTE,
    ) -> None:
        super().__init__(parent)
        self._answering, self._minutes, self._has_power, self._minute = answering, minutes, has_power, minute
        self._short = QTimer(self, interval=calibrate_after, singleShot=True)
        self._short.timeout.connect(self._calibrate)
        self._long = QTimer(self, singleShot=True)
        self._long.timeout.connect(self._rest)
        answering.state_changed.connect(self.awake)
        answering.unasked.read_on.connect(self.awake)  # what is not done while it reads is to be done after it

    @Slot()
    def awake(self) -> None:
        """Something was asked, answered, written or opened just now, or another time was chosen."""
        self._short.start()
        if minutes := self._minutes():
            self._long.start(minutes * self._minute)
        else:
            self._long.stop()

    @Slot()
    def close(self) -> None:
        """Nothing more is to be done."""
        self._short.stop()
        self._long.stop()

    @Slot()
    def _calibrate(self) -> None:
        if self._answering.state is State.IDLE:
            self.calm.emit()
        if self._has_power():
            self._answering.calibrate()

    @Slot()
    def _rest(self) -> None:
        if self._answering.state is State.IDLE and self._answering.loaded:
            self._answering.rest()
            self.told.emit(tr("The model's memory was given back. It comes back as you write."))
