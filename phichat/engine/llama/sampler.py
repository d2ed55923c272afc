"""A chain of llama.cpp's samplers, with a repeat penalty of our own."""

import ctypes
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import llama_cpp.llama_cpp as lib

from phichat.chat.sampling import Sampling


class SamplerChain:
    """Samples the tokens of one reply, which begins with `begun`. `close` it at the end.

    It samples the same tokens as `plain_chain`, whose penalties pass over the whole vocabulary: that took 0.16 of
    0.19 ms for 49,152 tokens, while all cores but one wait. Here only tokens of the reply are penalised, one by one.
    """

    def __init__(self, sampling: Sampling, seed: int, vocabulary_size: int, begun: Iterable[int] = ()) -> None:
        self._chain = plain_chain(replace(sampling, repeat_penalty=1), seed, vocabulary_size)
        self._penalty = ctypes.c_float(sampling.repeat_penalty).value  # as precise as llama.cpp's
        self._said: deque[int] = deque(begun, sampling.repeat_last_n if sampling.repeat_penalty != 1 else 0)

    def choose(self, context: Any, index: int = -1) -> int:
        """Return the next token, from the logits at `index` of the last step; -1 for its last."""
        token = self._choose_anew(context, index) if self._said else self._sample(context, index)
        self._said.append(token)
        return token

    def _choose_anew(self, context: Any, index: int) -> int:
        """Sample with the penalty, and leave the logits as they were."""
        logits: Any = lib.llama_get_logits_ith(context, index)
        true = {token: logits[token] for token in set(self._said)}
        for token, logit in true.items():
            logits[token] = logit * self._penalty if logit <= 0 else logit / self._penalty
        chosen = self._sample(context, index)
        for token, logit in true.items():
            logits[token] = logit
        return chosen

    def _sample(self, context: Any, index: int) -> int:
        return int(lib.llama_sampler_sample(self._chain, context, index))

    def close(self) -> None:
        """Free the chain."""
        lib.llama_sampler_free(self._chain)


def plain_chain(sampling: Sampling, seed: int, vocabulary_size: int) -> Any:
    """Return a chain of llama.cpp's own samplers. Free it with `llama_sampler_free`."""
    parameters = lib.llama_sampler_chain_default_params()
    parameters.no_perf = True
    chain: Any = lib.llama_sampler_chain_init(parameters)
    for link in _links(sampling, seed, vocabulary_size):
        lib.llama_sampler_chain_add(chain, link)
    return chain


def _links(sampling: Sampling, seed: int, vocabulary_size: int) -> Iterator[Any]:
    if sampling.repeat_penalty != 1 and sampling.repeat_last_n:
        yield lib.llama_sampler_init_penalties(
            vocabulary_size, sampling.repeat_last_n, sampling.repeat_penalty, 0.0, 0.0
        )
    if not sampling.temperature:
        yield lib.llama_sampler_init_greedy()
        return
    if sampling.top_k:
        yield lib.llama_sampler_init_top_k(sampling.top_k)
    if sampling.top_p < 1:
        yield lib.llama_sampler_init_top_p(sampling.top_p, 1)
    if sampling.min_p:
        yield lib.llama_sampler_init_min_p(sampling.min_p, 1)
    yield lib.llama_sampler_init_temp(sampling.temperature)
    yield lib.llama_sampler_init_dist(seed)
