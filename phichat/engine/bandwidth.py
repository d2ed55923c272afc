"""How fast this computer reads memory, which is what bounds how fast a model writes on a processor."""

import ctypes
import mmap
import threading
import time
from collections.abc import Callable

import psutil

from phichat.engine.tuning import threads

USED = 0.75
"""What share of the memory's bandwidth a model uses while it writes, every byte of its file being read for each token.

Phi-3-mini q4 (2.39 GB) wrote 4.9 to 6.9 tokens a second on two cores that read 18 GB a second, and 7.8 to 10.4 where
they read 24 to 27. To measure again: `phichat bench --parts speed`, against `phichat models list --json`.
"""

EACH_TOKEN = 0.006
"""Seconds a token takes besides: SmolLM2 (98 MB) wrote 66 tokens a second on the first of these computers, 95 there."""

SECONDS = 0.2
LARGEST, SMALLEST = 128_000_000, 32_000_000  # bytes read over and over; what fits into caches would say nothing
SHARE = 20  # of the memory that is free, one part in so many
STEP = 1 << 20  # bytes a call reads; smaller ones measure the calls


def measure() -> float | None:
    """Bytes a second that all threads a model would have read together; None where it cannot be told."""
    count = threads()
    room = min(LARGEST, int(psutil.virtual_memory().available) // SHARE)
    if room < max(SMALLEST, 2 * STEP * count):
        return None
    return _read(count, room // count)


def tokens_per_second(file_bytes: int, bandwidth: float) -> float:
    """About how fast a model of that size writes."""
    return 1 / (EACH_TOKEN + file_bytes / (USED * bandwidth))


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


def _read(count: int, length: int) -> float | None:
    """What `count` threads together read a second, each a buffer of its own."""
    rates: list[float] = []
    barrier = threading.Barrier(count)
    workers = [threading.Thread(target=_reader, args=(length, barrier, rates), daemon=True) for _ in range(count)]
    try:
        for worker in workers:
            worker.start()
    except RuntimeError:  # no more threads
        barrier.abort()
    for worker in workers:
        if worker.ident:
            worker.join()
    return sum(rates) if len(rates) == count else None


def _reader(length: int, barrier: threading.Barrier, rates: list[float]) -> None:
    """Copy a large buffer, part by part, into one that stays in the cache. Foreign calls let other threads run."""
    try:
        far, near = (ctypes.c_char.from_buffer(mmap.mmap(-1, size)) for size in (length, STEP))
        ctypes.memset(ctypes.byref(far), 1, length)  # memory that nobody wrote is all the same page
        barrier.wait(timeout=5)
    except (OSError, ValueError, threading.BrokenBarrierError):  # no room for a buffer, here or in another thread
        barrier.abort()
        return
    place, done, begin = 0, 0, time.perf_counter()
    while (passed := time.perf_counter() - begin) < SECONDS:
        ctypes.memmove(ctypes.byref(near), ctypes.byref(far, place), STEP)
        place, done = (place + STEP) % (length - STEP), done + STEP
    rates.append(done / passed)
