"""Vectors of passages, packed for the disk, and searched in memory: first by their signs, then by their cosines.

A vector of n dimensions takes n bytes. Its signs take n / 8, and comparing them finds candidates some 30 times as fast.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Packed = NDArray[np.int8]
Rows = NDArray[np.int64]

CANDIDATES = 8000
"""Vectors that are compared in full. Of 480,000 of SentenceEncoder's, 99% of the 50 nearest are among them
(`python -m tests.benchmarks.retrieval.speed FOLDER`)."""

BLOCK = 16384
"""Vectors whose signs are compared at once."""


def pack(vectors: Vectors) -> bytes:
    """Return vectors of shape (n, dimensions) as bytes: each component as a share of the largest of its vector."""
    if not vectors.size:
        return b""
    largest = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), 1e-9)
    packed: Packed = np.rint(vectors / largest * 127).astype(np.int8)
    return packed.tobytes()


class VectorIndex:
    """The vectors of passages; a passage may have several, and counts by its best."""

    def __init__(self, stored: Iterable[tuple[int, bytes]], dimensions: int) -> None:
        """Take each passage's number with its packed vectors."""
        numbers: list[int] = []
        counts: list[int] = []
        data = bytearray()
        for number, packed in stored:
            if packed and len(packed) % dimensions == 0:
                numbers.append(number)
                counts.append(len(packed) // dimensions)
                data += packed
        self._numbers = np.repeat(np.array(numbers, dtype=np.int64), counts)
        self._packed: Packed = np.frombuffer(data, dtype=np.int8).reshape(-1, dimensions)
        # What all vectors have in common says nothing, and would make their signs alike.
        self._center = self._packed.mean(axis=0, dtype=np.float32) if len(self._packed) else np.zeros(dimensions)
        self._signs = np.zeros((-(-dimensions // 64), len(self._packed)), dtype=np.uint64)
        self._lengths = np.zeros(len(self._packed), dtype=np.float32)
        for rows in _blocks(len(self._packed)):
            self._signs[:, rows] = _signs(self._packed[rows] > self._center)
            self._lengths[rows] = np.maximum(np.linalg.norm(self._packed[rows].astype(np.float32), axis=1), 1e-9)

    def __len__(self) -> int:
        return len(self._numbers)

    def rows_of(self, numbers: Sequence[int]) -> Rows:
        """Return the rows of these passages, for `search`."""
        return np.flatnonzero(np.isin(self._numbers, np.array(numbers, dtype=np.int64)))

    def count_passages(self, rows: Rows | None) -> int:
        """Return how many passages have a vector; only those in `rows`."""
        return len(np.unique(self._numbers if rows is None else self._numbers[rows]))

    def search(self, question: Vectors, most: int, rows: Rows | None = None) -> list[tuple[int, float]]:
        """Return the passages nearest to `question`: (number, cosine), the best first; only those in `rows`."""
        rows = self._candidates(question, rows)
        cosines = self._cosines(question, rows)
        best: dict[int, float] = {}
        for at in np.argsort(-cosines):
            if cosines[at] <= 0:
                break
            best.setdefault(int(self._numbers[rows[at]]), float(cosines[at]))
            if len(best) == most:
                break
        return list(best.items())

    def _candidates(self, question: Vectors, rows: Rows | None) -> Rows:
        signs = self._signs if rows is None else self._signs[:, rows]
        if signs.shape[1] <= CANDIDATES:
            return np.arange(signs.shape[1]) if rows is None else rows
        largest = max(float(np.abs(question).max()), 1e-9)
        asked = _signs((question / largest * 127 > self._center)[np.newaxis])
        distances = np.zeros(signs.shape[1], dtype=np.uint16)
        for block in _blocks(len(distances)):
            for word, other in zip(signs, asked[:, 0], strict=True):
                distances[block] += np.bitwise_count(word[block] ^ other)
        farthest = int(np.searchsorted(np.cumsum(np.bincount(distances)), CANDIDATES))
        nearest: Rows = np.flatnonzero(distances <= farthest)
        return nearest if rows is None else rows[nearest]

    def _cosines(self, question: Vectors, rows: Rows) -> Vectors:
        cosines: Vectors = self._packed[rows].astype(np.float32) @ question / self._lengths[rows]
        return cosines


def _blocks(rows: int) -> Iterator[slice]:
    """Yield all rows in blocks that fit into a processor's caches."""
    return (slice(start, start + BLOCK) for start in range(0, rows, BLOCK))


def _signs(are_positive: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Return the signs of vectors as words of 64 bits: shape (dimensions / 64, vectors)."""
    bits = np.packbits(are_positive, axis=1)
    padded = np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8)))
    return np.ascontiguousarray(np.ascontiguousarray(padded).view(np.uint64).T)
