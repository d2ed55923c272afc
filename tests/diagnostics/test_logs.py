"""What the app did is written down, whatever other programs do to the file."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from phichat.diagnostics import logs


@pytest.fixture(autouse=True)
def _stops_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("sys.excepthook", None)
    monkeypatch.setattr("threading.excepthook", None)
    monkeypatch.setattr(logging, "raiseExceptions", True)
    root = logging.getLogger("phichat")
    handlers, propagates = list(root.handlers), root.propagate
    yield
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
        handler.close()
    root.propagate = propagates


def test_a_long_log_is_put_aside(home: Path) -> None:
    (home / "logs").mkdir(parents=True)
    (home / "logs" / "phichat.log").write_bytes(b"x" * 600_000)
    logs.start_logging(home / "logs")
    logging.getLogger("phichat").info("begun")
    assert "begun" in (home / "logs" / "phichat.log").read_text()
    assert (home / "logs" / "phichat.old.log").stat().st_size == 600_000


@pytest.mark.parametrize("error", [FileNotFoundError, PermissionError])
def test_one_that_another_program_holds_or_has_put_aside_is_gone_on_with(
    home: Path, monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    def refuse(*_: object) -> None:
        raise error

    (home / "logs").mkdir(parents=True)
    (home / "logs" / "phichat.log").write_bytes(b"x" * 600_000)
    monkeypatch.setattr(Path, "replace", refuse)
    logs.start_logging(home / "logs")
    logging.getLogger("phichat").info("begun")
    assert "begun" in (home / "logs" / "phichat.log").read_text()
