"""A cancel token: asks work in another thread to stop."""

import threading
from collections.abc import Callable


class CancelToken:
    """Asks one piece of work, such as a load, a reply or a download, to stop. Thread-safe; once set, it stays set."""

    def __init__(self) -> None:
        self.is_final = False
        """Whether nothing else will follow, so that the work need not answer."""
        self._event = threading.Event()
        self._urgent = self._hurried = False
        self._lock = threading.Lock()
        self._listener: Callable[[], None] | None = None

    def set(self, *, final: bool = False, gently: bool = False) -> None:
        """Ask the work to stop; with `gently`, it may finish the step it is at, whose result is of use.

        Asking again calls the callback only if it is `final` now, or no longer gentle.
        """
        with self._lock:
            is_new = not self._event.is_set() or (final and not self.is_final) or not (gently or self._urgent)
            self.is_final = self.is_final or final
            self._urgent = self._urgent or not gently
            self._event.set()
            listener = self._listener
        if is_new and listener:
            listener()

    def hurry(self) -> None:
        """Ask the work to come to its point: a reply that is being thought about is given now."""
        with self._lock:
            is_new = not self._hurried
            self._hurried = True
            listener = self._listener
        if is_new and listener:
            listener()

    def is_hurried(self) -> bool:
        """Return whether the work should come to its point."""
        return self._hurried

    def is_set(self) -> bool:
        """Return whether the work should stop."""
        return self._event.is_set()

    def is_urgent(self) -> bool:
        """Return whether the work should stop at once."""
        return self._urgent

    def wait(self, seconds: float) -> bool:
        """Block until the token is set, at most that many seconds; return whether it is set."""
        return self._event.wait(seconds)

    def set_callback(self, listener: Callable[[], None] | None) -> None:
        """Call `listener` when the token is set or hurried, at once if it is already set. None removes it."""
        with self._lock:
            self._listener = listener
            already = self._event.is_set()
        if already and listener:
            listener()
