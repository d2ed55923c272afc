"""WordLlama's static embeddings: a vector for each of 32,000 pieces of words, which come in its package (MIT).

A text's vector is the mean of those of its pieces. That needs no model to be run, and takes a third of a millisecond
for a passage. The vectors were trained on English; texts in other languages mostly match by pieces they share.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

Vectors = NDArray[np.float32]

_WEIGHTS, _TOKENIZER = "weights/l2_supercat_256.safetensors", "tokenizers/l2_supercat_tokenizer_config.json"
_LONGEST_HEADER = 1 << 20


def is_installed() -> bool:
    """Return whether the package is there."""
    folder = _folder()
    return folder is not None and (folder / _WEIGHTS).is_file() and (folder / _TOKENIZER).is_file()


class WordLlama:
    """Implements Embedder. The package itself is not imported: it brings much that its vectors do without."""

    id = "wordllama-l2-supercat-256"
    # Measured: python -m tests.benchmarks.retrieval
    window = 80
    weight = 0.5
    least_cosine = 0.6

    def __init__(self) -> None:
        folder = _folder()
        if folder is None:
            raise FileNotFoundError("wordllama")
        self._folder = folder

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """See Embedder."""
        ids = (encoding.ids for encoding in self._tokenizer.encode_batch(list(texts), add_special_tokens=False))
        return np.array([*self._means(ids)], dtype=np.float32).reshape(len(texts), self._pieces.shape[1])

    def embed_question(self, text: str) -> Vectors:
        """See Embedder."""
        vector: Vectors = self.embed_passages([text])[0]
        return vector

    def _means(self, texts: Iterator[Sequence[int]]) -> Iterator[Vectors]:
        for ids in texts:
            mean = np.zeros(self._pieces.shape[1], dtype=np.float32)
            if ids:
                mean += self._pieces[list(ids)].mean(axis=0, dtype=np.float32)
            yield mean / max(float(np.linalg.norm(mean)), 1e-9)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(self._folder / _TOKENIZER))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    @cached_property
    def _pieces(self) -> "np.memmap[tuple[int, int], np.dtype[np.float16]]":
        """The vector of each piece, mapped from the file: shape (32000, 256)."""
        path = self._folder / _WEIGHTS
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, _LONGEST_HEADER)))["embedding.weight"]
        if header["dtype"] != "F16":
            raise ValueError(f"{path} has vectors of another type")
        start = 8 + length + header["data_offsets"][0]
        return np.memmap(path, np.float16, "r", start, tuple(header["shape"]))


def _folder() -> Path | None:
    """Return the folder of the package, without importing it; None if it is not installed.

    A bundle has its data without its modules, which makes it a namespace package.
    """
    found = find_spec("wordllama")
    return next(map(Path, found.submodule_search_locations or ()), None) if found else None
