"""Asks work in another thread to end."""

import threading
from collections.abc import Callable


class CancelToken:
    """Asks one order, such as a load, a reply or a download, to end. Any thread may set it; it stays set."""

    def __init__(self) -> None:
        self.is_final = False
        """Whether nothing will be asked afterwards, so that no answer need be waited for."""
        self._event = threading.Event()
        self._urgent = False
        self._lock = threading.Lock()
        self._listener: Callable[[], None] | None = None

    def set(self, *, final: bool = False, gently: bool = False) -> None:
        """Ask; `gently` where the step under way may still be done, as it is of use.

        Asking twice changes nothing, unless it is `final` now, or not gentle any more.
        """
        with self._lock:
            is_news = not self._event.is_set() or (final and not self.is_final) or not (gently or self._urgent)
            self.is_final = self.is_final or final
            self._urgent = self._urgent or not gently
            self._event.set()
            listener = self._listener
        if is_news and listener:
            listener()

    def is_set(self) -> bool:
        """Whether it was asked."""
        return self._event.is_set()

    def is_urgent(self) -> bool:
        """Whether it was asked, and not gently."""
        return self._urgent

    def wait(self, seconds: float) -> bool:
        """Pause for so long, or until it is asked; whether it was."""
        return self._event.wait(seconds)

    def set_callback(self, listener: Callable[[], None] | None) -> None:
        """Call `listener` when it is asked, at once if it was already. None ends that."""
        with self._lock:
            self._listener = listener
            already = self._event.is_set()
        if already and listener:
            listener()
