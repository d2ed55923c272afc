"""Vectors of an embedding model: any GGUF file that llama.cpp makes embeddings with.

Such a model reads a text as a whole, and so finds what is said in other words, in the languages it was trained in. It
takes more than ten times as long as the encoder that comes in a package.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from phichat.documents.embeddings.base import windows
from phichat.documents.passages import Passage
from phichat.errors import EngineError, ModelError, PromptTooLong

Vectors = NDArray[np.float32]

Encode = Callable[[str], Sequence[float]]
"""Returns the vector of a text. Raises PromptTooLong for one that the model can't read whole."""

WINDOW = 120
"""Words: two vectors for most passages, each of which fits into the 512 tokens of small models."""

_PREFIXES = {
    "e5": ("query: ", "passage: "),
    "nomic": ("search_query: ", "search_document: "),
    "embeddinggemma": ("task: search result | query: ", "title: none | text: "),
    "bge": ("Represent this sentence for searching relevant passages: ", ""),
    "mxbai": ("Represent this sentence for searching relevant passages: ", ""),
    "arctic": ("Represent this sentence for searching relevant passages: ", ""),
}
"""What a family of models wants before a question, and before a passage, by a part of the model's name.

Each is from the model's own page. bge-m3 wants nothing.
"""


def prefixes_of(name: str) -> tuple[str, str]:
    """Return what the model called `name` wants before a question and before a passage."""
    plain = name.casefold().replace("-", "").replace("_", "")
    if "bgem3" in plain:
        return "", ""
    return next((found for family, found in _PREFIXES.items() if family in plain), ("", ""))


class ModelEmbedder:
    """Implements Embedder with a model called `name`, whose file has the checksum or version `version`.

    A model that can't even be loaded is not tried again: each try may take as long as the model is large.

    Attributes:
        name: the model's name.
        failure: why it could not be loaded; None if it could, or was not tried.
    """

    former_ids: Sequence[str] = ()
    least_cosine = 2.0  # not known: it is another one for each model

    def __init__(self, name: str, version: str, encode: Encode) -> None:
        self.id, self.name = f"{name} {version}", name
        self.failure: EngineError | ModelError | None = None
        self._is_loaded = False
        self._for_questions, self._for_passages = prefixes_of(name)
        self._encode = encode

    def embed_passages(self, passages: Sequence[Passage]) -> list[Vectors]:
        """See Embedder. Raise EngineError or ModelError."""
        runs = [[self._embed(self._for_passages, text) for text in windows(passage, WINDOW)] for passage in passages]
        return [np.array(run, dtype=np.float32, ndmin=2) for run in runs]

    def embed_question(self, text: str) -> Vectors:
        """See Embedder. Raise EngineError or ModelError."""
        return np.array(self._embed(self._for_questions, text), dtype=np.float32)

    def _embed(self, prefix: str, text: str) -> Sequence[float]:
        """Return the vector of `text`, or of as much of its beginning as the model can read."""
        while True:
            try:
                return self._encode_once_loaded(prefix + text)
            except PromptTooLong:
                if len(text) < 2:
                    raise
                text = text[: len(text) // 2]

    def _encode_once_loaded(self, text: str) -> Sequence[float]:
        if self.failure:
            raise self.failure
        try:
            found = self._encode(text)
        except PromptTooLong:
            self._is_loaded = True
            raise
        except (EngineError, ModelError) as error:
            self.failure = None if self._is_loaded else error
            raise
        self._is_loaded = True
        return found
