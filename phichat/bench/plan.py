"""The plan of a benchmark that every part receives, calibrated settings, and facts about the computer."""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil

from phichat.chat.sampling import Sampling
from phichat.engine import hardware, settings
from phichat.engine.base import CancelToken, EngineSettings, ModelRef
from phichat.engine.process.engine_process import EngineProcess
from phichat.engine.settings import TuningStore
from phichat.i18n import format_duration, tr


@dataclass(frozen=True)
class Plan:
    """One benchmark.

    Attributes:
        model: the model, a file.
        settings: engine settings of the app.
        sampling: sampling settings of the replies.
        sweep: whether to search for the fastest settings, too.
        report: called with sentences about progress.
        seconds: about how long a part may take.
        rounds: how often each figure is measured at most; the median counts.
    """

    model: ModelRef
    settings: EngineSettings
    sampling: Sampling
    sweep: bool
    report: Callable[[str], None]
    seconds: float = 240.0
    rounds: int = 5


class Progress:
    """Says what a part does, and about how long it still takes, judged by those of its `steps` that are done."""

    def __init__(self, plan: Plan, steps: int) -> None:
        self._plan, self._steps, self._begun = plan, steps, time.monotonic()
        self._started = 0

    def begin(self, sentence: str) -> None:
        """Report `sentence`, which says what the next step does."""
        left = self._seconds_left()
        estimate = tr("Time left in this part: {duration}.").format(duration=format_duration(left)) if left else ""
        self._plan.report(f"{sentence} {estimate}".rstrip())
        self._started += 1

    def has_time(self, steps: int = 1) -> bool:
        """Return whether so many more steps are likely to end in time, once those that were begun are done."""
        passed = time.monotonic() - self._begun
        return passed + steps * passed / max(self._started, 1) <= self._plan.seconds

    def _seconds_left(self) -> float:
        """Return 0 while nothing is known."""
        passed, done = time.monotonic() - self._begun, self._started
        if not done:
            return 0.0
        each = passed / done
        return min(each * (self._steps - done), max(self._plan.seconds - passed, each))


def calibrated_settings(
    model: ModelRef, settings: EngineSettings, tuning: TuningStore, report: Callable[[str], None]
) -> EngineSettings:
    """Return the calibrated settings, and calibrate first if needed; the app does so when it is idle."""
    if not tuning.is_measured(model.path):
        report(tr("Finding the fastest settings…"))
        engine = EngineProcess(tuning)
        try:
            engine.load(model, settings, CancelToken(), lambda _: None)
            for _ in engine.calibrate(CancelToken(), lambda _: None):
                pass
        finally:
            engine.close()
    return tuning.recall(model.path, settings)


def describe_machine() -> dict[str, Any]:
    """Return what is needed to compare two benchmarks; `load` is the load average of the last minute."""
    return {
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "library": settings.library_build(),
        "processor": settings.processor(),
        "cores": settings.threads(),
        "threads": os.cpu_count() or 1,
        "memory_bytes": hardware.installed_memory(),
        "load": round(psutil.getloadavg()[0], 2),
    }
