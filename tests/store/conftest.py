"""A history of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from phichat.store.history import History


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where it is."""
    return tmp_path / "home" / "history.sqlite3"


@pytest.fixture
def history(file: Path) -> Iterator[History]:
    """Open, and empty."""
    history = History(file)
    assert history.ready.result() == ""
    yield history
    history.close()
