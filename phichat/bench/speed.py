"""The parts `speed` and `lookup`: the app compared to bare llama.cpp, and the gain of prompt lookup."""

import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

from phichat.bench.plan import Plan, Progress
from phichat.bench.runs import STARTING, Figures, cannot_be_measured, medians, rounded, run_app, run_loop, run_module
from phichat.engine.base import EngineSettings
from phichat.engine.settings import threads
from phichat.i18n import tr

PROMPT_WORDS = 450  # about 512 tokens
REPLY_TOKENS = 96
SWEEPS = 2  # runs of each of the settings in a sweep, at least
SLOWER = 1.5  # times as long as the app a run of a sweep takes, on average


@dataclass(frozen=True)
class Size:
    """Words of the prompt, tokens of the reply, and rounds."""

    words: int
    tokens: int
    rounds: int


PROBE = Size(words=60, tokens=8, rounds=1)


def measure(plan: Plan) -> dict[str, Any]:
    """Measure the part `speed`. In each round the app runs first; the loops then decode as many tokens."""
    probe = run_app(plan, PROBE.words, PROBE.tokens)
    loops = {"bare": ("bare", plan.settings), "same": ("same", plan.settings)}
    if plan.sweep and (fastest := _sweep(plan, probe)):
        loops["sweep"] = ("same", fastest)
    size = choose_size(plan, probe, 1 + len(loops))
    runs: dict[str, list[Figures | None]] = {name: [] for name in ("ours", *loops)}
    progress = Progress(plan, size.rounds)
    for turn in range(size.rounds):
        progress.begin(tr("Measuring speed (round {turn} of {rounds})…").format(turn=turn + 1, rounds=size.rounds))
        run = run_app(plan, size.words, size.tokens)
        runs["ours"].append(run)
        for name, (kind, settings) in loops.items():
            if None not in runs[name]:  # what failed once is not tried again
                runs[name].append(run_loop(kind, plan, settings, run))
        if not progress.has_time():
            break
    speeds = [{name: run[name] for name in ("prompt", "generation")} for run in runs["ours"] if run]
    found: dict[str, Any] = medians(speeds) or {}
    found |= {name: medians(runs[name]) for name in loops}
    if found.get("sweep"):
        found["sweep"] |= {"settings": loops["sweep"][1].as_json()}
    loads = [run["seconds_to_load"] for run in runs["ours"] if run]
    return {"seconds_to_load": rounded(statistics.median(loads)), "speed": found}


def choose_size(plan: Plan, probe: Figures, runs: float, rounds: int = 3) -> Size:
    """Return the largest size that fits into the plan's time and the context, by the figures of a short run.

    A round has so many `runs`; shorten them until there is time for so many `rounds`.
    """
    each = len(probe["tokens"]) / PROBE.words

    def seconds(words: int, tokens: int) -> float:
        reading, writing = words * each / probe["prompt"], tokens / probe["generation"]
        return float(runs * (reading + writing + probe["seconds_to_load"] + STARTING))

    words, tokens = PROMPT_WORDS, REPLY_TOKENS
    while words > PROBE.words and (
        seconds(words, tokens) * rounds > plan.seconds or words * each + tokens > plan.settings.context
    ):
        words, tokens = words // 2, tokens * 2 // 3
    return Size(words, tokens, max(1, min(plan.rounds, int(plan.seconds / seconds(words, tokens)))))


def _sweep(plan: Plan, probe: Figures) -> EngineSettings | None:
    """Return the settings with which a plain loop is fastest, by medians; None if all of them fail."""
    variants = list(_variants(plan.settings))
    size = choose_size(plan, probe, SLOWER * len(variants), SWEEPS)
    like = run_app(plan, size.words, size.tokens)
    runs: list[list[Figures | None]] = [[] for _ in variants]
    progress = Progress(plan, max(SWEEPS, size.rounds) * len(variants))
    for _ in range(max(SWEEPS, size.rounds)):
        for settings, figures in zip(variants, runs, strict=True):
            if None not in figures:
                progress.begin(
                    tr(
                        "Measuring speed (repacking: {repacking}, flash attention: {flash}, threads: {threads})…"
                    ).format(
                        repacking=_switch(settings.repacking),
                        flash=_switch(settings.flash_attention),
                        threads=settings.threads,
                    )
                )
                figures.append(run_loop("same", plan, settings, like))
    complete = [(_seconds(found, like), index) for index, figures in enumerate(runs) if (found := medians(figures))]
    return variants[min(complete)[1]] if complete else None


def _switch(is_on: bool) -> str:
    return tr("on") if is_on else tr("off")


def _variants(settings: EngineSettings) -> Iterator[EngineSettings]:
    counts = sorted({1, max(1, threads() // 2), threads()})
    for repacking, flash, count in product((False, True), (False, True), counts):
        yield replace(settings, repacking=repacking, flash_attention=flash, threads=count)


def _seconds(figures: Figures, like: Figures) -> float:
    return float(len(like["tokens"]) / figures["prompt"] + like["count"] / figures["generation"])


def measure_lookup(plan: Plan) -> dict[str, Any]:
    """Measure the part `lookup`, in one process: the difference is too small to compare two."""
    plan.report(tr("Measuring prompt lookup…"))
    figures = run_module("phichat.bench.lookup", lookup_order(plan))
    if figures is None or "error" in figures:
        raise cannot_be_measured(plan, figures["error"] if figures else tr("the process ended unexpectedly"))
    return {"lookup": figures}


def lookup_order(plan: Plan) -> Figures:
    """Return the order for that process."""
    return {
        "model": plan.model.location,
        "settings": plan.settings.as_json(),
        "sampling": asdict(plan.sampling),
        "rounds": plan.rounds,
        "seconds": plan.seconds,
    }
