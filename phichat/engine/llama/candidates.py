"""A sampler that also tells what it weighed: the likeliest tokens, and what each of its stages did to them."""

import ctypes
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from phichat.chat.candidates import MOST, Candidate, Choice, text_of_bytes
from phichat.chat.distribution import BIN, KEPT, Distribution
from phichat.chat.sampling import Sampling
from phichat.engine.llama.bindings import lib
from phichat.engine.llama.sampler import SamplerChain, links, without_penalties
from phichat.engine.llama.vocabulary import LlamaVocabulary

Floats = npt.NDArray[np.float32]
Tokens = npt.NDArray[np.intp]

_TOKEN_DATA = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])  # llama_token_data
MOST_SAID = 512  # tokens that penalties look at, at most
_NEAR = 12.0  # logits below the highest within which the likeliest tokens are looked for first


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
        self._names = _names_of(sampling, vocabulary)
        self._data = np.zeros(vocabulary.count, _TOKEN_DATA)
        self._ids = np.arange(vocabulary.count, dtype=np.int32)
        self._watched: Tokens = np.zeros(0, np.intp)
        self._cut_by: dict[int, str] = {}
        self._after: dict[int, float] = {}

    def choose(self, context: Any, index: int = -1) -> int:
        """See SamplerChain."""
        logits = logits_at(context, index, self._vocabulary.count)
        model = logits.copy()  # penalties change them for a while
        self._watched = likeliest(model, self._count)
        token = super().choose(context, index)
        self.choice = self._describe(model, token)
        return token

    def weigh(self, context: Any, index: int, token: int) -> Choice | None:
        """Return what is weighed where `token` comes next, whatever would be sampled.

        Mirostat goes on as if its own choice had come.
        """
        values: Any = lib.llama_get_logits_ith(context, index)
        logits = logits_at(context, index, self._vocabulary.count)
        model = logits.copy()
        self._watched = likeliest(model, self._count)
        self._penalties.apply(values, Counter(self._said))
        self._forbid(logits)
        self._note_after(*self._apply(logits), token)
        logits[:] = model
        lib.llama_sampler_accept(self._chain, token)
        self._said.append(token)
        if self._forbidden:
            self._forbidden.extend(self._vocabulary.piece(token))
        return self._describe(model, token)

    def _forbid(self, logits: Floats) -> None:
        """Remove those of the likeliest tokens that would spell a forbidden word."""
        for token in self._watched.tolist() if self._forbidden else ():
            if self._forbidden and self._forbidden.would_spell(self._vocabulary.piece(token)):
                logits[token] = -np.inf

    def _sample(self, context: Any, index: int) -> int:
        left, token = self._apply(logits_at(context, index, self._vocabulary.count))
        self._note_after(left, token)
        lib.llama_sampler_accept(self._chain, token)
        return token

    def _apply(self, logits: Floats) -> "tuple[np.ndarray[Any, Any], int]":
        """Return what the samplers leave and choose, applied one by one, as `llama_sampler_sample` does all at once."""
        self._data["id"], self._data["logit"], self._data["p"] = self._ids, logits, 0
        self._cut_by = {token: "forbidden" for token in self._watched.tolist() if logits[token] == -np.inf}
        address = self._data.ctypes.data_as(ctypes.POINTER(lib.llama_token_data))
        array = lib.llama_token_data_array(address, len(logits), -1, False)
        for number, name in enumerate(self._names):
            before = array.size
            lib.llama_sampler_apply(lib.llama_sampler_chain_get(self._chain, number), ctypes.byref(array))
            if array.size < before or name == "top_n_sigma":  # which only sets logits
                self._note_cuts(name, self._left_in(array))
        left = self._left_in(array)
        return left, int(left["id"][array.selected])

    def _left_in(self, array: Any) -> "np.ndarray[Any, Any]":
        """Return what samplers left, which may begin anywhere in the data (XTC)."""
        moved = (ctypes.cast(array.data, ctypes.c_void_p).value or 0) - self._data.ctypes.data
        first = moved // _TOKEN_DATA.itemsize
        return self._data[first : first + array.size]

    def _note_cuts(self, name: str, left: "np.ndarray[Any, Any]") -> None:
        is_left = np.isin(self._watched, left["id"][left["logit"] > -np.inf])
        for token in self._watched[~is_left].tolist():
            self._cut_by.setdefault(token, name)

    def _note_after(self, left: "np.ndarray[Any, Any]", token: int, known: int = -1) -> None:
        """Note the probabilities of the tokens that are left, from which `token` was chosen; `known` is of interest."""
        if self._names[-1] == "temperature":  # the likeliest, whatever the others are
            self._after = {token: 1.0}
            self._cut_by |= {other: "temperature" for other in self._watched.tolist() if other != token}
            return
        found = left[np.isin(left["id"], [*self._watched, token, known])]
        self._after = dict(zip(found["id"].tolist(), found["p"].tolist(), strict=True))

    def _describe(self, model: Floats, token: int) -> Choice | None:
        shares, entropy = probabilities(model)
        if not np.isfinite(entropy):
            return None
        rank = int((model > model[token]).sum()) + 1
        told = tuple(self._candidate(each, float(shares[each])) for each in self._watched.tolist())
        return Choice(float(shares[token]), self._after.get(token, 0.0), rank, entropy, told)

    def _candidate(self, token: int, before: float) -> Candidate:
        text = text_of_token(self._vocabulary, token)
        return Candidate(token, text, before, self._after.get(token, 0.0), self._cut_by.get(token))


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


def likeliest(logits: Floats, count: int) -> Tokens:
    """Return the ids of the `count` highest of `logits` (shape: tokens), the highest first."""
    near = np.flatnonzero(logits > logits.max() - _NEAR)
    if len(near) < count:
        near = np.arange(len(logits))
    elif len(near) > count:
        near = near[np.argpartition(logits[near], -count)[-count:]]
    return near[np.argsort(-logits[near], kind="stable")][:count]


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
    return np.ctypeslib.as_array(address, (count,))


def _names_of(sampling: Sampling, vocabulary: LlamaVocabulary) -> list[str]:
    found = []
    for name, link in links(without_penalties(sampling), 0, vocabulary.handle):
        lib.llama_sampler_free(link)
        found.append(name)
    return found
