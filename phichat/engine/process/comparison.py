"""Compare settings by turns, for as many rounds as the noise of their figures asks for."""

from collections.abc import Callable, Iterator, Sequence
from math import sqrt
from statistics import median

from phichat.engine.base import EngineSettings
from phichat.engine.settings import Measured

NEAR = 1.03  # times the least cost, above which settings have lost, once that is certain
FEWEST_ROUNDS, ROUNDS, MOST_ROUNDS = 3, 4, 12
DISTURBED = 1.25  # times the least cost of the same settings around that time, above which a figure does not count
AROUND = 2  # rounds before and after, as a computer that gets warm becomes slower for good
HOPELESS, HOPELESS_ROUNDS = 1.15, 3  # times the least cost in so many rounds, after which settings are dropped
SURE = 2.0  # standard errors
LEAST_SPREAD = 0.005  # of a ratio, as a few figures may agree by chance
NORMAL = 1.4826, 1.2533  # standard deviations in a median deviation; standard errors of a median in those of a mean

Measure = Callable[[EngineSettings], Measured | None]


class Comparison:
    """Compares `candidates`, which are in order of preference: the first wins that is not much slower for certain.

    So the band of ties is as wide as the noise, and a choice that noise could turn is always the same. Every round
    measures each of them once, so that what slows the computer for a while slows all alike: ratios within a round are
    compared, by their median, without figures that other programs made much too slow.
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

    def _has_lost(self, each: EngineSettings, best: EngineSettings | None, rounds: int = ROUNDS) -> bool:
        """Return whether settings are much slower, for certain, as at least so many rounds show."""
        ratios = self._ratios(each, best)
        if len(ratios) >= rounds:
            ratio, error = _estimate(ratios)
            return ratio - error > self._near
        return len(ratios) >= HOPELESS_ROUNDS and min(ratios) > HOPELESS

    def _is_decided(self) -> bool:
        """Return whether none of the others is much faster than the first that is left, for certain."""
        first = self._left[0]
        ratios = [self._ratios(first, each) for each in self._left[1:]]
        return all(len(each) >= ROUNDS and sum(_estimate(each)) <= self._near for each in ratios)

    def _ratios(self, each: EngineSettings, best: EngineSettings | None) -> list[float]:
        """Return how many times the cost of `best` the other one cost, in each round that nothing disturbed."""
        costs, others = self._costs(each), self._costs(best) if best else []
        pairs = list(zip(costs, others, strict=False))
        clean = [
            pair for pair, *rest in zip(pairs, _undisturbed(costs), _undisturbed(others), strict=False) if all(rest)
        ]
        return [one / other for one, other in clean] or ([min(costs) / min(others)] if pairs else [])

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
        chosen = next((each for each in self._left if each is best or not self._has_lost(each, best, rounds=1)), None)
        if chosen is None:
            return None
        figures = self._figures[chosen]
        found = [each for each, counts in zip(figures, _undisturbed(self._costs(chosen)), strict=True) if counts]
        return Measured(chosen, median(each.reads for each in found), median(each.writes for each in found))


def _undisturbed(costs: Sequence[float]) -> Iterator[bool]:
    """Yield for each of `costs`, one a round, whether it counts."""
    for turn, cost in enumerate(costs):
        yield cost <= DISTURBED * min(costs[max(turn - AROUND, 0) : turn + AROUND + 1])


def _estimate(ratios: Sequence[float]) -> tuple[float, float]:
    """Return the median of `ratios` and how far it may be from the true one: further if they are few, as in t-tests."""
    middle, count, (deviations, errors) = median(ratios), len(ratios), NORMAL
    spread = deviations * median(abs(each - middle) for each in ratios)
    sure = SURE * (count + 1) / max(count - 1, 1)
    return middle, sure * errors * max(spread, LEAST_SPREAD) / sqrt(count)
