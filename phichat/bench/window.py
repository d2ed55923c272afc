"""The part `window`: start-up compared to a bare window, stutter, memory, idle CPU and the time to stop a reply."""

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from phichat import paths
from phichat.bench.plan import Plan, Progress
from phichat.bench.runs import Figures, rounded, run_module, temporary_home
from phichat.diagnostics import display
from phichat.engine.process.child_process import child_environment
from phichat.errors import PhichatError
from phichat.i18n import tr
from phichat.runtime import is_frozen, process_command

WORDS = 450  # of the question during whose reply stutter is measured
REPLY = 256  # tokens of its reply at most
TYPED = 200  # characters of the next one, typed key by key
SETTLING, IDLE = 5.0, 5.0  # seconds without input; the prompt cache is written after three
MESSAGES, PAGES = 10_000, 300  # of the long conversation, and how many pages up from its end
LETTERS, SPEED = 10_000, 200.0  # of a reply in it, at so many tokens per second
DRAG = 16  # pixels of each step in which the window’s edge is dragged
PAUSE = 2.0  # seconds in which the window prepares what it makes when idle
LONG = 1800  # words of the question that is stopped during prefill: about 2,000 tokens
OPENING = 60.0  # seconds after which a window counts as hung


def measure(plan: Plan) -> dict[str, Any]:
    """Measure the part `window`."""
    variables = {"QT_QPA_PLATFORM": "offscreen"} if display.display_problem() else {}
    progress = Progress(plan, 3)
    progress.begin(tr("Measuring how fast the window opens…"))
    found: Figures = _openings(plan.rounds, variables)
    progress.begin(tr("Measuring the window’s performance during a conversation…"))
    found |= _at_work(plan, variables)
    progress.begin(tr("Scrolling through a long conversation…"))
    return {"window": found | _long(plan, variables)}


def _openings(rounds: int, variables: dict[str, str]) -> Figures:
    """Return the median seconds from start to exit of windows that close once they take input.

    A first one of each isn't counted.
    """
    times: dict[str, list[float]] = {"start_seconds": [], "bare_window_seconds": []}
    with _bytecode() as kept:
        for _ in range(1 + rounds):
            for seconds, program in zip(
                times.values(), ([*process_command(), "--quit-when-ready"], _bare()), strict=True
            ):
                seconds.append(_seconds(program, variables | kept))
    return {name: rounded(statistics.median(seconds[1:])) for name, seconds in times.items()}


@contextmanager
def _bytecode() -> Iterator[dict[str, str]]:
    """Yield variables with which programs keep bytecode, as an installed package does, if this one may not."""
    if not sys.dont_write_bytecode or is_frozen():
        yield {}
        return
    with TemporaryDirectory(prefix="phichat-bench-", ignore_cleanup_errors=True) as folder:
        yield {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": folder}


def _bare() -> list[str]:
    """Return the command of the bare window; in a checkout a script, as importing our package takes time."""
    if is_frozen():
        return process_command("phichat.bench.window_bare")
    return [sys.executable, "-P", str(Path(__file__).with_name("window_bare.py"))]


def _seconds(program: list[str], variables: dict[str, str]) -> float:
    with temporary_home() as home:
        variables = {**child_environment(), **home, **variables}
        started = time.perf_counter()
        try:
            subprocess.run(program, env=variables, capture_output=True, timeout=OPENING, check=True)
        except subprocess.SubprocessError as error:
            raise PhichatError(
                tr("The window didn’t open: {reason}. Run `phichat doctor` for more information.").format(reason=error)
            ) from error
        return time.perf_counter() - started


def _at_work(plan: Plan, variables: dict[str, str]) -> Figures:
    with temporary_home() as home:
        _bring_settings(Path(home["PHICHAT_HOME"]))
        order = {
            "model": plan.model.location,
            "rounds": plan.rounds,
            "words": WORDS,
            "reply": REPLY,
            "typed": TYPED,
            "settling": SETTLING,
            "idle": IDLE,
            "long": LONG,
        }
        figures = run_module("phichat.bench.window_app", order, **home, **variables)
    return _alive(figures)


def _long(plan: Plan, variables: dict[str, str]) -> Figures:
    """Measure the window with a conversation of many messages and a paced engine."""
    with temporary_home() as home:
        order = {
            "model": plan.model.location,
            "messages": MESSAGES,
            "pages": PAGES,
            "drag": DRAG,
            "letters": LETTERS,
            "speed": SPEED,
            "settling": PAUSE,
        }
        return _alive(run_module("phichat.bench.window_long", order, **home, **variables))


def _alive(figures: Figures | None) -> Figures:
    if figures is None:
        raise PhichatError(tr("The window closed during the measurement. Run `phichat doctor` to find out why."))
    return figures


def _bring_settings(home: Path) -> None:
    """Copy the calibrated settings to `home`, so that the window does not calibrate while it is measured."""
    known = paths.home().engine
    if known.is_file():
        shutil.copyfile(known, paths.Home(home).engine)
