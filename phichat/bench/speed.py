"""How fast the model reads and writes, beside bare llama.cpp, and what guessing ahead is worth."""

import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

from phichat.bench.plan import Plan
from phichat.bench.runs import STARTING, Figures, cannot_be_measured, medians, rounded, run_app, run_loop, run_module
from phichat.engine.base import EngineSettings
from phichat.engine.settings import threads
from phichat.i18n import tr

PROMPT_WORDS = 450  # about 512 tokens
REPLY_TOKENS = 96
SWEEPS = 2  # runs of each of the settings among which the fastest are sought, at least
SLOWER = 1.5  # how much longer than ours these take, on average: half of them do without threads


@dataclass(frozen=True)
class Size:
    """How much is read and written in one run, and how many runs there are."""

    words: int
    tokens: int
    rounds: int


PROBE = Size(words=60, tokens=8, rounds=1)


def measure(plan: Plan) -> dict[str, Any]:
    """The part `speed`. Ours comes first in each round: the others read its tokens and write as many."""
    probe = run_app(plan, PROBE.words, PROBE.tokens)
    loops = {"bare": ("bare", plan.settings), "same": ("same", plan.settings)}
    if plan.sweep and (fastest := _sweep(plan, probe)):
        loops["sweep"] = ("same", fastest)
    size = _choose_size(plan, probe, 1 + len(loops))
    runs: dict[str, list[Figures | None]] = {name: [] for name in ("ours", *loops)}
    for turn in range(size.rounds):
        plan.report(tr("Measuring speed, round {turn} of {rounds} …").format(turn=turn + 1, rounds=size.rounds))
        run = run_app(plan, size.words, size.tokens)
        runs["ours"].append(run)
        for name, (kind, settings) in loops.items():
            if None not in runs[name]:  # what died once is not tried again
                runs[name].append(run_loop(kind, plan, settings, run))
    found: dict[str, Any] = _speeds([run for run in runs["ours"] if run])
    found |= {name: medians(runs[name]) for name in loops}
    if found.get("sweep"):
        found["sweep"] |= {"settings": loops["sweep"][1].as_json()}
    loads = [run["seconds_to_load"] for run in runs["ours"] if run]
    return {"seconds_to_load": rounded(statistics.median(loads)), "speed": found}


def _speeds(runs: list[Figures]) -> Figures:
    return medians([{name: run[name] for name in ("prompt", "generation")} for run in runs]) or {}


def _choose_size(plan: Plan, probe: Figures, runs: float, rounds: int = 3) -> Size:
    """As much as fits into the plan's time and the model's context, by what a short run took.

    There are so many `runs` in a round; less is read and written so that there are so many `rounds`.
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
    """The settings with which a plain loop is done soonest, by the medians of several runs; None if all of them die."""
    variants = list(_variants(plan.settings))
    size = _choose_size(plan, probe, SLOWER * len(variants), SWEEPS)
    like = run_app(plan, size.words, size.tokens)
    runs: list[list[Figures | None]] = [[] for _ in variants]
    for _ in range(max(SWEEPS, size.rounds)):
        for settings, figures in zip(variants, runs, strict=True):
            if None not in figures:
                _tell(plan, settings)
                figures.append(run_loop("same", plan, settings, like))
    complete = [(_seconds(found, like), index) for index, figures in enumerate(runs) if (found := medians(figures))]
    return variants[min(complete)[1]] if complete else None


def _tell(plan: Plan, settings: EngineSettings) -> None:
    plan.report(
        tr("Measuring repacking {repacking}, flash attention {flash}, threads {threads} …").format(
            repacking=settings.repacking, flash=settings.flash_attention, threads=settings.threads
        )
    )


def _variants(settings: EngineSettings) -> Iterator[EngineSettings]:
    counts = sorted({1, max(1, threads() // 2), threads()})
    for repacking, flash, count in product((False, True), (False, True), counts):
        yield replace(settings, repacking=repacking, flash_attention=flash, threads=count)


def _seconds(figures: Figures, like: Figures) -> float:
    return float(len(like["tokens"]) / figures["prompt"] + like["count"] / figures["generation"])


def measure_lookup(plan: Plan) -> dict[str, Any]:
    """The part `lookup`, all of it in one process: what is compared is too near for the luck of two."""
    plan.report(tr("Measuring guesses …"))
    figures = run_module("phichat.bench.lookup", lookup_order(plan))
    if figures is None or "error" in figures:
        raise cannot_be_measured(plan, figures["error"] if figures else tr("its process ended"))
    return {"lookup": figures}


def lookup_order(plan: Plan) -> Figures:
    """What that process is told."""
    return {
        "model": str(plan.model),
        "settings": plan.settings.as_json(),
        "sampling": asdict(plan.sampling),
        "rounds": plan.rounds,
        "seconds": plan.seconds,
    }
