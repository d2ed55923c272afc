"""Find the fastest settings for a model with child processes of their own, and notice when they are slower in use.

Each weight layout is loaded in a child. Settings are compared by turns (comparison.py) in four steps: layouts with and
without flash attention, then types of the KV cache, then numbers of threads, then batches.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Self

from phichat import gguf
from phichat.cancellation import CancelToken
from phichat.engine import hardware
from phichat.engine.base import Done, EngineSettings, Tried
from phichat.engine.cpu_load import CpuLoad
from phichat.engine.engine_settings import EXACT, SHORT, SHORT_KEYS
from phichat.engine.hardware import available_memory
from phichat.engine.process import protocol
from phichat.engine.process.child_process import ChildProcess
from phichat.engine.process.comparison import Comparison
from phichat.engine.processors import BUSY
from phichat.engine.settings import DEPTH, Measured, TuningStore

SECONDS = 90.0  # after which no further round of a comparison begins
GLANCE = 0.5  # seconds in which the load of other programs is measured first
TRIES = 3  # at most, of one trial that other programs disturb
BATCHES = (128, 256, 512)
BATCH_NEAR, BATCH_ROUNDS = 1.05, 6  # as in Comparison, as larger steps take memory and are rarely used
LONGEST = 1.5  # seconds that a step of the prompt may take, so that progress is seen
_NONE = 0  # layers on a graphics processor

Layout = tuple[bool, int]
"""Whether weights are repacked, and the layers on a graphics processor."""


class Busy(Exception):
    """Other programs are busy, so that figures would be wrong."""


class _Stopped(Exception):
    """It was cancelled."""


def calibrate(
    path: Path,
    settings: EngineSettings,
    tuning: TuningStore,
    start: Callable[[], ChildProcess],
    stop: CancelToken,
    report: Callable[[Tried], None] | None = None,
    others: Callable[[], float] | None = None,
) -> Measured | None:
    """Return the fastest settings for the model at `path`, and save them in `tuning`; None if all of them fail.

    `settings` are as safe as the model needs, with as many layers offloaded as fit. `others` returns the CPU
    seconds that other programs have used. Return None if it was cancelled, and raise Busy if other programs are busy;
    with `report`, which is called with each trial, try again what they disturb, a few times.
    """
    with _Calibration(path, settings, tuning, start, stop, report, others) as calibration:
        try:
            return calibration.run()
        except _Stopped:
            return None


def has_room(path: Path, settings: EngineSettings) -> bool:
    """Return whether there is memory to measure repacked weights besides plain ones."""
    head = gguf.read_head(path)
    return hardware.memory_needed(head, min(settings.context, 2 * DEPTH), repacking=True) <= available_memory()


class _Calibration:
    def __init__(
        self,
        path: Path,
        settings: EngineSettings,
        tuning: TuningStore,
        start: Callable[[], ChildProcess],
        stop: CancelToken,
        report: Callable[[Tried], None] | None,
        others: Callable[[], float] | None,
    ) -> None:
        self._path, self._tuning, self._start, self._stop = path, tuning, start, stop
        self._report: Callable[[Tried], None] = report or (lambda _: None)
        self._insists = report is not None
        self._head = gguf.read_head(path)
        self._settings = _fitted(self._head, settings)
        is_open = settings.cache_type in {"", SHORT_KEYS} and self._settings.cache_type == EXACT
        self._may_shorten = is_open and hardware.may_shorten_keys(self._head)
        self._guess = hardware.guess_cache_type(self._head) if self._may_shorten else self._settings.cache_type
        self._load = CpuLoad()
        self._others = others or self._load.used_by_others
        self._children: dict[Layout, _MeteredChild] = {}
        self._began = time.monotonic()
        self._stack = ExitStack()
        self._is_always_busy = False

    def __enter__(self) -> Self:
        self._stop.set_callback(self._kill)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set_callback(None)
        self._stack.close()

    def run(self) -> Measured | None:
        """Measure, choose and save."""
        self._check_load()
        layouts, lacks_memory = self._layouts()
        chosen = self._compare(list(self._attentions(layouts)))
        if chosen is None:
            return None
        chosen = self._compare(list(self._cache_types(chosen.settings))) or chosen
        if not self._is_always_busy:  # fewer threads always win then; ThreadPacer sees to that
            chosen = self._compare([chosen.settings, *self._thread_counts(chosen.settings)]) or chosen
        if batch := self._fastest_batch(chosen):
            chosen = replace(chosen, settings=replace(chosen.settings, batch=batch))
        chosen = replace(chosen, prices=self._child(chosen.settings).step_prices(chosen.settings))
        if self._stop.is_set():
            raise _Stopped
        self._tuning.save_fastest(self._path, chosen, lacked_memory=lacks_memory, is_certain=not self._is_always_busy)
        self._report(Tried(chosen.settings, chosen.reads, chosen.writes, chosen=True))
        return chosen

    def _compare(self, candidates: Sequence[EngineSettings]) -> Measured | None:
        return Comparison(candidates).run(lambda each: self._try("turn", each), self._has_time)

    def _has_time(self) -> bool:
        return time.monotonic() - self._began < SECONDS

    def _layouts(self) -> tuple[list[Layout], bool]:
        """Return the layouts to try, those that take less memory first, and whether memory lacks for another."""
        has_memory = has_room(self._path, self._settings)
        repacks = self._tuning.may_repack(self._path) and has_memory
        most = self._settings.gpu_layers
        placements = [most, _NONE] if most and self._child(replace(self._settings, repacking=False)).layers else [most]
        pairs = [(repacking, layers) for repacking in (False, True)[: 1 + repacks] for layers in placements]
        return pairs, not has_memory

    def _attentions(self, layouts: Sequence[Layout]) -> Iterator[EngineSettings]:
        """Yield the layouts with flash attention, which takes less memory, and without, where that is possible.

        Without, the KV cache is of the type that is probably fastest, as it would hide what layouts differ by.
        """
        base = self._settings
        must = hardware.needs_flash(self._head, base.context, base.batch, base.cache_type)
        for repacking, layers in layouts:
            tried = replace(base, repacking=repacking, gpu_layers=layers)
            offloads = layers != _NONE and self._child(tried).layers != 0
            for flash in (True,) if must or offloads else (True, False):
                kind = base.cache_type if flash else self._guess
                yield replace(tried, flash_attention=flash, cache_type=kind)

    def _cache_types(self, chosen: EngineSettings) -> Iterator[EngineSettings]:
        """Yield the settings with keys as they are, and in q8_0 where llama.cpp can do so and nothing rules it out."""
        yield replace(chosen, cache_type=self._settings.cache_type)
        if self._may_shorten and self._child(chosen).layers == 0:
            flash = hardware.needs_flash(self._head, chosen.context, chosen.batch, SHORT_KEYS)
            yield replace(chosen, cache_type=SHORT_KEYS, flash_attention=flash)

    def _thread_counts(self, chosen: EngineSettings) -> Iterator[EngineSettings]:
        for count in sorted({max(1, chosen.threads // 2), chosen.threads - 1} - {0, chosen.threads}, reverse=True):
            yield replace(chosen, threads=count)

    def _fastest_batch(self, chosen: Measured) -> int:
        """Return the batch that reads long texts fastest; 0 if there is no choice."""
        settings, reads = chosen.settings, chosen.reads
        batches = [each for each in BATCHES if each == BATCHES[0] or self._may_batch(settings, each, reads)]
        if len(batches) < 2:
            return 0
        tried = [replace(settings, batch=each) for each in batches]
        comparison = Comparison(tried, lambda each: 1 / each.reads, BATCH_NEAR, BATCH_ROUNDS)
        found = comparison.run(lambda each: self._try("reading", each), self._has_time)
        return found.settings.batch if found else 0

    def _may_batch(self, settings: EngineSettings, batch: int, reads: float) -> bool:
        forced = hardware.needs_flash(self._head, settings.context, batch, settings.cache_type)
        fits = batch <= min(settings.context, DEPTH + max(BATCHES)) // 2
        return fits and batch / reads <= LONGEST and (settings.flash_attention or not forced)

    def _try(self, what: str, settings: EngineSettings) -> Measured | None:
        """Return what a trial measures, again while other programs disturb it; None if its layout is ruled out."""
        found, is_disturbed = self._run_trial(what, settings)
        for _ in range(0 if self._is_always_busy else TRIES - 1):
            if found and is_disturbed:
                found, is_disturbed = self._run_trial(what, settings)
        self._is_always_busy = is_disturbed
        if found is None:
            self._rule_out(settings)
        elif what == "turn":
            self._report(Tried(settings, found.reads, found.writes))
        return found

    def _run_trial(self, what: str, settings: EngineSettings) -> tuple[Measured | None, bool]:
        """Return what is measured, and whether other programs were busy meanwhile."""
        begun, used = time.monotonic(), self._others()
        found = self._child(settings).measure(what, settings)
        is_disturbed = self._others() - used > BUSY * (time.monotonic() - begun)
        if self._stop.is_set():
            raise _Stopped
        if is_disturbed and not self._insists:
            raise Busy
        return found, is_disturbed

    def _rule_out(self, settings: EngineSettings) -> None:
        """Remember weights that kill their process, unless a graphics processor may be the reason."""
        if settings.cache_type == SHORT_KEYS:
            self._tuning.rule_out_short_keys(self._path)
            self._children.pop((settings.repacking, settings.gpu_layers)).kill()  # it may live on
        elif not self._child(settings).layers:
            self._tuning.rule_out(self._path, repacking=settings.repacking)

    def _check_load(self) -> None:
        used = self._others()
        if self._stop.wait(GLANCE):
            raise _Stopped
        if not self._insists and self._others() - used > BUSY * GLANCE:
            raise Busy

    def _child(self, settings: EngineSettings) -> "_MeteredChild":
        """Return the child with the layout of `settings`, which is started if need be."""
        layout = settings.repacking, settings.gpu_layers
        if layout not in self._children:
            child = self._children[layout] = _MeteredChild(self._start())
            self._stack.callback(child.end)
            self._load.include(child.pid)
            if self._stop.is_set():
                raise _Stopped
            child.open(self._path, settings)
        return self._children[layout]

    def _kill(self) -> None:
        for child in list(self._children.values()):
            child.kill()


def _fitted(head: gguf.Head, settings: EngineSettings) -> EngineSettings:
    """Return `settings` as the model and the memory allow, to begin with."""
    context = min(settings.context, head.context or settings.context)
    kind = hardware.choose_cache_type(head, context, SHORT if settings.cache_type == SHORT else EXACT)
    return replace(settings, context=context, cache_type=kind, batch=BATCHES[0], step_prices=())


class _MeteredChild:
    """A child process with a model loaded, which measures it.

    Attributes:
        layers: how many layers it has on a graphics processor; -1 for all.
    """

    def __init__(self, process: ChildProcess) -> None:
        self._process = process
        self.pid, self.kill, self.end = process.pid, process.kill, process.end
        self.layers = 0

    def open(self, path: Path, settings: EngineSettings) -> None:
        """Load the model."""
        answer = self._ask({"do": "calibrate", "path": str(path), "settings": settings.as_json()})
        self.layers = int(answer["layers"]) if answer else 0

    def measure(self, what: str, settings: EngineSettings) -> Measured | None:
        """Measure a "turn", or the "reading" of a long text; return None if the child dies or fails."""
        answer = self._ask({"do": "measure", "what": what, "settings": settings.as_json()})
        return Measured.of(answer) if answer else None

    def step_prices(self, settings: EngineSettings) -> tuple[float, ...]:
        """Return the step prices; none if the child dies or fails."""
        answer = self._ask({"do": "measure", "what": "prices", "settings": settings.as_json()})
        return tuple(answer["prices"]) if answer else ()

    def _ask(self, order: protocol.Line) -> protocol.Line | None:
        self._process.send({**order, "number": 1})
        answer = self._process.receive()
        return answer if answer and answer["event"] == "measured" else None


LONG_REPLY = 48  # tokens that are enough to tell its speed
DEEPEST = 1.5 * DEPTH  # tokens in the context up to which a reply may be compared, as speed falls with them
SLOW = 0.8  # times the measured speed, below which a reply is slow
REPLIES = 4  # slow ones in a row


class SpeedWatch:
    """Compares replies to the measured speed, but those beside other busy programs.

    `used_by_others` returns the CPU seconds that other programs have used; without it, it is measured.
    """

    def __init__(
        self, used_by_others: Callable[[], float] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._given, self._clock = used_by_others, clock
        self._others: Callable[[], float] = lambda: 0.0
        self._begun = self._used = 0.0
        self._slow = 0

    def begin_reply(self, pid: int | None) -> None:
        """Note that the process `pid` begins a reply."""
        load = CpuLoad()
        if pid:
            load.include(pid)
        self._others = self._given or load.used_by_others
        self._begun, self._used = self._clock(), self._others()

    def is_slow(self, done: Done, measured: float) -> bool:
        """Return whether this was the last of several replies in a row far below the `measured` tokens per second."""
        if not measured or done.completion_tokens < LONG_REPLY or done.prompt_tokens + done.completion_tokens > DEEPEST:
            return False
        if self._others() - self._used > BUSY * (self._clock() - self._begun):
            return False
        self._slow = self._slow + 1 if done.tokens_per_second < SLOW * measured else 0
        if self._slow < REPLIES:
            return False
        self._slow = 0
        return True
