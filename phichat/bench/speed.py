"""How fast a model reads and writes: in the app, in a plain loop with the app's settings, and bare."""

import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

from phichat.bench.plan import Plan
from phichat.bench.processes import Figures, figures_of, medians, rounded
from phichat.engine.base import EngineSettings
from phichat.engine.tuning import threads
from phichat.errors import PhichatError
from phichat.text import tr

PROMPT_WORDS = 450  # about 512 tokens
REPLY_TOKENS = 96
SEED = 7  # with it, the starter does not end its reply early

_KINDS = ("ours", "same", "bare")


@dataclass(frozen=True)
class Size:
    """How much is read and written in one run, and how many runs there are."""

    words: int
    tokens: int
    rounds: int


PROBE = Size(words=60, tokens=8, rounds=1)
STARTING = 1.0  # seconds a process takes to begin, about


def measure(plan: Plan) -> dict[str, Any]:
    """The part `speed`. Ours comes first in each round: the other two read its tokens and write as many."""
    size = _fitting(plan, _ours(plan, PROBE))
    runs: dict[str, list[Figures | None]] = {kind: [] for kind in _KINDS}
    for turn in range(size.rounds):
        plan.report(tr("Measuring speed, round {turn} of {rounds} …").format(turn=turn + 1, rounds=size.rounds))
        ours = _ours(plan, size)
        runs["ours"].append(ours)
        for kind in _KINDS[1:]:
            if runs[kind] != [None]:  # what died once is not tried again
                runs[kind].append(_loop(kind, plan, plan.settings, ours))
    found: dict[str, Any] = _speeds([run for run in runs["ours"] if run])
    found |= {kind: medians(runs[kind]) for kind in ("bare", "same")}
    if plan.sweep:
        found["sweep"] = _sweep(plan, _ours(plan, size))
    loads = [run["seconds_to_load"] for run in runs["ours"] if run]
    return {"seconds_to_load": rounded(statistics.median(loads)), "speed": found}


def _speeds(runs: list[Figures]) -> Figures:
    return medians([{name: run[name] for name in ("prompt", "generation")} for run in runs]) or {}


def _fitting(plan: Plan, probe: Figures) -> Size:
    """As much as fits into the plan's time and the model's context, by what a short run took."""
    each = len(probe["tokens"]) / PROBE.words

    def seconds(words: int, tokens: int) -> float:
        reading, writing = words * each / probe["prompt"], tokens / probe["generation"]
        return float(len(_KINDS) * (reading + writing + probe["seconds_to_load"] + STARTING))

    words, tokens = PROMPT_WORDS, REPLY_TOKENS
    while words > PROBE.words and (
        seconds(words, tokens) * 3 > plan.seconds or words * each + tokens > plan.settings.context
    ):
        words, tokens = words // 2, tokens * 2 // 3
    return Size(words, tokens, max(1, min(plan.rounds, int(plan.seconds / seconds(words, tokens)))))


def _ours(plan: Plan, size: Size) -> Figures:
    """One run through the worker thread and the child process, timed where the window would see it."""
    sampling = replace(plan.sampling, max_tokens=size.tokens, seed=SEED)
    order = {
        "model": str(plan.model),
        "settings": asdict(plan.settings),
        "sampling": asdict(sampling),
        "text": story(size.words),
    }
    figures = figures_of("phichat.bench.window_speed", order)
    if figures is None or "error" in figures:
        reason = figures["error"] if figures else tr("its process ended")
        raise PhichatError(
            tr("{name} could not be measured: {reason}. Try it with `phichat ask`.").format(
                name=plan.model.name, reason=reason
            )
        )
    return figures


def _loop(kind: str, plan: Plan, settings: EngineSettings, ours: Figures) -> Figures | None:
    order = {
        "what": kind,
        "model": str(plan.model),
        "settings": asdict(settings),
        "sampling": asdict(replace(plan.sampling, seed=SEED)),
        "tokens": ours["tokens"],
        "count": ours["count"],
    }
    return figures_of("phichat.bench.loops", order)


def _sweep(plan: Plan, ours: Figures) -> Figures | None:
    """The settings with which a plain loop is done soonest, and its speeds."""
    best: Figures | None = None
    for settings in _variants(plan.settings):
        plan.report(
            tr("Measuring repacking {repacking}, flash attention {flash}, threads {threads} …").format(
                repacking=settings.repacking, flash=settings.flash_attention, threads=settings.threads
            )
        )
        found = medians([_loop("same", plan, settings, ours)])
        if found and (best is None or _seconds(found, ours) < _seconds(best, ours)):
            best = {**found, "settings": asdict(settings)}
    return best


def _variants(settings: EngineSettings) -> Iterator[EngineSettings]:
    counts = sorted({1, max(1, threads() // 2), threads()})
    for repacking, flash, count in product((False, True), (False, True), counts):
        yield replace(settings, repacking=repacking, flash_attention=flash, threads=count)


def _seconds(figures: Figures, ours: Figures) -> float:
    return float(len(ours["tokens"]) / figures["prompt"] + ours["count"] / figures["generation"])


def story(words: int) -> str:
    """A text of so many words that asks for a long answer."""
    sentence = "The old ferry goes over the river every morning and carries bread, letters and people to the town."
    whole = " ".join([sentence] * (words // len(sentence.split()) + 1)).split()[:words]
    return f"Tell me a very long story with many chapters. {' '.join(whole)}"
