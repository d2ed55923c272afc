"""The part `peers`: llama.cpp's own server by turns with the app, from the package `xllamacpp` where that is installed.

Both get the same model, context, threads, sampling and tokens, and keep what they have read. Everything else is as each
chooses for itself. Each run is a process of its own: loading, a prompt, a reply, and the first token of the next turn.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.util import find_spec
from typing import Any

from phichat.bench.plan import Plan, Progress
from phichat.bench.runs import REPLY_SEED, Figures, medians, run_app, run_module
from phichat.bench.speed import PROBE, choose_size
from phichat.i18n import tr

PACKAGE = "xllamacpp"
NEXT = "And what did the people in the town say about the ferry when it came back late in the evening?"
ROOM = 64  # tokens of the next turn, about
RUNS = 2.5  # runs of the app that a round takes, as long as a server takes to prepare the weights
MEASURED = ("prompt", "generation", "next_turn")


def is_installed() -> bool:
    """Return whether there is a server to compare to."""
    return find_spec(PACKAGE) is not None


def measure(plan: Plan) -> dict[str, Any]:
    """Measure the part `peers`: both, and how many times as fast the app is; null without the package."""
    if not is_installed():
        return {"peers": None}
    probe = run_app(plan, PROBE.words, PROBE.tokens)
    smaller = replace(plan.settings, context=plan.settings.context - ROOM)
    size = choose_size(replace(plan, settings=smaller), probe, RUNS)
    progress = Progress(plan, size.rounds)
    ours, theirs = list[Figures](), list[Figures | None]()
    for turn in range(size.rounds):
        progress.begin(
            tr("Comparing Phichat with llama.cpp’s server (round {turn} of {rounds})…").format(
                turn=turn + 1, rounds=size.rounds
            )
        )
        ours.append(run_app(plan, size.words, size.tokens, then=NEXT))
        theirs.append(None if None in theirs else _run_server(plan, ours[-1]))
        if not progress.has_time():
            break
    own = [{name: run[name] for name in MEASURED} for run in ours]
    return {"peers": {"llama_server": medians(theirs), "ours": medians(own), "ratio": _ratio(own, theirs)}}


def _run_server(plan: Plan, like: Figures) -> Figures | None:
    """Run the server on the prompt, the reply length and the next turn of `like`, a run of the app."""
    order = {
        "model": plan.model.location,
        "settings": plan.settings.as_json(),
        "sampling": asdict(replace(plan.sampling, seed=REPLY_SEED)),
        "tokens": like["tokens"],
        "count": like["count"],
        "next": next_turn(like["tokens"], like["reply"], like["next_tokens"]),
    }
    return run_module("phichat.bench.peer_server", order)


def next_turn(prompt: Sequence[int], reply: Sequence[int], following: Sequence[int]) -> list[int]:
    """Return what of the prompt `following` comes after `prompt` and the `reply` to it.

    Where the reply was tokenized anew, as it had control tokens, what comes after the common prefix.
    """
    before = [*prompt, *reply]
    if list(following[: len(before)]) == before:
        return list(following[len(before) :])
    differing = (at for at, (one, other) in enumerate(zip(before, following, strict=False)) if one != other)
    return list(following[next(differing, len(before)) :])


def _ratio(ours: Sequence[Figures], theirs: Sequence[Figures | None]) -> Figures | None:
    """Return the medians of each round's ratio: above 1 the app is faster, in seconds as in tokens per second."""
    rounds: list[Figures | None] = []
    for own, their in zip(ours, theirs, strict=True):
        if their is None:
            return None
        ratio = {name: own[name] / their[name] for name in MEASURED}
        rounds.append({**ratio, "next_turn": 1 / ratio["next_turn"]})
    return medians(rounds)
