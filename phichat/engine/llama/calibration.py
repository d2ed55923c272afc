"""Which settings are the fastest for one model on this computer, measured in seconds.

    calibrate.py   starts a child for each way of loading the weights ── measure(…), in there, tries one context
                   and decides between what they say                                after the other

Every figure is the best of the rounds, as anything else on the machine can only slow it down. It is measured as in a
conversation that has gone on for a while: flash attention, for one, was a tenth faster at the beginning with Phi-3-mini
on two cores, and after 1,000 tokens took twice as long to read and half as long again to write.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from phichat.engine.base import SIZES, EngineSettings
from phichat.engine.settings import Measured, choose_fastest

if TYPE_CHECKING:
    from phichat.engine.llama.context import LlamaContext

PROBE = 32  # tokens that tell how many can be read in the time there is
READ = 128  # tokens that are read for each figure, at most
WRITTEN, ENOUGH = 6, 0.3  # tokens that are written for each figure, at least, and seconds of that
ROUNDS, MOST_ROUNDS, ROUNDS_TAKE = 2, 4, 6.0  # at least; at most, and seconds of that, where a model is quick
DEPTH = 512  # tokens that are remembered while it is measured, about: those of a typical prompt, see below
SHALLOW = 128  # the same for what steps cost: with a longer text that is measured again as it is used
LONGEST = 1.5  # seconds that one step of reading may take, here and later, so that one sees it go on
BATCHES = (256, 512)
HOPELESS = 1.1  # how many times the best so far a first try may take


def measure_settings(path: Path, settings: EngineSettings, rival: float | None = None) -> Iterator[Measured]:
    """Try `settings` and what differs from them, but for how weights are loaded; in the child.

    Other ways of loading took `rival` seconds at best, by `Measured.seconds`: where a first try is hopeless beside
    that, there are no others. Raises ModelError.
    """
    from phichat import gguf  # noqa: PLC0415 - the window's process has no use for it here
    from phichat.engine.llama.context import LlamaContext  # noqa: PLC0415

    settings = replace(settings, context=min(settings.context, DEPTH + max(BATCHES) + 3 * PROBE))
    llama = LlamaContext(gguf.read_head(path), settings, lambda _: True)
    try:
        found: list[Measured] = []
        for each in _measured(settings, rival, lambda tried: _TimedContext(llama, tried)):
            found.append(each)
            yield each
        chosen = choose_fastest(found)
        if rival is None or chosen.seconds < rival:
            yield replace(chosen, prices=_TimedContext(llama, chosen.settings, SHALLOW).prices())
    finally:
        llama.close()


def _measured(
    settings: EngineSettings, rival: float | None, run: Callable[[EngineSettings], "_TimedContext"]
) -> Iterator[Measured]:
    """One figure after the other, each around the best so far."""
    if rival is not None:
        yield (first := run(settings).measured())
        if first.seconds > HOPELESS * rival:
            return
    found = _with_and_without_flash(settings, run)
    yield from found
    chosen = choose_fastest(found)
    for count in sorted({max(1, settings.threads // 2), settings.threads - 1} - {0, settings.threads}):
        yield run(replace(chosen.settings, threads=count)).measured()
    for batch in BATCHES:
        if batch / chosen.reads <= LONGEST and batch + 2 * PROBE <= settings.context // 2:
            tried = replace(chosen.settings, batch=batch)
            yield Measured(tried, max(run(tried).reads(batch) for _ in range(ROUNDS)), chosen.writes)


def _with_and_without_flash(
    settings: EngineSettings, run: Callable[[EngineSettings], "_TimedContext"]
) -> list[Measured]:
    """The best of the rounds for both, but for one that was hopeless in the first."""
    both, begun = [settings, replace(settings, flash_attention=not settings.flash_attention)], time.perf_counter()
    rounds = {tried: [run(tried).measured()] for tried in both}
    fitting = int(ROUNDS_TAKE / (time.perf_counter() - begun))
    limit = HOPELESS * min(first.seconds for (first,) in rounds.values())
    hopeful = [tried for tried in both if rounds[tried][0].seconds <= limit]
    for tried in hopeful * (max(ROUNDS, min(MOST_ROUNDS, fitting)) - 1):
        rounds[tried].append(run(tried).measured())
    return [_fastest(rounds[tried]) for tried in both]


def _fastest(rounds: Sequence[Measured]) -> Measured:
    return Measured(rounds[0].settings, max(each.reads for each in rounds), max(each.writes for each in rounds))


class _TimedContext:
    """One context with settings of its own, to be timed."""

    def __init__(self, llama: "LlamaContext", settings: EngineSettings, depth: int = DEPTH) -> None:
        self._llama, self._settings = llama, settings
        llama.open(settings, sequences=2)
        llama.warm_up(0, settings.batch)
        self._deepen(min(depth, settings.context // 2))

    def _deepen(self, depth: int) -> None:
        """Have a conversation of so many tokens remembered, of which few are read."""
        self.reads(PROBE)
        self._llama.duplicate_cells(depth // PROBE - 1)

    def measured(self) -> Measured:
        """Both figures."""
        rate = self.reads(PROBE)
        count = min(READ, self._settings.batch, max(PROBE, int(rate * LONGEST)))
        return Measured(self._settings, self.reads(count), self.writes())

    def reads(self, count: int) -> float:
        """Tokens a second, in a step of so many after all that is remembered."""
        self._llama.forget_from(PROBE)
        return count / self._seconds([index % min(self._llama.token_count, 200) for index in range(count)])

    def writes(self) -> float:
        """Tokens a second, one by one."""
        times: list[float] = []
        while len(times) < WRITTEN or (sum(times) < ENOUGH and len(times) < PROBE):
            times.append(self._seconds([len(times)]))
        return 1 / median(times)

    def prices(self) -> tuple[float, ...]:
        """What steps of several tokens cost, by `lookup.SIZES`, in single tokens."""
        rounds = [(1 / self.writes(), *map(self._step, SIZES)) for _ in range(ROUNDS)]
        single, *steps = map(min, zip(*rounds, strict=True))
        return tuple(round(seconds / single, 2) for seconds in steps)

    def _step(self, size: int) -> float:
        """Seconds for a step in which guesses are checked."""
        begun = time.perf_counter()
        self._llama.decode_guesses(0, range(1, size))
        seconds = time.perf_counter() - begun
        self._llama.forget_guesses()
        return seconds

    def _seconds(self, tokens: list[int]) -> float:
        begun = time.perf_counter()
        self._llama.decode(tokens)
        return time.perf_counter() - begun
