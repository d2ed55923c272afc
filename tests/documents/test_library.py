"""Collections of documents: what is in them, how they follow the disk, and what is found in them."""

import errno
import itertools
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from phichat.cancellation import CancelToken
from phichat.documents.base import Finding, Note, Part, Section
from phichat.documents.library import FileState, Progress
from phichat.documents.passages import Passage
from phichat.documents.readers import kinds
from phichat.documents.readers.source import Source
from phichat.documents.retrieval import indexing, vector_search
from phichat.documents.retrieval.local_library import LocalLibrary, open_library
from phichat.documents.store.database import DocumentDatabase
from phichat.errors import EngineDied, ModelMissing, PhichatError, StoreError
from tests.support.documents import TextReader, WordEmbedder

FILLER = "Nothing of interest is written on this line at all. " * 18  # 180 words


@pytest.fixture
def reader() -> TextReader:
    return TextReader()


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "home" / "documents.sqlite3"


@pytest.fixture
def library(file: Path, reader: TextReader, embedder: WordEmbedder) -> Iterator[LocalLibrary]:
    with closing(LocalLibrary(file, reader, [embedder])) as library:
        yield library


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files that are read, one that is not, and one that is hidden."""
    folder = tmp_path / "papers"
    (folder / "deep").mkdir(parents=True)
    (folder / "animals.txt").write_text("The puppy sleeps in the shed.")
    (folder / "deep" / "travel.txt").write_text("The automobile crosses the bridge.")
    (folder / "picture.png").write_text("none")
    (folder / ".hidden.txt").write_text("none")
    return folder


Index = Callable[..., list[Progress]]


@pytest.fixture
def index(library: LocalLibrary) -> Index:
    return lambda name="papers": list(library.index(name, CancelToken()))


def _states(library: LocalLibrary) -> dict[str, FileState]:
    return {status.path.name: status.state for status in library.files("papers")}


def test_a_folder_is_indexed_with_what_can_be_read_in_it(library: LocalLibrary, folder: Path, index: Index) -> None:
    library.add("papers", [folder])
    assert [progress.path and progress.path.name for progress in index()] == ["animals.txt", "travel.txt", None]
    assert _states(library) == {"animals.txt": FileState.INDEXED, "travel.txt": FileState.INDEXED}
    (collection,) = library.collections()
    assert (collection.name, collection.paths, collection.files, collection.passages) == ("papers", (folder,), 2, 2)


def test_the_page_that_is_read_is_told_of_each_file_and_of_all(
    library: LocalLibrary, tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "TOLD_EVERY", 0)
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(f"{name} one\ftwo\fthree")
    library.add("papers", [tmp_path / "a.txt", tmp_path / "b.txt"])
    sentences = [progress.sentence for progress in index()]
    assert sentences[:2] == ["Reading file 1 of 2: a.txt", "Reading file 1 of 2: a.txt · page 1 of 3"]
    assert sentences[-2:] == ["Reading file 2 of 2: b.txt · page 3 of 3 · 6 pages read so far", ""]
    first = Progress(1, 2, tmp_path / "b.txt", page=1, pages=3, pages_in_all=1)  # a.txt has no pages
    assert first.sentence == "Reading file 2 of 2: b.txt · page 1 of 3 · 1 page read so far"


def test_what_could_not_be_read_is_tried_again_if_wanted(
    library: LocalLibrary, folder: Path, index: Index, reader: TextReader
) -> None:
    (folder / "bad.txt").write_text("damaged")
    library.add("papers", [folder])
    index()
    reader.read_paths.clear()
    index()
    assert reader.read_paths == []
    list(library.index("papers", CancelToken(), retries=True))
    assert reader.read_paths == [folder / "bad.txt"]


def test_indexing_again_reads_nothing(library: LocalLibrary, folder: Path, index: Index, reader: TextReader) -> None:
    library.add("papers", [folder])
    index()
    reader.read_paths.clear()
    assert index() == [Progress(0, 0)]
    assert not reader.read_paths


def test_a_changed_file_is_indexed_again(library: LocalLibrary, folder: Path, index: Index) -> None:
    library.add("papers", [folder])
    index()
    (folder / "animals.txt").write_text("The hound of the moor howls.")
    index()
    assert not library.search(["papers"], "shed sleeps").fits
    assert "howls" in library.search(["papers"], "howls moor").passages[0].text


def test_collections_of_an_earlier_version_are_there(
    library: LocalLibrary, folder: Path, file: Path, index: Index, reader: TextReader
) -> None:
    library.add("papers", [folder])
    index()
    library.close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ALTER TABLE files DROP COLUMN is_locked")
        connection.execute("DROP TABLE last_passage")
        connection.execute("PRAGMA user_version = 1")
    with closing(LocalLibrary(file, reader)) as again:
        assert _states(again) == {"animals.txt": FileState.INDEXED, "travel.txt": FileState.INDEXED}
        assert not again.notice
        (folder / "moon.txt").write_text("The king looks at the moon.")
        list(again.index("papers", CancelToken()))
        assert again.search(["papers"], "Which king looks?").passages[0].path.name == "moon.txt"


def test_a_link_is_left_out_once_its_file_is_read_by_its_own_name(
    library: LocalLibrary, folder: Path, tmp_path: Path, index: Index
) -> None:
    (folder / "animals.txt").rename(tmp_path / "moved.txt")
    (folder / "link.txt").symlink_to(tmp_path / "moved.txt")
    library.add("papers", [folder])
    index()
    assert _states(library).keys() == {"link.txt", "travel.txt"}
    (tmp_path / "moved.txt").rename(folder / "animals.txt")
    (folder / "link.txt").unlink()
    (folder / "link.txt").symlink_to(folder / "animals.txt")
    index()
    assert _states(library) == {"animals.txt": FileState.INDEXED, "travel.txt": FileState.INDEXED}
    assert library.search(["papers"], "shed sleeps").fits


def test_looking_for_files_that_is_stopped_loses_none(library: LocalLibrary, folder: Path, index: Index) -> None:
    library.add("papers", [folder])
    index()
    stop = CancelToken()
    stop.set()
    assert list(library.index("papers", stop)) == [Progress(0, 0)]
    assert set(_states(library).values()) == {FileState.INDEXED}


def test_a_file_that_vanished_is_marked_and_one_that_is_back_is_not(
    library: LocalLibrary, folder: Path, index: Index
) -> None:
    library.add("papers", [folder])
    index()
    animals = folder / "animals.txt"
    animals.rename(folder / "elsewhere")
    index()
    assert _states(library)["animals.txt"] is FileState.MISSING
    assert library.search(["papers"], "Where does the puppy sleep?").passages  # what was read of it stays
    (folder / "elsewhere").rename(animals)
    index()
    assert _states(library)["animals.txt"] is FileState.INDEXED


def test_the_same_text_is_read_once(library: LocalLibrary, folder: Path, index: Index, reader: TextReader) -> None:
    (folder / "copy.txt").write_bytes((folder / "animals.txt").read_bytes())
    library.add("papers", [folder])
    library.add("others", [folder / "copy.txt"])
    index()
    index("others")
    assert [path.name for path in reader.read_paths] == ["animals.txt", "travel.txt"]
    assert len(library.search(["papers", "others"], "puppy").passages) == 1


def test_an_error_concerns_one_file(library: LocalLibrary, folder: Path, index: Index, reader: TextReader) -> None:
    (folder / "broken.txt").write_text("damaged beyond repair")
    library.add("papers", [folder])
    assert [progress.error for progress in index()] == ["", "", "broken.txt is damaged.", ""]
    assert _states(library)["travel.txt"] is FileState.INDEXED
    reader.read_paths.clear()
    index()
    assert not reader.read_paths  # it is not tried again before it changes
    (folder / "broken.txt").write_text("The loaf is fresh.")
    index()
    assert _states(library)["broken.txt"] is FileState.INDEXED


def test_what_was_read_stays_while_the_disk_reads_nothing(
    library: LocalLibrary, folder: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add("papers", [folder])
    index()

    def fail(_: Path) -> tuple[int, int]:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as moment:
        moment.setattr(indexing, "_version_of", fail)
        assert all("couldn’t be read" in progress.error for progress in index()[1:])
    assert {*_states(library).values()} == {FileState.FAILED}
    assert "puppy" in library.search(["papers"], "Where does the hound sleep?").passages[0].text
    index()
    assert {*_states(library).values()} == {FileState.INDEXED}


def _failing(*calls: int) -> Callable[[Path, CancelToken], str]:
    """Return a checksum of files for which the disk fails at some calls, from 1; at all without any."""
    checksum, numbers = indexing._checksum, itertools.count(1)

    def fail_or_read(path: Path, stop: CancelToken) -> str:
        if not calls or next(numbers) in calls:
            raise OSError(errno.EIO, "Input/output error")
        return checksum(path, stop)

    return fail_or_read


def test_a_file_that_the_disk_could_not_read_is_read_once_it_can(
    library: LocalLibrary, folder: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add("papers", [folder])
    index()
    (folder / "animals.txt").write_text("The hound of the moor howls.")
    with monkeypatch.context() as moment:
        moment.setattr(indexing, "_checksum", _failing())
        assert "couldn’t be read" in index()[-1].error
        assert index()[-1].error == ""  # which is known by now
        assert "couldn’t be read" in list(library.index("papers", CancelToken(), retries=True))[-1].error
    assert _states(library)["animals.txt"] is FileState.FAILED
    assert "puppy" in library.search(["papers"], "Where does the hound sleep?").passages[0].text
    index()
    assert _states(library)["animals.txt"] is FileState.INDEXED
    assert "howls" in library.search(["papers"], "howls moor").passages[0].text


def test_a_damaged_file_is_read_again_if_it_was_the_disk_that_failed_meanwhile(
    library: LocalLibrary, folder: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add("papers", [folder / "animals.txt"])
    (folder / "animals.txt").write_text("damaged")
    index()
    list(library.index("papers", CancelToken(), retries=True))
    with monkeypatch.context() as moment:
        moment.setattr(indexing, "_checksum", _failing())
        list(library.index("papers", CancelToken(), retries=True))
    assert index()[0].path == folder / "animals.txt"
    assert index() == [Progress(0, 0)]  # that is damaged


@pytest.mark.parametrize("begins", ["damaged", "Part"])
def test_what_was_read_stays_if_the_disk_fails_while_a_file_is_read(
    library: LocalLibrary,
    folder: Path,
    index: Index,
    reader: TextReader,
    monkeypatch: pytest.MonkeyPatch,
    begins: str,
) -> None:
    """As with a PDF on a share: its reader opens it itself, and can't tell the disk's faults from damage."""
    library.add("papers", [folder / "animals.txt"])
    index()
    (folder / "animals.txt").write_text(f"{begins} of it.")
    reader.notes = [Note(Finding.DAMAGED, (3,))]
    with monkeypatch.context() as moment:
        moment.setattr(indexing, "_checksum", _failing(2))
        assert "couldn’t be read" in index()[-1].error
    assert "puppy" in library.search(["papers"], "Where does the hound sleep?").passages[0].text
    (folder / "animals.txt").write_text("The hound howls.")
    index()
    assert _states(library) == {"animals.txt": FileState.INDEXED}


def test_what_was_read_stays_if_a_reader_meets_a_fault_of_the_disk(
    file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FileReader(TextReader):
        def read(self, path: Path, *, password: str = "", stop: CancelToken | None = None) -> Iterator[Part]:
            return kinds.read(Source(path, password))

    def fail(_: Source) -> Iterator[Part]:
        yield Section("The beginning.")
        raise OSError(errno.EIO, "Input/output error")

    with closing(LocalLibrary(file, FileReader())) as library:
        library.add("papers", [folder / "animals.txt"])
        list(library.index("papers", CancelToken()))
        (folder / "animals.txt").write_text("The hound of the moor howls.")
        with monkeypatch.context() as moment:
            moment.setattr(kinds, "_reader", lambda _: fail)
            assert "couldn’t be read" in list(library.index("papers", CancelToken()))[-1].error
        assert "puppy" in library.search(["papers"], "Whose shed?").passages[0].text
        list(library.index("papers", CancelToken()))
        assert "howls" in library.search(["papers"], "howls moor").passages[0].text


def test_what_may_not_be_looked_at_is_passed_over(
    library: LocalLibrary, folder: Path, tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a folder that may be listed and no more, or one that may not even be entered."""
    stat, hidden = os.stat, {folder / "animals.txt", tmp_path / "private"}

    def refuse_or_look(path: Any, **options: Any) -> os.stat_result:
        if path in hidden or str(path) in {*map(str, hidden)}:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    library.add("papers", [folder, tmp_path / "private"])
    monkeypatch.setattr(os, "stat", refuse_or_look)
    index()
    assert _states(library) == {"travel.txt": FileState.INDEXED}


def test_what_was_read_in_a_folder_that_is_closed_by_now_is_marked_and_stays(
    library: LocalLibrary, folder: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add("papers", [folder])
    index()
    (folder / "moon.txt").write_text("The king looks at the moon.")
    stat, scan = os.stat, os.scandir

    def refuse_or_look(path: Any, **options: Any) -> os.stat_result:
        if str(path).startswith(str(folder / "deep") + os.sep):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    def refuse_or_list(path: Any) -> Any:
        if str(path) == str(folder / "deep"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    with monkeypatch.context() as closed:
        closed.setattr(os, "stat", refuse_or_look)
        closed.setattr(os, "lstat", partial(refuse_or_look, follow_symlinks=False))
        closed.setattr(os, "scandir", refuse_or_list)
        index()
        assert _states(library) == {
            "animals.txt": FileState.INDEXED, "moon.txt": FileState.INDEXED, "travel.txt": FileState.MISSING,
        }  # fmt: skip
        assert "bridge" in library.search(["papers"], "Which bridge?").passages[0].text
    index()
    assert {*_states(library).values()} == {FileState.INDEXED}


def test_collections_open_though_nobody_may_look_at_the_embedding_model(
    file: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat, model = os.stat, tmp_path / "private" / "model.gguf"

    def refuse_or_look(path: Any, **options: Any) -> os.stat_result:
        if str(path) == str(model):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", refuse_or_look)
    with closing(open_library(file, model)) as library:
        library.add("papers", [folder])
        assert library.collection("papers")


def test_what_could_not_be_read_of_a_file_is_told(
    library: LocalLibrary, folder: Path, index: Index, reader: TextReader
) -> None:
    reader.notes = [Note(Finding.PICTURES, (3, 4))]
    library.add("papers", [folder / "animals.txt"])
    index()
    assert library.files("papers")[0].notes == ("Pages 3–4 are pictures with no readable text.",)


def test_indexing_goes_on_where_it_was_stopped(
    library: LocalLibrary, folder: Path, index: Index, reader: TextReader
) -> None:
    library.add("papers", [folder])
    stop = CancelToken()
    for progress in library.index("papers", stop):
        if progress.done == 1:
            stop.set()
    assert [path.name for path in reader.read_paths] == ["animals.txt"]
    index()
    assert [path.name for path in reader.read_paths] == ["animals.txt", "travel.txt"]


def test_what_is_removed_is_no_longer_found(library: LocalLibrary, folder: Path, index: Index) -> None:
    library.add("papers", [folder])
    library.add("travel", [folder / "deep"])
    index()
    index("travel")
    library.remove("papers")
    assert [collection.name for collection in library.collections()] == ["travel"]
    assert not library.search(["papers"], "puppy").passages
    assert library.search(["travel"], "automobile").passages
    library.remove("travel", [folder / "deep"])
    assert library.collection("travel") is not None
    assert not library.files("travel")


def test_files_of_a_conversation_are_no_collection_of_others(library: LocalLibrary, folder: Path, index: Index) -> None:
    library.add("c1", [folder / "animals.txt"], conversation="c1")
    index("c1")
    assert not library.collections()
    assert library.search(["c1"], "puppy").passages


def test_a_question_finds_other_words_of_the_same_meaning(library: LocalLibrary, folder: Path, index: Index) -> None:
    library.add("papers", [folder])
    index()
    found = library.search(["papers"], "dog")
    assert found.fits
    assert found.passages[0].path.name == "animals.txt"


def test_what_says_the_same_is_better_than_what_shares_one_word(
    library: LocalLibrary, folder: Path, index: Index
) -> None:
    (folder / "station.txt").write_text("This station has clocks.")
    library.add("papers", [folder])
    index()
    question = "Does my tired dog rest somewhere while I wait at a station?"
    found = library.search(["papers"], question, budget=10).passages
    assert [passage.path.name for passage in found] == ["animals.txt"]


def test_a_question_about_something_else_fits_nothing(library: LocalLibrary, folder: Path, index: Index) -> None:
    library.add("papers", [folder])
    index()
    assert not library.search(["papers"], "How much is a ticket to Lisbon?").fits


def test_only_the_collections_asked_are_searched(library: LocalLibrary, folder: Path, index: Index) -> None:
    library.add("papers", [folder / "animals.txt"])
    library.add("travel", [folder / "deep"])
    index()
    index("travel")
    assert [found.path.name for found in library.search(["travel"], "puppy automobile").passages] == ["travel.txt"]


def test_neighbors_are_joined_within_the_budget(library: LocalLibrary, folder: Path, index: Index) -> None:
    pages = [f"Page {number}. {FILLER}" for number in range(10)]
    pages[5] = "The lunar year. " + FILLER
    (folder / "long.txt").write_text("\f".join(pages))
    library.add("papers", [folder / "long.txt"])
    index()
    small, large = (library.search(["papers"], "moon", budget=budget).passages for budget in (100, 1000))
    assert [len(passage.numbers) for passage in small] == [1]
    assert small[0].place.page == 6
    best = max(large, key=lambda passage: passage.score)
    assert best.place.page == 5
    assert best.text.startswith("Page 4.")
    assert len(best.numbers) == 3


def test_the_whole_text_is_given_if_it_fits(library: LocalLibrary, folder: Path, index: Index) -> None:
    library.add("papers", [folder])
    index()
    assert [passage.text for passage in library.whole_text(["papers"], budget=100)] == [
        "The puppy sleeps in the shed.",
        "The automobile crosses the bridge.",
    ]
    assert not library.whole_text(["papers"], budget=10)


def test_vectors_of_two_models_are_never_mixed(file: Path, folder: Path, reader: TextReader) -> None:
    first, second = WordEmbedder("first"), WordEmbedder("second")
    with closing(LocalLibrary(file, reader, [first])) as library:
        library.add("papers", [folder / "animals.txt"])
        list(library.index("papers", CancelToken()))
    with closing(LocalLibrary(file, reader, [second])) as library:
        assert not library.search(["papers"], "dog").passages
        list(library.index("papers", CancelToken()))
        assert library.search(["papers"], "dog").passages
        assert (second.count, len(reader.read_paths)) == (1, 1)  # it is not read again


def test_a_passage_is_found_by_the_vectors_of_any_embedder_that_has_made_all(
    file: Path, folder: Path, reader: TextReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OtherWords(WordEmbedder):
        _GROUPS = ("bridge viaduct", "shed hut")

    monkeypatch.setattr(indexing, "BATCH", 2)
    (folder / "long.txt").write_text("\f".join([f"The queen waits. {FILLER}"] * 3))
    with closing(LocalLibrary(file, reader, [WordEmbedder("first"), OtherWords("second")])) as library:
        library.add("papers", [folder])
        stop, progress = CancelToken(), list[str]()
        for each in library.index("papers", stop):
            progress.append(each.sentence)
            if each.embedded == 7:
                stop.set()
        made = [f"Indexing passages by meaning… {percent}%" for percent in (0, 20, 40, 50, 70)]
        assert progress[-5:] == made  # of 5 passages, twice
        assert library.search(["papers"], "hound").fits
        assert not library.search(["papers"], "hut").passages
        list(library.index("papers", CancelToken()))
        hound, hut, viaduct = (library.search(["papers"], word) for word in ("hound", "hut", "viaduct"))
        assert [found.passages[0].path.name for found in (hound, hut, viaduct)] == [
            "animals.txt", "animals.txt", "travel.txt",
        ]  # fmt: skip
        assert viaduct.fits


class _LostModel(WordEmbedder):
    """An embedding model whose file can't be used for questions, as on a disk that is gone by now.

    Attributes:
        asked: how often it was.
        trouble: what then comes of it; None to embed the question.
    """

    def __init__(self, trouble: PhichatError | None) -> None:
        super().__init__("model")
        self.asked, self.trouble = 0, trouble

    def embed_passages(self, passages: Sequence[Passage]) -> list[NDArray[np.float32]]:
        return [super(_LostModel, self).embed_question(each.searched_text)[np.newaxis] for each in passages]

    def embed_question(self, text: str) -> NDArray[np.float32]:
        self.asked += 1
        if self.trouble:
            raise self.trouble
        return super().embed_question(text)


@pytest.mark.parametrize("trouble", [ModelMissing("It isn’t there."), EngineDied("It ended.")])
def test_questions_are_answered_without_an_embedding_model_that_cannot_be_used(
    file: Path, folder: Path, reader: TextReader, trouble: PhichatError
) -> None:
    model = _LostModel(trouble)
    with closing(LocalLibrary(file, reader, [WordEmbedder("built in"), model])) as library:
        library.add("papers", [folder])
        list(library.index("papers", CancelToken()))
        found = library.search(["papers"], "Where does the hound rest?")
        assert (found.fits, found.passages[0].path.name) == (True, "animals.txt")
        assert "bridge" in library.search(["papers"], "Which bridge?").passages[0].text
    assert model.asked == 2


def test_what_another_embedder_knows_is_found_while_the_one_that_knows_most_cannot_be_used(
    file: Path, folder: Path, reader: TextReader
) -> None:
    model = _LostModel(None)
    with closing(LocalLibrary(file, reader, [WordEmbedder("built in")])) as library:
        library.add("papers", [folder / "animals.txt"])
        list(library.index("papers", CancelToken()))
    with closing(LocalLibrary(file, reader, [model])) as library:
        library.add("papers", [folder])
        list(library.index("papers", CancelToken()))
    with closing(LocalLibrary(file, reader, [WordEmbedder("built in"), model])) as library:
        assert library.search(["papers"], "vehicle").passages[0].path.name == "travel.txt"
        model.trouble = EngineDied("It ended.")
        assert not library.search(["papers"], "vehicle").passages
        assert library.search(["papers"], "hound").fits


def test_no_model_is_asked_whose_ranking_would_not_count(
    file: Path, folder: Path, reader: TextReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BATCH", 1)
    model = _LostModel(None)
    with closing(LocalLibrary(file, reader, [WordEmbedder("built in"), model])) as library:
        library.add("papers", [folder])
        stop = CancelToken()
        for each in library.index("papers", stop):
            if each.embedded == 3:
                stop.set()
        assert library.search(["papers"], "hound").fits
        assert model.asked == 0
        list(library.index("papers", CancelToken()))
        assert library.search(["papers"], "hound").fits
        assert model.asked == 1
        library.add("empty", [folder / "picture.png"])
        assert not library.search(["empty"], "hound").passages
        assert model.asked == 1


def test_words_are_searched_before_there_are_vectors(library: LocalLibrary, folder: Path) -> None:
    library.add("papers", [folder])
    progress = library.index("papers", CancelToken())
    while next(progress).path:
        pass
    assert library.search(["papers"], "Whose shed is it?").passages
    assert not library.search(["papers"], "dog").passages
    assert not list(progress)
    assert library.search(["papers"], "dog").passages


def test_vectors_that_nothing_searches_any_more_are_deleted_once_there_are_others(
    file: Path, folder: Path, reader: TextReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of a model that the user chose stay, though another one is used now."""
    monkeypatch.setattr(indexing, "BATCH", 50)
    (folder / "animals.txt").write_text("\f".join([f"The puppy sleeps. {FILLER}"] * 120))

    class Wide(WordEmbedder):
        def embed_passages(self, passages: Sequence[Passage]) -> list[NDArray[np.float32]]:
            return [np.tile(each, 500) for each in super().embed_passages(passages)]

    with closing(LocalLibrary(file, reader, [Wide("built in"), WordEmbedder("chosen")])) as library:
        library.add("animals", [folder / "animals.txt"])
        library.add("travel", [folder / "deep"])
        for name in ("animals", "travel"):
            list(library.index(name, CancelToken()))
    before = file.stat().st_size
    better = WordEmbedder("built in, better")
    better.former_ids = ("built in", "built in long ago")
    with closing(LocalLibrary(file, reader, [better])) as library:
        list(library.index("travel", CancelToken()))
        assert _vectors(file) == {"built in": 120, "chosen": 121, "built in, better": 1}
        list(library.index("animals", CancelToken()))
        assert _vectors(file) == {"chosen": 121, "built in, better": 121}
        assert library.search(["animals"], "dog").passages
    assert file.stat().st_size < before - 120 * 4000


def _vectors(file: Path) -> dict[str, int]:
    """How many passages each embedder has vectors of."""
    counted = "SELECT id, count(passage) FROM embedders LEFT JOIN vectors ON embedder = embedders.number GROUP BY id"
    with closing(sqlite3.connect(file)) as database:
        return dict(database.execute(counted).fetchall())


def test_vectors_are_made_with_progress_and_where_that_was_stopped(
    library: LocalLibrary, folder: Path, index: Index, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BATCH", 2)
    (folder / "animals.txt").write_text("\f".join([f"The puppy sleeps. {FILLER}"] * 5))
    library.add("papers", [folder / "animals.txt"])
    stop = CancelToken()
    sentences = []
    for progress in library.index("papers", stop):
        sentences.append(progress.sentence)
        if progress.embedded == 4:
            stop.set()
    assert sentences[-3:] == [f"Indexing passages by meaning… {percent}%" for percent in (0, 40, 80)]
    before = embedder.count
    index()
    assert embedder.count == before * 5 / 4


def test_without_an_embedder_words_are_searched(file: Path, folder: Path, reader: TextReader) -> None:
    with closing(LocalLibrary(file, reader)) as library:
        library.add("papers", [folder / "animals.txt"])
        list(library.index("papers", CancelToken()))
        assert library.search(["papers"], "Whose shed is it?").passages
        assert not library.search(["papers"], "dog").passages


def test_everything_is_there_after_a_restart(file: Path, folder: Path, reader: TextReader) -> None:
    for _ in range(2):
        with closing(LocalLibrary(file, reader, [WordEmbedder()])) as library:
            library.add("papers", [folder / "animals.txt"])
            list(library.index("papers", CancelToken()))
            assert library.search(["papers"], "dog").passages
    assert len(reader.read_paths) == 1
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_damaged_index_is_set_aside_and_begun_anew(file: Path, reader: TextReader) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no database " * 1000)
    with closing(LocalLibrary(file, reader)) as library:
        assert "damaged" in library.notice
        assert not library.collections()
    assert file.with_name("documents.sqlite3.damaged").read_bytes().startswith(b"no database")


def test_an_index_of_a_newer_version_stays_as_it_is(file: Path, reader: TextReader) -> None:
    with closing(LocalLibrary(file, reader)):
        pass
    import sqlite3

    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer version"):
        LocalLibrary(file, reader)


def test_files_with_odd_names_and_what_is_no_file_do_no_harm(
    library: LocalLibrary, folder: Path, index: Index, tmp_path: Path
) -> None:
    odd = folder / "a'; DROP TABLE files; -- \n\u202e.txt"
    odd.write_text("The king wears crimson.")
    library.add("papers", [folder, tmp_path / "not there", Path("/dev/zero")])
    index()
    assert _states(library)[odd.name] is FileState.INDEXED
    assert _states(library)["zero"] is FileState.FAILED
    assert library.search(["papers"], 'king " OR NEAR( *').passages[0].path == odd


def test_a_collection_may_be_removed_while_it_is_indexed(file: Path, library: LocalLibrary, folder: Path) -> None:
    library.add("papers", [folder])
    for progress in library.index("papers", CancelToken()):
        if progress.done == 0 and progress.path:
            library.remove("papers")
    assert not library.collections()
    with closing(DocumentDatabase(file)) as database:
        texts = database.read(lambda connection: connection.execute("SELECT count(*) FROM texts").fetchone()[0])
    assert texts == 0


def test_files_may_be_removed_while_they_are_searched(
    file: Path,
    library: LocalLibrary,
    folder: Path,
    index: Index,
    embedder: WordEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library.add("papers", [folder / "animals.txt"])
    library.add("travel", [folder / "deep"])
    index()
    index("travel")
    embed = embedder.embed_question

    def remove_and_embed(text: str) -> NDArray[np.float32]:
        with closing(LocalLibrary(file, TextReader())) as another:  # as of another process
            another.remove("papers")
        return embed(text)

    monkeypatch.setattr(embedder, "embed_question", remove_and_embed)
    found = library.search(["papers", "travel"], "Does the puppy sleep in the car?")
    assert [passage.path.name for passage in found.passages] == ["travel.txt"]


def test_vectors_in_memory_are_not_taken_for_those_of_what_came_since(
    library: LocalLibrary, folder: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With many passages they are kept for a while, though files are added and removed."""
    monkeypatch.setattr(vector_search, "SLOW", -1.0)
    monkeypatch.setattr(vector_search, "KEPT", 1e9)
    library.add("papers", [folder / "animals.txt", folder / "deep" / "travel.txt"])
    index()
    assert library.search(["papers"], "Which car?").passages[0].path.name == "travel.txt"
    library.remove("papers", [folder / "deep" / "travel.txt"])
    (folder / "bread.txt").write_text("Someone bakes a loaf.")
    library.add("papers", [folder / "bread.txt"])
    index()
    assert library.search(["papers"], "Which hound?").passages[0].path.name == "animals.txt"
    assert not library.search(["papers"], "Which car?").fits
    assert library.search(["papers"], "Who bakes?").passages[0].path.name == "bread.txt"  # by its words


def test_vectors_are_not_stored_for_what_took_the_place_of_their_passage(
    file: Path, library: LocalLibrary, folder: Path, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add("papers", [folder / "animals.txt"])
    embed = embedder.embed_passages

    def replace_and_embed(passages: Sequence[Passage]) -> list[NDArray[np.float32]]:
        monkeypatch.undo()
        with closing(LocalLibrary(file, TextReader())) as another:  # as of another process, without an embedder
            another.remove("papers")
            another.add("travel", [folder / "deep"])
            list(another.index("travel", CancelToken()))
        return embed(passages)

    monkeypatch.setattr(embedder, "embed_passages", replace_and_embed)
    list(library.index("papers", CancelToken()))
    list(library.index("travel", CancelToken()))
    assert library.search(["travel"], "Which car?").fits
    assert not library.search(["travel"], "Which hound?").fits


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are any bytes there")
def test_what_is_no_unicode_does_no_harm(library: LocalLibrary, folder: Path, index: Index) -> None:
    odd = folder / os.fsdecode(b"caf\xe9.txt")
    odd.write_text("The vehicle crosses the ocean.")
    broken = folder / os.fsdecode(b"damaged\xe9.txt")
    broken.write_text("damaged")
    library.add("papers\udcff", [folder])
    index("papers\udcff")
    states = {status.path: status.state for status in library.files("papers\udcff")}
    assert (states[odd], states[broken]) == (FileState.INDEXED, FileState.FAILED)
    (collection,) = library.collections()
    assert library.search([collection.name], "Which ocean\udcff?").passages[0].path == odd
