"""A file that other programs may change beside the window: it is looked at now and then."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from phichat.ui.threads.background import BackgroundTasks

POLL_INTERVAL = 1500  # milliseconds between two looks

FileStamp = tuple[tuple[int, int], ...]
"""Times and sizes of the files that belong together."""


class FileWatch(QObject):
    """Looks whether a file has changed, in a thread of `tasks`; `state` returns the times and sizes there.

    Attributes:
        is_wanted: tells whether anybody would see a change; as long as nobody would, nobody looks.

    Signals:
        changed: the file was changed, by this program or another one, and is at rest again.
    """

    changed = Signal()

    def __init__(
        self, state: Callable[[], FileStamp], tasks: BackgroundTasks, is_wanted: Callable[[], bool], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._state, self._tasks, self.is_wanted = state, tasks, is_wanted
        self._timer = QTimer(self, interval=POLL_INTERVAL)
        self._timer.timeout.connect(self._look)
        self._is_looking = self._is_changed = False
        self._last: FileStamp = ()

    @Slot()
    def start(self) -> None:
        """Begin to look."""
        self._timer.start()

    @Slot()
    def stop(self) -> None:
        """Look no more."""
        self._timer.stop()

    @Slot()
    def _look(self) -> None:
        if not self._is_looking and self.is_wanted():
            self._is_looking = True
            self._tasks.run(lambda _: self._state(), self._on_state, None, self._on_looked)

    def _on_looked(self) -> None:
        self._is_looking = False

    def _on_state(self, state: FileStamp) -> None:
        """Tell of a change once the file is at rest: an answer changes the history all the time."""
        is_at_rest, self._last = state == self._last, state
        was_changed, self._is_changed = self._is_changed, not is_at_rest
        if is_at_rest and was_changed:
            self.changed.emit()
