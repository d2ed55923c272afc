"""Choose the number of threads while generating: beside busy programs, fewer threads can be faster.

While the computer is idle and the speed steady, nothing is tried. When the load changes or steps get slower, each
candidate runs for a few steps, and the fastest is kept until the next change. Means are compared, not medians: beside
two busy processes most steps of two threads took 10 to 14 ms, but one in ten 100 to 200, and some a second. On two
cores, SmolLM2 generated 165 tokens a second with two threads, 45 beside a busy process; with one thread 155 and 155.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean

from phichat.engine.processors import BUSY

TRIAL, MOMENT = 4, 0.12  # steps and seconds that a candidate runs at least
WINDOW = 8  # steps of the moving mean
SLOWER = 1.35  # times the usual duration from which on steps are slow
LASTING = 2 * WINDOW  # slow means in a row before candidates are tried: one long step makes WINDOW of them
CLEARLY = 0.7  # cores by which the load must change, as it depends a little on our own threads
JUST_NOW = 1.0  # seconds after a comparison within which a change of load was its cause
PATIENCE = 5.0  # seconds after a comparison before slow steps alone lead to another
LONGEST_PATIENCE = 60.0
SHARED = 0.5  # cores by which a candidate may exceed the free ones
AS_GOOD = 1.1  # times the best duration at which fewer threads are preferred, as they leave cores to others


class ThreadPacer:
    """Chooses the number of threads for one kind of step, at most `most`.

    Attributes:
        threads: the number for the next step.
    """

    def __init__(self, most: int, cpu_load: Callable[[], float], clock: Callable[[], float] = time.monotonic) -> None:
        self.threads = self._most = most
        self._cpu_load, self._clock = cpu_load, clock
        self._usual = 0.0
        self._slow = 0
        self._level = 0
        self._known: dict[int, int] = {}
        """The best number of threads, by busy cores."""
        self._waiting: list[int] = []
        """Candidates still to be tried."""
        self._trials: dict[int, list[float]] = {}
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._compared, self._patience = float("-inf"), PATIENCE

    def check_load(self) -> None:
        """Check the load of other programs before steps begin."""
        level = self._busy_cores()
        if self._most > 1 and not self._trials and level != self._level:
            self._change(level)

    def record_step(self, seconds: float) -> None:
        """Record the seconds a token took in the last step."""
        if self._most == 1:
            return
        self._recent.append(seconds)
        if self._trials:
            self._try(seconds)
            return
        level = self._busy_cores()
        if level != self._level:
            self._change(level)
        elif len(self._recent) == WINDOW and self._is_slow(sum(self._recent) / WINDOW):
            self._compare()

    def _change(self, level: int) -> None:
        """React to a change of the load to `level` busy cores."""
        self._level, self._patience = level, PATIENCE
        if level and self._clock() - self._compared < JUST_NOW:  # it showed first in the speed
            self._known[level] = self.threads
        known = self._known.get(level) if level else self._most
        if known:
            self._settle(known)
        else:
            self._compare()

    def _is_slow(self, now: float) -> bool:
        self._usual = self._usual or now
        if now < SLOWER * self._usual:
            self._usual += (now - self._usual) / WINDOW
            self._slow = 0
            return False
        self._slow += 1
        return self._slow > LASTING and self._clock() >= self._compared + self._patience

    def _compare(self) -> None:
        self._waiting = list(self._candidates())
        if len(self._waiting) == 1:
            self._settle(self._waiting[0])
        else:
            self._next()

    def _candidates(self) -> Iterable[int]:
        """Return numbers of threads to try, first as many as there are free cores."""
        free = max(1, self._most - max(self._level, 1))
        limit = max(self._most - self._cpu_load() + SHARED, 1)
        others = {self._most, max(1, self._most // 2), self.threads} - {free}
        return [free, *(count for count in sorted(others) if count <= limit)]

    def _next(self) -> None:
        self.threads = self._waiting.pop(0)
        self._trials[self.threads] = []

    def _try(self, seconds: float) -> None:
        times = self._trials[self.threads]
        times.append(seconds)
        if (len(times) < TRIAL or sum(times) < MOMENT) and not self._is_hopeless(times):
            return
        if self._waiting:
            self._next()
        else:
            self._decide()

    def _is_hopeless(self, times: Sequence[float]) -> bool:
        """Return whether another candidate is better whatever the next steps take."""
        others = [fmean(each) for count, each in self._trials.items() if count != self.threads]
        return bool(others) and sum(times) > 2 * TRIAL * min(others) and fmean(times) > SLOWER * min(others)

    def _decide(self) -> None:
        found = {count: fmean(times) for count, times in self._trials.items()}
        enough = AS_GOOD if self._level else 1.0
        best = min(count for count, mean in found.items() if mean <= enough * min(found.values()))
        if self._level:
            self._known[self._level] = best
        self._compared, self._patience = self._clock(), min(2 * self._patience, LONGEST_PATIENCE)
        self._settle(best)

    def _settle(self, threads: int) -> None:
        self.threads, self._usual, self._slow = threads, 0.0, 0
        self._trials.clear()
        self._waiting.clear()
        self._recent.clear()

    def _busy_cores(self) -> int:
        """Return how many cores others use, as a whole number that changes by more than `CLEARLY` only."""
        used = self._cpu_load()
        if self._level and abs(used - self._level) <= CLEARLY:
            return self._level
        return max(round(used), 1) if used >= BUSY else 0
