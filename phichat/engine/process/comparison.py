"""Compare settings by turns, for as many rounds as the noise of their figures asks for."""

from collections.abc import Callable, Sequence
from math import sqrt
from statistics import median

from phichat.engine.base import EngineSettings
from phichat.engine.settings import Measured

NEAR = 1.03  # times the least cost, up to which the first in order of preference is chosen
FEWEST_ROUNDS, ROUNDS, MOST_ROUNDS = 3, 4, 12
DISTURBED = 1.25  # times the least cost of the same settings, from which on a figure does not count
HOPELESS, HOPELESS_ROUNDS = 1.15, 3  # times the least cost in so many rounds, after which settings are dropped
SURE = 2.0  # standard errors
LEAST_SPREAD = 0.005  # of a ratio, as a few figures may agree by chance
NORMAL = 1.4826, 1.2533  # standard deviations in a median deviation; standard errors of a median in those of a mean

Measure = Callable[[EngineSettings], Measured | None]


class Comparison:
    """Compares `candidates`, which are in order of preference: among those that are nearly as fast, the first wins.

    Every round measures each of them once, so that what slows the computer for a while slows all alike: ratios within a
    round are compared, by their median, without figures that other programs made much too slow.
    """

    def __init__(
        self,
        candidates: Sequence[EngineSettings],
        cost: Callable[[Measured], float] = lambda each: each.seconds,
        near: float = NEAR,
        most_rounds: int = MOST_ROUNDS,
    ) -> None:
        self._left, self._cost, self._near, self._most_rounds = list(candidates), cost, near, most_rounds
        self._figures: dict[EngineSettings, list[Measured]] = {each: [] for each in candidates}

    def run(self, measure: Measure, has_time: Callable[[], bool] = lambda: True) -> Measured | None:
        """Return the choice with the medians of its figures; None if none of the candidates can be measured.

        `measure` returns None for settings that fail.
        """
        if len(self._left) == 1:
            self._measure_round(0, measure)
        for turn in range(self._most_rounds):
            if len(self._left) < 2 or (turn >= FEWEST_ROUNDS and (self._is_decided() or not has_time())):
                break
            self._measure_round(turn, measure)
            self._drop()
        return self._choice()

    def _measure_round(self, turn: int, measure: Measure) -> None:
        """Measure all that are left, in the other direction every second time: the last is set up already then."""
        for each in self._left[:: -1 if turn % 2 else 1]:
            if found := measure(each):
                self._figures[each].append(found)
            else:
                self._left.remove(each)

    def _drop(self) -> None:
        best = self._fastest()
        self._left = [each for each in self._left if each is best or not self._has_lost(each, best)]

    def _has_lost(self, each: EngineSettings, best: EngineSettings | None) -> bool:
        ratios = self._ratios(each, best)
        if len(ratios) >= ROUNDS:
            ratio, error = _estimate(ratios)
            return ratio - error > self._near
        return len(ratios) >= HOPELESS_ROUNDS and min(ratios) > HOPELESS

    def _is_decided(self) -> bool:
        """Return whether all that are left are nearly as fast as the fastest, for certain."""
        best = self._fastest()
        ratios = [self._ratios(each, best) for each in self._left if each is not best]
        return all(len(each) >= ROUNDS and sum(_estimate(each)) <= self._near for each in ratios)

    def _ratios(self, each: EngineSettings, best: EngineSettings | None) -> list[float]:
        """Return how many times the cost of `best` the other one cost, in each round that nothing disturbed."""
        costs, others = self._costs(each), self._costs(best) if best else []
        most, most_other = (DISTURBED * min(some, default=0) for some in (costs, others))
        pairs = list(zip(costs, others, strict=False))
        clean = [one / other for one, other in pairs if one <= most and other <= most_other]
        return clean or ([min(costs) / min(others)] if pairs else [])

    def _costs(self, each: EngineSettings) -> list[float]:
        return list(map(self._cost, self._figures[each]))

    def _fastest(self) -> EngineSettings | None:
        """Return the fastest that is left: none of the others is faster in most rounds."""
        best: EngineSettings | None = None
        for each in self._left:
            if self._figures[each] and (best is None or median(self._ratios(each, best)) < 1):
                best = each
        return best

    def _choice(self) -> Measured | None:
        best = self._fastest()
        near = (each for each in self._left if each is best or median(self._ratios(each, best)) <= self._near)
        chosen = next(near, None)
        if chosen is None:
            return None
        least = min(self._costs(chosen))
        found = [each for each in self._figures[chosen] if self._cost(each) <= DISTURBED * least]
        return Measured(chosen, median(each.reads for each in found), median(each.writes for each in found))


def _estimate(ratios: Sequence[float]) -> tuple[float, float]:
    """Return the median of `ratios` and how far it may be from the true one."""
    middle, (deviations, errors) = median(ratios), NORMAL
    spread = deviations * median(abs(each - middle) for each in ratios)
    return middle, SURE * errors * max(spread, LEAST_SPREAD) / sqrt(len(ratios))
