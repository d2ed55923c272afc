"""Shows where a greedy reply differs with guesses from one without: where two words were as good as equally likely.

    python -m tests.benchmarks.shapes MODEL.gguf

Steps of several tokens add the same numbers in another order. Prints, for each question, how many tokens are alike, and
at the first that is not, how much likelier the chosen word was than the next (in nats), beside what is usual.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from phichat.bench.lookup import COPYING, FREE
from phichat.chat.conversation import Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken, ModelRef, Piece, Request
from phichat.engine.llama.bindings import lib
from phichat.engine.llama.engine import LlamaEngine
from phichat.engine.llama.sampler import SamplerChain
from phichat.engine.llama.vocabulary import LlamaVocabulary
from phichat.engine.settings import suggested

CODE = """def area(shape):
    if shape.kind == 'circle':
        return 3.14 * shape.radius ** 2
    if shape.kind == 'square':
        return shape.side ** 2
    raise ValueError('unknown shape: ' + shape.kind)
"""
QUESTIONS = (
    COPYING,
    FREE,
    f"Rewrite this code, and rename the variable shape to figure:\n\n```python\n{CODE}```",
    f"Add type annotations to this code:\n\n```python\n{CODE}```",
)


class Noting(SamplerChain):
    """Notes how much likelier the likeliest token was than the next, at each choice."""

    def __init__(self, sampling: Sampling, seed: int, vocabulary: LlamaVocabulary, begun: Sequence[int] = ()) -> None:
        super().__init__(sampling, seed, vocabulary, begun)
        self._size = vocabulary.count
        self.gaps: list[float] = []

    def choose(self, context: Any, index: int = -1) -> int:
        logits: Any = lib.llama_get_logits_ith(context, index)
        two = np.sort(np.partition(np.ctypeslib.as_array(logits, (self._size,)), -2)[-2:])
        self.gaps.append(float(two[1] - two[0]))
        return super().choose(context, index)


def reply(path: Path, question: str, *, looks_up: bool) -> tuple[list[int], list[float]]:
    """The reply's tokens, and the gap at each."""
    engine, chains = LlamaEngine(), list[Noting]()
    engine.make_chain = lambda *values: chains.append(Noting(*values)) or chains[-1]  # type: ignore[func-returns-value]
    engine.load(
        ModelRef.of_file(path),
        replace(suggested(), looks_up=looks_up, follows_load=False),
        CancelToken(),
        lambda _: None,
    )
    request = Request((Turn(Role.USER, question),), Sampling(temperature=0, repeat_penalty=1, max_tokens=300, seed=1))
    tokens = [event.token for event in engine.generate(request, CancelToken()) if isinstance(event, Piece)]
    engine.close()
    return tokens, chains[0].gaps


def main() -> None:
    """Print a line for each question."""
    for question in QUESTIONS:
        plain, gaps = reply(Path(sys.argv[1]), question, looks_up=False)
        guessed, _ = reply(Path(sys.argv[1]), question, looks_up=True)
        alike = next((at for at, pair in enumerate(zip(plain, guessed, strict=False)) if pair[0] != pair[1]), None)
        where = "all alike" if alike is None else f"alike up to {alike}; there the gap was {gaps[alike]:.4f}"
        print(f"{question[:40]!r}: {len(plain)} tokens, {where}; usual gap {median(gaps):.2f}")


if __name__ == "__main__":
    main()
