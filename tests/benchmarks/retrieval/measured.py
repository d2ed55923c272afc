"""A collection of the benchmark, indexed, and its questions asked."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from tempfile import TemporaryDirectory
from urllib.parse import quote, unquote

from phichat.cancellation import CancelToken
from phichat.documents.base import Outline, Part, Place, Section
from phichat.documents.embeddings.base import Embedder
from phichat.documents.library import Progress
from phichat.documents.retrieval.indexing import Indexer
from phichat.documents.retrieval.search import Searcher, coverage
from phichat.documents.store import catalog, texts
from phichat.documents.store.database import DocumentDatabase
from phichat.documents.store.words import WordCounts
from tests.benchmarks.retrieval.corpora import Texts
from tests.benchmarks.retrieval.questions import Question
from tests.support.documents import TextReader

METHODS = ("lexical", "semantic", "fused")
"""By words; by the vectors of the last embedder; by words and all vectors."""


class SectionReader(TextReader):
    """Reads sections that were written as JSON."""

    def read(self, path: Path, *, password: str = "", stop: CancelToken | None = None) -> Iterator[Part]:
        yield Outline()
        for text, heading in json.loads(path.read_text("utf-8")):
            yield Section(text, Place(heading=tuple(heading)))


@dataclass(frozen=True)
class Asked:
    """A question and at which rank each method found its document, from 1; 0 if not among the first hundred."""

    question: Question
    ranks: dict[str, int]


class MeasuredCollection:
    """Texts in a library of their own."""

    def __init__(self, database: DocumentDatabase, embedders: Sequence[Embedder]) -> None:
        self.searcher = Searcher(database, embedders)
        self._database = database
        self._names = {
            number: unquote(path.stem)
            for number, path in database.read(lambda connection: texts.texts_of(connection, ["all"])).items()
        }

    def ask(self, question: Question) -> Asked:
        by_words, by_vectors = self.searcher.rankings(["all"], question.text)
        lexical, semantic = ([number for number, _ in ranking] for ranking in (by_words, by_vectors[-1]))
        fused = list(self.searcher.rank(["all"], question.text).numbers)
        rankings = {"lexical": lexical, "semantic": semantic, "fused": fused}
        return Asked(question, {name: self._rank(numbers, question.answer) for name, numbers in rankings.items()})

    def fit(self, text: str) -> tuple[float, float]:
        """What tells whether anything fits: the share of the words that the best passages have, and the cosine."""
        ranked = self.searcher.rank(["all"], text)
        best = ranked.numbers[:5]

        def read(connection: Connection) -> float:
            stored = texts.load_passages(connection, best)
            return coverage(connection, text, [stored[number] for number in best], WordCounts())

        return self._database.read(read), ranked.cosines[0] if ranked.cosines else 0.0

    def _rank(self, numbers: Sequence[int], answer: str) -> int:
        stored = self._database.read(lambda connection: texts.load_passages(connection, numbers))
        found = [self._names[stored[number].text] for number in numbers]
        return found.index(answer) + 1 if answer in found else 0


@contextmanager
def indexed(documents: Texts, embedders: Sequence[Embedder]) -> Iterator[MeasuredCollection]:
    """Index `documents` in memory."""
    with TemporaryDirectory() as folder, closing(DocumentDatabase()) as database:
        for name, sections in documents.items():
            content = json.dumps([[section.text, section.place.heading] for section in sections])
            Path(folder, quote(name, safe="") + ".json").write_text(content, "utf-8")
        database.write(lambda connection: catalog.add_sources(connection, "all", [Path(folder)], ""))
        progress: list[Progress] = list(Indexer(database, SectionReader(), embedders).run("all", CancelToken()))
        assert not any(each.error for each in progress)
        yield MeasuredCollection(database, embedders)


def recall(asked: Sequence[Asked], method: str, most: int = 5) -> float:
    """The share of the questions whose document is among the first `most` passages."""
    return sum(0 < each.ranks[method] <= most for each in asked) / max(len(asked), 1)


def mean_reciprocal_rank(asked: Sequence[Asked], method: str) -> float:
    """The mean of 1 / rank, or 0 where nothing was found."""
    return sum(1 / each.ranks[method] for each in asked if each.ranks[method]) / max(len(asked), 1)
