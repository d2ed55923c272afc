"""What is written beside the models stays, however many write at once."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from phichat import json_file
from phichat.models.base import HubFile
from phichat.models.library import Library
from phichat.models.metadata import Checksums, MetadataFile, Origins
from phichat.paths import Home

WRITER = """
import sys
from pathlib import Path
from phichat.models.base import HubFile
from phichat.models.metadata import MetadataFile, Origins
origins = Origins(MetadataFile(Path(sys.argv[1])))
for number in range(60):
    origins.record(Path(f"{sys.argv[2]}-{number}.gguf"), HubFile("owner/repo", f"{number}.gguf"))
"""


@pytest.fixture
def file(home: Path) -> Path:
    return home / "models" / "notes.json"


def test_threads_lose_nothing_of_each_other(file: Path) -> None:
    def write(number: int) -> None:
        Checksums(MetadataFile(file)).record(Path(f"{number}.gguf"), "a" * 64)
        Checksums(MetadataFile(file)).record(Path(f"{number}-not.gguf"), "a" * 64)
        Checksums(MetadataFile(file)).delete(Path(f"{number}-not.gguf"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert set(MetadataFile(file).read_value()) == {f"{number}.gguf" for number in range(40)}
    assert [path.name for path in file.parent.glob("[!.]*")] == [file.name]


def test_programs_lose_nothing_of_each_other(file: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(file), name]) for name in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert len(MetadataFile(file).read_value()) == 120
    assert Origins(MetadataFile(file)).get(Path("b-7.gguf")) == HubFile("owner/repo", "7.gguf")


def test_models_added_at_once_are_all_in_the_list(home: Path, chatml_model: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.gguf" for number in range(16)]
    for file in files:
        file.write_bytes(chatml_model.read_bytes())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda file: Library(Home(home)).add_file(file), files))
    assert set(files) <= {model.path for model in Library(Home(home)).list_models()}


@pytest.mark.parametrize("error", [NotImplementedError, OSError, TimeoutError])
def test_a_disk_without_locks_is_written_all_the_same(
    file: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    Checksums(MetadataFile(file)).record(Path("x.gguf"), "a" * 64)
    assert MetadataFile(file).read_value()


def test_a_program_that_hangs_is_not_waited_for(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from filelock import FileLock

    monkeypatch.setattr(json_file, "_PATIENCE", 0.05)
    (file.parent / ".locks").mkdir(parents=True)
    with FileLock(file.parent / ".locks" / "notes.json.lock", is_singleton=False):
        Checksums(MetadataFile(file)).record(Path("x.gguf"), "a" * 64)
    assert MetadataFile(file).read_value()
