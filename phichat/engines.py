"""Makes the engine that runs a model: the one place that knows which engines there are."""

from collections.abc import Callable

from phichat.engine.base import Engine
from phichat.paths import Home


def make_engine(home: Home, cache_budget: Callable[[], int] | None = None) -> Engine:
    """Return an engine that runs model files in a process of its own and remembers in `home` which settings worked.

    `cache_budget` returns how many bytes of the prompt cache may be on the disk; without it, none is.
    """
    from phichat.engine.process.engine_process import EngineProcess  # noqa: PLC0415 - the window does not wait for it
    from phichat.engine.settings import TuningStore  # noqa: PLC0415

    tuning = TuningStore(home.engine)
    if cache_budget is None:
        return EngineProcess(tuning)
    return EngineProcess(tuning, cache_folder=home.states, cache_budget=cache_budget)
