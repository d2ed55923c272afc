"""What every test of downloads has: a home, and waits that are short."""

from pathlib import Path

import pytest

from phichat.models.download import retry
from phichat.paths import Home


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that people do not notice are not worth a test's time."""
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(retry, "MAX_WAIT", 0.1)


@pytest.fixture
def place(home: Path) -> Home:
    return Home(home)
