"""Measures a search among many passages: `python -m tests.benchmarks.retrieval.speed FOLDER [NUMBER]`.

The passages are made of the sentences of the benchmark's texts, in another order each time, so that no two are alike.
Set OPENBLAS_NUM_THREADS=1, as the app does.
"""

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from sqlite3 import Connection

import numpy as np
import psutil

from phichat.cancellation import CancelToken
from phichat.documents.base import Place
from phichat.documents.embeddings.sentence_encoder import SentenceEncoder
from phichat.documents.passages import Passage
from phichat.documents.retrieval.indexing import embed_collection
from phichat.documents.retrieval.search import Searcher
from phichat.documents.retrieval.vectors import CANDIDATES
from phichat.documents.store import catalog, texts
from phichat.documents.store.database import DocumentDatabase
from phichat.documents.store.texts import DocumentText
from tests.benchmarks.retrieval.corpora import corpora, unpack
from tests.benchmarks.retrieval.questions import questions

PASSAGES_PER_FILE = 500


def passages(folder: Path, number: int) -> Iterator[Passage]:
    chance = random.Random(1)
    found = [sections for _, _, documents in corpora(folder) for sections in documents.values()]
    sentences = [line for sections in found for each in sections for line in each.text.split(". ") if line.strip()]
    for page in range(number):
        text, words = "", 0
        while words < 200:
            sentence = chance.choice(sentences)
            text, words = f"{text}{sentence}. ", words + len(sentence.split())
        yield Passage(text, Place(page=page % PASSAGES_PER_FILE + 1))


def fill(database: DocumentDatabase, folder: Path, number: int) -> None:
    """Store the passages, and print how many a second are, and get their vectors."""
    start, run = time.perf_counter(), list[Passage]()
    database.write(lambda connection: catalog.add_sources(connection, "all", [Path("/all")], ""))
    ((source, _),) = database.read(lambda connection: catalog.sources(connection, "all"))
    for count, passage in enumerate(passages(folder, number), 1):
        run.append(passage)
        if len(run) == PASSAGES_PER_FILE or count == number:
            _store(database, source, run, count)
            run = []
    print(f"{number / (time.perf_counter() - start):.0f} passages a second stored", flush=True)
    start = time.perf_counter()
    for done, _ in embed_collection(database, SentenceEncoder(), "all", CancelToken()):
        print(f"\r{done / (time.perf_counter() - start):.0f} passages a second got their vectors", end="", flush=True)
    print()


def _store(database: DocumentDatabase, source: int, run: list[Passage], count: int) -> None:
    document, path = DocumentText(str(count), "", 0, passages=run), Path(f"/all/{count}")

    def work(connection: Connection) -> None:
        catalog.add_files(connection, source, [path])
        file = next(each for each in catalog.files_of(connection, source) if each.path == path)
        catalog.set_indexed(connection, file, texts.add_text(connection, document), 0, 0)

    database.write(work)


def main() -> None:
    folder, number = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    unpack(folder)
    file = folder / f"speed-{number}.sqlite3"
    is_new = not file.exists()
    with closing(DocumentDatabase(file)) as database:
        if is_new:
            fill(database, folder, number)
            print(f"{file.stat().st_size / 1e6:.0f} MB")
        before = psutil.Process().memory_info().rss
        searcher = Searcher(database, [SentenceEncoder()])
        asked = [each.text for each in questions()]
        start = time.perf_counter()
        searcher.search(["all"], asked[0], 800)
        print(f"first search, which loads the vectors: {time.perf_counter() - start:.2f} s")
        print_times("whole search", [_timed(partial(searcher.search, ["all"], each, 800)) for each in asked])
        print_times("of it both rankings", [_timed(partial(searcher.rankings, ["all"], each)) for each in asked])
        print(f"memory of this process: {(psutil.Process().memory_info().rss - before) / 1e6:.0f} MB more")
        measure_candidates(searcher, asked)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def print_times(what: str, seconds: list[float]) -> None:
    median, slow = np.percentile(seconds, [50, 95]) * 1000
    print(f"{what}: median {median:.0f} ms, 95th percentile {slow:.0f} ms, longest {max(seconds) * 1000:.0f} ms")


def measure_candidates(searcher: Searcher, asked: list[str]) -> None:
    """How many of the 50 nearest vectors the comparison of signs keeps."""
    index = searcher._by_vectors[0]._index
    assert index is not None
    kept = []
    for text in asked[::25]:
        question = SentenceEncoder().embed_question(text)
        rows = np.arange(len(index))
        nearest = np.argsort(-index._cosines(question, rows))[:50]
        kept.append(np.isin(nearest, index._candidates(question, None)).mean())
    print(f"{len(index)} vectors: of the 50 nearest, {np.mean(kept):.3f} are among {CANDIDATES} candidates")


if __name__ == "__main__":
    main()
