"""How fast bytes come and how long the rest will take: steady enough to be read, and honest when nothing comes."""

from collections import deque
from math import exp

WINDOW_SECONDS = 15.0  # seconds that speed is an average of
MIN_SECONDS = 1.5  # seconds of bytes coming before any speed is claimed
RESET_SECONDS = 5.0  # seconds without a byte, or without a look at the clock, after which all begins anew
SAMPLE_SECONDS = 0.25  # seconds between two samples that are kept
SMOOTHING_SECONDS = 8.0  # seconds in which the time left follows a new speed by two thirds


class TransferRate:
    """Hears every moment how many bytes there are, by a clock that never jumps but may have slept.

    What was there at the beginning does not count as speed.
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()
        self._now, self._done, self._grown = 0.0, 0, 0.0
        self._left: tuple[float, float] | None = None  # when it was said, and what

    def add(self, now: float, done: int) -> None:
        """`done` bytes are here `now`."""
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
        """Bytes a second lately; 0 while that cannot be told, and when nothing comes."""
        if not self._samples or self._now - self._samples[0][0] < MIN_SECONDS:
            return 0.0
        return (self._done - self._first) / (self._now - self._samples[0][0])

    def seconds_left(self, remaining: int) -> float | None:
        """Seconds until `remaining` bytes are here, changing slowly; None while that cannot be told."""
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
        """Whether what was seen before says nothing about what comes."""
        return done < self._done or now - self._now > RESET_SECONDS or now - self._grown > RESET_SECONDS
