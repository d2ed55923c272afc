"""Search by vectors: the passages nearest to a question by one embedder, whose vectors are in memory."""

import time
from collections.abc import Sequence
from sqlite3 import Connection
from typing import TYPE_CHECKING

from phichat.documents.embeddings.base import Embedder
from phichat.documents.store import texts
from phichat.documents.store.database import DocumentDatabase
from phichat.errors import EngineError, ModelError

if TYPE_CHECKING:
    from phichat.documents.retrieval.vectors import Rows, VectorIndex, Vectors

SLOW, KEPT = 0.5, 20
"""If it takes more than SLOW seconds to load the vectors, as with 20,000 passages, they are kept for KEPT times as
long, though more are being made: until then, those passages are found by their words."""

Ranking = list[tuple[int, float]]
"""Numbers of passages with their scores, the best first."""


class VectorSearch:
    """Finds passages by the vectors of `embedder`.

    They are loaded with the first search, and again once there are others.
    """

    def __init__(self, database: DocumentDatabase, embedder: Embedder) -> None:
        self._database, self._embedder = database, embedder
        self._index: VectorIndex | None = None
        self._version: tuple[int, int] | None = None
        self._kept_until = 0.0
        self._chosen: dict[tuple[str, ...], tuple[Rows | None, int]] = {}
        self._chosen_version: tuple[int, int] | None = None

    def count_passages(self, names: Sequence[str]) -> int:
        """Return how many passages of some collections the next search knows, without use of the embedder."""
        return self._database.read(lambda connection: self._count(connection, names))

    def search(self, names: Sequence[str], question: str, most: int) -> Ranking | None:
        """Return the passages of some collections nearest to `question`, with their cosines.

        None if the embedder can't be used.
        """
        try:
            vector = self._embedder.embed_question(question)
        except (EngineError, ModelError):
            return None
        return self._database.read(lambda connection: self._search(connection, names, vector, most))

    def _count(self, connection: Connection, names: Sequence[str]) -> int:
        version = texts.data_version(connection)
        if self._index is None or self._is_old(version):
            return texts.count_with_vectors(connection, self._embedder.id, names)
        return self._rows_of(connection, self._index, names, version)[1]

    def _search(self, connection: Connection, names: Sequence[str], vector: "Vectors", most: int) -> Ranking:
        version = texts.data_version(connection)
        index = self._loaded(connection, len(vector), version)
        rows, _ = self._rows_of(connection, index, names, version)
        return index.search(vector, most, rows) if vector.any() else []

    def _rows_of(
        self, connection: Connection, index: "VectorIndex", names: Sequence[str], version: tuple[int, int]
    ) -> "tuple[Rows | None, int]":
        """Return the rows of the passages in some collections, None for all rows, and of how many passages they are.

        None is of a passage that is gone.
        """
        if version != self._chosen_version:
            self._chosen, self._chosen_version = {}, version
        key = tuple(names)
        if key not in self._chosen:
            is_all = version == self._version and texts.are_all_texts(connection, names)
            rows = None if is_all else index.rows_of(texts.passage_numbers(connection, names))
            self._chosen[key] = rows, index.count_passages(rows)
        return self._chosen[key]

    def _loaded(self, connection: Connection, dimensions: int, version: tuple[int, int]) -> "VectorIndex":
        from phichat.documents.retrieval.vectors import VectorIndex  # noqa: PLC0415 - brings numpy, where there are vectors

        if self._index is None or self._is_old(version):
            start = time.monotonic()
            self._index = VectorIndex(texts.vectors_of(connection, self._embedder.id), dimensions)
            self._version, self._chosen_version = version, None
            took = time.monotonic() - start
            self._kept_until = start + took * KEPT if took > SLOW else 0.0
        return self._index

    def _is_old(self, version: tuple[int, int]) -> bool:
        return version != self._version and time.monotonic() >= self._kept_until
