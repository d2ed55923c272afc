"""What `phichat doctor` finds out, on healthy computers and on sick ones."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import pytest

from phichat import __version__, cli
from phichat.diagnostics.doctor import examine_loaded, report_lines
from phichat.engine.base import Engine, EngineSettings, Loaded
from phichat.engine.process.engine_process import EngineProcess
from phichat.engine.prompt_cache import PromptCache
from phichat.engine.remote.base import Server
from phichat.engine.settings import Measured, TuningStore
from phichat.engine.states import State
from phichat.engines import make_engine
from phichat.models.library import Library
from phichat.paths import Home

CRASHING = (sys.executable, "-c", "import os, sys; sys.stdin.readline(); os.kill(os.getpid(), 4)")


def no_window(*_: object) -> int:
    raise AssertionError


Doctor = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _no_other_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("phichat.models.library.STARTER_PACKAGE", "phichat_has_no_such_package")


@pytest.fixture
def model(home: Path, chatml_model: Path) -> Path:
    """The only model on this disk."""
    (home / "models").mkdir(parents=True)
    return Path(shutil.copy(chatml_model, home / "models" / "only.gguf"))


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Runs `phichat doctor --json`."""

    def run(make: Callable[[Home], Engine] = make_engine) -> dict[str, Any]:
        assert cli.run(["doctor", "--json"], no_window, make) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return run


def test_it_tries_the_model_and_says_what_it_runs_on(doctor: Doctor, model: Path) -> None:
    found = doctor()
    engine = found["engine"]
    assert (engine["model"], engine["error"], engine["notices"]) == ("only", None, [])
    assert engine["settings"]["context"] == 512
    assert engine["library"] == f"llama-cpp-python {metadata.version('llama-cpp-python')}"
    assert engine["process_bytes"] > model.stat().st_size
    assert engine["needed_bytes"] > model.stat().st_size
    assert "CPU" in found["cpu"]["features"]
    assert isinstance(found["gpu"]["offload"], bool)


@pytest.mark.usefixtures("model")
def test_it_describes_this_computer(doctor: Doctor, home: Path) -> None:
    found = doctor()
    assert found["versions"]["phichat"] == __version__
    assert found["versions"]["huggingface_hub"] == metadata.version("huggingface_hub")
    assert found["versions"]["PySide6-Essentials"]
    assert found["memory"]["total_bytes"] == psutil.virtual_memory().total
    assert 1 <= found["cpu"]["usable_cores"] <= (os.cpu_count() or 1)
    assert found["disk"]["writable"]
    assert abs(found["disk"]["free_bytes"] - shutil.disk_usage(home).free) < 10**9
    assert found["paths"]["home"] == str(home)
    assert [line["name"] for line in found["models"]] == ["only"]


@pytest.mark.usefixtures("model")
def test_people_read_the_same_in_their_words(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    assert cli.run(["doctor"], no_window) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for said in ("Versions", f"phichat             {__version__}", "flash_attention", str(home / "models"), "only"):
        assert said in out


def test_without_a_model_it_says_so_and_goes_on(doctor: Doctor) -> None:
    found = doctor()
    assert "no model to test the engine with" in found["engine"]["error"]
    assert found["engine"]["settings"]["threads"] >= 1
    assert found["cpu"]["features"] is None


def test_a_damaged_model_is_a_finding(doctor: Doctor, model: Path) -> None:
    os.truncate(model, model.stat().st_size - 1000)
    assert "only.gguf is incomplete" in doctor()["engine"]["error"]


@pytest.mark.skipif(sys.platform == "win32", reason="crashes are signals elsewhere")
@pytest.mark.usefixtures("model")
def test_a_library_that_crashes_is_a_finding(doctor: Doctor) -> None:
    engine = doctor(lambda _: EngineProcess(command=CRASHING))["engine"]
    assert "Safer settings didn’t help" in engine["error"]
    assert any("Trying again" in notice for notice in engine["notices"])
    assert engine["library"] is None


@pytest.mark.usefixtures("model")
def test_what_worked_before_is_shown(doctor: Doctor, home: Path) -> None:
    (home / "engine.json").write_text('{"this computer, a model": {"repacking": false}}')
    assert doctor()["remembered"] == {"this computer, a model": {"repacking": False}}


def test_a_home_that_is_no_folder_is_a_finding(doctor: Doctor, home: Path) -> None:
    home.write_text("a file where the folder should be")
    assert not doctor()["disk"]["writable"]


def test_what_was_measured_and_what_is_remembered_is_shown(doctor: Doctor, home: Path, model: Path) -> None:
    assert doctor()["engine"]["fastest"] is None
    TuningStore(home / "engine.json").save_fastest(model, Measured(EngineSettings(batch=256), 106.8, 12.8))
    PromptCache(home / "states", 10**9).save_state("model", State(range(100), bytes(1000)))
    facts = doctor()
    assert (facts["engine"]["fastest"]["reads"], facts["engine"]["fastest"]["batch"]) == (106.8, 256)
    assert facts["states"]["files"] == 1
    assert facts["states"]["budget_bytes"] == 4 * 10**9


def test_weights_that_memory_does_not_allow_to_repack_are_told(doctor: Doctor, home: Path, model: Path) -> None:
    measured = Measured(EngineSettings(), 106.8, 12.8)
    TuningStore(home / "engine.json").save_fastest(model, measured)
    assert "repacked weights" not in "\n".join(report_lines(doctor()))
    TuningStore(home / "engine.json").save_fastest(model, measured, lacked_memory=True)
    text = "\n".join(report_lines(doctor()))
    assert "repacked weights" in text
    assert "not enough memory to use them" in text


def test_a_model_on_a_server_is_named(home: Path) -> None:
    model = Server("gaming", "http://gaming-pc:8080/v1").model("tiny")
    loaded = Loaded(model, "", 0, "llama.cpp", EngineSettings())
    facts = examine_loaded(Library(Home(home)), Home(home), loaded, None)
    assert (facts["engine"]["model"], facts["engine"]["library"]) == ("gaming/tiny", "llama.cpp")
    assert facts["engine"]["error"] is None
