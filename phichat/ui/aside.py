"""Small pieces of work beside the main thread, for what is shown: lexing code, drawing formulas."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from PySide6.QtCore import QObject, Signal, Slot
from shiboken6 import isValid

_log = logging.getLogger(__name__)

Work = Callable[[], object]
Told = Callable[..., None]


class Aside(QObject):
    """Does one piece of work after the other, in a thread that is there only while there is some.

    Nobody need wait for that thread: a piece takes milliseconds, and those to come are dropped with this object.
    """

    _done = Signal(int, object)
    _ended = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._orders: deque[tuple[int, Work]] = deque()
        self._callers: dict[int, tuple[QObject, Told]] = {}
        self._count = 0
        self._is_working = False
        self._done.connect(self._hand_on)
        self._ended.connect(self._rest)

    def ask(self, who: QObject, work: Work, told: Told) -> None:
        """Have `work` done, and `told` called with what it returns, None if it fails, as long as there is `who`."""
        self._count += 1
        self._callers[self._count] = who, told
        self._orders.append((self._count, work))
        if not self._is_working:
            self._start()

    def _start(self) -> None:
        self._is_working = True
        threading.Thread(target=_work, args=(self, self._orders), name="aside", daemon=True).start()

    def tell(self, number: int, result: object) -> None:
        """From the thread: that is the result of the work of that number."""
        self._done.emit(number, result)

    def end(self) -> None:
        """From the thread: there is no more to do."""
        self._ended.emit()

    @Slot(int, object)
    def _hand_on(self, number: int, result: object) -> None:
        who, told = self._callers.pop(number)
        if isValid(who):
            told(result)

    @Slot()
    def _rest(self) -> None:
        self._is_working = False
        if self._orders:
            self._start()


def _work(aside: Aside, orders: deque[tuple[int, Work]]) -> None:
    with suppress(RuntimeError):  # it is gone with the window
        while orders:
            number, work = orders.popleft()
            aside.tell(number, _result(work))
        aside.end()


def _result(work: Work) -> object:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - it is shown as it was written then
        _log.debug("Work aside failed: %s", type(error).__name__)
        return None
