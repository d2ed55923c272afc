"""How many threads to use, by what is measured while they work: with busy neighbours, fewer can be faster.

Nothing is tried out while the computer is idle and the speed is what it was. When other programs begin or end, or it
gets slower, each candidate is given a moment, and the best is kept until the next change. Means count, not medians:
beside two busy processes most steps of two threads took 10 to 14 ms, one in ten of them 100 to 200, some a second. On
two cores and SmolLM2, two threads wrote 165 tokens a second idle and 45 beside a busy process, one thread 155 and 155.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean

from phichat.engine.hardware import BUSY

TRIAL, MOMENT = 4, 0.12  # steps, and seconds, that a candidate is given at least
WINDOW = 8  # steps whose mean is looked at
SLOWER = 1.35  # how much slower than usual is a reason to try others
LASTING = 2 * WINDOW  # steps in a row after which it is slow: a single long one is in WINDOW means
CLEARLY = 0.7  # cores, as what others use depends a little on what is left for them
JUST_NOW = 1.0  # seconds after a comparison in which its reason is seen
PATIENCE = 5.0  # seconds after a comparison before a mere slowness leads to another one
LONGEST_PATIENCE = 60.0
SHARED = 0.5  # cores that more threads than are free may share with others, to be tried at all
AS_GOOD = 1.1  # how much longer fewer threads may take and still be taken, as they leave room for others


class ThreadPacer:
    """Chooses a number of threads for one kind of step.

    Attributes:
        threads: how many to use for the next step.
    """

    def __init__(self, most: int, neighbours: Callable[[], float], clock: Callable[[], float] = time.monotonic) -> None:
        self.threads = self._most = most
        self._neighbours, self._clock = neighbours, clock
        self._usual = 0.0
        self._slow = 0
        self._level = 0
        self._known: dict[int, int] = {}
        """What was best for that many busy cores."""
        self._waiting: list[int] = []
        """Candidates that are still to be tried."""
        self._trials: dict[int, list[float]] = {}
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._compared, self._patience = float("-inf"), PATIENCE

    def check_load(self) -> None:
        """Steps begin: see what other programs do."""
        level = self._busy_cores()
        if self._most > 1 and not self._trials and level != self._level:
            self._change(level)

    def record_step(self, seconds: float) -> None:
        """The last step took so long, for a token."""
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
        """Other programs use more than before, or less."""
        self._level, self._patience = level, PATIENCE
        if level and self._clock() - self._compared < JUST_NOW:  # it was noticed by the speed
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
        """The most promising first: as many as there are cores that nobody else uses; not many more."""
        free = max(1, self._most - max(self._level, 1))
        limit = max(self._most - self._neighbours() + SHARED, 1)
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
        """Whether one of the others will be better, whatever the next steps are like."""
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
        """How many cores are busy; as before, unless it is clearly another number."""
        used = self._neighbours()
        if self._level and abs(used - self._level) <= CLEARLY:
            return self._level
        return max(round(used), 1) if used >= BUSY else 0
