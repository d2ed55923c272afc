"""Signals: Ctrl+C stops what is under way, and what ends the program from outside has it save that first."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from phichat.cancellation import CancelToken
from phichat.errors import PhichatError

_ENDINGS = ("SIGTERM", "SIGHUP")  # the latter comes when the terminal is closed; Windows has none


@contextmanager
def interrupting(stop: CancelToken, *, orderly: bool = False) -> Iterator[None]:
    """Have Ctrl+C set `stop`; raise KeyboardInterrupt at a second one, and where the work ended with an error.

    Once it is left, `stop` tells whether Ctrl+C was pressed, even at the last moment. If it is `orderly`, SIGTERM and
    SIGHUP set `stop`, too, instead of ending the program at once; SystemExit is raised when the work is left.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopper = _Stopper(stop)
    numbers = [signal.SIGINT, *(_endings() if orderly else ())]
    earlier = {number: signal.signal(number, stopper.on_signal) for number in numbers}
    try:
        yield
    except PhichatError as error:
        if stopper.is_asked() and not stopper.ended:
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        stopper.is_asked()
        if stopper.ended:
            raise SystemExit(128 + stopper.ended)


@contextmanager
def ending_with_cleanup() -> Iterator[None]:
    """Have SIGTERM and SIGHUP raise SystemExit, so that what waits for keys gives the terminal its settings back."""

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    is_main = threading.current_thread() is threading.main_thread()
    earlier = {number: signal.signal(number, end) for number in (_endings() if is_main else ())}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _endings() -> list[signal.Signals]:
    """Return the signals that would end the program; those that are ignored, as by `nohup`, stay so."""
    numbers = [getattr(signal, name) for name in _ENDINGS if hasattr(signal, name)]
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]


class _Stopper:
    """Sets a token when a signal comes.

    Attributes:
        ended: the first signal that came to end the program; 0 for none.
    """

    def __init__(self, stop: CancelToken) -> None:
        self._stop = stop
        self._setters: list[threading.Thread] = []
        self.ended = 0

    def on_signal(self, number: int, _: FrameType | None) -> None:
        """Handle a signal. Several of those that end the program may come: the terminal and its shell send one each."""
        if number != signal.SIGINT:
            self.ended = self.ended or number
        elif self._stop.is_set():
            raise KeyboardInterrupt
        # In a thread, as the interrupted one may hold the locks that `set` needs.
        self._setters.append(threading.Thread(target=self._stop.set, name="stop"))
        self._setters[-1].start()

    def is_asked(self) -> bool:
        """Return whether the work was asked to stop, once that is settled."""
        for setter in self._setters:
            setter.join()
        return self._stop.is_set()
