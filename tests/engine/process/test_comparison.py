"""Settings are compared by turns until their order is certain, whatever disturbs single figures."""

import random
from dataclasses import replace

import pytest

from phichat.engine.base import EngineSettings
from phichat.engine.process.comparison import FEWEST_ROUNDS, HOPELESS_ROUNDS, MOST_ROUNDS, Comparison
from phichat.engine.settings import Measured

PLAIN = EngineSettings(threads=2, flash_attention=False)
REPACKED = replace(PLAIN, repacking=True)
FLASH = replace(PLAIN, flash_attention=True)


class Bench:
    """Measures settings with known speeds, with noise, a slow drift, and moments that disturb a figure."""

    def __init__(self, writes: dict[EngineSettings, float], seed: int = 1, noise: float = 0.01) -> None:
        self._writes, self._random, self._noise = writes, random.Random(seed), noise
        self.count = dict.fromkeys(writes, 0)

    def __call__(self, settings: EngineSettings) -> Measured:
        self.count[settings] += 1
        drift = 1 - 0.01 * sum(self.count.values())
        disturbed = 0.5 if self._random.random() < 0.08 else 1.0
        return Measured(settings, 100, self._writes[settings] * drift * disturbed * self._random.gauss(1, self._noise))


@pytest.mark.parametrize("seed", range(40))
def test_the_same_is_chosen_every_time(seed: int) -> None:
    chosen = Comparison([PLAIN, FLASH, REPACKED]).run(Bench({PLAIN: 10, FLASH: 6, REPACKED: 11}, seed))
    assert chosen
    assert chosen.settings == REPACKED


@pytest.mark.parametrize(("writes", "noise"), [(10.05, 0.01), (10.2, 0.01), (10.05, 0.03)])
@pytest.mark.parametrize("seed", range(40))
def test_what_is_hardly_faster_is_not_worth_more_memory(seed: int, writes: float, noise: float) -> None:
    chosen = Comparison([PLAIN, REPACKED]).run(Bench({PLAIN: 10, REPACKED: writes}, seed, noise))
    assert chosen
    assert chosen.settings == PLAIN


def test_what_is_hopeless_is_soon_given_up() -> None:
    bench = Bench({PLAIN: 10, FLASH: 5, REPACKED: 10.8}, noise=0)
    Comparison([PLAIN, FLASH, REPACKED]).run(bench)
    assert bench.count[FLASH] <= HOPELESS_ROUNDS < bench.count[REPACKED]


def test_noisy_figures_are_measured_more_often_but_not_for_ever() -> None:
    calm, noisy = (Bench({PLAIN: 10, REPACKED: 10.6}, noise=noise) for noise in (0.001, 0.08))
    for bench in (calm, noisy):
        Comparison([PLAIN, REPACKED]).run(bench)
    assert calm.count[PLAIN] < noisy.count[PLAIN] <= MOST_ROUNDS


def test_it_ends_when_time_is_over() -> None:
    bench = Bench({PLAIN: 10, REPACKED: 10.3}, noise=0.05)
    assert Comparison([PLAIN, REPACKED]).run(bench, lambda: False)
    assert bench.count[PLAIN] == FEWEST_ROUNDS


def test_what_fails_is_left_out() -> None:
    bench = Bench({PLAIN: 10})
    chosen = Comparison([PLAIN, REPACKED]).run(lambda each: bench(each) if each == PLAIN else None)
    assert chosen
    assert chosen.settings == PLAIN
    assert Comparison([PLAIN, REPACKED]).run(lambda _: None) is None
