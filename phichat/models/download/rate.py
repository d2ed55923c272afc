"""Transfer rate and remaining time, smoothed so that they can be read."""

from collections import deque
from math import exp

WINDOW_SECONDS = 15.0  # the speed is an average over this
MIN_SECONDS = 1.5  # of transfer before a speed is given
RESET_SECONDS = 5.0  # without a byte, or without a call, after which measuring starts again
SAMPLE_SECONDS = 0.25  # between two samples
SMOOTHING_SECONDS = 8.0  # in which the remaining time follows a new speed by two thirds


class TransferRate:
    """Measures the rate from the byte counts passed to `add`, by a monotonic clock that may have slept.

    Bytes that were there at the beginning do not count.
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()
        self._now, self._done, self._grown = 0.0, 0, 0.0
        self._left: tuple[float, float] | None = None  # the last remaining time, and when it was given

    def add(self, now: float, done: int) -> None:
        """Record that `done` bytes have arrived at time `now`."""
        if self._is_interrupted(now, done):
            self._samples.clear()
            self._left = None
        if done != self._done:
            self._grown = now
        if not self._samples or now - self._samples[-1][0] >= SAMPLE_SECONDS:
            self._samples.append((now, done))
        while len(self._samples) > 1 and (
            now - self._samples[1][0] >= WINDOW_SECONDS or self._samples[1][1] == self._first
        ):
            self._samples.popleft()
        self._now, self._done = now, done

    @property
    def speed(self) -> float:
        """The recent bytes per second; 0 while unknown, and when nothing arrives."""
        if not self._samples or self._now - self._samples[0][0] < MIN_SECONDS:
            return 0.0
        return (self._done - self._first) / (self._now - self._samples[0][0])

    def seconds_left(self, remaining: int) -> float | None:
        """Return the seconds until `remaining` bytes have arrived, smoothed; None while unknown."""
        if not self.speed:
            self._left = None
            return None
        seconds = remaining / self.speed
        if self._left:
            passed = self._now - self._left[0]
            expected = self._left[1] - passed
            seconds = max(expected + (seconds - expected) * (1 - exp(-passed / SMOOTHING_SECONDS)), 0.0)
        self._left = self._now, seconds
        return seconds

    @property
    def _first(self) -> int:
        return self._samples[0][1]

    def _is_interrupted(self, now: float, done: int) -> bool:
        """Return whether earlier samples no longer count: after a restart, a sleep or a stall."""
        return done < self._done or now - self._now > RESET_SECONDS or now - self._grown > RESET_SECONDS
