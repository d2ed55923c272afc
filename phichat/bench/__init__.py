"""Benchmarks of `phichat bench`: speed compared to bare llama.cpp and its server, and the window to a bare one.

    run(parts, …) ── speed.py        ┐
                  ├─ peers.py        │ ── peer_server.py  llama.cpp's own server
                  ├─ load.py         ┴ runs.py ── window_speed.py  the app: worker thread, child process, signals
                  │                            └─ loops.py         the same settings without the app; llama-cpp-python
                  ├─ speed.py ── lookup.py       prompt lookup decoding
                  ├─ first_token.py              time to the first token with prefill and prompt cache
                  └─ window.py ┬ window_app.py   the window at work
                               └ window_long.py  the window with 10,000 messages, and a paced engine

Every run is a process of its own (runs.py), so a crash costs one figure. Only window_*.py import Qt.
"""

from collections.abc import Callable, Sequence
from typing import Any

from phichat.bench import first_token, load, peers, speed, window
from phichat.bench.plan import Plan, calibrated_settings, describe_machine
from phichat.chat.sampling import Sampling
from phichat.engine.base import EngineSettings, ModelRef
from phichat.engine.settings import TuningStore
from phichat.errors import PhichatError
from phichat.i18n import tr

Report = Callable[[str], None]

PARTS: dict[str, Callable[[Plan], dict[str, Any]]] = {
    "speed": speed.measure,
    "first-token": first_token.measure,
    "load": load.measure,
    "lookup": speed.measure_lookup,
    "peers": peers.measure,
    "window": window.measure,
}


def run(
    parts: Sequence[str],
    model: ModelRef,
    settings: EngineSettings,
    sampling: Sampling,
    sweep: bool,
    report: Report,
    tuning: TuningStore | None = None,
) -> dict[str, Any]:
    """Measure `parts` and return what `bench --json` prints. `report` is called with sentences about progress.

    With `tuning`, use the settings that the app chooses for the model. Raise PhichatError for an unknown part, or if
    the app itself fails.
    """
    for part in parts:
        if part not in PARTS:
            raise PhichatError(
                tr("The benchmark has no part named {name}. Choose from {parts}.").format(
                    name=part, parts=", ".join(PARTS)
                )
            )
    if tuning:
        settings = calibrated_settings(model, settings, tuning, report)
    plan = Plan(model, settings, sampling, sweep, report)
    found: dict[str, Any] = {"model": model.name, "machine": describe_machine(), "engine": settings.as_json()}
    for part in parts:
        found |= PARTS[part](plan)
    return found
