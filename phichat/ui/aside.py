"""Small pieces of work beside the main thread, for what is shown: lexing code, drawing formulas."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from PySide6.QtCore import QObject, Signal, Slot
from shiboken6 import isValid

_log = logging.getLogger(__name__)

Told = Callable[..., None]


class Aside(QObject):
    """Does one piece of work after the other, in a thread that is there only while there is some.

    Nobody need wait for that thread: a piece takes milliseconds, and those to come are dropped with this object.
    """

    _done = Signal(object, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._waiting: deque[tuple[QObject, Callable[[], object], Told]] = deque()
        self._is_working = False
        self._done.connect(self._hand_on)

    def ask(self, who: QObject, work: Callable[[], object], told: Told) -> None:
        """Have `work` done, and `told` called with what it returns, None if it fails, as long as there is `who`."""
        with self._lock:
            self._waiting.append((who, work, told))
            if self._is_working:
                return
            self._is_working = True
        threading.Thread(target=self._work, name="aside", daemon=True).start()

    def _work(self) -> None:
        while piece := self._next():
            who, work, told = piece
            try:
                result = work()
            except Exception as error:  # noqa: BLE001 - it is shown as it was written then
                _log.debug("Work aside failed: %s", type(error).__name__)
                result = None
            with suppress(RuntimeError):  # it is gone with the window
                self._done.emit(who, told, result)

    def _next(self) -> tuple[QObject, Callable[[], object], Told] | None:
        with self._lock:
            if self._waiting and isValid(self):
                return self._waiting.popleft()
            self._is_working = False
            self._waiting.clear()
            return None

    @Slot(object, object, object)
    def _hand_on(self, who: QObject, told: Told, result: object) -> None:
        if isValid(who):
            told(result)
