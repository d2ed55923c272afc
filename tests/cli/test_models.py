"""`phichat models` as people and scripts use it, with a Hub of our own."""

import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from phichat import cli, i18n
from phichat.cli.console import Console
from phichat.cli.download import Reporter
from phichat.models.base import Phase, Progress
from phichat.models.catalogue import CATALOGUE, PHI_3
from phichat.models.download import retry
from tests.support import odd_files, tiny_models
from tests.support.hub import faults
from tests.support.hub.server import HubServer

KEYS = {
    "name", "title", "path", "source", "bytes", "on_disk", "repo", "file", "licence", "official", "bytes_exact",
    "bytes_here", "memory_bytes", "tokens_per_second_estimate", "sha256", "published_sha256", "confirmed", "note",
}  # fmt: skip

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _no_other_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("phichat.models.library.STARTER_PACKAGE", "phichat_has_no_such_package")


@pytest.fixture
def phichat(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `phichat models`; its exit status, and what it wrote to stdout and stderr."""

    def run(*arguments: str, said: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(said))
        status = cli.run(["models", *arguments], _no_window)
        return (status, *capsys.readouterr())

    return run


@pytest.fixture
def served(hub: HubServer, chatml_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubServer:
    """A Hub with a tiny Phi-3 under its true name."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    hub.add(PHI_3.repo, PHI_3.file, chatml_model)
    hub.add(PHI_3.repo, "README.md", b"hello")
    return hub


def test_a_list_shows_every_model_with_its_figures(phichat: Run) -> None:
    status, out, err = phichat("list")
    assert (status, err) == (0, "")
    first, *_, last = [line for line in out.splitlines() if "phi-" in line]
    assert first.split()[0] == PHI_3.name
    for said in ("2.4\u00a0GB", "not downloaded", "MIT", "4.3\u00a0GB", "tokens/s", PHI_3.repo):
        assert said in first
    assert "about 2.4\u00a0GB" in last
    assert "(community)" in last


def test_a_list_of_what_is_here_needs_no_network_library() -> None:
    code = "import sys; from phichat import cli; cli.run(['models', 'list'], None); print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout
    loaded = set(out.splitlines()[-1].split())
    assert "phichat.models.manager" in loaded
    assert not loaded & {"httpx2", "huggingface_hub", "wakepy", "ssl", "PySide6"}


def test_a_list_for_programs_says_where_models_come_from(phichat: Run, served: HubServer) -> None:
    assert phichat("download", PHI_3.name)[0] == 0
    rows = [json.loads(line) for line in phichat("list", "--json")[1].splitlines()]
    assert [row["name"] for row in rows] == list(CATALOGUE)
    assert all(set(row) == KEYS for row in rows)
    first, second = rows[:2]
    assert (first["repo"], first["file"], first["on_disk"], first["licence"]) == (PHI_3.repo, PHI_3.file, True, "MIT")
    assert (first["confirmed"], first["bytes_exact"], first["bytes_here"]) == (None, True, first["bytes"])
    assert len(first["sha256"]) == 64
    assert first["tokens_per_second_estimate"] > 0
    assert (second["on_disk"], second["path"], second["bytes_exact"]) == (False, None, False)


def test_the_hub_confirms_sizes_when_asked(phichat: Run, served: HubServer, chatml_model: Path) -> None:
    rows = [json.loads(line) for line in phichat("list", "--online", "--json")[1].splitlines()]
    assert [row["confirmed"] for row in rows] == [True] + [False] * (len(rows) - 1)
    assert rows[0]["bytes"] == chatml_model.stat().st_size
    assert "not on the Hub" in phichat("list", "--online")[1]


def test_a_row_that_the_hub_refuses_leaves_the_others(phichat: Run, served: HubServer, chatml_model: Path) -> None:
    last = list(CATALOGUE.values())[-1]
    served.add(last.repo, last.file, chatml_model)
    served.gate(PHI_3.repo)
    status, out, err = phichat("list", "--online")
    assert status == 0
    assert last.name in out
    assert f"{PHI_3.name}: To download {PHI_3.repo}, accept its terms" in err
    rows = [json.loads(line) for line in phichat("list", "--online", "--json")[1].splitlines()]
    assert (rows[0]["confirmed"], rows[-1]["confirmed"], rows[-1]["note"]) == (None, True, None)
    assert "accept its terms at" in rows[0]["note"]


def test_without_the_hub_a_list_online_is_one_sentence(phichat: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    status, out, err = phichat("list", "--online")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "HF_HUB_OFFLINE" in err


def test_a_repositorys_files_are_listed(phichat: Run, served: HubServer, chatml_model: Path) -> None:
    served.add("owner/repo", "a-Q4.gguf", chatml_model)
    served.add("owner/repo", "b-00001-of-00002.gguf", b"part")
    status, out, err = phichat("files", "owner/repo")
    assert status == 0
    assert "owner/repo:a-Q4.gguf" in out
    assert "00001" not in out
    assert "`phichat models download owner/repo:a-Q4.gguf`" in err
    assert json.loads(phichat("files", "owner/repo", "--json")[1])["name"] == "owner/repo:a-Q4.gguf"
    assert phichat("files", "owner/none")[0] == 1


def test_phi_3_is_fetched_verified_and_named(phichat: Run, served: HubServer, home: Path, chatml_model: Path) -> None:
    status, out, _ = phichat("download", PHI_3.name)
    file = home / "models" / PHI_3.file
    assert (status, out) == (0, f"{PHI_3.name} has been downloaded to {file}\n")
    assert file.read_bytes() == chatml_model.read_bytes()
    asked = len(served.requests)
    assert phichat("download", PHI_3.name)[:2] == (status, out)
    assert len(served.requests) == asked
    assert "is intact" in phichat("verify", PHI_3.name)[1]


def test_any_file_of_the_hub_is_fetched(phichat: Run, served: HubServer, home: Path, chatml_model: Path) -> None:
    sha256 = served.add("owner/repo", "deep/x.gguf", chatml_model, licence="apache-2.0")
    status, out, err = phichat("download", "owner/repo:deep/x.gguf", "--json")
    *progress, done = [json.loads(line) for line in out.splitlines()]
    assert (status, err) == (0, "")
    assert all(set(line) == {"event", "phase", "done", "total", "speed", "seconds_left", "note"} for line in progress)
    assert progress[0]["phase"] == "asking"
    file = home / "models" / "x.gguf"
    assert done == {
        "event": "done", "name": "x", "path": str(file), "bytes": file.stat().st_size, "sha256": sha256,
    }  # fmt: skip
    row = json.loads(phichat("list", "--json")[1].splitlines()[-1])
    assert (row["name"], row["repo"], row["file"], row["sha256"]) == ("x", "owner/repo", "deep/x.gguf", sha256)
    assert phichat("download", "owner/repo:deep/x.gguf")[0] == 0


@pytest.mark.parametrize(
    "address", ["owner/repo:deep/x.gguf", "https://huggingface.co/owner/repo/blob/main/deep/x.gguf"]
)
def test_a_model_is_verified_and_removed_by_the_name_it_was_fetched_by(
    phichat: Run, served: HubServer, home: Path, chatml_model: Path, address: str
) -> None:
    served.add("owner/repo", "deep/x.gguf", chatml_model)
    for action in ("verify", "remove"):
        status, out, err = phichat(action, address)
        assert (status, out) == (1, "")
        assert f"{address} isn’t downloaded. Run `phichat models download {address}`" in err
    assert phichat("download", address)[0] == 0
    assert "x is intact" in phichat("verify", address)[1]
    assert "x was deleted" in phichat("remove", address, "--yes")[1]
    assert not (home / "models" / "x.gguf").exists()


@pytest.mark.parametrize("is_added", [False, True])
def test_a_file_that_only_has_the_name_is_not_said_to_be_the_one(
    phichat: Run, served: HubServer, home: Path, chatml_model: Path, tmp_path: Path, is_added: bool
) -> None:
    folder = tmp_path if is_added else home / "models"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / PHI_3.file
    file.write_bytes(chatml_model.read_bytes()[:-1] + b"!")
    if is_added:
        assert phichat("add", str(file))[0] == 0
    row = json.loads(phichat("list", "--json")[1].splitlines()[0])
    assert (row["name"], row["path"], row["sha256"]) == (PHI_3.name, str(file), None)
    assert (row["official"], row["licence"], row["repo"], row["published_sha256"]) == (False, None, None, None)
    line = phichat("list")[1].splitlines()[1]
    assert ("added" if is_added else "in the models folder") in line
    assert "MIT" not in line
    done = json.loads(phichat("download", PHI_3.name, "--json")[1].splitlines()[-1])
    assert done["name"] == PHI_3.name
    assert Path(done["path"]).read_bytes() == chatml_model.read_bytes()
    assert done["sha256"] == hashlib.sha256(chatml_model.read_bytes()).hexdigest()
    assert file.read_bytes().endswith(b"!")
    asked = len(served.requests)
    again = json.loads(phichat("download", PHI_3.name, "--json")[1].splitlines()[-1])
    assert (again, len(served.requests)) == (done, asked)


def test_the_right_file_put_there_by_hand_is_recognised(
    phichat: Run, served: HubServer, home: Path, chatml_model: Path
) -> None:
    (home / "models").mkdir(parents=True)
    shutil.copy(chatml_model, home / "models" / PHI_3.file)
    done = json.loads(phichat("download", PHI_3.name, "--json")[1].splitlines()[-1])
    assert done["sha256"] == hashlib.sha256(chatml_model.read_bytes()).hexdigest()
    assert served.starts(PHI_3.file) == []
    row = json.loads(phichat("list", "--json")[1].splitlines()[0])
    assert (row["official"], row["licence"], row["sha256"]) == (True, "MIT", done["sha256"])


def test_the_right_file_that_was_added_is_not_fetched_again(
    phichat: Run, served: HubServer, chatml_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = chatml_model.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    monkeypatch.setitem(CATALOGUE, PHI_3.name, replace(PHI_3, bytes=len(data), sha256=sha256))
    file = Path(shutil.copy(chatml_model, tmp_path / PHI_3.file))
    assert phichat("add", str(file))[0] == 0
    done = json.loads(phichat("download", PHI_3.name, "--json")[1])
    assert (done["path"], done["sha256"]) == (str(file), sha256)
    assert served.requests == []


def test_what_is_in_the_hubs_cache_is_said_without_a_hash(
    phichat: Run, served: HubServer, chatml_model: Path, tmp_path: Path
) -> None:
    file = tmp_path / "cache" / f"models--{PHI_3.repo.replace('/', '--')}" / "snapshots" / "0" / PHI_3.file
    file.parent.mkdir(parents=True)
    shutil.copy(chatml_model, file)
    done = json.loads(phichat("download", PHI_3.name, "--json")[1])
    assert (done["path"], done["sha256"]) == (str(file), None)
    assert served.requests == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("phi-2", "Choose from phi-3-mini-4k-instruct-q4, "),
        ("owner/repo", "owner/repo contains more than one model. Add a file name, as in owner/repo:a.gguf."),
        ("owner/none:x.gguf", "owner/none"),
    ],
)
def test_what_cannot_be_fetched_is_one_sentence(phichat: Run, served: HubServer, name: str, sentence: str) -> None:
    for file in ("a.gguf", "b.gguf"):
        served.add("owner/repo", file, b"GGUF")
    status, out, err = phichat("download", name)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert sentence in err


def test_a_full_disk_is_said_before_the_first_byte(
    phichat: Run, served: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1_000_000_000))
    status, out, err = phichat("download", PHI_3.name)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "the rest of the download needs 2.4\u00a0GB" in err
    assert "only 1.0\u00a0GB is available" in err
    assert served.requests == []


def test_too_little_memory_is_a_warning(phichat: Run, served: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phichat.engine.hardware.installed_memory", lambda: 4_000_000_000)
    status, _, err = phichat("download", PHI_3.name)
    assert status == 0
    assert "4.3\u00a0GB of memory, but this computer only has 4.0\u00a0GB" in err.splitlines()[0]


def test_what_is_partly_here_is_listed_resumed_or_removed(phichat: Run, served: HubServer, home: Path) -> None:
    here = _begun(served, home)
    rows = [json.loads(line) for line in phichat("list", "--json")[1].splitlines()]
    assert (rows[0]["bytes_here"], rows[0]["on_disk"]) == (here, False)
    assert re.search(r"…  phi-3-mini-4k-instruct-q4 .*\d+% downloaded", phichat("list")[1])
    served.forget()
    assert phichat("download", PHI_3.name)[0] == 0
    assert served.starts(PHI_3.file) == [here]
    assert "239\u00a0kB" in phichat("remove", PHI_3.name, "--yes")[1]
    here = _begun(served, home)
    assert f"freeing up {i18n.format_size(here)}" in phichat("remove", PHI_3.name, "--yes")[1]
    assert json.loads(phichat("list", "--json")[1].splitlines()[0])["bytes_here"] == 0
    assert phichat("remove", PHI_3.name)[0] == 1


@pytest.mark.parametrize(
    ("answer", "stays"), [("no\n", True), ("", True), ("\n", True), ("yes\n", False), ("Y\n", False)]
)
def test_a_person_is_asked_before_deleting(
    phichat: Run, home: Path, chatml_model: Path, monkeypatch: pytest.MonkeyPatch, answer: str, stays: bool
) -> None:
    (home / "models").mkdir(parents=True)
    file = shutil.copy(chatml_model, home / "models" / "mine.gguf")
    monkeypatch.setattr(Console, "is_interactive", True)
    monkeypatch.setattr("builtins.input", lambda prompt: answer)
    status, _, err = phichat("remove", "mine", said=answer)
    assert "free up 239\u00a0kB" in err
    assert (status, Path(file).exists()) == (0, stays)
    assert phichat("remove", "mine", "--yes")[0] == (0 if stays else 1)
    assert not Path(file).exists()


@pytest.mark.parametrize("action", ["default", "verify"])
def test_a_listed_model_that_is_not_here_is_no_unknown_one(phichat: Run, action: str) -> None:
    status, _, err = phichat(action, PHI_3.name)
    assert (status, err) == (
        1,
        f"{PHI_3.name} isn’t downloaded. Run `phichat models download {PHI_3.name}` first.\n",
    )


@pytest.mark.skipif(sys.platform == "win32", reason="has no such names")
def test_a_name_stays_on_its_line(phichat: Run, tmp_path: Path, chatml_model: Path) -> None:
    file = Path(shutil.copy(chatml_model, tmp_path / "a\nb\x1b[31mred\t.gguf"))
    assert phichat("add", str(file))[1] == "a\ufffdb\ufffd[31mred\ufffd was added. The file stays where it is.\n"
    [line] = phichat("list")[1].splitlines()[-1:]
    assert line.startswith("*  a\ufffdb\ufffd[31mred\ufffd ")
    assert line.endswith("/a\ufffdb\ufffd[31mred\ufffd.gguf")


def test_a_new_default_model_is_named(phichat: Run, tmp_path: Path, chatml_model: Path) -> None:
    files = [Path(shutil.copy(chatml_model, tmp_path / f"{name}.gguf")) for name in ("one", "two")]
    os.utime(files[0], (10**9, 10**9))
    assert "default" not in phichat("add", str(files[0]))[2]  # there is no other
    assert "The default model is now two." in phichat("add", str(files[1]))[2]
    assert "default" not in phichat("add", str(files[1]))[2]
    assert "The default model is now one." in phichat("remove", "two")[2]
    phichat("default", "one")
    assert "default" not in phichat("add", str(files[1]))[2]


@pytest.mark.parametrize(
    ("answer", "status", "stays"), [("", 1, True), ("n\n", 0, True), ("?\n", 0, True), ("y\n", 0, False)]
)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_without_a_terminal_only_a_yes_deletes(
    phichat: Run, home: Path, chatml_model: Path, answer: str, status: int, stays: bool, options: list[str]
) -> None:
    (home / "models").mkdir(parents=True)
    file = Path(shutil.copy(chatml_model, home / "models" / "mine.gguf"))
    found, out, err = phichat("remove", "mine", *options, said=answer)
    assert (found, file.exists()) == (status, stays)
    assert ("mine wasn’t deleted" in err and "add --yes" in err) == (not answer)
    if options and answer:
        assert json.loads(out)["on_disk"] is stays


def test_a_log_hears_of_progress_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    reporter = Reporter(False, Console(), lambda: now)
    for step in range(1001):
        now = step / 10
        reporter.report(Progress(Phase.FETCHING, step * 1_000_000, 1_000_000_000, 10_000_000, 100 - now))
    waiting = "No line. Trying again in {} s."
    for left in range(9, 0, -1):
        reporter.report(Progress(Phase.WAITING, 10**9, 10**9, note=waiting.format(left)))
    lines = capsys.readouterr().err.splitlines()
    assert 10 <= len(lines) <= 13
    assert lines[1] == "10%  100\u00a0MB of 1.0\u00a0GB  10\u00a0MB/s  about 2 minutes left"
    assert lines[-1].endswith(waiting.format(9))


def test_a_program_hears_twice_a_second_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    reporter = Reporter(True, Console(), lambda: now)
    for step in range(101):
        now = step / 10
        reporter.report(Progress(Phase.FETCHING, step, 100, 1.5, 9.9))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 21
    assert lines[0] == {
        "event": "progress", "phase": "fetching", "done": 0, "total": 100, "speed": 2, "seconds_left": 10, "note": None,
    }  # fmt: skip


@pytest.mark.parametrize("columns", [120, 60, 20])
def test_a_person_sees_a_bar_that_fits(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Console, "is_watched", True)
    monkeypatch.setenv("COLUMNS", str(columns))
    Reporter(False, Console()).report(Progress(Phase.FETCHING, 10**9, 2 * 10**9, 10_000_000, 100))
    line = capsys.readouterr().err.removeprefix("\r")
    assert len(line) < columns
    assert "50%" in line
    assert ("█" * 15 + "░" * 15 in line) == (columns == 120)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
def test_the_program_goes_on_after_ctrl_c_and_after_a_kill(served: HubServer, home: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.gguf"
    large.write_bytes(os.urandom(20_000_000))  # eight seconds are left on a busy computer
    sha256 = served.replace(PHI_3.repo, PHI_3.file, large)
    served.speed = 2_000_000
    for ending, enough in ((signal.SIGINT, 1_000_000), (signal.SIGKILL, 4_000_000)):
        process = _process("download", PHI_3.name)
        _wait_for(lambda enough=enough: _size(home) > enough)  # type: ignore[misc]
        process.send_signal(ending)
        _, err = process.communicate(timeout=20)
        if ending is signal.SIGINT:
            assert process.returncode == 130
            assert err.splitlines()[-1].startswith("Interrupted at ")
            assert f"`phichat models download {PHI_3.name}` to resume" in err
            assert "Traceback" not in err
    served.speed = None
    out, err = _process("download", PHI_3.name, "--json").communicate(timeout=20)
    assert json.loads(out.splitlines()[-1])["sha256"] == sha256
    starts = served.starts(PHI_3.file)
    assert starts == sorted(starts)
    assert starts[-1] > 4_000_000


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_bar_is_painted_in_place(served: HubServer) -> None:
    served.speed = 200_000
    import pty  # not on Windows

    main, terminal = pty.openpty()
    process = _process("download", PHI_3.name, stderr=terminal, LC_ALL="C.UTF-8", COLUMNS="100")
    os.close(terminal)
    seen = b""
    try:
        while data := os.read(main, 4096):
            seen += data
    except OSError:  # the end
        pass
    os.close(main)
    out, _ = process.communicate(timeout=20)
    assert out.startswith(PHI_3.name)
    assert "░" in seen.decode()
    assert b"\n" not in seen.rstrip().rpartition(b"\r")[0]  # what is said of the default model has a line


def _no_window(*_: object) -> int:
    raise AssertionError


def _begun(served: HubServer, home: Path) -> int:
    """A download that broke off in the middle; how many bytes are here."""
    served.speed = 200_000
    process = _process("download", PHI_3.name)
    _wait_for(lambda: _size(home) > 60_000)
    process.kill()
    process.communicate(timeout=20)
    served.speed = None
    return _size(home)


def _size(home: Path) -> int:
    file = home / "models" / f"{PHI_3.file}.part"
    return file.stat().st_size if file.exists() else 0


def _process(*arguments: str, stderr: Any = subprocess.PIPE, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "phichat", "models", *arguments],
        stdout=subprocess.PIPE, stderr=stderr, stdin=subprocess.DEVNULL, text=True, env={**os.environ, **variables},
    )  # fmt: skip


def _wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_what_is_no_model_to_chat_with_is_refused_when_it_is_added(phichat: Run, tmp_path: Path) -> None:
    adapter = tiny_models.chatml(tmp_path / "style.gguf", metadata={"general.type": "adapter"})
    (tmp_path / "pointer.gguf").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 9\n")
    for file, words in ((adapter, "an adapter (LoRA)"), (tmp_path / "pointer.gguf", "a Git LFS pointer")):
        status, out, err = phichat("add", str(file))
        assert (status, out) == (1, "")
        assert words in err
    assert "style" not in phichat("list")[1]


def test_a_model_in_several_files_is_one_model(phichat: Run, hub: HubServer, home: Path, tmp_path: Path) -> None:
    first = tiny_models.chatml(tmp_path / "Big-Q4.gguf", parts=3)
    parts = sorted(first.parent.glob("Big-Q4-*"))
    for part in parts:
        hub.add("owner/big", part.name, part)
    row = json.loads(phichat("files", "owner/big", "--json")[1])
    total = sum(part.stat().st_size for part in parts)
    assert (row["name"], row["bytes"]) == (f"owner/big:{first.name}", total)
    *_, done = map(json.loads, phichat("download", row["name"], "--json")[1].splitlines())
    assert (done["name"], done["bytes"], done["path"]) == ("big-q4", total, str(home / "models" / first.name))
    _, out, _ = phichat("verify", "big-q4")
    assert "is intact" in out
    assert [line.split()[-1] for line in out.splitlines()[1:]] == [part.name for part in parts]
    assert phichat("download", f"owner/big:{parts[1].name}")[:2] == (
        0,
        f"big-q4 has been downloaded to {done['path']}\n",
    )
    assert phichat("remove", "big-q4", "--yes")[0] == 0
    assert not list((home / "models").glob("Big*"))


def test_a_model_whose_file_is_away_is_listed_and_says_so(phichat: Run, tmp_path: Path, chatml_model: Path) -> None:
    file = Path(shutil.copy(chatml_model, tmp_path / "far.gguf"))
    assert phichat("add", str(file))[0] == 0
    file.rename(tmp_path / "away")
    _, out, err = phichat("list")
    [line] = [line for line in out.splitlines() if " far " in line]
    assert line.startswith("!")
    assert "File not found" in line
    assert f"far: {file} couldn’t be found. If it’s on an external disk" in err
    row = json.loads(phichat("list", "--json")[1].splitlines()[-1])
    assert (row["name"], row["on_disk"], row["path"]) == ("far", False, str(file))
    assert "external disk" in row["note"]
    assert phichat("remove", "far")[0] == 0


@pytest.mark.parametrize(
    ("listed", "names"),
    [
        ('{"rfilename": "a.gguf", "size": 1e400}', ["a.gguf"]),
        ('{"rfilename": "a.gguf", "size": NaN}, {"rfilename": "b.gguf", "size": -1}', ["a.gguf", "b.gguf"]),
        ('{"rfilename": "a.gguf", "size": "large"}', ["a.gguf"]),
        ('{"rfilename": "\\ud800.gguf", "size": 1}, {"rfilename": "a.gguf", "size": 1}', ["a.gguf"]),
        ('{"rfilename": "../../a.gguf", "size": 1}, {"rfilename": "a.gguf", "size": 1}', ["a.gguf"]),
        ('{"rfilename": "/etc/a.gguf", "size": 1}, {"rfilename": "a.gguf", "lfs": {"size": true}}', ["a.gguf"]),
        (
            '{"rfilename": "a\\u202efugg.gguf", "size": 1}, {"rfilename": "a\\n.gguf"}, {"rfilename": "a.gguf"}',
            ["a.gguf"],
        ),
        ('{"rfilename": "a.gguf", "size": %s}' % ("9" * 4000), ["a.gguf"]),
    ],
)
def test_nonsense_from_a_hub_is_left_out(phichat: Run, hub: HubServer, listed: str, names: list[str]) -> None:
    hub.misbehave(faults.page(f'{{"sha": "\\udfff", "tags": ["license:\\ud800x"], "siblings": [{listed}]}}'), at="api")
    status, out, err = phichat("files", "owner/repo", "--json")
    assert status == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["file"] for row in rows] == names
    assert all(row["bytes"] in {None, 1} for row in rows)
    assert phichat("files", "owner/repo")[0] == 0


@pytest.mark.parametrize(
    "page",
    ["[]", "null", "7", "{}", '{"siblings": 7}', '{"siblings": [7]}', '{"siblings": [{"size": %s}]}' % ("9" * 5000)],
)
def test_something_else_than_a_list_is_one_sentence(phichat: Run, hub: HubServer, page: str) -> None:
    hub.misbehave(faults.page(page), at="api")
    status, out, err = phichat("files", "owner/repo")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "bug" not in err


@pytest.mark.parametrize(
    "header",
    ["X-Linked-Size", "X-Linked-ETag", "X-Repo-Commit", "Content-Range", "Content-Length", "Retry-After", "RateLimit"],
)
def test_headers_of_thousands_of_digits_are_survived(
    phichat: Run, served: HubServer, header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phichat.cli.download.PATIENCE", 1)
    served.misbehave(faults.saying(**{header.replace("-", "_"): "9" * 5000}))
    status, _, err = phichat("download", PHI_3.name)
    assert status in {0, 1}
    assert "bug" not in err
    assert "Error" not in err


def test_errors_of_the_server_are_waited_for(phichat: Run, served: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(retry, "MAX_WAIT", 0.01)
    for status in (500, 503, 524):
        served.fail_with(status, times=4)
    assert phichat("download", PHI_3.name)[0] == 0


def test_a_quantisation_names_a_file(phichat: Run, served: HubServer, home: Path, chatml_model: Path) -> None:
    for kind in ("Q4_K_M", "Q8_0"):
        served.add("owner/repo-GGUF", f"model-{kind}.gguf", chatml_model)
    status, _, err = phichat("download", "ollama run hf.co/owner/repo-GGUF:Q4_K_M")
    assert (status, (home / "models" / "model-Q4_K_M.gguf").is_file()) == (0, True), err
    assert "is intact" in phichat("verify", "owner/repo-GGUF:Q4_K_M")[1]
    assert phichat("remove", "https://hf.co/owner/repo-GGUF:Q4_K_M", "--yes")[0] == 0
    assert not (home / "models" / "model-Q4_K_M.gguf").exists()


def test_a_download_that_is_no_chat_model_says_so(phichat: Run, hub: HubServer, tmp_path: Path) -> None:
    adapter = tiny_models.chatml(tmp_path / "style.gguf", metadata={"general.type": "adapter"})
    hub.add("owner/style", "style.gguf", adapter)
    status, out, err = phichat("download", "owner/style")
    assert (status, out.startswith("style has been downloaded to ")) == (0, True)
    assert "style.gguf isn’t a chat model: it’s an adapter" in err


def test_what_is_no_chat_model_is_named_in_the_terminal(phichat: Run, tmp_path: Path) -> None:
    for file, words in odd_files.write_all(tmp_path / "odd").items():
        status, out, err = phichat("add", str(file))
        assert (status, out) == (1, "")
        assert words in err
        assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("mmproj-F16.gguf", "processes images"),
        ("phi.imatrix.gguf", "an importance matrix"),
        ("phi-lora-f16.gguf", "an adapter"),
        ("nomic-embed-text.gguf", "an embedding model"),
        ("qwen3-eagle3.gguf", "a draft model"),
    ],
)
def test_a_file_on_the_hub_that_is_no_chat_model_is_named_before_it_is_downloaded(
    phichat: Run, hub: HubServer, file: str, words: str
) -> None:
    hub.add("owner/repo", file, b"GGUF")
    for command in ("download", "files"):
        status, _, err = phichat(command, f"owner/repo:{file}")
        assert status == 1
        assert err.startswith(file)
        assert words in err
    assert hub.asked(file) == []


class TestSearch:
    @pytest.fixture
    def filled(self, hub: HubServer, chatml_model: Path) -> HubServer:
        for quantisation in ("Q2_K", "Q4_K_M", "Q8_0"):
            hub.add("qwen/Qwen3-4B-GGUF", f"Qwen3-4B-{quantisation}.gguf", chatml_model, licence="apache-2.0")
        hub.add("qwen/Qwen3-4B-GGUF", "mmproj-F16.gguf", b"GGUF")
        hub.repos["qwen/Qwen3-4B-GGUF"].downloads = 5000
        for number in (1, 2):
            hub.add("ada/big-qwen3", f"big-UD-Q4_K_XL-0000{number}-of-00002.gguf", b"x" * number, licence="other")
        hub.repos["ada/big-qwen3"].licence_name = "lfm1.0"
        hub.add("ada/qwen3-embedding-GGUF", "e.gguf", b"GGUF")
        hub.repos["ada/qwen3-embedding-GGUF"].task = "feature-extraction"
        hub.add("ada/phi", "phi.gguf", b"GGUF")
        return hub

    def test_each_repository_is_an_object_with_its_files(
        self, phichat: Run, filled: HubServer, chatml_model: Path
    ) -> None:
        status, out, err = phichat("search", "QWEN3", "--json")
        assert status == 0
        size = chatml_model.stat().st_size
        files = [
            {"file": f"Qwen3-4B-{name}.gguf", "bytes": size, "quantisation": name}
            for name in ("Q2_K", "Q4_K_M", "Q8_0")
        ]
        part = {"file": "big-UD-Q4_K_XL-00001-of-00002.gguf", "bytes": 3, "quantisation": "UD-Q4_K_XL"}
        assert [json.loads(line) for line in out.splitlines()] == [
            {"repo": "qwen/Qwen3-4B-GGUF", "downloads": 5000, "licence": "apache-2.0", "files": files},
            {"repo": "ada/big-qwen3", "downloads": 0, "licence": "lfm1.0", "files": [part]},
        ]
        assert "1 result was left out" in err

    def test_people_see_sizes_and_whether_it_fits(self, phichat: Run, filled: HubServer) -> None:
        status, out, _ = phichat("search", "qwen3", "4b")
        assert status == 0
        assert "qwen/Qwen3-4B-GGUF · 5,000 downloads · apache-2.0" in out
        assert re.search(r"balanced +Q4_K_M +239\skB +fits, about \d+ tokens/s +Qwen3-4B-Q4_K_M.gguf", out)

    @pytest.mark.parametrize(
        "pasted", ["ollama run hf.co/qwen/Qwen3-4B-GGUF:Q4_K_M", "https://huggingface.co/qwen/Qwen3-4B-GGUF?a=b"]
    )
    def test_an_address_is_understood(self, phichat: Run, filled: HubServer, pasted: str) -> None:
        status, out, _ = phichat("search", *pasted.split(), "--json")
        assert status == 0
        [found] = map(json.loads, out.splitlines())
        assert found["repo"] == "qwen/Qwen3-4B-GGUF"
        assert "Qwen3-4B-Q4_K_M.gguf" in [file["file"] for file in found["files"]]

    def test_an_address_elsewhere_is_no_network_error(self, phichat: Run) -> None:
        status, out, err = phichat("search", "https://example.com/a/model")
        assert (status, out) == (1, "")
        assert err.startswith("https://example.com/a/model isn’t the address of a model on the Hub.")

    def test_nothing_found_is_said(self, phichat: Run, filled: HubServer) -> None:
        assert phichat("search", "nothing", "--json") == (
            0,
            "",
            "Nothing on the Hub matches “nothing”. Try fewer words.\n",
        )

    def test_a_hub_that_asks_to_wait_is_asked_again(self, phichat: Run, filled: HubServer) -> None:
        filled.misbehave(faults.too_many(1), times=1, at="api")
        status, out, _ = phichat("search", "qwen3", "--json")
        assert (status, len(out.splitlines())) == (0, 2)
        first, second = (asked for asked in filled.requests if "search=" in asked.path)
        assert second.at - first.at >= 1

    @pytest.mark.parametrize("code", [401, 403, 500, 503])
    def test_a_hub_that_refuses_is_named(self, phichat: Run, filled: HubServer, code: int) -> None:
        filled.fail_with(code, at="api")
        status, out, err = phichat("search", "qwen3")
        assert (status, out) == (1, "")
        assert re.fullmatch(r"127\.0\.0\.1[^\n]+\(error \d+\)[^\n]+\n", err)

    @pytest.mark.parametrize("page", ["", "null", "{}", '"models"', "<html>", "[" * 100_000, '{"error": 1}'])
    def test_a_page_that_is_none_is_named(self, phichat: Run, filled: HubServer, page: str) -> None:
        filled.misbehave(faults.page(page), at="api")
        status, out, err = phichat("search", "qwen3")
        assert (status, out) == (1, "")
        assert "sent an unexpected page" in err

    def test_what_makes_no_sense_in_a_page_is_left_out(self, phichat: Run, filled: HubServer) -> None:
        junk: list[object] = [
            7,
            None,
            {},
            {"id": 3},
            {"id": "../.."},
            {"id": "a/b\u202e"},
            {"id": "x/" + "y" * 500},
            [],
        ]
        half = {"id": "qwen/Qwen3-4B-GGUF", "downloads": "many", "tags": 5, "gguf": [], "cardData": {"license": []}}
        filled.misbehave(faults.page(json.dumps([*junk, half])), times=1, at="api")
        status, out, _ = phichat("search", "qwen3", "--json")
        assert status == 0
        assert [json.loads(line)["repo"] for line in out.splitlines()] == ["qwen/Qwen3-4B-GGUF"]

    def test_offline_nothing_is_asked(self, phichat: Run, filled: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        status, _, err = phichat("search", "qwen3")
        assert status == 1
        assert "work offline" in err
        assert filled.requests == []
