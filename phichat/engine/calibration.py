"""Which settings are the fastest for one model on this computer, measured in seconds.

    calibrating.py starts a child for each way of loading the weights ── measure(…), in there, tries one context
                   and decides between what they say                                after the other

Every figure is the best of the rounds, as anything else on the machine can only slow it down. It is measured as in a
conversation that has gone on for a while: flash attention, for one, was a tenth faster at the beginning with Phi-3-mini
on two cores, and after 1,000 tokens took twice as long to read and half as long again to write.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from phichat.engine.base import EngineSettings

if TYPE_CHECKING:
    from phichat.engine.llama_context import LlamaContext

PROBE = 32  # tokens that tell how many can be read in the time there is
READ = 128  # tokens that are read for each figure, at most
WRITTEN, ENOUGH = 6, 0.3  # tokens that are written for each figure, at least, and seconds of that
ROUNDS = 2
DEPTH = 768  # tokens that are remembered while it is measured, about
LONGEST = 1.5  # seconds that one step of reading may take, here and later, so that one sees it go on
BATCHES = (256, 512)
CLEARLY = 0.97  # what the time of other settings must be at most, to be taken instead

TYPICAL_PROMPT, TYPICAL_REPLY = 512, 96  # tokens, by which reading is weighed against writing


@dataclass(frozen=True)
class Measured:
    """How fast a model read and wrote with `settings`, in tokens a second."""

    settings: EngineSettings
    reads: float
    writes: float

    @property
    def seconds(self) -> float:
        """What a question and its answer take."""
        return TYPICAL_PROMPT / self.reads + TYPICAL_REPLY / self.writes

    def line(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"event": "measured", **asdict(self)}

    @classmethod
    def of(cls, line: dict[str, Any]) -> "Measured":
        """From such a line."""
        return cls(EngineSettings(**line["settings"]), float(line["reads"]), float(line["writes"]))


def best(found: Sequence[Measured]) -> Measured:
    """The first of `found`, unless another one is clearly faster."""
    fastest = min(found, key=lambda each: each.seconds)
    return fastest if fastest.seconds <= CLEARLY * found[0].seconds else found[0]


def measure(path: Path, settings: EngineSettings, limit: float | None = None) -> Iterator[Measured]:
    """Try `settings` and what differs from them, but for how weights are loaded; in the child.

    Where a first try takes more than `limit` seconds, by `Measured.seconds`, there are no others. Raises ModelError.
    """
    from phichat import gguf  # noqa: PLC0415 - the window's process has no use for it here
    from phichat.engine.llama_context import LlamaContext  # noqa: PLC0415

    settings = replace(settings, context=min(settings.context, DEPTH + max(BATCHES) + 3 * PROBE))
    llama = LlamaContext(gguf.read_head(path), settings, lambda _: True)
    try:
        yield from _measured(settings, limit, lambda tried: _Run(llama, tried))
    finally:
        llama.close()


def _measured(
    settings: EngineSettings, limit: float | None, run: Callable[[EngineSettings], "_Run"]
) -> Iterator[Measured]:
    """One figure after the other, each around the best so far."""
    if limit:
        yield (first := run(settings).measured())
        if first.seconds > limit:
            return
    both = [settings, replace(settings, flash_attention=not settings.flash_attention)]
    rounds = [[run(tried).measured() for tried in both] for _ in range(ROUNDS)]
    found = [_fastest(each) for each in zip(*rounds, strict=True)]
    yield from found
    chosen = best(found)
    for count in sorted({max(1, settings.threads // 2), settings.threads - 1} - {0, settings.threads}):
        yield run(replace(chosen.settings, threads=count)).measured()
    for batch in BATCHES:
        if batch / chosen.reads <= LONGEST and batch + 2 * PROBE <= settings.context // 2:
            tried = replace(chosen.settings, batch=batch)
            yield Measured(tried, max(run(tried).reads(batch) for _ in range(ROUNDS)), chosen.writes)


def _fastest(rounds: Sequence[Measured]) -> Measured:
    return Measured(rounds[0].settings, max(each.reads for each in rounds), max(each.writes for each in rounds))


class _Run:
    """One context with settings of its own, to be timed."""

    def __init__(self, llama: "LlamaContext", settings: EngineSettings) -> None:
        self._llama, self._settings = llama, settings
        llama.open(settings, sequences=2)
        llama.warm_up(0, settings.batch)
        self._deepen()

    def _deepen(self) -> None:
        """Have a long conversation remembered, of which little is read."""
        self.reads(PROBE)
        depth = min(DEPTH, self._settings.context // 2)
        self._llama.remember_again(depth // PROBE - 1)

    def measured(self) -> Measured:
        """Both figures."""
        rate = self.reads(PROBE)
        count = min(READ, self._settings.batch, max(PROBE, int(rate * LONGEST)))
        return Measured(self._settings, self.reads(count), self.writes())

    def reads(self, count: int) -> float:
        """Tokens a second, in a step of so many after all that is remembered."""
        self._llama.forget_from(PROBE)
        return count / self._seconds([index % min(self._llama.words, 200) for index in range(count)])

    def writes(self) -> float:
        """Tokens a second, one by one."""
        times: list[float] = []
        while len(times) < WRITTEN or (sum(times) < ENOUGH and len(times) < PROBE):
            times.append(self._seconds([len(times)]))
        return 1 / median(times)

    def _seconds(self, tokens: list[int]) -> float:
        begun = time.perf_counter()
        self._llama.decode(tokens)
        return time.perf_counter() - begun
