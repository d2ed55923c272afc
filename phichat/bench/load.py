"""How fast a model writes while other programs are busy: in the app, with fixed numbers of threads, and bare."""

import time
from dataclasses import replace
from itertools import product, takewhile
from typing import Any

from phichat.bench.busy import busy
from phichat.bench.plan import Plan
from phichat.bench.processes import Figures, medians
from phichat.bench.runs import STARTING, loop, ours
from phichat.engine.settings import threads
from phichat.i18n import tr

BUSY_PROCESSES = (0, 1, 2, 4)
WORDS = 10  # of the question, which is not what is measured
REPLY_TOKENS, FEWEST_TOKENS = 256, 24  # of a reply, which is where the app finds out how busy it is
ROUNDS = 2  # at least, where the model is not too slow for them
LONGEST = 20.0  # seconds of writing after which a run has said enough: threads that wait for each other may crawl


def measure(plan: Plan) -> dict[str, Any]:
    """The part `load`. In each round, all kinds take turns beside as many busy processes."""
    like = _like(plan)
    runs: dict[tuple[int, str], list[Figures | None]] = {pair: [] for pair in product(BUSY_PROCESSES, _kinds())}
    begun = time.monotonic()
    for turn in range(plan.rounds):
        for count in BUSY_PROCESSES:
            plan.report(
                tr("Measuring speed, busy processes: {count}, round {turn} …").format(count=count, turn=turn + 1)
            )
            with busy(count):
                for kind in _in_turn(turn):
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


def _in_turn(turn: int) -> list[str]:
    """All kinds, each time another one first: what comes first may suffer from what was there before."""
    kinds = _kinds()
    first = turn % len(kinds)
    return kinds[first:] + kinds[:first]


def _like(plan: Plan) -> Figures:
    """What the loops read, and how many tokens all write so that some rounds fit into the plan's time."""
    probe = ours(plan, WORDS, FEWEST_TOKENS)
    turns = sum((threads() + count) / threads() for count in BUSY_PROCESSES)  # how often one waits for the processor
    each = plan.seconds / ROUNDS / len(_kinds()) / turns - STARTING - probe["seconds_to_load"]
    room = plan.settings.context - len(probe["tokens"]) - 1
    fitting = int(max(FEWEST_TOKENS, each * probe["generation"]))
    return {"tokens": probe["tokens"], "count": min(REPLY_TOKENS, fitting, room)}


def _run(kind: str, plan: Plan, like: Figures) -> Figures | None:
    """One kind's speed; None where it died."""
    if kind == "ours":
        found: Figures | None = ours(plan, WORDS, like["count"], seconds=LONGEST, follows_load=True)
    elif kind == "bare":
        found = loop("bare", plan, plan.settings, like, seconds=LONGEST)
    else:
        found = loop("same", plan, replace(plan.settings, threads=int(kind)), like, seconds=LONGEST)
    return found and {"generation": found["generation"]}


def _beside(count: int, runs: dict[tuple[int, str], list[Figures | None]]) -> Figures:
    """What was found beside so many busy processes."""
    speeds = {kind: medians(figures) for (beside, kind), figures in runs.items() if beside == count}
    found = {kind: speed and speed["generation"] for kind, speed in speeds.items()}
    named = {kind: found.pop(kind) for kind in ("ours", "bare")}
    return {"busy_processes": count, **named, "fixed": found}
