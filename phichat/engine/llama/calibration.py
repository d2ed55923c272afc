"""Measure how fast a model reads and writes with given settings, in the child process of a calibration.

engine/process/calibrate.py decides what is measured, and chooses.

Speeds are those of a typical turn, `engine.settings.DEPTH` tokens deep: with Phi-3-mini on two cores, flash attention
was faster in an empty context, but after 1,000 tokens took three times as long to read a turn, 1.5 times to write it.
"""

import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from phichat import gguf
from phichat.engine.base import SIZES, EngineSettings
from phichat.engine.llama import hardware
from phichat.engine.llama.context import LlamaContext
from phichat.engine.settings import DEPTH, READ, Measured

PROBE = 50  # tokens decoded, then copied, to fill the context
LONG = 512  # tokens of a pasted text, read to compare batches
WRITTEN, ENOUGH, MOST_WRITTEN = 8, 0.8, 40  # tokens written one by one, and seconds, at least; tokens at most
FEW, LONGEST = 32, 4.0  # tokens of the turn that are read where all of them would take longer, in seconds
SHALLOW = 100  # tokens in the context for step prices, which are measured again in use with longer texts
PRICE_ROUNDS = 2


class SpeedMeter:
    """A model loaded with one weight layout, whose speeds are measured. `close` it at the end.

    Attributes:
        layers: how many layers are offloaded to a graphics processor; -1 for all, 0 if there is none.
    """

    def __init__(self, path: Path, settings: EngineSettings) -> None:
        """Load it. Raise ModelError or EngineError."""
        head = gguf.read_head(path)
        self._context = min(settings.context, DEPTH + LONG + MOST_WRITTEN)
        self.layers = hardware.gpu_layers(head, settings.context) if settings.gpu_layers < 0 else settings.gpu_layers
        self._offloaded = replace(settings, context=self._context, gpu_layers=self.layers)
        self._llama = LlamaContext(head, replace(self._offloaded, context=min(256, self._context)), lambda _: True)
        self._opened: tuple[bool, str, int] | None = None

    def close(self) -> None:
        """Free the model."""
        self._llama.close()

    def measure_turn(self, settings: EngineSettings) -> Measured:
        """Measure both speeds of a typical turn."""
        self._open(settings, DEPTH)
        count = READ if READ / self._rate <= LONGEST else FEW
        return Measured(settings, self._reading_speed(count, count), 1 / self._seconds_to_write())

    def measure_reading(self, settings: EngineSettings) -> Measured:
        """Measure how fast a long text is read in steps of `settings.batch`; the other figure is 1."""
        self._open(settings, DEPTH)
        return Measured(settings, self._reading_speed(min(LONG, self._context // 2), settings.batch), 1)

    def step_prices(self, settings: EngineSettings) -> tuple[float, ...]:
        """Return the prices of steps of several tokens in single tokens, for each of `SIZES`."""
        self._open(settings, SHALLOW)
        rounds = [(self._seconds_to_write(), *map(self._seconds_to_check, SIZES)) for _ in range(PRICE_ROUNDS)]
        single, *steps = map(min, zip(*rounds, strict=True))
        return tuple(round(seconds / single, 2) for seconds in steps)

    def _open(self, settings: EngineSettings, depth: int) -> None:
        """Have a context with `settings`, and `depth` tokens in its KV cache."""
        depth = min(depth, self._context // 2)
        wanted = settings.flash_attention, settings.cache_type, depth
        if self._opened != wanted:
            batch = min(LONG, max(PROBE, self._context // 2))
            opened = replace(self._offloaded, flash_attention=wanted[0], cache_type=wanted[1], batch=batch)
            self._llama.open(replace(opened, threads=settings.threads), sequences=2, keeps_window=True)
            self._llama.warm_up(0, batch)
            self._rate = self._reading_speed(min(PROBE, depth), batch)
            self._llama.duplicate_cells(depth // PROBE - 1)  # quicker than to decode them
            self._opened = wanted
        self._llama.set_threads(settings.threads)
        self._llama.forget_from(PROBE)
        self._llama.decode([0])  # wakes the threads

    def _reading_speed(self, count: int, batch: int) -> float:
        """Return tokens per second of `count` tokens in steps of `batch`."""
        self._llama.forget_from(PROBE)
        tokens = [index % min(self._llama.token_count, 200) for index in range(count)]
        steps = [tokens[start : start + batch] for start in range(0, count, batch)]
        return count / sum(map(self._seconds, steps))

    def _seconds_to_write(self) -> float:
        """Return the seconds of one token."""
        times: list[float] = []
        while len(times) < WRITTEN or (sum(times) < ENOUGH and len(times) < MOST_WRITTEN):
            times.append(self._seconds([len(times)]))
        return median(times)

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
