"""A chain of llama.cpp's samplers, with penalties and forbidden words of our own."""

import ctypes
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from phichat.chat.forbidden_words import ForbiddenWords
from phichat.chat.sampling import Sampling
from phichat.engine.llama.bindings import lib
from phichat.engine.llama.vocabulary import LlamaVocabulary

MIN_KEEP = 1  # tokens that every stage leaves
MIROSTAT_RATE = 0.1  # how quickly mirostat adapts; llama.cpp's default
DRY_LAST_N = 4096  # tokens in which DRY looks for repetitions, at most
DRY_BREAKERS = (b"\n", b":", b'"', b"*")  # text across which DRY sees no repetition; llama.cpp's default
MOST_REFUSED = 64  # tokens of one place refused for what they would spell, after which any is taken
LIKELY = 256  # tokens that are looked at before sampling, so that no stage counts those that would spell such a word


class SamplerChain:
    """Samples the tokens of one reply, which begins with `begun`. `close` it at the end.

    It samples the same tokens as `plain_chain`, whose penalties pass over the whole vocabulary: that took 0.16 of
    0.19 ms for 49,152 tokens, while all cores but one wait. Here only tokens of the reply are penalized, one by one.
    """

    def __init__(self, sampling: Sampling, seed: int, vocabulary: LlamaVocabulary, begun: Iterable[int] = ()) -> None:
        begun = tuple(begun)
        self._vocabulary = vocabulary
        self._chain = plain_chain(without_penalties(sampling), seed, vocabulary.handle)
        self._penalties = Penalties(sampling)
        self._said: deque[int] = deque(begun, sampling.repeat_last_n if self._penalties else 0)
        self._forbidden = ForbiddenWords(sampling.forbidden) if sampling.forbidden else None
        for token in begun if sampling.dry_multiplier else ():
            lib.llama_sampler_accept(self._chain, token)
        if self._forbidden:
            self._forbidden.extend(b"".join(map(vocabulary.piece, begun)))

    def choose(self, context: Any, index: int = -1) -> int:
        """Return the next token, from the logits at `index` of the last step; -1 for its last."""
        is_plain = not (self._said or self._forbidden)
        token = self._sample(context, index) if is_plain else self._choose_anew(context, index)
        self._said.append(token)
        return token

    def _choose_anew(self, context: Any, index: int) -> int:
        """Sample with penalties and without forbidden words, and leave the logits as they were."""
        logits: Any = lib.llama_get_logits_ith(context, index)
        forbidden = self._forbid(context, index)
        true = self._penalties.apply(logits, Counter(self._said)) | forbidden
        try:
            return self._sample_allowed(logits, true, context, index)
        finally:
            for token, logit in true.items():
                logits[token] = logit

    def _forbid(self, context: Any, index: int) -> dict[int, float]:
        """Remove those of the likeliest tokens that would spell a forbidden word, and return their logits."""
        if not self._forbidden:
            return {}
        from phichat.engine.llama.logits import likeliest, logits_at  # noqa: PLC0415 - NumPy takes 80 ms to import

        logits = logits_at(context, index, self._vocabulary.count)
        likely = likeliest(logits, min(LIKELY, len(logits) - 1)).tolist()  # one is left
        spelling = [token for token in likely if self._forbidden.would_spell(self._vocabulary.piece(token))]
        true = {token: float(logits[token]) for token in spelling}
        logits[spelling] = float("-inf")
        return true

    def _sample_allowed(self, logits: Any, true: dict[int, float], context: Any, index: int) -> int:
        """Sample until a token spells no forbidden word; `true` notes the logits that are changed."""
        token = self._sample(context, index)
        if self._forbidden:
            for _ in range(MOST_REFUSED):
                if not self._forbidden.would_spell(self._vocabulary.piece(token)):
                    break
                true.setdefault(token, logits[token])
                logits[token] = float("-inf")
                token = self._sample(context, index)
            self._forbidden.extend(self._vocabulary.piece(token))
        return token

    def _sample(self, context: Any, index: int) -> int:
        return int(lib.llama_sampler_sample(self._chain, context, index))

    def close(self) -> None:
        """Free the chain."""
        lib.llama_sampler_free(self._chain)


class Penalties:
    """Repeat, presence and frequency penalties, as llama.cpp computes them. False if all are off."""

    def __init__(self, sampling: Sampling) -> None:
        # as precise as llama.cpp's
        self._repeat = ctypes.c_float(sampling.repeat_penalty).value
        self._frequency = ctypes.c_float(sampling.frequency_penalty).value
        self._presence = ctypes.c_float(sampling.presence_penalty).value
        self._is_on = bool(sampling.repeat_last_n) and _has_penalties(sampling)

    def __bool__(self) -> bool:
        return self._is_on

    def apply(self, logits: Any, counts: Mapping[int, int]) -> dict[int, float]:
        """Change the logits of the tokens in `counts`, and return what they were."""
        true = {token: logits[token] for token in counts}
        for token, logit in true.items():
            logits[token] = logit * self._repeat if logit <= 0 else logit / self._repeat
            if less := counts[token] * self._frequency + self._presence:
                logits[token] -= ctypes.c_float(less).value
        return true


def plain_chain(sampling: Sampling, seed: int, vocab: Any) -> Any:
    """Return a chain of llama.cpp's own samplers for llama.cpp's `vocab`. Free it with `llama_sampler_free`."""
    parameters = lib.llama_sampler_chain_default_params()
    parameters.no_perf = True
    chain: Any = lib.llama_sampler_chain_init(parameters)
    for _, link in links(sampling, seed, vocab):
        lib.llama_sampler_chain_add(chain, link)
    return chain


def links(sampling: Sampling, seed: int, vocab: Any) -> Iterator[tuple[str, Any]]:
    """Yield llama.cpp's samplers in its own order, each with the name of the setting that it implements."""
    if sampling.repeat_last_n and _has_penalties(sampling):
        penalties = (sampling.repeat_penalty, sampling.frequency_penalty, sampling.presence_penalty)
        yield (
            "repeat_penalty",
            lib.llama_sampler_init_penalties(lib.llama_vocab_n_tokens(vocab), sampling.repeat_last_n, *penalties),
        )
    if sampling.dry_multiplier:
        yield "dry_multiplier", _dry(sampling, vocab)
    if not sampling.temperature:
        yield "temperature", lib.llama_sampler_init_greedy()
    elif sampling.mirostat:
        yield "temperature", lib.llama_sampler_init_temp(sampling.temperature)
        yield "mirostat", lib.llama_sampler_init_mirostat_v2(seed, sampling.mirostat, MIROSTAT_RATE)
    else:
        yield from _cuts(sampling, seed)
        yield "temperature", _temperature(sampling)
        yield "seed", lib.llama_sampler_init_dist(seed)


def _cuts(sampling: Sampling, seed: int) -> Iterator[tuple[str, Any]]:
    if sampling.top_n_sigma:
        yield "top_n_sigma", lib.llama_sampler_init_top_n_sigma(sampling.top_n_sigma)
    if sampling.top_k:
        yield "top_k", lib.llama_sampler_init_top_k(sampling.top_k)
    if sampling.typical_p < 1:
        yield "typical_p", lib.llama_sampler_init_typical(sampling.typical_p, MIN_KEEP)
    if sampling.top_p < 1:
        yield "top_p", lib.llama_sampler_init_top_p(sampling.top_p, MIN_KEEP)
    if sampling.min_p:
        yield "min_p", lib.llama_sampler_init_min_p(sampling.min_p, MIN_KEEP)
    if sampling.xtc_probability:
        values = (sampling.xtc_probability, sampling.xtc_threshold, MIN_KEEP, seed)
        yield "xtc_probability", lib.llama_sampler_init_xtc(*values)


def _temperature(sampling: Sampling) -> Any:
    if sampling.dynatemp_range:
        return lib.llama_sampler_init_temp_ext(sampling.temperature, sampling.dynatemp_range, 1.0)
    return lib.llama_sampler_init_temp(sampling.temperature)


def _dry(sampling: Sampling, vocab: Any) -> Any:
    breakers = (ctypes.c_char_p * len(DRY_BREAKERS))(*DRY_BREAKERS)
    strength = (sampling.dry_multiplier, sampling.dry_base, sampling.dry_allowed_length)
    return lib.llama_sampler_init_dry(vocab, *strength, DRY_LAST_N, breakers, len(DRY_BREAKERS))


def _has_penalties(sampling: Sampling) -> bool:
    return sampling.repeat_penalty != 1 or bool(sampling.presence_penalty or sampling.frequency_penalty)


def without_penalties(sampling: Sampling) -> Sampling:
    """Return `sampling` with all penalties off."""
    return replace(sampling, repeat_penalty=1, presence_penalty=0, frequency_penalty=0)
