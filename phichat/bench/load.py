"""How fast a model writes while other programs are busy: in the app, with fixed numbers of threads, and bare.

Such a program is `python -m phichat.bench.load`, which ends when its standard input does.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import product, takewhile
from typing import Any

from phichat.bench.plan import Plan
from phichat.bench.runs import STARTING, Figures, medians, run_app, run_loop
from phichat.engine.process.child_process import child_environment
from phichat.engine.settings import threads
from phichat.i18n import tr
from phichat.runtime import command

BUSY_PROCESSES = (0, 1, 2, 4)
WORDS = 10  # of the question, which is not what is measured
REPLY_TOKENS, FEWEST_TOKENS = 256, 24  # of a reply, which is where the app finds out how busy it is
ROUNDS = 2  # at least, where the model is not too slow for them
LONGEST = 20.0  # seconds of writing after which a run has said enough: threads that wait for each other may crawl


def measure(plan: Plan) -> dict[str, Any]:
    """The part `load`. In each round, all kinds take turns beside as many busy processes."""
    like = _calibrate_run(plan)
    runs: dict[tuple[int, str], list[Figures | None]] = {pair: [] for pair in product(BUSY_PROCESSES, _kinds())}
    begun = time.monotonic()
    for turn in range(plan.rounds):
        for count in BUSY_PROCESSES:
            plan.report(
                tr("Measuring speed, busy processes: {count}, round {turn} …").format(count=count, turn=turn + 1)
            )
            with busy_processes(count):
                for kind in _rotated_kinds(turn):
                    if None not in runs[count, kind]:  # what died once is not tried again
                        runs[count, kind].append(_run(kind, plan, like))
        passed = time.monotonic() - begun
        if passed + passed / (turn + 1) > plan.seconds:
            break
    return {"load": [_beside(count, runs) for count in BUSY_PROCESSES]}


def _kinds() -> list[str]:
    """What is measured; a number is a fixed one of threads: 1, 2, 4 and so on, up to all cores."""
    powers = takewhile(lambda count: count < threads(), (2**exponent for exponent in range(32)))
    return ["ours", "bare", *map(str, powers), str(threads())]


def _rotated_kinds(turn: int) -> list[str]:
    """All kinds, each time another one first: what comes first may suffer from what was there before."""
    kinds = _kinds()
    first = turn % len(kinds)
    return kinds[first:] + kinds[:first]


def _calibrate_run(plan: Plan) -> Figures:
    """What the loops read, and how many tokens all write so that some rounds fit into the plan's time."""
    probe = run_app(plan, WORDS, FEWEST_TOKENS)
    turns = sum((threads() + count) / threads() for count in BUSY_PROCESSES)  # how often one waits for the processor
    each = plan.seconds / ROUNDS / len(_kinds()) / turns - STARTING - probe["seconds_to_load"]
    room = plan.settings.context - len(probe["tokens"]) - 1
    fitting = int(max(FEWEST_TOKENS, each * probe["generation"]))
    return {"tokens": probe["tokens"], "count": min(REPLY_TOKENS, fitting, room)}


def _run(kind: str, plan: Plan, like: Figures) -> Figures | None:
    """One kind's speed; None where it died."""
    if kind == "ours":
        found: Figures | None = run_app(plan, WORDS, like["count"], seconds=LONGEST, follows_load=True)
    elif kind == "bare":
        found = run_loop("bare", plan, plan.settings, like, seconds=LONGEST)
    else:
        found = run_loop("same", plan, replace(plan.settings, threads=int(kind)), like, seconds=LONGEST)
    return found and {"generation": found["generation"]}


def _beside(count: int, runs: dict[tuple[int, str], list[Figures | None]]) -> Figures:
    """What was found beside so many busy processes."""
    speeds = {kind: medians(figures) for (beside, kind), figures in runs.items() if beside == count}
    found = {kind: speed and speed["generation"] for kind, speed in speeds.items()}
    named = {kind: found.pop(kind) for kind in ("ours", "bare")}
    return {"busy_processes": count, **named, "fixed": found}


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """So many of them. They are gone afterwards, and go by themselves should this process be killed."""
    with ExitStack() as stack:
        others = [stack.enter_context(_other()) for _ in range(count)]
        for other in others:
            assert other.stdout  # noqa: S101 - for the type checker
            other.stdout.read(1)
        yield


@contextmanager
def _other() -> Iterator[subprocess.Popen[bytes]]:
    """One that may still be starting: it says so once it computes."""
    other = subprocess.Popen(
        command("phichat.bench.load"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # Ctrl+C is for it, too, and it would show where it was
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
    """Compute."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    os.write(1, b".")
    while True:
        pass


if __name__ == "__main__":
    main()
