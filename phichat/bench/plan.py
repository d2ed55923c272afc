"""What is to be measured, as every part receives it, with which settings, and on which computer."""

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from phichat.chat.sampling import Sampling
from phichat.engine import hardware, settings
from phichat.engine.base import CancelToken, EngineSettings, ModelRef
from phichat.engine.process.host import EngineProcess
from phichat.engine.settings import TuningStore
from phichat.i18n import tr


@dataclass(frozen=True)
class Plan:
    """One benchmark.

    Attributes:
        model: the model's file.
        settings: how the app runs it.
        sampling: how replies are sampled.
        sweep: whether to look for the fastest settings too.
        report: hears what is being done, a sentence at a time.
        seconds: how long a part may take, more or less.
        rounds: how often each thing is timed at most; the median counts.
    """

    model: Path
    settings: EngineSettings
    sampling: Sampling
    sweep: bool
    report: Callable[[str], None]
    seconds: float = 240.0
    rounds: int = 5


def calibrated_settings(
    model: Path, settings: EngineSettings, memory: TuningStore, report: Callable[[str], None]
) -> EngineSettings:
    """What becomes of `settings`. They are measured first if that was never done: the app does so by and by."""
    if not memory.is_measured(model):
        report(tr("Measuring which settings are the fastest …"))
        engine = EngineProcess(memory)
        try:
            engine.load(ModelRef.of_file(model), settings, CancelToken(), lambda _: None)
            for _ in engine.calibrate(CancelToken()):
                pass
        finally:
            engine.close()
    return memory.recall(model, settings)


def describe_machine() -> dict[str, Any]:
    """What one needs to know to compare two benchmarks; `load` is how busy it was, as processes waiting to run."""
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
