"""The logits of a step: where they are, which tokens are the likeliest, and what probabilities they stand for."""

import ctypes
from collections.abc import Sequence
from math import isfinite, log
from typing import Any

import numpy as np
import numpy.typing as npt

from phichat.engine.llama.bindings import lib

Floats = npt.NDArray[np.float32]
Tokens = npt.NDArray[np.intp]

_NEAR = 6.0  # logits below the highest within which the likeliest tokens are looked for first


def likeliest(logits: Floats, count: int) -> Tokens:
    """Return the ids of the `count` highest of `logits` (shape: tokens), the highest first."""
    near = np.flatnonzero(logits > logits.max() - _NEAR)
    if len(near) < count:
        near = np.argpartition(logits, -count)[-count:]
    elif len(near) > count:
        near = near[np.argpartition(logits[near], -count)[-count:]]
    return near[np.argsort(-logits[near], kind="stable")][:count]


class Softmax:
    """Computes some of the probabilities that `count` logits stand for, in memory that is allocated once."""

    def __init__(self, count: int) -> None:
        self._shifted, self._shares = np.zeros(count, np.float32), np.zeros(count, np.float32)

    def shares(self, logits: Floats, tokens: Sequence[int]) -> tuple[list[float], float]:
        """Return the probabilities of `tokens`, and the entropy of all in bits."""
        shifted, shares = self._shifted, self._shares
        np.subtract(logits, logits.max(), out=shifted)
        np.exp(shifted, out=shares)
        total = float(shares.sum())
        found = (shares[tokens] / np.float32(total)).tolist()
        np.multiply(shifted, shares, out=shifted)  # not a dot product, for which BLAS would wake other threads
        mean = float(shifted.sum()) / total
        if not isfinite(mean):  # where a share is 0, the logit may be -inf
            mean = float(shifted[shares > 0].sum()) / total
        return found, (log(total) - mean) / log(2)


def probabilities(logits: Floats) -> tuple[Floats, float]:
    """Return the softmax of `logits`, and its entropy in bits."""
    shifted = logits - logits.max()
    shares = np.exp(shifted)
    total = float(shares.sum(dtype=np.float64))
    known = shares > 0  # where it is 0, the logit may be -inf
    mean = float(np.dot(shares[known], shifted[known])) / total if not known.all() else float(shares @ shifted) / total
    return shares / np.float32(total), (float(np.log(total)) - mean) / float(np.log(2))


def surprise(logits: Floats, token: int) -> tuple[float, int, float]:
    """Return the logarithm of the probability of `token`, its rank, and the entropy in bits.

    Raise FloatingPointError if logits are no numbers.
    """
    likeliest, logit = float(logits.max()), float(logits[token])
    if not (np.isfinite(likeliest) and np.isfinite(logit)):
        raise FloatingPointError
    shares, entropy = probabilities(logits)
    logprob = logit - likeliest + float(np.log(shares.max(), dtype=np.float64))
    return min(logprob, 0.0), int((logits > logits[token]).sum()) + 1, entropy


def logits_at(context: Any, index: int, count: int) -> Floats:
    """Return the `count` logits at `index` of the last step; they are llama.cpp's own, valid until the next one."""
    address: Any = lib.llama_get_logits_ith(context, index)
    floats: Any = (ctypes.c_float * count).from_address(ctypes.addressof(address.contents))
    return np.frombuffer(floats, np.float32)
