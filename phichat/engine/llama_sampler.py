"""Sampling settings as a chain of llama.cpp's samplers."""

from collections.abc import Iterable, Iterator
from typing import Any

import llama_cpp.llama_cpp as lib

from phichat.chat.sampling import Sampling


class SamplerChain:
    """Chooses tokens for one reply, of which there may be some. Penalties see those alone. `close` it at the end."""

    def __init__(self, sampling: Sampling, seed: int, vocabulary_size: int, begun: Iterable[int] = ()) -> None:
        parameters = lib.llama_sampler_chain_default_params()
        parameters.no_perf = True
        self._chain: Any = lib.llama_sampler_chain_init(parameters)
        for link in _links(sampling, seed, vocabulary_size):
            lib.llama_sampler_chain_add(self._chain, link)
        for token in begun:
            lib.llama_sampler_accept(self._chain, token)

    def choose(self, context: Any, index: int = -1) -> int:
        """The next token, from the logits of the token with that index in the last step; -1 for its last."""
        return int(lib.llama_sampler_sample(self._chain, context, index))

    def close(self) -> None:
        """Free the chain."""
        lib.llama_sampler_free(self._chain)


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
