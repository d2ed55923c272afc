"""How fast this computer reads memory, which is what bounds how fast a model writes on a processor."""

import ctypes
import threading
import time
from collections.abc import Callable

import psutil

from phichat.engine.tuning import threads

USED = 0.75
"""What share of the memory's bandwidth a model uses while it writes, every byte of its file being read for each token.

Phi-3-mini q4 (2.39 GB) wrote 4.9 to 6.9 tokens a second on two cores that copied 18 GB a second, which would allow 7.5.
To measure again: `phichat bench --parts speed` with a model of some gigabytes, against `measure()`.
"""

SECONDS = 0.2
LARGEST, SMALLEST = 64_000_000, 8_000_000  # bytes of all buffers together; below, caches would be measured
SHARE = 20  # of the memory that is free, one part in so many


def measure() -> float | None:
    """Bytes read and written a second by all threads that a model would have; None where it cannot be told."""
    count = threads()
    room = min(LARGEST, int(psutil.virtual_memory().available) // SHARE)
    if room < SMALLEST:
        return None
    try:
        return _copied(count, room // (2 * count)) / SECONDS
    except (MemoryError, RuntimeError):  # no room for a buffer, or for a thread
        return None


def tokens_per_second(file_bytes: int, bandwidth: float) -> float:
    """About how fast a model of that size writes."""
    return USED * bandwidth / max(file_bytes, 1)


class Speedometer:
    """Measures once, at the first question. Any thread may ask."""

    def __init__(self, measure: Callable[[], float | None] = measure) -> None:
        self._measure = measure
        self._lock = threading.Lock()
        self._found: list[float | None] = []

    def speed(self, file_bytes: int) -> float | None:
        """About how many tokens a second a model of that size writes here; None if that cannot be told."""
        with self._lock:
            if not self._found:
                self._found.append(self._measure())
        found = self._found[0]
        return tokens_per_second(file_bytes, found) if found else None


def _copied(count: int, length: int) -> float:
    """Bytes that `count` threads together read and wrote while all of them were at it."""
    rates: list[float] = []
    barrier = threading.Barrier(count)
    workers = [threading.Thread(target=_copy, args=(length, barrier, rates), daemon=True) for _ in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(rates) * SECONDS


def _copy(length: int, barrier: threading.Barrier, rates: list[float]) -> None:
    """Copy a buffer to and fro; ctypes lets other threads run meanwhile."""
    try:
        one, other = ctypes.create_string_buffer(length), ctypes.create_string_buffer(length)
    except MemoryError:
        barrier.abort()
        return
    try:
        barrier.wait(timeout=5)
    except threading.BrokenBarrierError:
        return
    copies, begin = 0, time.perf_counter()
    while (passed := time.perf_counter() - begin) < SECONDS:
        ctypes.memmove(one, other, length)
        copies += 1
    rates.append(2 * length * copies / passed)
