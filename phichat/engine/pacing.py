"""How many threads to use, by what is measured while they work: with busy neighbours, fewer can be faster.

Nothing is tried out while the computer is idle and the speed is what it was. When other programs begin or end, or it
gets slower, each candidate is given a few steps, and the quickest is kept until the next change. On two cores and
SmolLM2, two threads wrote 155 tokens a second idle and 47 beside one busy process, one thread 156 and 156.
"""

import time
from collections.abc import Callable, Iterable
from statistics import median

import psutil

TRIAL = 3  # steps that a candidate is given; the median counts
SLOWER = 1.35  # how much slower than usual is a reason to try others
BUSY = 0.3  # cores used by other programs that count as busy
LOOK_EVERY, STALE = 0.2, 3.0  # seconds between two looks at what other programs use, at least and at most
JUST_NOW = 1.0  # seconds after a comparison in which its reason is seen
PATIENCE = 5.0  # seconds after a comparison before a mere slowness leads to another one
LONGEST_PATIENCE = 60.0
CLEARLY = 0.7  # cores, as what others use depends a little on what is left for them
BETTER = 0.95  # what a candidate's time must be at most, to be taken instead


class Neighbours:
    """How many cores other programs use, as measured between two calls that are neither too near nor too far apart."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._own = clock, psutil.Process()
        self._found, self._then, self._used = 0.0, clock(), self._used_so_far()

    def __call__(self) -> float:
        """The latest figure."""
        now = self._clock()
        passed = now - self._then
        if passed >= LOOK_EVERY:
            used = self._used_so_far()
            if passed <= STALE:
                self._found = max(0.0, (used - self._used) / passed)
            self._then, self._used = now, used
        return self._found

    def _used_so_far(self) -> float:
        """Seconds that processors have worked for others."""
        everyone, own = psutil.cpu_times(), self._own.cpu_times()
        busy = everyone.user + everyone.system + getattr(everyone, "nice", 0.0)
        return float(busy - own.user - own.system)


class Pacer:
    """Chooses a number of threads for one kind of step.

    Attributes:
        threads: how many to use for the next step.
    """

    def __init__(self, most: int, neighbours: Callable[[], float], clock: Callable[[], float] = time.monotonic) -> None:
        self.threads = self._most = most
        self._neighbours, self._clock = neighbours, clock
        self._usual: dict[int, float] = {}
        self._known: dict[int, int] = {}
        """What was best for that many busy cores."""
        self._level = 0
        self._waiting: list[int] = []
        """Candidates that are still to be tried."""
        self._trials: dict[int, list[float]] = {}
        self._recent: list[float] = []
        self._compared, self._patience = float("-inf"), PATIENCE

    def took(self, seconds: float) -> None:
        """The last step took so long, for a token."""
        if self._most == 1:
            return
        if self._trials:
            self._try(seconds)
            return
        self._recent = [*self._recent[-(TRIAL - 1) :], seconds]
        level = self._busy_cores()
        if level != self._level:
            self._change(level)
        elif len(self._recent) == TRIAL and self._is_slow(median(self._recent)):
            self._compare()

    def _change(self, level: int) -> None:
        """Other programs use more than before, or less."""
        self._level, self._patience = level, PATIENCE
        self._usual.clear()
        if level and self._clock() - self._compared < JUST_NOW:  # it was noticed by the speed
            self._known[level] = self.threads
        known = self._known.get(level) if level else self._most
        if known:
            self._settle(known)
        else:
            self._compare()

    def _is_slow(self, now: float) -> bool:
        usual = self._usual.setdefault(self.threads, now)
        if now < SLOWER * usual:
            self._usual[self.threads] += 0.1 * (now - usual)
            return False
        return self._clock() >= self._compared + self._patience

    def _compare(self) -> None:
        self._waiting = [count for count in self._candidates() if count != self.threads]
        self._trials = {self.threads: []}

    def _candidates(self) -> Iterable[int]:
        found = {self._most, self._most - 1, self._most // 2, self._most - self._level, self.threads}
        return sorted(count for count in found if 1 <= count <= self._most)

    def _try(self, seconds: float) -> None:
        times = self._trials[self.threads]
        times.append(seconds)
        if len(times) < TRIAL:
            return
        if self._waiting:
            self.threads = self._waiting.pop(0)
            self._trials[self.threads] = []
            return
        self._decide()

    def _decide(self) -> None:
        found = {count: median(times) for count, times in self._trials.items()}
        first = next(iter(found))
        best = min(found, key=lambda count: found[count])
        best = best if found[best] <= BETTER * found[first] else first
        self._usual = {best: found[best]}
        if self._level:
            self._known[self._level] = best
        self._compared, self._patience = self._clock(), min(2 * self._patience, LONGEST_PATIENCE)
        self._settle(best)

    def _settle(self, threads: int) -> None:
        self.threads = threads
        self._trials.clear()
        self._waiting.clear()
        self._recent.clear()

    def _busy_cores(self) -> int:
        """How many cores are busy; as before, unless it is clearly another number."""
        used = self._neighbours()
        if self._level and abs(used - self._level) <= CLEARLY:
            return self._level
        return max(round(used), 1) if used >= BUSY else 0
