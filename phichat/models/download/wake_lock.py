"""Keeps the computer from falling asleep during a long download; the screen may still go dark."""

import logging
import threading
from types import TracebackType
from typing import Self

JOIN_SECONDS = 3.0  # seconds to wait for the system's answer when it ends; it is asked over D-Bus, two seconds a call


class WakeLock:
    """From `start` to `stop`, or for a `with` block. Never raises; where the system does not allow it, nothing happens.

    wakepy's modes belong to the thread that enters them, and asking may take seconds: so it has a thread of its own.
    """

    def __init__(self) -> None:
        self.is_held: bool | None = None
        """Whether the computer stays awake; None until the system has answered."""
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Ask the system, and do not wait for its answer. Once is enough."""
        if self._thread is None:
            self._end = threading.Event()
            self._thread = threading.Thread(target=self._keep, args=(self._end,), name="awake", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # no more threads: then it sleeps
                self._thread, self.is_held = None, False

    def stop(self) -> None:
        """Let it sleep again."""
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
            from wakepy import keep  # noqa: PLC0415 - takes as long as a window's start may

            with keep.running(on_fail="pass") as mode:
                self.is_held = mode.active
                if mode.active:
                    end.wait()
        except Exception:
            self.is_held = False
            logging.getLogger(__name__).info("the computer may fall asleep", exc_info=True)


def load_lazy_imports() -> None:
    """Load what asks the system, without asking it. Raises ImportError."""
    import wakepy  # noqa: F401, PLC0415 - as above
