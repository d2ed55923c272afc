"""Implements DocumentLibrary in this process, on a database file or in memory."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import TYPE_CHECKING

from phichat.cancellation import CancelToken
from phichat.documents.base import DocumentReader, Place
from phichat.documents.embeddings.base import Embedder, has_sentence_encoder, load_numpy
from phichat.documents.library import (
    NO_PASSWORDS,
    USUAL_BUDGET,
    Collection,
    FileStatus,
    Findings,
    FoundPassage,
    Passwords,
    Progress,
)
from phichat.documents.retrieval.indexing import Indexer
from phichat.documents.retrieval.search import TOKENS_PER_WORD, Searcher
from phichat.documents.store import catalog, texts
from phichat.documents.store.database import DocumentDatabase
from phichat.unicode import replace_surrogates

if TYPE_CHECKING:
    from phichat.documents.embeddings.model import ModelEmbedder


class LocalLibrary:
    """Implements DocumentLibrary.

    Attributes:
        notice: a sentence for the user about what happened when the database was opened; empty if nothing did.
        model: the last of `embedders` if it is an embedding model that the user chose.
    """

    def __init__(
        self,
        file: Path | None,
        reader: DocumentReader,
        embedders: Sequence[Embedder] = (),
        on_close: Callable[[], None] = lambda: None,
        model: "ModelEmbedder | None" = None,
    ) -> None:
        self._database = DocumentDatabase(file)
        self._on_close, self.model = on_close, model
        self.notice = self._database.notice
        self._indexer = Indexer(self._database, reader, embedders)
        self._searcher = Searcher(self._database, embedders)

    def collections(self) -> Sequence[Collection]:
        """See DocumentLibrary."""
        return self._database.read(catalog.collections)

    def collection(self, name: str) -> Collection | None:
        """See DocumentLibrary."""
        return next(
            iter(self._database.read(lambda connection: catalog.collections(connection, replace_surrogates(name)))),
            None,
        )

    def files(self, name: str) -> Sequence[FileStatus]:
        """See DocumentLibrary."""
        return self._database.read(lambda connection: catalog.file_states(connection, replace_surrogates(name)))

    def add(self, name: str, paths: Sequence[Path], *, conversation: str = "") -> None:
        """See DocumentLibrary."""
        absolute, known = [path.absolute() for path in paths], replace_surrogates(name)
        self._database.write(lambda connection: catalog.add_sources(connection, known, absolute, conversation))

    def remove(self, name: str, paths: Sequence[Path] = ()) -> int:
        """See DocumentLibrary; return how many sources, or collections, were removed."""
        absolute = [path.absolute() for path in paths]
        return self._database.write(
            lambda connection: catalog.remove_sources(connection, replace_surrogates(name), absolute)
        )

    def remove_own(self, conversations: Sequence[str], *, others: bool = False) -> int:
        """See DocumentLibrary."""
        return self._database.write(partial(catalog.remove_own, conversations=conversations, others=others))

    def index(
        self, name: str, stop: CancelToken, passwords: Passwords = NO_PASSWORDS, *, retries: bool = False
    ) -> Iterator[Progress]:
        """See DocumentLibrary."""
        return self._indexer.run(replace_surrogates(name), stop, passwords, retries=retries)

    def search(self, names: Sequence[str], question: str, *, budget: int = USUAL_BUDGET) -> Findings:
        """See DocumentLibrary."""
        return self._searcher.search(names, question, budget)

    def whole_text(self, names: Sequence[str], *, budget: int) -> Sequence[FoundPassage]:
        """See DocumentLibrary."""

        def read(connection: Connection) -> list[FoundPassage]:
            if texts.count_words_of(connection, names) * TOKENS_PER_WORD > budget:
                return []
            paths = texts.texts_of(connection, names)
            return [
                _whole(connection, number, path) for number, path in sorted(paths.items(), key=lambda each: each[1])
            ]

        return [passage for passage in self._database.read(read) if passage.text]

    def passages(self, names: Sequence[str], *, budget: int) -> Sequence[FoundPassage]:
        """See DocumentLibrary."""

        def read(connection: Connection) -> list[FoundPassage]:
            if texts.count_words_of(connection, names) * TOKENS_PER_WORD > budget:
                return []
            paths = sorted(texts.texts_of(connection, names).items(), key=lambda each: each[1])
            return [
                FoundPassage((stored.number,), path, stored.passage.place, stored.passage.full_text, 1.0)
                for number, path in paths
                for stored in texts.passages_of_text(connection, number)
            ]

        return self._database.read(read)

    def count_tokens(self, names: Sequence[str]) -> int:
        """Return about how many tokens all that these collections have takes."""
        return int(self._database.read(lambda connection: texts.count_words_of(connection, names)) * TOKENS_PER_WORD)

    def close(self) -> None:
        """See DocumentLibrary."""
        self._database.close()
        self._on_close()


def _whole(connection: Connection, text: int, path: Path) -> FoundPassage:
    passages = texts.passages_of_text(connection, text)
    numbers = tuple(each.number for each in passages)
    joined, header = [], ""
    for each in passages:
        joined.append(each.passage.text if each.passage.header == header else each.passage.full_text)
        header = each.passage.header
    return FoundPassage(numbers, path, Place(), "\n\n".join(joined), 1.0)


def open_library(file: Path | None, model: Path | None = None) -> LocalLibrary:
    """Return a library that reads documents in a process of its own.

    Its vectors come from SentenceEncoder, if its package is installed, and then from the embedding model in the file
    `model`, too. Raise StoreError.
    """
    from phichat.documents.process.document_process import DocumentProcess  # noqa: PLC0415

    with ExitStack() as stack:
        reader = DocumentProcess()
        stack.callback(reader.close)
        embedders = [_sentence_encoder()] if has_sentence_encoder() else []
        chosen = _model_embedder(model, stack) if model else None
        if chosen:
            embedders.append(chosen)
        return LocalLibrary(file, reader, embedders, stack.pop_all().close, chosen)


def _sentence_encoder() -> Embedder:
    load_numpy()
    from phichat.documents.embeddings.sentence_encoder import SentenceEncoder  # noqa: PLC0415 - brings numpy

    return SentenceEncoder()


def _model_embedder(model: Path, stack: ExitStack) -> "ModelEmbedder":
    load_numpy()
    from phichat.documents.embeddings.model import ModelEmbedder  # noqa: PLC0415 - brings numpy
    from phichat.engine.process.encoder_process import EncoderProcess  # noqa: PLC0415 - only where wanted

    process = EncoderProcess(model)
    stack.callback(process.close)
    size = model.stat().st_size if os.path.isfile(model) else 0  # noqa: PTH113 - Path's raises where nobody may look
    return ModelEmbedder(model.stem, str(size), lambda text: process.embed(text)[0])
