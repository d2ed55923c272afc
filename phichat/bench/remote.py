"""Measures a model on a server as its user sees it: the network and other users of the server are a part of that."""

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from phichat.bench.runs import REPLY_SEED, long_question, rounded
from phichat.chat.conversation import Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken, Done, Engine, EngineSettings, ModelRef, Piece, Request
from phichat.errors import EngineError
from phichat.i18n import tr

ROUNDS = 3
WORDS, TOKENS = 200, 64


def measure(
    engine: Engine, model: ModelRef, sampling: Sampling, report: Callable[[str], None], stop: CancelToken
) -> dict[str, Any]:
    """Return speeds in tokens per second, and seconds until the first token, as medians. Raise EngineError.

    Each question begins with another number, so that the server has read nothing of it before.
    """
    sampling = sampling.with_values({"max_tokens": TOKENS, "seed": REPLY_SEED})
    rounds = []
    with closing(engine):
        loaded = engine.load(model, EngineSettings(), stop, lambda _: None)
        model = loaded.model
        for number in range(ROUNDS):
            text = tr("Measuring the speed of {model}: {number} of {count}…")
            report(text.format(model=model.title, number=number + 1, count=ROUNDS))
            rounds.append(_round(engine, sampling, f"{time.time_ns()} {long_question(WORDS)}", stop))
    medians = {name: rounded(statistics.median(each[name] for each in rounds)) for name in rounds[0]}
    return {
        "model": model.name,
        "server": {"host": model.host, "kind": loaded.library, "context": loaded.context},
        "speed": {"prompt": medians["prompt"], "generation": medians["generation"]},
        "first_token": {"cold": medians["cold"], "next_turn": medians["next_turn"]},
    }


def _round(engine: Engine, sampling: Sampling, question: str, stop: CancelToken) -> dict[str, float]:
    first = [Turn(Role.USER, question)]
    text, done = _ask(engine, first, sampling, stop)
    following = [*first, Turn(Role.ASSISTANT, text or "."), Turn(Role.USER, "And what else?")]
    _, after = _ask(engine, following, sampling, stop)
    return {
        "prompt": done.prompt_tokens / done.seconds_to_first_token,
        "generation": done.tokens_per_second,
        "cold": done.seconds_to_first_token,
        "next_turn": after.seconds_to_first_token,
    }


def _ask(engine: Engine, turns: Sequence[Turn], sampling: Sampling, stop: CancelToken) -> tuple[str, Done]:
    text = ""
    for event in engine.generate(Request(tuple(turns), sampling), stop):
        if isinstance(event, Piece) and not event.is_thinking:
            text += event.text
        elif isinstance(event, Done) and not stop.is_set():
            return text, event
    raise EngineError(tr("The benchmark was stopped."))
