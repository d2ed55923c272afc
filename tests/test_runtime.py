"""How our programs start where Python is frozen into them."""

import os
import sys
from pathlib import Path

import pytest

from phichat import runtime
from phichat.diagnostics import licences
from phichat.engine.base import CancelToken, Loaded, ModelRef
from phichat.engine.process.child_process import child_environment
from phichat.engine.process.engine_process import EngineProcess
from phichat.engine.settings import suggested
from phichat.models.library import Library
from phichat.paths import Home

AS_IF_FROZEN = (
    "import sys; sys.frozen = True; sys.argv = ['phichat', '--part', 'phichat.engine.process.worker'];"
    "from phichat.__main__ import main; main()"
)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the program is that this is frozen into."""
    program = tmp_path / "Phichat" / "phichat"
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(program))
    return program


def test_the_program_is_its_own_parts(program: Path) -> None:
    assert runtime.process_command() == [str(program)]
    command = runtime.process_command("phichat.engine.process.worker")
    assert command[0] == str(program)
    assert runtime.module_argument(command) == "phichat.engine.process.worker"


@pytest.mark.parametrize(
    ("where", "what"),
    [("Phichat/phichat", "Phichat"), ("Phichat.app/Contents/MacOS/phichat", "Phichat.app/Contents/Resources")],
)
def test_a_bundle_finds_the_licences_it_brings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str, what: str
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / where))
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert licences.licence_file() is None
    file = tmp_path / what / "THIRD-PARTY.txt"
    file.parent.mkdir(parents=True)
    file.touch()
    assert licences.licence_file() == file
    monkeypatch.setattr(sys, "frozen", False)
    assert licences.licence_file() is None


@pytest.mark.parametrize("arguments", [[], ["ask", "--part"], ["--part", "os"], ["--part", "phichat.x", "more"]])
@pytest.mark.usefixtures("program")
def test_nothing_else_can_be_run_that_way(arguments: list[str]) -> None:
    assert runtime.module_argument(["phichat", *arguments]) == ""


def test_a_checkout_has_no_parts() -> None:
    assert runtime.module_argument(["phichat", "--part", "phichat.engine.process.worker"]) == ""


def test_as_a_part_it_runs_a_model(phi3_model: Path) -> None:
    engine = EngineProcess(command=[sys.executable, "-c", AS_IF_FROZEN])
    try:
        assert isinstance(
            engine.load(ModelRef.of_file(phi3_model), suggested(512), CancelToken(), lambda _: None), Loaded
        )
    finally:
        engine.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the loader does that there alone")
@pytest.mark.parametrize("original", [None, "/opt/theirs"])
@pytest.mark.usefixtures("program")
def test_other_programs_find_their_own_libraries(monkeypatch: pytest.MonkeyPatch, original: str | None) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/somewhere/Phichat/_internal")
    monkeypatch.setenv("_PYI_ARCHIVE_FILE", "/somewhere/Phichat/phichat")
    monkeypatch.delenv("LD_LIBRARY_PATH_ORIG", raising=False)
    if original:
        monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", original)
    runtime.give_back_environment()
    assert os.environ.get("LD_LIBRARY_PATH") == original
    assert not {"LD_LIBRARY_PATH_ORIG", "_PYI_ARCHIVE_FILE"} & set(os.environ)


@pytest.mark.usefixtures("program")
def test_no_other_python_is_led_to_what_is_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert "PYTHONPATH" not in child_environment()


@pytest.mark.parametrize("place", ["phichat", "Phichat.app/Contents/MacOS/phichat"])
def test_a_starter_beside_the_program_is_found(
    program: Path, place: str, home: Path, chatml_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(program.parent / place))
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr("phichat.models.library.STARTER_PACKAGE", "phichat_has_it_beside")
    folder = program.with_name("starter") / "phichat_has_it_beside"
    folder.mkdir(parents=True)
    (folder / "small.gguf").write_bytes(chatml_model.read_bytes())
    runtime.add_bundled_starter()
    assert Library(Home(home)).find_model("starter").path == folder / "small.gguf"
