"""The part `load`: generation speed beside busy processes, of the app, fixed numbers of threads, and the bare loop.

A busy process is `python -m phichat.bench.load`, which exits when its standard input is closed.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import product, takewhile
from typing import Any

from phichat.bench.plan import Plan, Progress
from phichat.bench.runs import STARTING, Figures, medians, run_app, run_loop
from phichat.engine.process.child_process import child_environment
from phichat.engine.settings import threads
from phichat.i18n import tr, tr_count
from phichat.runtime import process_command

BUSY_PROCESSES = (0, 1, 2, 4)
WORDS = 10  # of the prompt, which is not measured
REPLY_TOKENS, FEWEST_TOKENS = 256, 24  # of the reply, during which the app adapts to the load
ROUNDS = 2  # at least, unless the model is too slow
LONGEST = 20.0  # seconds of generation at most, as threads that wait for each other may be very slow


def measure(plan: Plan) -> dict[str, Any]:
    """Measure the part `load`. In each round, all kinds run beside each number of busy processes."""
    like = _calibrate_run(plan)
    runs: dict[tuple[int, str], list[Figures | None]] = {pair: [] for pair in product(BUSY_PROCESSES, _kinds())}
    progress = Progress(plan, ROUNDS * len(BUSY_PROCESSES))
    for turn in range(plan.rounds):
        for count in BUSY_PROCESSES:
            progress.begin(
                tr("Measuring speed with {processes} (round {turn})…").format(
                    processes=tr_count("{count} other process running", "{count} other processes running", count),
                    turn=turn + 1,
                )
            )
            with busy_processes(count):
                for kind in _rotated_kinds(turn):
                    if None not in runs[count, kind]:  # what failed once is not tried again
                        runs[count, kind].append(_run(kind, plan, like))
        if not progress.has_time(len(BUSY_PROCESSES)):
            break
    return {"load": [_beside(count, runs) for count in BUSY_PROCESSES]}


def _kinds() -> list[str]:
    """Return the kinds of runs; a number is a fixed number of threads: 1, 2, 4 and so on, up to all cores."""
    powers = takewhile(lambda count: count < threads(), (2**exponent for exponent in range(32)))
    return ["ours", "bare", *map(str, powers), str(threads())]


def _rotated_kinds(turn: int) -> list[str]:
    """Return all kinds, another one first in each round, as the first may be slowed down by what ran before."""
    kinds = _kinds()
    first = turn % len(kinds)
    return kinds[first:] + kinds[:first]


def _calibrate_run(plan: Plan) -> Figures:
    """Return the prompt for the loops, and how many tokens all generate so that `ROUNDS` fit into the plan's time."""
    probe = run_app(plan, WORDS, FEWEST_TOKENS)
    turns = sum((threads() + count) / threads() for count in BUSY_PROCESSES)  # times as long beside busy ones
    each = plan.seconds / ROUNDS / len(_kinds()) / turns - STARTING - probe["seconds_to_load"]
    room = plan.settings.context - len(probe["tokens"]) - 1
    fitting = int(max(FEWEST_TOKENS, each * probe["generation"]))
    return {"tokens": probe["tokens"], "count": min(REPLY_TOKENS, fitting, room)}


def _run(kind: str, plan: Plan, like: Figures) -> Figures | None:
    """Return one kind's speed; None if it failed."""
    if kind == "ours":
        found: Figures | None = run_app(plan, WORDS, like["count"], seconds=LONGEST, follows_load=True)
    elif kind == "bare":
        found = run_loop("bare", plan, plan.settings, like, seconds=LONGEST)
    else:
        found = run_loop("same", plan, replace(plan.settings, threads=int(kind)), like, seconds=LONGEST)
    return found and {"generation": found["generation"]}


def _beside(count: int, runs: dict[tuple[int, str], list[Figures | None]]) -> Figures:
    """Return the medians beside so many busy processes."""
    speeds = {kind: medians(figures) for (beside, kind), figures in runs.items() if beside == count}
    found = {kind: speed and speed["generation"] for kind, speed in speeds.items()}
    named = {kind: found.pop(kind) for kind in ("ours", "bare")}
    return {"busy_processes": count, **named, "fixed": found}


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Run so many busy processes, which are killed afterwards, and exit by themselves if this process is killed."""
    with ExitStack() as stack:
        others = [stack.enter_context(_other()) for _ in range(count)]
        for other in others:
            assert other.stdout  # noqa: S101 - for the type checker
            other.stdout.read(1)
        yield


@contextmanager
def _other() -> Iterator[subprocess.Popen[bytes]]:
    """Start one, which prints a character once it is busy."""
    other = subprocess.Popen(
        process_command("phichat.bench.load"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # it gets Ctrl+C, too, and would print a traceback
        env=child_environment(),
    )
    with other:
        try:
            yield other
        finally:
            other.kill()


def _leave_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Be busy until standard input is closed."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    os.write(1, b".")
    while True:
        pass


if __name__ == "__main__":
    main()
