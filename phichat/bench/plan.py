"""The plan of a benchmark that every part receives, calibrated settings, and facts about the computer."""

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil

from phichat.chat.sampling import Sampling
from phichat.engine import hardware, settings
from phichat.engine.base import CancelToken, EngineSettings, ModelRef
from phichat.engine.process.engine_process import EngineProcess
from phichat.engine.settings import TuningStore
from phichat.i18n import tr


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


def calibrated_settings(
    model: ModelRef, settings: EngineSettings, tuning: TuningStore, report: Callable[[str], None]
) -> EngineSettings:
    """Return the calibrated settings, and calibrate first if needed; the app does so when it is idle."""
    if not tuning.is_measured(model.path):
        report(tr("Finding the fastest settings…"))
        engine = EngineProcess(tuning)
        try:
            engine.load(model, settings, CancelToken(), lambda _: None)
            for _ in engine.calibrate(CancelToken()):
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
