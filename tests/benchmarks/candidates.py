"""Measures what it costs to tell the likeliest tokens with each token of a reply, by turns with and without.

    python -m tests.benchmarks.candidates MODEL.gguf [N] [TOKENS] [ROUNDS]

Prints the median tokens per second of replies of so many tokens without candidates and with N of them, and the median
of how much slower the second of each pair was, both as the window has them: in a process of their own. And how many
bytes a token the candidates of the last reply take in the history.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from phichat.chat.choice_table import table_of
from phichat.chat.conversation import Piece, Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken, Done, EngineSettings, ModelRef, Request
from phichat.engine.process.engine_process import EngineProcess
from phichat.engine.settings import threads

QUESTION = (Turn(Role.USER, "Tell a long story about a ferry that came back late in the evening."),)


def speed(engine: EngineProcess, request: Request, pieces: list[Piece]) -> float:
    """Return the tokens per second of a reply that does not end before its limit, and add it to `pieces`."""
    events = list(engine.generate(request, CancelToken()))
    pieces += [event for event in events if isinstance(event, Piece)]
    done = next(event for event in events if isinstance(event, Done))
    assert done.completion_tokens == request.sampling.max_tokens, "the model ended its reply"
    return done.tokens_per_second


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    count, tokens, rounds = (int(arguments[at]) if len(arguments) > at else usual for at, usual in DEFAULTS)
    engine = EngineProcess()
    settings = EngineSettings(threads=threads(), looks_up=False, follows_load=False, repacking=True)
    engine.load(ModelRef.of_file(Path(arguments[0])), settings, CancelToken(), lambda _: None)
    sampling = Sampling(temperature=0.8, seed=5, max_tokens=tokens)
    request = Request(QUESTION, sampling)
    speed(engine, replace(request, sampling=replace(sampling, max_tokens=8)), [])  # warm up
    pairs, pieces = [], list[Piece]()
    for number in range(rounds):
        asked = [request, replace(request, candidates=count)]
        pieces.clear()
        found = [speed(engine, each, pieces if each.candidates else []) for each in asked[:: 1 if number % 2 else -1]]
        pairs.append(found if number % 2 else found[::-1])
    engine.close()
    plain, told = zip(*pairs, strict=True)
    print("pairs of tokens per second:", ", ".join(f"{one:.2f} and {other:.2f}" for one, other in pairs))
    slower = median(100 * (one / other - 1) for one, other in pairs)
    print(f"without {median(plain):.2f} tok/s, with {count} {median(told):.2f} tok/s, {slower:.1f} % more time a token")
    print(f"{len(table_of(pieces).pack()) / len(pieces):.1f} bytes a token in the history, in a reply of {len(pieces)}")


DEFAULTS = ((1, 10), (2, 128), (3, 6))

if __name__ == "__main__":
    main(sys.argv[1:])
