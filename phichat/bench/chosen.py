"""The settings that the app runs a model with on this computer, once it has measured which are the fastest."""

from collections.abc import Callable
from pathlib import Path

from phichat.engine.base import CancelToken, EngineSettings
from phichat.engine.process.host import EngineProcess
from phichat.engine.settings import TuningStore
from phichat.i18n import tr


def chosen(model: Path, settings: EngineSettings, memory: TuningStore, report: Callable[[str], None]) -> EngineSettings:
    """What becomes of `settings`. They are measured first if that was never done: the app does so by and by."""
    if not memory.is_measured(model):
        report(tr("Measuring which settings are the fastest …"))
        engine = EngineProcess(memory)
        try:
            engine.load(model, settings, CancelToken(), lambda _: None)
            for _ in engine.calibrate(CancelToken()):
                pass
        finally:
            engine.close()
    return memory.recall(model, settings)
