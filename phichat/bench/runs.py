"""Timed runs in processes of their own, which read an order and print figures as JSON."""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from phichat.bench.plan import Plan
from phichat.engine.base import EngineSettings
from phichat.engine.process.child_process import child_environment
from phichat.errors import PhichatError
from phichat.i18n import tr
from phichat.runtime import process_command


@dataclass(frozen=True)
class Clock:
    """Times of a request, `asked`, and of each token of its reply, `ticks`, in seconds."""

    asked: float
    ticks: Sequence[float]

    def figures(self, prompt_tokens: int) -> dict[str, float]:
        """Return tokens per second: of the prompt until the first token, of the reply from the first to the last."""
        first, last = self.ticks[0], self.ticks[-1]
        return {
            "prompt": prompt_tokens / (first - self.asked),
            "generation": (len(self.ticks) - 1) / (last - first) if last > first else 0.0,
        }


def is_enough(ticks: Sequence[float], order: Mapping[str, Any]) -> bool:
    """Return whether there are `count` tokens, or `seconds` have passed since the first."""
    is_late = order["seconds"] is not None and len(ticks) > 1 and ticks[-1] - ticks[0] > order["seconds"]
    return bool(is_late or len(ticks) >= order["count"])


Figures = dict[str, Any]

LONGEST = 600.0  # seconds after which a process counts as hung


def run_module(module: str, order: Mapping[str, Any], **variables: str) -> Figures | None:
    """Run `module` with `order`; return its figures, or None if it crashed, failed or hung."""
    try:
        finished = subprocess.run(
            process_command(module),
            input=json.dumps(order),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env={**child_environment(), **variables},
            timeout=LONGEST,
            check=True,
        )
        figures: Figures = json.loads(finished.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError):
        return None
    return figures


def print_figures(measure: Callable[[dict[str, Any]], Figures]) -> None:
    """Read an order from standard input and print its figures; the other side of `run_module`."""
    print(json.dumps(measure(json.load(sys.stdin))), flush=True)


def medians(runs: Sequence[Figures | None]) -> Figures | None:
    """Return the median of every figure; None if a run failed."""
    complete = [run for run in runs if run is not None]
    if not runs or len(complete) < len(runs):
        return None
    return {name: rounded(statistics.median(run[name] for run in complete)) for name in complete[0]}


def rounded(value: float) -> float:
    """Return `value` with four significant digits."""
    return float(f"{value:.4g}")


@contextmanager
def temporary_home() -> Iterator[dict[str, str]]:
    """Yield environment variables for an empty home, which is deleted afterwards."""
    with TemporaryDirectory(prefix="phichat-bench-", ignore_cleanup_errors=True) as folder:
        yield {"PHICHAT_HOME": str(Path(folder)), "HF_HUB_OFFLINE": "1"}


REPLY_SEED = 7  # with it, the starter model does not end its reply early
STARTING = 1.0  # seconds a process takes to start, about


def run_app(
    plan: Plan, words: int, tokens: int, *, seconds: float | None = None, follows_load: bool = False, then: str = ""
) -> Figures:
    """Run the app's engine once, through its thread and child process; return figures as the window would see them.

    Prompt lookup is off, as the loops compared to this have none. The reply ends after `tokens`, or `seconds` after its
    first token. `then` is the user's next message, whose first token is timed, too. Raise PhichatError if it fails.
    """
    settings = replace(plan.settings, looks_up=False, follows_load=follows_load)
    order = {
        "model": plan.model.location,
        "settings": settings.as_json(),
        "sampling": asdict(replace(plan.sampling, max_tokens=tokens, seed=REPLY_SEED)),
        "text": long_question(words),
        "seconds": seconds,
        "then": then,
    }
    figures = run_module("phichat.bench.window_speed", order)
    if figures is None or "error" in figures:
        raise cannot_be_measured(plan, figures["error"] if figures else tr("the process ended unexpectedly"))
    return figures


def run_loop(
    kind: str, plan: Plan, settings: EngineSettings, like: Figures, *, seconds: float | None = None
) -> Figures | None:
    """Run a loop of `kind` on the prompt and reply length of `like`, a run of the app; return None if it failed."""
    order = {
        "what": kind,
        "model": plan.model.location,
        "settings": settings.as_json(),
        "sampling": asdict(replace(plan.sampling, seed=REPLY_SEED)),
        "tokens": like["tokens"],
        "count": like["count"],
        "seconds": seconds,
    }
    return run_module("phichat.bench.loops", order)


def cannot_be_measured(plan: Plan, reason: str) -> PhichatError:
    """Return the error for an app that fails itself."""
    return PhichatError(
        tr("{name} couldn’t be measured: {reason}. Run `phichat ask` to see what’s wrong.").format(
            name=plan.model.path.name, reason=reason
        )
    )


def long_question(words: int) -> str:
    """Return a prompt of about so many words that asks for a long reply."""
    sentence = "The old ferry goes over the river every morning and carries bread, letters and people to the town."
    whole = " ".join([sentence] * (words // len(sentence.split()) + 1)).split()[:words]
    return f"Tell me a very long story with many chapters. {' '.join(whole)}"
