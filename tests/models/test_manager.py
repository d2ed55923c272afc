"""What people are told of models: which there are, what each takes, and where they stand."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from phichat.cancellation import CancelToken
from phichat.errors import HubForbidden, HubRefused, HubUnreachable, ModelMissing
from phichat.models.base import HubFile, Listing, Presence, Source
from phichat.models.catalogue import CATALOGUE, PHI_3
from phichat.models.library import Library
from phichat.models.manager import HubModelManager
from phichat.models.metadata import MetadataFile, Origins
from phichat.models.requirements import HardwareInfo
from phichat.paths import Home
from tests.support import tiny_models
from tests.support.fakes import FakeHub

GB = 1_000_000_000
OTHER = HubFile("owner/repo", "deep/Other-Q4.gguf", "abc", 3 * GB, "f" * 64)

Copy = Callable[[str], Path]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No starter, an empty cache; where the person's downloads are."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("phichat.models.library.STARTER_PACKAGE", "phichat_has_no_such_package")
    monkeypatch.setattr("platformdirs.user_downloads_path", lambda: tmp_path / "downloads")
    return tmp_path / "downloads"


@pytest.fixture
def hub() -> FakeHub:
    return FakeHub(OTHER)


@pytest.fixture
def make(home: Path, hub: FakeHub) -> Callable[..., HubModelManager]:
    """A shelf on a computer of 8 GB that reads 10 GB a second."""

    def make(installed: int = 8 * GB) -> HubModelManager:
        place = Home(home)
        computer = HardwareInfo(lambda file, kv: file + kv, lambda: installed, lambda count: 10 * GB / count)
        return HubModelManager(place, Library(place), hub, computer)

    return make


@pytest.fixture
def shelf(make: Callable[..., HubModelManager]) -> HubModelManager:
    return make()


@pytest.fixture
def ours(home: Path, chatml_model: Path) -> Copy:
    """Puts a model into `models/` under a name."""

    def copy(name: str) -> Path:
        (home / "models").mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(chatml_model, home / "models" / name))

    return copy


@pytest.fixture
def begin(home: Path) -> Callable[[HubFile, int], None]:
    """Leaves a download unfinished."""

    def begin(remote: HubFile, count: int, paused: bool = False) -> None:
        from phichat.models.download.part_file import PartFile

        part = PartFile(home / "models" / remote.file.rpartition("/")[2])
        assert part.acquire()
        part.open()
        part.write_note(remote)
        part.append(bytes(count))
        part.close()

    return begin


def test_an_empty_disk_lists_the_catalogue_with_phi_3_first(shelf: HubModelManager, hub: FakeHub) -> None:
    listings = shelf.list_models()
    assert [listing.name for listing in listings] == list(CATALOGUE)
    first = listings[0]
    assert (first.name, first.bytes, first.is_size_approximate, first.licence) == (
        PHI_3.name,
        2_393_231_072,
        False,
        "MIT",
    )
    assert first.memory == 2_393_231_072 + 4096 * 393_216
    assert (first.presence, first.is_official, first.fits, first.speed) == (Presence.ABSENT, True, True, None)
    owners = {
        listing.remote.repo.partition("/")[0] for listing in listings if listing.remote and not listing.is_official
    }
    assert owners == {"bartowski", "ggml-org", "unsloth"}
    assert all(listing.is_size_approximate for listing in listings[1:])
    assert hub.asked == []


def test_what_is_here_is_listed_once_and_after_the_catalogue(shelf: HubModelManager, ours: Copy) -> None:
    file, other = ours(PHI_3.file), ours("other.gguf")
    first, *_, last = shelf.list_models()
    assert first.model
    assert (first.model.path, first.presence, first.bytes) == (file, Presence.ON_DISK, file.stat().st_size)
    assert last.model
    assert (last.name, last.model.path, last.licence) == ("other", other, "")
    assert last.memory is not None
    assert last.memory > other.stat().st_size
    assert len(shelf.list_models()) == len(CATALOGUE) + 1


def test_the_starter_comes_after_the_catalogue(
    shelf: HubModelManager, ours: Copy, chatml_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours("aaa.gguf")
    monkeypatch.setattr("phichat.models.library._starter_files", lambda: [chatml_model])
    starter = shelf.list_models()[len(CATALOGUE)]
    assert (starter.name, starter.is_official, starter.licence) == ("starter", True, "Apache-2.0")


def test_a_damaged_file_is_listed_without_figures(shelf: HubModelManager, home: Path) -> None:
    (home / "models").mkdir(parents=True)
    (home / "models" / "broken.gguf").write_bytes(b"GGUF nonsense")
    assert (shelf.list_models()[-1].name, shelf.list_models()[-1].memory) == ("broken", None)


def test_unfinished_downloads_show_how_far_they_are(shelf: HubModelManager, begin: Callable[..., None]) -> None:
    begin(PHI_3.remote, 1000)
    begin(OTHER, 500)
    first, *_, last = shelf.list_models()
    assert (first.presence, first.bytes_on_disk, first.bytes) == (Presence.PARTIAL, 1000, PHI_3.bytes)
    assert (last.name, last.bytes_on_disk, last.bytes) == ("owner/repo:deep/Other-Q4.gguf", 500, 3 * GB)
    assert len(shelf.list_models()) == len(CATALOGUE) + 1
    shelf.set_paused(PHI_3.name, True)
    assert shelf.find_listing(PHI_3.name).is_paused
    shelf.discard_download(OTHER.name)
    assert len(shelf.list_models()) == len(CATALOGUE)
    with pytest.raises(ModelMissing, match="no partial download"):
        shelf.discard_download(OTHER.name)


def test_speeds_come_with_a_measurement_and_stay(shelf: HubModelManager) -> None:
    assert shelf.list_with_speeds()[0].speed == pytest.approx(10 * GB / PHI_3.bytes)
    assert shelf.list_models()[0].speed
    assert shelf.find_listing(OTHER.name).speed is None


def test_the_hub_confirms_the_catalogue(shelf: HubModelManager, hub: FakeHub) -> None:
    told = HubFile(PHI_3.repo, PHI_3.file, "abc", 12345, "a" * 64)
    hub.remotes = [told]
    first, *others = shelf.confirm_catalogue(CancelToken())
    assert (first.exists_on_hub, first.bytes, first.licence, first.remote) == (True, 12345, "MIT", told)
    assert [listing.exists_on_hub for listing in others] == [False] * (len(CATALOGUE) - 1)
    assert others[0].bytes
    assert shelf.find_listing(PHI_3.name).exists_on_hub


def test_without_a_line_confirming_says_so(shelf: HubModelManager, hub: FakeHub) -> None:
    hub.error = HubUnreachable("no line")
    with pytest.raises(HubUnreachable):
        list(shelf.confirm_catalogue(CancelToken()))
    hub.error = HubRefused("a proxy wants a password")
    with pytest.raises(HubRefused):
        list(shelf.confirm_catalogue(CancelToken()))
    assert shelf.find_listing(PHI_3.name).exists_on_hub is None


def test_what_the_hub_shows_to_some_only_is_said_of_that_row_alone(
    shelf: HubModelManager, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(repo: str, file: str, stop: CancelToken) -> HubFile:
        if file == PHI_3.file:
            raise HubForbidden("agree to its terms")
        return HubFile(repo, file, bytes=5)

    with monkeypatch.context() as patch:
        patch.setattr(hub, "file_info", look)
        first, *others = shelf.confirm_catalogue(CancelToken())
    assert (first.exists_on_hub, first.note, first.bytes) == (None, "agree to its terms", PHI_3.bytes)
    assert {(listing.exists_on_hub, listing.note, listing.bytes) for listing in others} == {(True, "", 5)}
    hub.remotes = [PHI_3.remote]
    again, *_ = shelf.confirm_catalogue(CancelToken())
    assert (again.exists_on_hub, again.note) == (True, "")


def test_confirming_ends_when_it_is_asked_to(shelf: HubModelManager) -> None:
    stop = CancelToken()
    stop.set()
    assert not list(shelf.confirm_catalogue(stop))


@pytest.mark.parametrize(
    "text", ["owner/repo", "https://huggingface.co/owner/repo/tree/main", "huggingface.co/owner/repo"]
)
def test_any_repositorys_files_are_listed(shelf: HubModelManager, hub: FakeHub, text: str) -> None:
    useless = ("README.md", "mmproj-F16.gguf", "Large-00001-of-00003.gguf", "imatrix.gguf")
    hub.remotes += [HubFile("owner/repo", file, bytes=1) for file in useless]
    [listing] = shelf.list_repository(text, CancelToken())
    assert (listing.name, listing.title, listing.bytes) == (OTHER.name, "Other-Q4", 3 * GB)
    assert (listing.is_official, listing.exists_on_hub, listing.presence) == (False, True, Presence.ABSENT)
    assert listing.memory
    assert listing.memory > 3 * GB
    assert shelf.find_listing(OTHER.name) == listing


@pytest.mark.parametrize("revision", ["v1.0", "0123456789abcdef", "refs%2Fpr%2F1"])
@pytest.mark.parametrize("view", ["resolve", "blob", "tree"])
def test_addresses_of_other_revisions_are_refused(
    shelf: HubModelManager, hub: FakeHub, view: str, revision: str
) -> None:
    address = f"https://huggingface.co/owner/repo/{view}/{revision}/{OTHER.file}"
    with pytest.raises(HubRefused, match="only downloads from “main”"):
        shelf.list_repository(address, CancelToken())
    with pytest.raises(ModelMissing, match="only downloads from “main”"):
        shelf.find_listing(address)
    assert shelf.find_unfinished(address) is None
    assert hub.asked == []


def test_addresses_of_main_are_understood(shelf: HubModelManager) -> None:
    address = f"https://huggingface.co/owner/repo/resolve/main/{OTHER.file}?download=true"
    assert [listing.name for listing in shelf.list_repository(address, CancelToken())] == [OTHER.name]
    assert shelf.find_listing(address).name == OTHER.name


def test_files_we_know_keep_their_names(shelf: HubModelManager, hub: FakeHub, home: Path, ours: Copy) -> None:
    Origins(MetadataFile(Home(home).origins)).record(ours(PHI_3.file), PHI_3.remote)
    hub.remotes = [HubFile(PHI_3.repo, PHI_3.file, bytes=12345)]
    [listing] = shelf.list_repository(PHI_3.repo, CancelToken())
    assert (listing.name, listing.presence) == (PHI_3.name, Presence.ON_DISK)


def test_a_fetched_file_knows_where_it_came_from(shelf: HubModelManager, hub: FakeHub, home: Path, ours: Copy) -> None:
    file = ours("Other-Q4.gguf")
    Origins(MetadataFile(Home(home).origins)).record(file, OTHER)
    [listing] = shelf.list_repository("owner/repo", CancelToken())
    assert (listing.name, listing.presence, listing.remote) == ("other-q4", Presence.ON_DISK, OTHER)
    assert shelf.find_listing(OTHER.name) == listing


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nonsense", "owner/repo"),
        ("owner/none", "There is no owner/none"),
        ("owner/empty", "doesn’t contain a GGUF file"),
    ],
)
def test_what_cannot_be_listed_is_a_sentence(shelf: HubModelManager, hub: FakeHub, text: str, sentence: str) -> None:
    hub.remotes.append(HubFile("owner/empty", "README.md"))
    with pytest.raises(HubRefused, match=sentence):
        shelf.list_repository(text, CancelToken())


def test_unknown_names_are_answered_with_those_there_are(shelf: HubModelManager) -> None:
    with pytest.raises(ModelMissing, match="Choose from phi-3-mini-4k-instruct-q4, "):
        shelf.find_listing("phi-2")
    with pytest.raises(ModelMissing, match="phichat models files owner/repo"):
        shelf.find_listing("owner/repo")
    with pytest.raises(ModelMissing, match=r"mmproj-F16\.gguf isn’t a chat model"):
        shelf.find_listing("owner/repo:mmproj-F16.gguf")
    assert shelf.find_listing("PHI-3-mini-4k-instruct-q4").name == PHI_3.name


def test_a_model_in_several_files_is_listed_as_one(shelf: HubModelManager, hub: FakeHub) -> None:
    names = [f"deep/Large-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    hub.remotes += [HubFile("owner/repo", name, bytes=GB, sha256="0" * 64) for name in names]
    hub.remotes += [HubFile("owner/repo", f"Half-0000{number}-of-00003.gguf", bytes=GB) for number in (1, 3)]
    by_name = {listing.name: listing for listing in shelf.list_repository("owner/repo", CancelToken())}
    assert set(by_name) == {OTHER.name, f"owner/repo:{names[0]}"}
    listing = by_name[f"owner/repo:{names[0]}"]
    assert (listing.title, listing.bytes) == ("Large", 3 * GB)
    assert listing.remote
    assert listing.remote.sha256 is None
    for name in names:
        assert shelf.find_listing(f"owner/repo:{name}") == listing
        [found] = shelf.list_repository(f"https://huggingface.co/owner/repo/blob/main/{name}", CancelToken())
        assert found == listing


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("owner/many:Q4_K_M", "many-Q4_K_M.gguf"),
        ("hf.co/owner/many:q8_0", "Q8_0/many-Q8_0-00001-of-00002.gguf"),
        ("https://hf.co/owner/many:many-q4_k_m", "many-Q4_K_M.gguf"),
        ("ollama run hf.co/owner/many:latest", "many-Q4_K_M.gguf"),
        ("owner/many/many-Q4_K_M.gguf", "many-Q4_K_M.gguf"),
        ('"https://huggingface.co/owner/one"', "one.gguf"),
    ],
)
def test_what_people_paste_names_one_file(shelf: HubModelManager, hub: FakeHub, text: str, file: str) -> None:
    files = ["many-Q4_K_M.gguf", "many-Q4_K_S.gguf", "many-Q4_K_M-tuned.gguf.txt", "mmproj-many-Q8_0.gguf"]
    files += [f"Q8_0/many-Q8_0-0000{number}-of-00002.gguf" for number in (1, 2)]
    hub.remotes += [HubFile("owner/many", name, bytes=GB) for name in files]
    hub.remotes.append(HubFile("owner/one", "one.gguf", bytes=GB))
    listing = shelf.find_listing(shelf.resolve_name(text, CancelToken()))
    assert listing.remote
    assert listing.remote.file == file
    assert [found.name for found in shelf.list_repository(text, CancelToken())] == [listing.name]


def test_what_may_be_one_of_several_files_says_which(shelf: HubModelManager, hub: FakeHub) -> None:
    hub.remotes += [HubFile("owner/many", f"many-{kind}.gguf") for kind in ("Q4_K_M", "Q8_0")]
    with pytest.raises(ModelMissing, match=r"owner/many:many-Q4_K_M\.gguf\. Choose from: many-Q4.*, many-Q8_0\.gguf"):
        shelf.resolve_name("owner/many", CancelToken())
    with pytest.raises(HubRefused, match=r"doesn’t contain Q4_K\. Choose from: many-Q4_K_M"):
        shelf.resolve_name("owner/many:Q4_K", CancelToken())
    assert shelf.resolve_name(PHI_3.name, CancelToken()) == PHI_3.name


def test_what_is_wrong_with_a_file_is_in_the_list(shelf: HubModelManager, home: Path) -> None:
    (home / "models").mkdir(parents=True)
    tiny_models.chatml(home / "models" / "style.gguf", metadata={"general.type": "adapter"})
    tiny_models.chatml(home / "models" / "big.gguf", parts=2).unlink()
    style, big = (shelf.find_listing(name) for name in ("style", "big"))
    for listing, words in ((style, "an adapter"), (big, "big-00001-of-00002.gguf is missing")):
        assert (listing.presence, listing.model) == (Presence.UNUSABLE, None)
        assert (listing.memory, listing.speed) == (None, None)
        assert words in listing.problem
    listings = shelf.list_with_speeds()
    assert [listing.speed for listing in listings if listing.unusable] == [None, None]


def test_room_on_the_disk_counts_what_is_still_to_come(
    shelf: HubModelManager, begin: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(PHI_3.remote, 31_072)
    room = shelf.check_space(PHI_3.name)
    assert room.needed == 2_393_200_000
    assert room.free > 0
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=room.needed))
    assert shelf.space_problem(shelf.check_space(PHI_3.name)) == ""
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=room.needed - 1))
    said = shelf.disk_problem(shelf.check_space(PHI_3.name))
    assert "the rest of the download needs 2,393,200,000\u00a0bytes" in said
    assert "but only 2,393,199,999\u00a0bytes is available" in said
    assert shelf.space_problem(shelf.check_space(PHI_3.name)) == said


def test_too_little_memory_is_a_warning_with_figures(make: Callable[..., HubModelManager]) -> None:
    shelf = make(installed=4 * GB)
    room = shelf.check_space(PHI_3.name)
    assert not shelf.find_listing(PHI_3.name).fits
    assert "4.004\u00a0GB of memory, but this computer only has 4.000\u00a0GB" in shelf.memory_problem(room)
    assert "smaller context" in shelf.space_problem(room)
    assert shelf.disk_problem(room) == ""


def test_fetching_needs_a_file_of_the_hub(shelf: HubModelManager, ours: Copy) -> None:
    ours("other.gguf")
    with pytest.raises(ModelMissing, match="isn’t a Hub model"):
        next(shelf.download("other", CancelToken()))
    with pytest.raises(ModelMissing, match="There is no model"):
        next(shelf.download("nonsense", CancelToken()))


def test_files_that_lie_about_are_found(
    shelf: HubModelManager, elsewhere: Path, tmp_path: Path, chatml_model: Path, ours: Copy
) -> None:
    places = {
        "b": elsewhere / "b.gguf",
        "below": elsewhere / "models" / "below.gguf",
        "phi": elsewhere / "zoo" / PHI_3.file,
        "cache": tmp_path / "hub" / "models--a--b" / "snapshots" / "0" / "deep" / "cache.gguf",
        "too deep": elsewhere / "a" / "b" / "deep.gguf",
    }
    for place in places.values():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(chatml_model, place)
    (elsewhere / "nonsense.gguf").write_bytes(b"nonsense")
    (elsewhere / "gone.gguf").symlink_to(elsewhere / "nowhere")
    (elsewhere / "again.gguf").symlink_to(places["b"])
    (elsewhere / "known.gguf").symlink_to(ours("known.gguf"))
    found = shelf.find_existing()
    assert found[0] == places["phi"]
    assert {path.resolve() for path in found[1:]} == {places["b"], places["below"], places["cache"]}


def test_only_whole_chat_models_are_offered(shelf: HubModelManager, elsewhere: Path) -> None:
    whole = tiny_models.chatml(elsewhere / "whole.gguf", parts=2)
    tiny_models.chatml(elsewhere / "half.gguf", parts=2).unlink()
    tiny_models.chatml(elsewhere / "style.gguf", metadata={"general.type": "adapter"})
    tiny_models.chatml(elsewhere / "eyes.gguf", metadata={"general.type": "mmproj"})
    assert shelf.find_existing() == [whole]


def test_where_nothing_can_be_read_nothing_lies_about(shelf: HubModelManager, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Path:
        raise OSError

    monkeypatch.setattr("platformdirs.user_downloads_path", refuse)
    assert shelf.find_existing() == []


def test_every_catalogued_file_is_found_in_the_hubs_cache(
    shelf: HubModelManager, tmp_path: Path, chatml_model: Path
) -> None:
    for known in CATALOGUE.values():
        file = tmp_path / "hub" / f"models--{known.repo.replace('/', '--')}" / "snapshots" / "0" / known.file
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(chatml_model, file)
    listings = shelf.list_models()
    assert [listing.name for listing in listings] == list(CATALOGUE)
    assert {_source(listing) for listing in listings} == {Source.HUB}


def test_a_fetched_file_is_verified_against_what_the_hub_said(home: Path, ours: Copy) -> None:
    library, file = Library(Home(home)), ours("fetched.gguf")
    right = hashlib.sha256(file.read_bytes()).hexdigest()
    origins = Origins(MetadataFile(Home(home).origins))
    origins.record(file, HubFile("owner/repo", "fetched.gguf", bytes=file.stat().st_size, sha256=right))
    assert library.verify_model("fetched").known
    library.remove_model("fetched")
    assert origins.get(file) is None


def test_a_file_of_the_same_name_from_elsewhere_is_not_the_one_we_know(
    shelf: HubModelManager, home: Path, ours: Copy
) -> None:
    file = ours(PHI_3.file)
    Origins(MetadataFile(Home(home).origins)).record(file, HubFile("somebody/else", PHI_3.file))
    assert shelf.find_listing(PHI_3.name).presence is Presence.ABSENT
    assert shelf.find_listing(f"somebody/else:{PHI_3.file}").presence is Presence.ON_DISK


def test_a_file_that_only_has_the_name_has_nothing_else_of_it(shelf: HubModelManager, ours: Copy) -> None:
    file = ours(PHI_3.file)
    first = shelf.find_listing(PHI_3.name)
    assert first.model
    assert (first.model.path, first.remote, first.licence, first.is_official) == (file, None, "", False)
    true = shelf.find_listing(PHI_3.remote.name)
    assert (true.name, true.presence, true.licence, true.is_official) == (
        PHI_3.remote.name, Presence.ABSENT, "MIT", True,
    )  # fmt: skip


@pytest.mark.parametrize("is_added", [False, True])
def test_a_file_with_the_hash_is_the_one_we_know(
    shelf: HubModelManager, home: Path, chatml_model: Path, ours: Copy, tmp_path: Path, is_added: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    data = chatml_model.read_bytes()
    known = replace(PHI_3, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    monkeypatch.setitem(CATALOGUE, PHI_3.name, known)
    library = Library(Home(home))
    library.add_file(Path(shutil.copy(chatml_model, tmp_path / PHI_3.file))) if is_added else ours(PHI_3.file)
    assert shelf.find_listing(PHI_3.name).licence == ""
    library.verify_model(PHI_3.name)
    found = shelf.find_listing(PHI_3.name)
    assert (found.licence, found.is_official, found.remote) == ("MIT", True, known.remote)


def test_the_true_one_has_the_name_that_another_has_taken(shelf: HubModelManager, home: Path, ours: Copy) -> None:
    other, true = ours(PHI_3.file), ours("microsoft--phi.gguf")
    Origins(MetadataFile(Home(home).origins)).record(true, PHI_3.remote)
    first = shelf.find_listing(PHI_3.name)
    assert first.model
    assert (first.model.path, first.licence, first.is_official) == (true, "MIT", True)
    second = shelf.find_listing(f"{PHI_3.name}-2")
    assert second.model
    assert (second.model.path, second.remote, second.licence) == (other, None, "")


def _source(listing: Listing) -> Source | None:
    return listing.model.source if listing.model else None


def test_what_has_arrived_meanwhile_is_not_paused(home: Path, begin: Callable[..., None]) -> None:
    from phichat.models.download import part_file

    begin(PHI_3.remote, 7)
    (found,) = part_file.list_partial_downloads(home / "models")
    part = part_file.PartFile(found.path)
    assert part.acquire()
    part.open()
    assert part.finish()
    part_file.set_paused(found, True)
    assert part_file.list_partial_downloads(home / "models") == []
    assert found.path.read_bytes() == bytes(7)


def test_nobody_fetches_what_is_being_dropped(
    home: Path, begin: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from phichat.models.download import part_file

    begin(PHI_3.remote, 7)
    (found,) = part_file.list_partial_downloads(home / "models")
    part, other = part_file.PartFile(found.path), part_file.PartFile(found.path)
    assert part.acquire()
    unlink, taken = Path.unlink, []

    def slow(path: Path, missing_ok: bool = False) -> None:
        taken.append(other.acquire())
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", slow)
    part.delete()
    assert taken == [False, False]
    assert other.acquire()
    other.close()
