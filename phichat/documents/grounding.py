"""Grounding: which sentence of an answer is supported by which passage, found after the answer was written.

A small model need not cite, then. A sentence counts as supported if a passage has most of its telling words, whatever
their endings, and all of its numbers. That is no proof: a passage may deny what a sentence says with the same words.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log

from phichat.unicode import FoldTable

LEAST_OVERLAP = 0.5
"""Share of a sentence's words, by weight, that a passage has at least. Of the sentences that
`python -m tests.benchmarks.retrieval.grounding` knows, 28 of 30 that are said reach it, and 4 of 27 that are not: all
four deny a passage with its own words. The cosine of their vectors doesn't tell these apart either."""

STEM, SHORT = 5, 3
"""Letters by which words count as the same, whatever their endings; shorter words than SHORT + 1 say nothing."""

FEWEST_WORDS = 2
"""Words that say something in a sentence; with fewer, such as "Yes.", there is nothing to support."""

_FOLDS = FoldTable()
_ENDS = re.compile(r"[.!?…]+[\"”’»)\]]*(?=\s|$)|[。！？]+[」』]?")
_NUMBER_GAP = "[.,\u00a0\u202f]"
_WORD = re.compile(rf"\d+(?:{_NUMBER_GAP}\d+)*|[^\W\d_]+")
_GROUPING = re.compile(rf"(?<=\d){_NUMBER_GAP}(?=\d{{3}}(?!\d))")
_FENCE = re.compile(r"^(`{3,}|~{3,})")


@dataclass(frozen=True)
class Support:
    """A sentence of an answer.

    Attributes:
        start: where it begins in the answer; `end` is where it ends.
        passage: the number of the passage that supports it, from 1; None if none does.
        score: from 0 to 1, how much of it the best passage has.
    """

    start: int
    end: int
    passage: int | None
    score: float


def ground(answer: str, passages: Sequence[str]) -> list[Support]:
    """Return the sentences of `answer` that say something, with the passage that supports each, in order."""
    known = [_Known(text) for text in passages]
    spread = [each.stems for each in known]
    supports = []
    for start, end in sentences(answer):
        words = _words(answer[start:end])
        if len({*words}) < FEWEST_WORDS or not known:
            continue
        scores = [_overlap(words, each, spread) for each in known]
        best = max(range(len(scores)), key=lambda at: scores[at])
        is_supported = scores[best] >= LEAST_OVERLAP
        supports.append(Support(start, end, best + 1 if is_supported else None, scores[best]))
    return supports


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the sentences in `text`, without those in fenced code."""
    at, fence = 0, ""
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line.lstrip())
        if mark and not fence:
            fence = mark[1]
        elif fence:
            fence = "" if line.lstrip().startswith(fence) else fence
        else:
            yield from _sentences_of(line, at)
        at += len(line)


def _sentences_of(line: str, offset: int) -> Iterator[tuple[int, int]]:
    start = 0
    for end in [*(found.end() for found in _ENDS.finditer(line)), len(line)]:
        inner = line[start:end].strip()
        if any(letter.isalnum() for letter in inner):
            begin = offset + line.index(inner, start)
            yield begin, begin + len(inner)
        start = end


class _Known:
    """The words of a passage."""

    def __init__(self, text: str) -> None:
        words = _words(text)
        self.stems = {_stem(word) for word in words}
        self.numbers = {word for word in words if word[0].isdigit()}


def _overlap(words: Sequence[str], passage: _Known, spread: Sequence[set[str]]) -> float:
    """Return the share of the words that the passage has, 0 if it lacks a number; those of all passages count less."""
    if any(word[0].isdigit() and word not in passage.numbers for word in words):
        return 0.0
    total = there = 0.0
    for stem in {_stem(word) for word in words}:
        weight = log(1 + len(spread) / (1 + sum(stem in stems for stems in spread)))
        total += weight
        there += weight * (stem in passage.stems)
    return there / total if total else 0.0


def _words(text: str) -> list[str]:
    """Return the words that say something, folded, and numbers without what groups their digits."""
    # Grouping is removed before folding, which makes plain spaces of the narrow ones.
    found = _WORD.findall(_FOLDS.fold(_GROUPING.sub("", text)))
    return [word for word in found if word[0].isdigit() or len(word) > SHORT]


def _stem(word: str) -> str:
    return word if word[0].isdigit() else word[:STEM]
