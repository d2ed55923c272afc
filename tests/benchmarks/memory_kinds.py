"""Measures the time to the first token of models whose memory cannot be trimmed, warm against cold, in pairs.

    python -m tests.benchmarks.memory_kinds FOLDER [KIND or CASE…]

Builds a random model of each kind in FOLDER, asks about 1,500 tokens of it, and prints the median seconds and their
ratio for: the next turn, a typed draft, a draft whose last words were changed, another answer, an edited question, and
a reopened conversation (with the time to load its state, and without anything prefilled). Cold is the same prompt in an
engine just loaded.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from phichat.chat.conversation import Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken, Done, EngineSettings, ModelRef, Piece, Request
from phichat.engine.llama.engine import LlamaEngine
from phichat.engine.prompt_cache import PromptCache
from phichat.engine.settings import threads
from tests.support import memory_models

ROUNDS = 3
WORDS = ("the", "ferry", "came", "back", "late", "in", "the", "evening", "and", "people", "waited", "with", "lamps")
REPLY_TOKENS = 8


def text(letters: int, seed: int) -> str:
    """Return about so many letters, and as many tokens: the models have a vocabulary of bytes."""
    return f"{seed}. " + " ".join(WORDS[(place * (seed + 3)) % len(WORDS)] for place in range(letters // 5))[:letters]


def questions(number: int) -> tuple[Turn, ...]:
    """Return a conversation of about 1,400 tokens that waits for a reply."""
    return (
        Turn(Role.USER, text(450, 3 * number + 1)),
        Turn(Role.ASSISTANT, text(450, 3 * number + 2)),
        Turn(Role.USER, text(450, 3 * number + 3)),
    )


NEXT = Turn(Role.USER, "And what did they say to each other?")


class Bench:
    """A model file and how it is run."""

    def __init__(self, path: Path) -> None:
        self._model = ModelRef.of_file(path)
        self._settings = EngineSettings(context=4096, threads=threads(), follows_load=False)

    def open(self, folder: Path | None = None) -> LlamaEngine:
        engine = LlamaEngine(PromptCache(folder, 10**10) if folder else None)
        engine.load(self._model, self._settings, CancelToken(), lambda _: None)
        return engine

    @staticmethod
    def ask(engine: LlamaEngine, turns: Sequence[Turn], most: int = 1) -> tuple[float, Turn, Done]:
        """Return the seconds to the first token, the reply, and its statistics."""
        sampling, begun = Sampling(temperature=0, max_tokens=most, seed=1), time.perf_counter()
        first, pieces = 0.0, list[Piece]()
        for event in engine.generate(Request(tuple(turns), sampling), CancelToken()):
            if isinstance(event, Piece):
                first = first or time.perf_counter() - begun
                pieces.append(event)
        assert isinstance(event, Done)
        tokens = tuple(piece.token for piece in pieces if piece.token >= 0)
        return first, Turn(Role.ASSISTANT, "".join(piece.text for piece in pieces), tokens), event

    def cold(self, turns: Sequence[Turn]) -> float:
        engine = self.open()
        seconds = self.ask(engine, turns)[0]
        engine.close()
        return seconds

    @staticmethod
    def type(engine: LlamaEngine, turns: Sequence[Turn], letters: int = 12) -> None:
        """Prefill the last turn as it is typed, so many letters at a time."""
        *earlier, last = turns
        for end in (*range(0, len(last.text), letters), len(last.text)):
            draft = Request((*earlier, replace(last, text=last.text[:end])), is_draft=True)
            for _ in engine.generate(draft, CancelToken()):
                pass


def next_turn(bench: Bench, number: int) -> tuple[float, float]:
    turns, engine = questions(number), bench.open()
    turns = (*turns, bench.ask(engine, turns, REPLY_TOKENS)[1], NEXT)
    warm = bench.ask(engine, turns)[0]
    engine.close()
    return warm, bench.cold(turns)


def typed(bench: Bench, number: int) -> tuple[float, float]:
    turns, engine = (Turn(Role.USER, text(1450, number)),), bench.open()
    bench.type(engine, turns)
    warm = bench.ask(engine, turns)[0]
    engine.close()
    return warm, bench.cold(turns)


def changed(bench: Bench, number: int) -> tuple[float, float]:
    turns, engine = (Turn(Role.USER, text(1450, number)),), bench.open()
    bench.type(engine, turns, 40)
    turns = (Turn(Role.USER, turns[0].text[:-30] + "something else."),)
    warm = bench.ask(engine, turns)[0]
    engine.close()
    return warm, bench.cold(turns)


def answered_again(bench: Bench, number: int) -> tuple[float, float]:
    turns, engine = questions(number), bench.open()
    cold = bench.ask(engine, turns, REPLY_TOKENS)[0]
    warm = bench.ask(engine, turns)[0]
    engine.close()
    return warm, cold


def edited(bench: Bench, number: int) -> tuple[float, float]:
    turns, engine = questions(number), bench.open()
    turns = (*turns, bench.ask(engine, turns, REPLY_TOKENS)[1])
    bench.ask(engine, (*turns, NEXT), REPLY_TOKENS)
    turns = (*turns, Turn(Role.USER, "Or else?"))
    warm = bench.ask(engine, turns)[0]
    engine.close()
    return warm, bench.cold(turns)


def reopened(bench: Bench, number: int) -> tuple[float, float]:
    with TemporaryDirectory() as folder:
        turns, engine = questions(number), bench.open(Path(folder))
        turns = (*turns, bench.ask(engine, turns, REPLY_TOKENS)[1], NEXT)
        engine.unload()
        engine = bench.open(Path(folder))
        warm = bench.ask(engine, turns)[0]
        engine.close()
    return warm, bench.cold(turns)


CASES = (next_turn, typed, changed, answered_again, edited, reopened)


def main(folder: Path, names: Sequence[str]) -> None:
    """Print a line for each kind and case among `names`, or for all."""
    for kind in [kind for kind in memory_models.KINDS if kind in names] or memory_models.KINDS:
        path = folder / f"{kind}.gguf"
        if not path.exists():
            memory_models.build_larger(path, kind)
        bench = Bench(path)
        for case in [case for case in CASES if case.__name__ in names] or CASES:
            pairs = [case(bench, number) for number in range(ROUNDS)]
            warm, cold = (median(times) for times in zip(*pairs, strict=True))
            print(f"{kind:14} {case.__name__:14} {warm:.3f} s, cold {cold:.3f} s: {warm / cold:.3f}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
