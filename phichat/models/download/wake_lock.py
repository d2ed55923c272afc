"""Keep the computer from sleeping during a download; the screen may still turn off."""

import logging
import threading
from types import TracebackType
from typing import Self

JOIN_SECONDS = 3.0  # to wait for the thread at the end; a D-Bus call may take two


class WakeLock:
    """Prevents sleep from `start` to `stop`, or for a `with` block. Never raises; does nothing if not allowed.

    It has a thread of its own, as wakepy's modes belong to the thread that enters them and may take seconds.
    """

    def __init__(self) -> None:
        self.is_held: bool | None = None
        """Whether sleep is prevented; None until the system has answered."""
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Request it without waiting for the answer. A second call does nothing."""
        if self._thread is None:
            self._end = threading.Event()
            self._thread = threading.Thread(target=self._keep, args=(self._end,), name="awake", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # no more threads: the computer may sleep
                self._thread, self.is_held = None, False

    def stop(self) -> None:
        """Allow sleep again."""
        thread, self._thread = self._thread, None
        self._end.set()
        if thread:
            thread.join(JOIN_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _keep(self, end: threading.Event) -> None:
        try:
            from wakepy import keep  # noqa: PLC0415 - takes as long to import as the window to start

            with keep.running(on_fail="pass") as mode:
                self.is_held = mode.active
                if mode.active:
                    end.wait()
        except Exception:
            self.is_held = False
            logging.getLogger(__name__).info("the computer may fall asleep", exc_info=True)


def load_lazy_imports() -> None:
    """Import wakepy without using it. Raise ImportError."""
    import wakepy  # noqa: F401, PLC0415 - slow to import
