"""A model in several files is downloaded, resumed and discarded as one."""

from pathlib import Path

import pytest

from phichat.cancellation import CancelToken
from phichat.errors import HubMissing, StoreError
from phichat.models.base import DownloadedModel, Phase, Presence, Progress
from phichat.models.library import Library
from phichat.models.manager import HubModelManager, make_model_manager
from phichat.paths import Home
from tests.support import tiny_models
from tests.support.hub.answers import Answer
from tests.support.hub.faults import Asked, Fault
from tests.support.hub.server import HubServer

REPO = "owner/big-GGUF"
NAMES = [f"Q4/Big-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
NAME = f"{REPO}:{NAMES[0]}"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("phichat.models.library.STARTER_PACKAGE", "phichat_has_no_such_package")


@pytest.fixture
def contents(tmp_path: Path) -> dict[str, bytes]:
    """The files of a model."""
    first = tiny_models.chatml(tmp_path / "Big.gguf", parts=3)
    return {f"Q4/{path.name}": path.read_bytes() for path in first.parent.glob("Big-*")}


@pytest.fixture
def served(hub: HubServer, contents: dict[str, bytes]) -> HubServer:
    for name, content in contents.items():
        hub.add(REPO, name, content)
    return hub


@pytest.fixture
def shelf(place: Home) -> HubModelManager:
    return make_model_manager(place, Library(place))


def fetched(shelf: HubModelManager, name: str = NAME) -> tuple[list[Progress], DownloadedModel]:
    *progress, last = shelf.download(name, CancelToken(), 3)
    assert isinstance(last, DownloadedModel)
    return [event for event in progress if isinstance(event, Progress)], last


def get_some(shelf: HubModelManager, served: HubServer, count: int) -> None:
    """Begin, and stop once `count` bytes are there, more than the file that comes first. No other one comes whole."""

    def stall(asked: Asked, answer: Answer) -> None:
        if NAMES[2] not in asked.path:
            answer.stall_after = 20_000

    stop, fault = CancelToken(), served.misbehave(Fault(stall))
    for event in shelf.download(NAME, stop):
        if isinstance(event, Progress) and event.done >= count:
            stop.set()
    served.behave(fault)
    assert shelf.list_unfinished()


@pytest.mark.parametrize("name", [NAME, f"{REPO}:{NAMES[1]}", f"https://huggingface.co/{REPO}/blob/main/{NAMES[2]}"])
def test_all_files_of_a_model_arrive(
    shelf: HubModelManager, served: HubServer, place: Home, contents: dict[str, bytes], name: str
) -> None:
    progress, last = fetched(shelf, name)
    total = sum(map(len, contents.values()))
    assert {event.total for event in progress if event.total} == {total}
    done = [event.done for event in progress if event.phase is Phase.FETCHING]
    assert done == sorted(done)
    assert (last.model.name, last.model.bytes) == ("big", total)
    for name_there, content in contents.items():
        assert (place.models / Path(name_there).name).read_bytes() == content
    assert not list(place.models.glob("*.json.part*")) + list(place.models.glob("*.part*"))
    assert shelf.find_listing(NAME).presence is Presence.ON_DISK
    assert Library(place).verify_model("big").known
    asked = sum(request.place == "cdn" for request in served.requests)
    fetched(shelf)
    assert sum(request.place == "cdn" for request in served.requests) == asked


def test_a_model_goes_on_where_it_was_left(
    shelf: HubModelManager, served: HubServer, place: Home, contents: dict[str, bytes]
) -> None:
    total, last = sum(map(len, contents.values())), len(contents[NAMES[2]])
    get_some(shelf, served, last + 10_000)
    again = make_model_manager(place, Library(place))
    listing = again.find_listing(NAME)
    assert (listing.presence, listing.bytes) == (Presence.PARTIAL, total)
    assert last < listing.bytes_on_disk < total
    assert [row.presence for row in again.list_models() if row.title == "Big"] == [Presence.PARTIAL]
    assert Library(place).list_models() == []
    again.set_paused(NAME, True)
    assert again.find_listing(NAME).is_paused
    before = len(served.requests)
    fetched(again)
    assert not [request for request in served.requests[before:] if NAMES[2] in request.path and request.place == "cdn"]


def test_an_unfinished_model_is_discarded_with_all_its_files(
    shelf: HubModelManager, served: HubServer, place: Home, contents: dict[str, bytes]
) -> None:
    get_some(shelf, served, len(contents[NAMES[2]]) + 1)
    shelf.discard_download(NAME)
    assert not list(place.models.glob("Big*"))
    assert shelf.find_listing(NAME).presence is Presence.ABSENT


def test_only_the_missing_file_of_a_model_is_downloaded(
    shelf: HubModelManager, served: HubServer, place: Home, contents: dict[str, bytes]
) -> None:
    fetched(shelf)
    (place.models / "Big-00002-of-00003.gguf").unlink()
    assert shelf.find_listing("big").presence is Presence.UNUSABLE
    before = len(served.requests)
    fetched(shelf)
    again = [request.path for request in served.requests[before:] if request.place == "cdn"]
    assert len(again) == 1
    assert NAMES[1] in again[0]


def test_a_file_of_the_person_with_such_a_name_is_not_overwritten(
    shelf: HubModelManager, served: HubServer, place: Home
) -> None:
    place.models.mkdir(parents=True)
    (place.models / "Big-00002-of-00003.gguf").write_bytes(b"mine")
    with pytest.raises(StoreError, match=r"Big-00002-of-00003\.gguf already exists"):
        fetched(shelf)
    assert (place.models / "Big-00002-of-00003.gguf").read_bytes() == b"mine"


def test_a_model_of_another_repository_gets_a_name_of_its_own(
    shelf: HubModelManager, served: HubServer, contents: dict[str, bytes]
) -> None:
    for name, content in contents.items():
        served.add("other/big-GGUF", name, content)
    fetched(shelf)
    _, last = fetched(shelf, f"other/big-GGUF:{NAMES[0]}")
    assert last.model.path.name == "other--big-GGUF--Q4--Big-00001-of-00003.gguf"
    assert {model.name for model in Library(last_home(last)).list_models()} == {"big", "other--big-gguf--q4--big"}


def last_home(last: DownloadedModel) -> Home:
    return Home(last.model.path.parent.parent)


def test_a_model_of_which_the_hub_lacks_a_file_is_refused(shelf: HubModelManager, hub: HubServer) -> None:
    hub.add(REPO, NAMES[0], b"first")
    with pytest.raises(HubMissing):
        fetched(shelf)
