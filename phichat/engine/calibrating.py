"""Has the fastest settings for a model measured by children of their own, and remembers them."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

from phichat.engine.base import EngineSettings
from phichat.engine.calibration import Measured, best
from phichat.engine.memory import available
from phichat.engine.pacing import BUSY, LOOK_EVERY, Neighbours
from phichat.engine.process import Process
from phichat.engine.tuning import Memory
from phichat.stop import Stop

HOPELESS = 1.1  # how much longer a first try may take than the best so far
TIMES = 2.6  # the file's length in memory that rewritten weights take while they are made


def calibrate(
    path: Path,
    settings: EngineSettings,
    memory: Memory,
    start: Callable[[], Process],
    stop: Stop,
    neighbours: Callable[[], float] | None = None,
) -> Measured | None:
    """The fastest settings for the model at `path`, which are then remembered.

    None if that was stopped, or other programs were busy: then their doings would be measured.
    """
    look = neighbours or Neighbours()
    if stop.wait(2 * LOOK_EVERY) or look() > BUSY:
        return None
    found: list[Measured] = []
    for repacking in _ways(path, settings, memory):
        with_it = replace(best(found).settings if found else settings, batch=settings.batch, repacking=repacking)
        limit = HOPELESS * best(found).seconds if found else None
        found += _measured(path, with_it, limit, start, stop)
        if stop.is_set():
            return None
        if not any(each.settings.repacking == repacking for each in found):  # it died of that
            memory.refuse(path, repacking=repacking)
    if not found:
        return None
    chosen = best(found)
    memory.note(path, chosen)
    return chosen


def _ways(path: Path, settings: EngineSettings, memory: Memory) -> Iterator[bool]:
    """Whether to try rewritten weights, and plain ones; what is in use first."""
    yield settings.repacking
    other = not settings.repacking
    if not other or (memory.may_repack(path) and available() > TIMES * path.stat().st_size):
        yield other


def _measured(
    path: Path, settings: EngineSettings, limit: float | None, start: Callable[[], Process], stop: Stop
) -> Iterator[Measured]:
    """What a child says until it has done, died or is stopped."""
    process = start()
    stop.listen(process.kill)
    try:
        order = {"do": "calibrate", "path": str(path), "settings": asdict(settings), "limit": limit}
        process.send({**order, "number": 1})
        while (line := process.receive()) is not None and line["event"] == "measured":
            yield Measured.of(line)
    finally:
        stop.listen(None)
        process.end()
