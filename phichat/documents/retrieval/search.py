"""Search: passages by words and by vectors, these rankings fused, and neighbors joined up to a budget of tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import log
from operator import ge
from pathlib import Path
from sqlite3 import Connection

from phichat.documents.embeddings.base import Embedder
from phichat.documents.library import Findings, FoundPassage
from phichat.documents.retrieval.vector_search import Ranking, VectorSearch
from phichat.documents.store import texts, words
from phichat.documents.store.database import DocumentDatabase
from phichat.documents.store.texts import StoredPassage
from phichat.documents.store.words import ASKING
from phichat.unicode import replace_surrogates

RANKED = 100
"""Passages of each ranking that are fused."""

RANK_OFFSET = 8
"""The constant of reciprocal rank fusion. Its paper (Cormack et al., 2009) has 60, with which a passage that is far
down in two rankings passes one that is in front of one."""

MOST_PASSAGES = 5
"""The best passages that neighbors are joined to."""

TOKENS_PER_WORD = 1.5
"""About how many tokens a word takes; a model's own count differs, and the prompt is trimmed by that."""

LEAST_COVERAGE = 0.4
"""Share of a question's words, by weight, that a passage about it has at least. With SentenceEncoder's least cosine
beside it, 92% of the questions of `python -m tests.benchmarks.retrieval` pass that were answered, and 4% of unrelated
ones."""


@dataclass(frozen=True)
class Ranked:
    """The passages that were ranked for a question: their numbers, and what tells how well they fit.

    Attributes:
        scores: by number, from all rankings.
        cosines: of the passage nearest to the question, by each embedder that has vectors, else 0; none if none has.
    """

    numbers: tuple[int, ...] = ()
    scores: dict[int, float] | None = None
    cosines: tuple[float, ...] = ()


Weighted = Sequence[tuple[int, float]]
"""Numbers of passages with how much each counts, at most 1; the best first."""


def fuse(rankings: Sequence[Weighted]) -> dict[int, float]:
    """Return the score of each passage by reciprocal rank fusion, the best first.

    What is first in all rankings, and counts in full, has 1.
    """
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, (number, share) in enumerate(ranking, 1):
            scores[number] = scores.get(number, 0.0) + share / (RANK_OFFSET + rank)
    most = len(rankings) / (RANK_OFFSET + 1)
    return {number: scores[number] / most for number in sorted(scores, key=lambda number: -scores[number])}


class Searcher:
    """Finds passages by their words, and by the vectors of each of `embedders`."""

    def __init__(self, database: DocumentDatabase, embedders: Sequence[Embedder]) -> None:
        self._database, self._embedders = database, embedders
        self._by_vectors = [VectorSearch(database, embedder) for embedder in embedders]
        self._counted = words.WordCounts()
        self._counted_at: tuple[int, int] | None = None

    def search(self, names: Sequence[str], question: str, budget: int) -> Findings:
        """See DocumentLibrary.search."""
        question = replace_surrogates(question)
        ranked = self.rank(names, question)
        best = ranked.numbers[:MOST_PASSAGES]
        return self._database.read(lambda connection: self._found(connection, names, question, best, ranked, budget))

    def rank(self, names: Sequence[str], question: str) -> Ranked:
        """Return the passages that fit `question`, the best first."""
        lexical, nearest = self.rankings(names, question)
        if not any(nearest):
            scores = fuse([[(number, 1.0) for number, _ in lexical]] if lexical else [])
            return Ranked(tuple(scores), scores)
        by_words = self._database.read(lambda connection: self._weighted(connection, question, lexical))
        scores = fuse([by_words, *([(number, 1.0) for number, _ in ranking] for ranking in nearest if ranking)])
        return Ranked(tuple(scores), scores, tuple(ranking[0][1] if ranking else 0.0 for ranking in nearest))

    def _weighted(self, connection: Connection, question: str, lexical: Ranking) -> Weighted:
        """Let each passage count by its coverage: one that shares a single word is no match for the nearest vectors."""
        stored = texts.load_passages(connection, [number for number, _ in lexical])
        numbers = [number for number, _ in lexical if number in stored]  # others were removed by another process
        found = coverages(connection, question, [stored[number] for number in numbers], self._counts(connection))
        return [*zip(numbers, found, strict=True)]

    def rankings(self, names: Sequence[str], question: str) -> tuple[Ranking, list[Ranking]]:
        """Return the passages ranked by words, with their BM25, and by each embedder's vectors, with their cosines.

        An embedder that can't be used ranks none, nor does one that has not made vectors of as many passages as
        another: those it knows would go first.
        """
        lexical = self._database.read(
            lambda connection: words.search_words(connection, names, question, RANKED, self._counts(connection))
        )
        return lexical, self._nearest(names, question)

    def _nearest(self, names: Sequence[str], question: str) -> list[Ranking]:
        """Rank by the embedders that know the most passages, or if none of these can be used, by the next."""
        known = [each.count_passages(names) for each in self._by_vectors]
        for most in sorted({*known} - {0}, reverse=True):
            found = [
                each.search(names, question, RANKED) if passages == most else None
                for each, passages in zip(self._by_vectors, known, strict=True)
            ]
            if any(ranking is not None for ranking in found):
                return [ranking or [] for ranking in found]
        return [[] for _ in known]

    def _counts(self, connection: Connection) -> words.WordCounts:
        version = texts.data_version(connection)
        if version != self._counted_at:
            self._counted, self._counted_at = words.WordCounts(), version
        return self._counted

    def _found(
        self,
        connection: Connection,
        names: Sequence[str],
        question: str,
        best: Sequence[int],
        ranked: Ranked,
        budget: int,
    ) -> Findings:
        stored = texts.load_passages(connection, best)
        chosen = [stored[number] for number in best if number in stored]
        paths = texts.texts_of(connection, names)
        runs = _joined(connection, chosen, budget / TOKENS_PER_WORD)
        scores = ranked.scores or {}
        found = [_found_passage(run, paths, scores) for run in runs if run[0].text in paths]
        found.sort(key=lambda passage: -passage.score)
        is_near = any(map(ge, ranked.cosines, (embedder.least_cosine for embedder in self._embedders)))
        fits = is_near or coverage(connection, question, chosen, self._counts(connection)) >= LEAST_COVERAGE
        return Findings(tuple(found), bool(found) and fits)


def _joined(connection: Connection, best: Sequence[StoredPassage], words_left: float) -> list[list[StoredPassage]]:
    """Return runs of passages that follow one another: the best that fit into the budget, then their neighbors."""
    chosen: dict[tuple[int, int], StoredPassage] = {}
    for passage in best:
        if not chosen or passage.words <= words_left:
            chosen[passage.text, passage.position] = passage
            words_left -= passage.words
    for passage in best:
        around = texts.passages_of_text(connection, passage.text, passage.position - 1, passage.position + 1)
        for neighbor in reversed(around):  # what comes after more often goes on with the matter
            key = neighbor.text, neighbor.position
            is_beside = (passage.text, passage.position) in chosen
            if is_beside and key not in chosen and neighbor.words <= words_left:
                chosen[key] = neighbor
                words_left -= neighbor.words
    ordered = [chosen[key] for key in sorted(chosen)]
    numbered = groupby(enumerate(ordered), key=lambda each: (each[1].text, each[1].position - each[0]))
    return [[passage for _, passage in run] for _, run in numbered]


def _found_passage(run: Sequence[StoredPassage], paths: dict[int, Path], scores: dict[int, float]) -> FoundPassage:
    first = run[0]
    parts = [first.passage.full_text]
    parts += [each.passage.text if each.passage.header else each.passage.full_text for each in run[1:]]
    score = max(scores.get(each.number, 0.0) for each in run)
    numbers = tuple(each.number for each in run)
    return FoundPassage(numbers, paths[first.text], first.passage.place, "\n\n".join(parts), round(score, 4))


def coverage(connection: Connection, question: str, chosen: Sequence[StoredPassage], counts: words.WordCounts) -> float:
    """Return the share of the question's words, weighted by how rare they are, that the best of `chosen` has."""
    return max(coverages(connection, question, chosen, counts), default=0.0)


def coverages(
    connection: Connection, question: str, chosen: Sequence[StoredPassage], counts: words.WordCounts
) -> list[float]:
    """Return the share of the question's words, weighted by how rare they are, that each passage has."""
    asked = [word for word in words.words_of(question) if word not in ASKING][: words.MOST_WORDS]
    found = counts.of(connection, asked)
    total = counts.passages(connection)
    weights = {word: log((total + 1) / (found[word] + 0.5)) for word in asked}
    whole = sum(weights.values())
    there = (_stems(words.words_of(each.passage.searched_text)) for each in chosen)
    shares = (sum(weights[word] for word in asked if _stem(word) in stems) for stems in there)
    return [share / whole if whole > 0 else 0.0 for share in shares]


def _stem(word: str) -> str:
    return word[: -words.ENDING] if len(word) > words.LONG else word


def _stems(found: Sequence[str]) -> set[str]:
    return {_stem(word) for word in found} | {*found}
