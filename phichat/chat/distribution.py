"""The next word's probabilities before and after the samplers, computed again for any settings without the model.

The likeliest tokens are kept with their logits, all others as a histogram of theirs, so that a distribution over a
quarter of a million tokens takes some kilobytes and a slider's move less than a frame. Each stage does what llama.cpp's
sampler of that name does; what it does at random (XTC) is shown as its expectation. DRY, which needs all tokens of the
reply, is left out.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import exp, log
from typing import Any, Self

from phichat.chat.candidates import Candidate
from phichat.chat.forbidden_words import ForbiddenWords
from phichat.chat.sampling import Sampling

KEPT = 256
"""Tokens with logits of their own, at most."""

LATEST = 400
"""Characters of the reply that may be part of a forbidden word, which is shorter."""

BIN = 0.125
"""Width of a bin of the histogram, in logits."""


@dataclass(frozen=True)
class Distribution:
    """The model's logits for one token of a reply.

    Attributes:
        tokens, texts, logits: those of the likeliest tokens, the likeliest first.
        tail: the mean logit and the number of the other tokens, for each bin that is not empty, the highest first.
        said: the last tokens of the reply so far, for penalties; the latest last.
    """

    tokens: tuple[int, ...]
    texts: tuple[str, ...]
    logits: tuple[float, ...]
    tail: tuple[tuple[float, float], ...] = ()
    said: tuple[int, ...] = ()

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the distribution that `dataclasses.asdict` made `values` of, after a way through JSON."""
        tail = tuple((float(logit), float(weight)) for logit, weight in values["tail"])
        return cls(**{**{name: tuple(value) for name, value in values.items()}, "tail": tail})

    def candidates(self, sampling: Sampling, count: int, written: str = "") -> list[Candidate]:
        """Return the `count` likeliest tokens with their shares before sampling and after it with `sampling`.

        `written` is the reply before them, with which a token may spell a forbidden word.
        """
        entries = self._entries()
        before = _shares(entries)
        cut_by: dict[int, str] = {}
        for name, stage in self._stages(sampling, written):
            left = stage(entries)
            kept = {entry.index for entry in left}
            for entry in entries:
                if entry.index not in kept and 0 <= entry.index < count:
                    cut_by.setdefault(entry.index, name)
            entries = left
        after = _after(entries, sampling)
        return [
            Candidate(self.tokens[at], self.texts[at], before[at], after.get(at, 0.0), cut_by.get(at))
            for at in range(min(count, len(self.tokens)))
        ]

    def _stages(self, sampling: Sampling, written: str) -> "Iterable[tuple[str, Stage]]":
        stages = list(_stages(sampling, self.said))
        if sampling.forbidden:  # after the penalties, which come first
            stages.insert(1, ("forbidden", partial(self._without_forbidden, sampling.forbidden, written)))
        return stages

    def _without_forbidden(self, words: Iterable[str], written: str, entries: "list[_Entry]") -> "list[_Entry]":
        forbidden = ForbiddenWords(words)
        forbidden.extend(written[-LATEST:].encode("utf-8", "replace"))
        spelled = {at for at, text in enumerate(self.texts) if forbidden.would_spell(text.encode("utf-8", "replace"))}
        return [entry for entry in entries if entry.index not in spelled] or entries

    def _entries(self) -> "list[_Entry]":
        """Return an entry for each token, and for each bin of the tail with a negative index."""
        known = [
            _Entry(at, token, logit) for at, (token, logit) in enumerate(zip(self.tokens, self.logits, strict=True))
        ]
        return known + [_Entry(-1 - at, -1, logit, weight) for at, (logit, weight) in enumerate(self.tail)]


@dataclass(frozen=True)
class _Entry:
    """A token, or `weight` tokens with about the same logit."""

    index: int
    token: int
    logit: float
    weight: float = 1.0


Stage = Callable[[list[_Entry]], list[_Entry]]


def _stages(sampling: Sampling, said: Iterable[int]) -> Iterable[tuple[str, Stage]]:
    """Yield the samplers that are on, in llama.cpp's order, up to the temperature."""
    yield "repeat_penalty", lambda entries: _penalized(entries, sampling, said)
    if not sampling.temperature:
        yield "temperature", lambda entries: [max(entries, key=lambda entry: entry.logit)]
        return
    if sampling.mirostat:
        yield "mirostat", lambda entries: _least_surprising(entries, sampling)
        return
    if sampling.top_n_sigma:
        yield "top_n_sigma", lambda entries: _near_the_best(entries, sampling.top_n_sigma)
    if sampling.top_k:
        yield "top_k", lambda entries: _first(entries, sampling.top_k)
    if sampling.typical_p < 1:
        yield "typical_p", lambda entries: _typical(entries, sampling.typical_p)
    if sampling.top_p < 1:
        yield "top_p", lambda entries: _nucleus(entries, sampling.top_p)
    if sampling.min_p:
        yield "min_p", lambda entries: _above(entries, sampling.min_p)
    if sampling.xtc_probability >= 1:
        yield "xtc_probability", lambda entries: _without_top(entries, sampling.xtc_threshold)


def _penalized(entries: list[_Entry], sampling: Sampling, said: Iterable[int]) -> list[_Entry]:
    window = list(said)[-sampling.repeat_last_n :] if sampling.repeat_last_n else []
    counts: dict[int, int] = {}
    for token in window:
        counts[token] = counts.get(token, 0) + 1
    return _sorted(
        replace(entry, logit=_penalty(entry.logit, counts.get(entry.token, 0), sampling)) for entry in entries
    )


def _penalty(logit: float, count: int, sampling: Sampling) -> float:
    if not count:
        return logit
    logit = logit * sampling.repeat_penalty if logit <= 0 else logit / sampling.repeat_penalty
    return logit - count * sampling.frequency_penalty - sampling.presence_penalty


def _near_the_best(entries: list[_Entry], sigmas: float) -> list[_Entry]:
    total = sum(entry.weight for entry in entries)
    mean = sum(entry.logit * entry.weight for entry in entries) / total
    variance = sum((entry.logit - mean) ** 2 * entry.weight for entry in entries) / total
    lowest = entries[0].logit - sigmas * variance**0.5
    return [entry for entry in entries if entry.logit >= lowest]


def _first(entries: list[_Entry], count: float) -> list[_Entry]:
    kept, left = [], count
    for entry in entries:
        if left <= 0:
            break
        kept.append(replace(entry, weight=min(entry.weight, left)))
        left -= entry.weight
    return kept


def _typical(entries: list[_Entry], share: float) -> list[_Entry]:
    shares = _shares(entries)
    entropy = -sum(p * log(p / entry.weight) for entry in entries if (p := shares[entry.index]) > 0)
    surprise = {entry.index: abs(-log(max(shares[entry.index] / entry.weight, 1e-300)) - entropy) for entry in entries}
    kept = _up_to(sorted(entries, key=lambda entry: surprise[entry.index]), shares, lambda total: total > share)
    return _sorted(kept)


def _nucleus(entries: list[_Entry], share: float) -> list[_Entry]:
    return _up_to(entries, _shares(entries), lambda total: total >= share)


def _up_to(entries: list[_Entry], shares: Mapping[int, float], is_enough: Callable[[float], bool]) -> list[_Entry]:
    """Return the first of `entries` until the sum of their shares is enough; of a bin as many tokens as it takes."""
    kept, total = [], 0.0
    for entry in entries:
        each, taken = shares[entry.index] / entry.weight, 0.0
        while taken < entry.weight and not is_enough(total):
            step = min(1.0, entry.weight - taken)
            taken, total = taken + step, total + each * step
        if taken:
            kept.append(replace(entry, weight=taken))
        if is_enough(total):
            break
    return kept


def _above(entries: list[_Entry], share: float) -> list[_Entry]:
    lowest = entries[0].logit + log(share)
    return [entry for entry in entries if entry.logit >= lowest]


def _without_top(entries: list[_Entry], threshold: float) -> list[_Entry]:
    """Leave out the likeliest tokens but the last of those that reach `threshold` (XTC)."""
    shares = _shares(entries)
    likely = [entry for entry in entries if shares[entry.index] / entry.weight >= threshold]
    return entries[max(len(likely) - 1, 0) :] if threshold <= 0.5 else entries


def _least_surprising(entries: list[_Entry], sampling: Sampling) -> list[_Entry]:
    """Return what mirostat leaves at the beginning of a reply, from where it adapts."""
    scaled = [replace(entry, logit=entry.logit / sampling.temperature) for entry in entries]
    shares, most = _shares(scaled), 2 * sampling.mirostat
    kept = [entry for entry in scaled if -log(max(shares[entry.index] / entry.weight, 1e-300)) / log(2) <= most]
    return kept or scaled[:1]


def _after(entries: list[_Entry], sampling: Sampling) -> dict[int, float]:
    """Return the shares from which a token is drawn."""
    if not sampling.temperature or sampling.mirostat:
        return _shares(entries)
    after = _shares(_tempered(entries, sampling))
    if 0 < sampling.xtc_probability < 1:
        skipped = _shares(_tempered(_without_top(entries, sampling.xtc_threshold), sampling))
        chance = sampling.xtc_probability
        after = {index: (1 - chance) * share + chance * skipped.get(index, 0.0) for index, share in after.items()}
    return after


def _tempered(entries: list[_Entry], sampling: Sampling) -> list[_Entry]:
    temperature, total = sampling.temperature, sum(entry.weight for entry in entries)
    if sampling.dynatemp_range and total > 1:
        shares = _shares(entries)
        entropy = -sum(p * log(p / entry.weight) for entry in entries if (p := shares[entry.index]) > 0)
        low, high = max(0.0, temperature - sampling.dynatemp_range), temperature + sampling.dynatemp_range
        temperature = low + (high - low) * entropy / log(total)
    if temperature <= 0:
        return entries[:1]
    return [replace(entry, logit=entry.logit / temperature) for entry in entries]


def _shares(entries: list[_Entry]) -> dict[int, float]:
    """Return the softmax over all tokens of `entries`, summed for each bin, by index."""
    highest = max(entry.logit for entry in entries)
    weights = {entry.index: entry.weight * exp(entry.logit - highest) for entry in entries}
    total = sum(weights.values())
    return {index: weight / total for index, weight in weights.items()}


def _sorted(entries: Iterable[_Entry]) -> list[_Entry]:
    return sorted(entries, key=lambda entry: -entry.logit)
