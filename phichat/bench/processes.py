"""Runs one timed thing in a process of its own: its orders go in as JSON, its figures come out as JSON."""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from phichat.engine.process.child_process import environment
from phichat.runtime import command

Figures = dict[str, Any]

LONGEST = 600.0  # seconds after which a thing counts as hung


def figures_of(module: str, order: Mapping[str, Any], **variables: str) -> Figures | None:
    """What `module`, as a program, says to `order`; None where it died, failed or hung."""
    try:
        finished = subprocess.run(
            command(module),
            input=json.dumps(order),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env={**environment(), **variables},
            timeout=LONGEST,
            check=True,
        )
        figures: Figures = json.loads(finished.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError):
        return None
    return figures


def answer(measure: Callable[[dict[str, Any]], Figures]) -> None:
    """The other side of `figures_of`: read the order, say the figures on the last line."""
    print(json.dumps(measure(json.load(sys.stdin))), flush=True)


def medians(runs: Sequence[Figures | None]) -> Figures | None:
    """The median of every figure; None if a run died, for what dies at times cannot be relied on."""
    complete = [run for run in runs if run is not None]
    if not runs or len(complete) < len(runs):
        return None
    return {name: rounded(statistics.median(run[name] for run in complete)) for name in complete[0]}


def rounded(value: float) -> float:
    """Four digits are more than a benchmark knows."""
    return float(f"{value:.4g}")


@contextmanager
def empty_home() -> Iterator[dict[str, str]]:
    """The variables for an app that has never run before, whose traces are gone afterwards."""
    with TemporaryDirectory(prefix="phichat-bench-", ignore_cleanup_errors=True) as folder:
        yield {"PHICHAT_HOME": str(Path(folder)), "HF_HUB_OFFLINE": "1"}
