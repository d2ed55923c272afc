"""A sampler that also tells what it weighed: the likeliest tokens, and what each of its stages did to them."""

import ctypes
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from math import isfinite
from typing import Any

import numpy as np

from phichat.chat.candidates import MOST, Candidate, Choice, LazyChoice, text_of_bytes
from phichat.chat.distribution import BIN, KEPT, Distribution
from phichat.chat.sampling import Sampling
from phichat.engine.llama.bindings import lib
from phichat.engine.llama.logits import Floats, Softmax, likeliest, logits_at
from phichat.engine.llama.sampler import SamplerChain, links, without_penalties
from phichat.engine.llama.vocabulary import LlamaVocabulary

_TOKEN_DATA = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])  # llama_token_data
MOST_SAID = 512  # tokens that penalties look at, at most
FEW = 1024  # tokens that are looked up faster one by one


class ObservedChain(SamplerChain):
    """Samples as SamplerChain does, token for token, and notes what it weighed.

    The samplers are applied one by one, so that it is seen which of them removes a token.

    Attributes:
        choice: about the last token; None if the model's logits were not numbers.
    """

    def __init__(
        self, sampling: Sampling, seed: int, vocabulary: LlamaVocabulary, begun: Iterable[int] = (), count: int = 10
    ) -> None:
        super().__init__(sampling, seed, vocabulary, begun)
        self.choice: Choice | None = None
        self._count = min(count, MOST, vocabulary.count)
        names = _names_of(sampling, vocabulary)
        self._links = [(name, lib.llama_sampler_chain_get(self._chain, number)) for number, name in enumerate(names)]
        self._data = np.zeros(vocabulary.count, _TOKEN_DATA)
        self._address = self._data.ctypes.data_as(ctypes.POINTER(lib.llama_token_data))
        self._ids = np.arange(vocabulary.count, dtype=np.int32)
        self._softmax = Softmax(vocabulary.count)
        self._text_of = cache(partial(text_of_token, vocabulary))
        self._watched: list[int] = []
        self._cut_by: dict[int, str] = {}
        self._after: dict[int, float] = {}

    def choose(self, context: Any, index: int = -1) -> int:
        """See SamplerChain."""
        logits = logits_at(context, index, self._vocabulary.count)
        self._watched = likeliest(logits, self._count).tolist()
        token = super().choose(context, index)
        self.choice = self._describe(logits, token)  # what penalties changed is as before
        return token

    def weigh(self, context: Any, index: int, token: int) -> Choice | None:
        """Return what is weighed where `token` comes next, whatever would be sampled.

        Mirostat goes on as if its own choice had come.
        """
        values: Any = lib.llama_get_logits_ith(context, index)
        logits = logits_at(context, index, self._vocabulary.count)
        model = logits.copy()
        self._watched = likeliest(model, self._count).tolist()
        self._forbid(context, index)
        self._penalties.apply(values, Counter(self._said))
        self._note_after(*self._apply(logits), token)
        logits[:] = model
        lib.llama_sampler_accept(self._chain, token)
        self._said.append(token)
        if self._forbidden:
            self._forbidden.extend(self._vocabulary.piece(token))
        return self._describe(model, token)

    def _sample(self, context: Any, index: int) -> int:
        left, token = self._apply(logits_at(context, index, self._vocabulary.count))
        self._note_after(left, token)
        lib.llama_sampler_accept(self._chain, token)
        return token

    def _apply(self, logits: Floats) -> "tuple[np.ndarray[Any, Any], int]":
        """Return what the samplers leave and choose, applied one by one, as `llama_sampler_sample` does all at once."""
        self._data["id"], self._data["logit"] = self._ids, logits
        self._cut_by = dict.fromkeys(self._watched, "forbidden") if self._forbidden else {}
        self._cut_by = {token: name for token, name in self._cut_by.items() if logits[token] == -np.inf}
        array = lib.llama_token_data_array(self._address, len(logits), -1, False)
        for name, link in self._links:
            before = array.size
            lib.llama_sampler_apply(link, ctypes.byref(array))
            if array.size < before or name == "top_n_sigma":  # which only sets logits
                self._note_cuts(name, self._left_in(array))
        left = self._left_in(array)
        return left, int(left["id"][array.selected])

    def _left_in(self, array: Any) -> "np.ndarray[Any, Any]":
        """Return what samplers left, which may begin anywhere in the data (XTC)."""
        moved = ctypes.addressof(array.data.contents) - ctypes.addressof(self._address.contents)
        first = moved // _TOKEN_DATA.itemsize
        return self._data[first : first + array.size]

    def _note_cuts(self, name: str, left: "np.ndarray[Any, Any]") -> None:
        ids = left["id"][left["logit"] > -np.inf]
        kept = set((ids if len(ids) <= FEW else ids[np.isin(ids, self._watched)]).tolist())
        for token in self._watched:
            if token not in kept:
                self._cut_by.setdefault(token, name)

    def _note_after(self, left: "np.ndarray[Any, Any]", token: int, known: int = -1) -> None:
        """Note the probabilities of the tokens that are left, from which `token` was chosen; `known` is of interest."""
        if self._links[-1][0] == "temperature":  # the likeliest, whatever the others are
            self._after = {token: 1.0}
            self._cut_by |= {other: "temperature" for other in self._watched if other != token}
            return
        found = left if len(left) <= FEW else left[np.isin(left["id"], [*self._watched, token, known])]
        self._after = dict(zip(found["id"].tolist(), found["p"].tolist(), strict=True))

    def _describe(self, model: Floats, token: int) -> Choice | None:
        shares, entropy = self._softmax.shares(model, [token, *self._watched])
        if not isfinite(entropy):
            return None
        rank = sum(share > shares[0] for share in shares[1:]) + 1
        if token not in self._watched:
            rank = int(np.count_nonzero(model > model[token])) + 1
        # Made later, for several tokens at once: between two steps of the model, all takes five times as long.
        texts = list(map(self._text_of, self._watched))
        make = partial(_candidates, self._watched, texts, shares[1:], self._after, self._cut_by)
        return LazyChoice.of(shares[0], self._after.get(token, 0.0), rank, entropy, make)


def _candidates(
    tokens: Sequence[int],
    texts: Sequence[str],
    shares: Sequence[float],
    after: Mapping[int, float],
    cut_by: Mapping[int, str],
) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(token, text, share, after.get(token, 0.0), cut_by.get(token))
        for token, text, share in zip(tokens, texts, shares, strict=True)
    )


def distribution_of(logits: Floats, vocabulary: LlamaVocabulary, said: Sequence[int]) -> Distribution:
    """Return `logits` (shape: tokens) with the likeliest apart and the others in bins; `said` is the reply so far."""
    known = likeliest(logits, min(KEPT, len(logits)))
    others = np.delete(logits, known)
    others = others[np.isfinite(others)]
    bins, members, counts = np.unique(np.floor(others / BIN), return_inverse=True, return_counts=True)
    # the mean of exponentials, so that a bin weighs what its tokens weigh together
    masses = np.bincount(members, np.exp(others - logits.max()), len(bins)) / counts
    means = np.log(np.maximum(masses, np.finfo(np.float32).tiny)) + logits.max()
    tail = sorted(zip(means.tolist(), counts.tolist(), strict=True), reverse=True)
    texts = tuple(text_of_token(vocabulary, token) for token in known.tolist())
    return Distribution(
        tuple(known.tolist()), texts, tuple(logits[known].tolist()), tuple(tail), tuple(said[-MOST_SAID:])
    )


def text_of_token(vocabulary: LlamaVocabulary, token: int) -> str:
    """Return what people see of `token`: what it adds to a reply or, if that is nothing, its name."""
    return text_of_bytes(vocabulary.piece(token)) or vocabulary.text_of(token)


def _names_of(sampling: Sampling, vocabulary: LlamaVocabulary) -> list[str]:
    found = []
    for name, link in links(without_penalties(sampling), 0, vocabulary.handle):
        lib.llama_sampler_free(link)
        found.append(name)
    return found
