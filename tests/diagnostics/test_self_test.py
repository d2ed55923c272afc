"""`phichat --self-test` on an installation that works, and on some that do not."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from targets import self_test_model

from phichat import cli
from phichat.diagnostics.self_test import ANSWER

DYING = [sys.executable, "-c", "import os, sys; sys.stdin.readline(); os._exit(3)"]

Run = Callable[[], tuple[int, dict[str, Any], str]]


@pytest.fixture
def self_test(capsys: pytest.CaptureFixture[str], home: Path) -> Run:
    """The exit status, what it says in JSON, and what it says in words. Nothing is left in the person's home."""

    def run() -> tuple[int, dict[str, Any], str]:
        status = cli.run(["--self-test"], lambda *_: 1)
        out, err = capsys.readouterr()
        assert not home.exists()
        return status, json.loads(out), err

    return run


@pytest.fixture
def without_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phichat.diagnostics.self_test._check_window", lambda *_: {})


def test_what_works_is_said_to_work_and_how(self_test: Run) -> None:
    status, found, words = self_test()
    assert (status, found["ok"], found["error"], words) == (0, True, None, "")
    assert set(found["checks"].values()) == {None}
    assert (found["text"], len(found["tokens"])) == (ANSWER, 3)
    assert "CPU" in found["cpu"]["features"]
    assert found["engine"]["threads"] >= 1
    assert found["window"]["platform"] == "offscreen"


@pytest.mark.usefixtures("without_window")
def test_a_processor_that_computes_wrongly_is_found_out(
    self_test: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    self_test_model.write(tmp_path / "self-test.gguf", (".", "Everything"))
    monkeypatch.setattr("phichat.diagnostics.self_test.resource", tmp_path.joinpath)
    status, found, words = self_test()
    assert (status, found["ok"]) == (1, False)
    assert "answered “.Everything” instead of “Everything works.”" in found["checks"]["engine"]
    assert found["error"] in words
    assert words.count("\n") == 1
    assert found["checks"]["history"] is None


def test_the_model_is_what_its_script_writes(tmp_path: Path) -> None:
    made = self_test_model.write(tmp_path / "made.gguf")
    assert made.read_bytes() == self_test_model.FILE.read_bytes()
    assert made.stat().st_size < 700_000


@pytest.mark.usefixtures("without_window")
def test_what_is_missing_is_named(self_test: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setitem(sys.modules, "hf_xet", None)
    monkeypatch.setattr("phichat.engine.process.engine_process.runtime.process_command", lambda _: DYING)
    status, found, _ = self_test()
    assert status == 1
    assert "process stopped" in found["checks"]["engine"]
    assert "certificates" in found["checks"]["certificates"]
    assert "hf_xet" in found["checks"]["hub"]
    assert found["checks"]["translations"] is None


def test_a_window_that_cannot_be_made_is_a_finding(self_test: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "nonsense")
    status, found, _ = self_test()
    assert status == 1
    assert "no Qt platform plugin" in found["checks"]["window"]
    assert found["checks"]["engine"] is None
