"""How many cores other programs use."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

LOOK_EVERY, STALE = 0.25, 3.0  # seconds between two samples, at least and at most
GLANCE_EVERY = 0.5  # seconds between two samples of the thread, so that a request finds a figure


class CpuLoad:
    """Measures how many cores other programs use, between two samples that are `LOOK_EVERY` to `STALE` apart.

    Each call takes a sample; so does a thread between `start` and `stop`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        own = psutil.Process()
        self._clock, self._family = clock, [own, *filter(None, [own.parent()])]
        """This process and its parent, the window, whose load is ours."""
        self._found, self._then, self._used = 0.0, clock(), self.used_by_others()
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._sample, name="cpu load", daemon=True)

    def start(self) -> None:
        """Start the thread that takes samples."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(GLANCE_EVERY):
            self()

    def __call__(self) -> float:
        """Return how many cores other programs use."""
        with self._lock:
            now = self._clock()
            passed = now - self._then
            if passed >= LOOK_EVERY:
                used = self.used_by_others()
                if passed <= STALE:
                    self._found = max(0.0, (used - self._used) / passed)
                self._then, self._used = now, used
            return self._found

    def include(self, pid: int) -> None:
        """Count a process that was just started as ours, too."""
        with suppress(psutil.Error):
            self._family.append(psutil.Process(pid))

    def used_by_others(self) -> float:
        """Return the CPU seconds that other programs have used."""
        everyone = psutil.cpu_times()
        busy = everyone.user + everyone.system + getattr(everyone, "nice", 0.0)
        return float(busy - sum(map(_used_by, self._family)))


def _used_by(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:  # it has ended, or access is denied
        return 0.0
    return float(times.user + times.system)
