"""Embedding: gives the passages of a collection their vectors, once its texts are stored and found by their words."""

from collections.abc import Iterator, Sequence
from functools import partial

from phichat.cancellation import CancelToken
from phichat.documents.embeddings.base import Embedder, windows
from phichat.documents.passages import Passage
from phichat.documents.store import texts
from phichat.documents.store.database import DocumentDatabase
from phichat.documents.store.texts import StoredPassage

BATCH = 256
"""Passages that are embedded at once, and then stored: a few seconds of work that are lost if it is ended."""


def embed_collection(
    database: DocumentDatabase, embedder: Embedder, name: str, stop: CancelToken
) -> Iterator[tuple[int, int]]:
    """Make the vectors that the passages of a collection lack; yield how many were made so far, of how many.

    Nothing is yielded if that takes no longer than one batch.
    """
    total = database.read(lambda connection: texts.count_without_vectors(connection, embedder.id, name))
    done, rest = 0, _next(database, embedder, name, 0)
    while rest:
        if total > BATCH:
            yield done, max(total, done)
        if stop.is_set():
            return
        packed = _embed(embedder, [each.passage for each in rest])
        rows = [(each.number, vectors) for each, vectors in zip(rest, packed, strict=True)]
        if not stop.is_set():  # else their collection may be gone
            database.write(partial(texts.add_vectors, embedder=embedder.id, vectors=rows))
        done += len(rest)
        rest = _next(database, embedder, name, rest[-1].number)


def _next(database: DocumentDatabase, embedder: Embedder, name: str, after: int) -> list[StoredPassage]:
    return database.read(lambda connection: texts.passages_without_vectors(connection, embedder.id, name, after, BATCH))


def _embed(embedder: Embedder, passages: Sequence[Passage]) -> Iterator[bytes]:
    """Yield the vectors of each passage, packed; none for one without words."""
    from phichat.documents.retrieval.vectors import pack  # noqa: PLC0415 - brings numpy, where there are vectors

    runs = [list(windows(passage, embedder.window)) for passage in passages]
    vectors = embedder.embed_passages([text for run in runs for text in run])
    at = 0
    for run in runs:
        yield pack(vectors[at : at + len(run)]) if run else b""
        at += len(run)
