"""Measure in seconds which settings are the fastest for a model on this computer.

engine/process/calibrate.py runs `measure_settings` in a child for each weight layout, and chooses between them.

Every figure is the best of its rounds, as other programs can only slow it down. It is measured at some depth: with
Phi-3-mini on two cores, flash attention was a tenth faster in an empty context, but after 1,000 tokens took twice as
long to process a prompt and 1.5 times as long to generate.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from phichat import gguf
from phichat.engine.base import SIZES, EngineSettings
from phichat.engine.settings import Measured, choose_fastest

if TYPE_CHECKING:
    from phichat.engine.llama.context import LlamaContext

PROBE = 32  # tokens decoded first, which tell how many fit into the time
READ = 128  # tokens decoded in a batch for each figure, at most
WRITTEN, ENOUGH = 6, 0.3  # tokens decoded one by one for each figure, and seconds, at least
ROUNDS, MOST_ROUNDS, ROUNDS_TAKE = 2, 4, 6.0  # at least; at most, within so many seconds
DEPTH = 512  # tokens in the KV cache while measuring, about those of a typical prompt
SHALLOW = 128  # the same for step prices, which are measured again in use with longer texts
LONGEST = 1.5  # seconds that a step of the prompt may take, so that progress is seen
BATCHES = (256, 512)
HOPELESS = 1.1  # times the best so far from which on a first try is not repeated


def measure_settings(path: Path, settings: EngineSettings, rival: float | None = None) -> Iterator[Measured]:
    """Measure `settings` and variations of them with one weight layout; runs in the child.

    `rival` is the best `Measured.seconds` of the other layout: if the first try is much slower, measure nothing else.
    Raise ModelError.
    """
    from phichat.engine.llama.context import LlamaContext  # noqa: PLC0415 - slow to import; a child that loads waits less

    settings = replace(settings, context=min(settings.context, DEPTH + max(BATCHES) + 3 * PROBE))
    llama = LlamaContext(gguf.read_head(path), settings, lambda _: True)
    try:
        found: list[Measured] = []
        for each in _measured(settings, rival, lambda tried: _TimedContext(llama, tried)):
            found.append(each)
            yield each
        chosen = choose_fastest(found)
        if rival is None or chosen.seconds < rival:
            yield replace(chosen, prices=_TimedContext(llama, chosen.settings, SHALLOW).step_prices())
    finally:
        llama.close()


def _measured(
    settings: EngineSettings, rival: float | None, run: Callable[[EngineSettings], "_TimedContext"]
) -> Iterator[Measured]:
    """Yield one figure after the other, each a variation of the best so far."""
    if rival is not None:
        yield (first := run(settings).measure())
        if first.seconds > HOPELESS * rival:
            return
    found = _with_and_without_flash(settings, run)
    yield from found
    chosen = choose_fastest(found)
    for count in sorted({max(1, settings.threads // 2), settings.threads - 1} - {0, settings.threads}):
        yield run(replace(chosen.settings, threads=count)).measure()
    for batch in BATCHES:
        if batch / chosen.reads <= LONGEST and batch + 2 * PROBE <= settings.context // 2:
            tried = replace(chosen.settings, batch=batch)
            yield Measured(tried, max(run(tried).prompt_speed(batch) for _ in range(ROUNDS)), chosen.writes)


def _with_and_without_flash(
    settings: EngineSettings, run: Callable[[EngineSettings], "_TimedContext"]
) -> list[Measured]:
    """Return the best of the rounds with and without flash attention, one round only if one is much slower."""
    both, begun = [settings, replace(settings, flash_attention=not settings.flash_attention)], time.perf_counter()
    rounds = {tried: [run(tried).measure()] for tried in both}
    fitting = int(ROUNDS_TAKE / (time.perf_counter() - begun))
    limit = HOPELESS * min(first.seconds for (first,) in rounds.values())
    hopeful = [tried for tried in both if rounds[tried][0].seconds <= limit]
    for tried in hopeful * (max(ROUNDS, min(MOST_ROUNDS, fitting)) - 1):
        rounds[tried].append(run(tried).measure())
    return [
        Measured(tried, max(each.reads for each in rounds[tried]), max(each.writes for each in rounds[tried]))
        for tried in both
    ]


class _TimedContext:
    """A context with settings of its own, and `depth` tokens in its KV cache."""

    def __init__(self, llama: "LlamaContext", settings: EngineSettings, depth: int = DEPTH) -> None:
        self._llama, self._settings = llama, settings
        llama.open(settings, sequences=2)
        llama.warm_up(0, settings.batch)
        self.prompt_speed(PROBE)
        self._llama.duplicate_cells(min(depth, settings.context // 2) // PROBE - 1)  # quicker than to decode them

    def measure(self) -> Measured:
        """Measure both speeds."""
        rate = self.prompt_speed(PROBE)
        count = min(READ, self._settings.batch, max(PROBE, int(rate * LONGEST)))
        return Measured(self._settings, self.prompt_speed(count), self.generation_speed())

    def prompt_speed(self, count: int) -> float:
        """Return tokens per second in a batch of `count`."""
        self._llama.forget_from(PROBE)
        return count / self._seconds([index % min(self._llama.token_count, 200) for index in range(count)])

    def generation_speed(self) -> float:
        """Return tokens per second one by one."""
        times: list[float] = []
        while len(times) < WRITTEN or (sum(times) < ENOUGH and len(times) < PROBE):
            times.append(self._seconds([len(times)]))
        return 1 / median(times)

    def step_prices(self) -> tuple[float, ...]:
        """Return the prices of steps of several tokens in single tokens, for each of `SIZES`."""
        rounds = [(1 / self.generation_speed(), *map(self._seconds_to_check, SIZES)) for _ in range(ROUNDS)]
        single, *steps = map(min, zip(*rounds, strict=True))
        return tuple(round(seconds / single, 2) for seconds in steps)

    def _seconds_to_check(self, size: int) -> float:
        """Return the seconds of a step that checks guesses."""
        begun = time.perf_counter()
        self._llama.decode_guesses(0, range(1, size))
        seconds = time.perf_counter() - begun
        self._llama.forget_guesses()
        return seconds

    def _seconds(self, tokens: list[int]) -> float:
        begun = time.perf_counter()
        self._llama.decode(tokens)
        return time.perf_counter() - begun
