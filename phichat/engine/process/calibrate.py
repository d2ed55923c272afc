"""Measure the fastest settings for a model in child processes of their own, and remember them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from phichat.cancellation import CancelToken
from phichat.engine.base import EngineSettings
from phichat.engine.hardware import BUSY, LOOK_EVERY, CpuLoad, available_memory
from phichat.engine.process.child_process import ChildProcess
from phichat.engine.settings import Measured, TuningStore, choose_fastest

TIMES = 2.6  # memory taken while weights are repacked, in lengths of the file


def calibrate(
    path: Path,
    settings: EngineSettings,
    tuning: TuningStore,
    start: Callable[[], ChildProcess],
    stop: CancelToken,
    cpu_load: Callable[[], float] | None = None,
) -> Measured | None:
    """Return the fastest settings for the model at `path`, and save them in `tuning`.

    Return None if it was cancelled, or if other programs are busy, as figures would be wrong then.
    """
    measure_load = cpu_load or CpuLoad()
    if stop.wait(2 * LOOK_EVERY) or measure_load() > BUSY:
        return None
    found: list[Measured] = []
    for repacking in _weight_layouts(path, settings, tuning):
        with_it = replace(found[0].settings if found else settings, batch=settings.batch, repacking=repacking)
        tried = list(_measure_in_child(path, with_it, found[0].seconds if found else None, start, stop))
        if stop.is_set():
            return None
        if tried:
            prices = next((each.prices for each in tried if each.prices), ())
            found.append(replace(choose_fastest(tried), prices=prices))
        else:  # the child died
            tuning.rule_out(path, repacking=repacking)
    if not found:
        return None
    if choose_fastest(found) is not found[0]:  # the computer itself may be faster by now
        again = [found[0], *_measure_in_child(path, found[0].settings, 0, start, stop)]
        found[0] = replace(min(again, key=lambda each: each.seconds), prices=found[0].prices)
    chosen = choose_fastest(found)
    if stop.is_set():
        return None
    tuning.save_fastest(path, chosen)
    return chosen


def _weight_layouts(path: Path, settings: EngineSettings, tuning: TuningStore) -> Iterator[bool]:
    """Yield whether to repack weights, the choice in use first."""
    yield settings.repacking
    other = not settings.repacking
    if not other or (tuning.may_repack(path) and available_memory() > TIMES * path.stat().st_size):
        yield other


def _measure_in_child(
    path: Path, settings: EngineSettings, rival: float | None, start: Callable[[], ChildProcess], stop: CancelToken
) -> Iterator[Measured]:
    """Yield what a child measures until it is done, dies or is stopped."""
    process = start()
    stop.set_callback(process.kill)
    try:
        order = {"do": "calibrate", "path": str(path), "settings": settings.as_json(), "rival": rival}
        process.send({**order, "number": 1})
        while (line := process.receive()) is not None and line["event"] == "measured":
            yield Measured.of(line)
    finally:
        stop.set_callback(None)
        process.end()
