"""A file from the Hub arrives, whole and verified, whatever happens on the way."""

import errno
import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from phichat.cancellation import CancelToken
from phichat.errors import HubError, HubForbidden, HubMissing, HubRefused, HubUnreachable, PhichatError, StoreError
from phichat.models.base import DownloadedModel, HubFile, Phase, Progress
from phichat.models.download import part_file, retry, transfer
from phichat.models.download.job import download
from phichat.models.metadata import MetadataFile, Origins
from phichat.net import http
from phichat.net.http import SILENT_SECONDS
from phichat.paths import Home
from tests.support.hub import faults
from tests.support.hub.faults import Fault
from tests.support.hub.server import HubServer

REPO, FILE = "microsoft/Phi-3-mini-4k-instruct-gguf", "Phi-3-mini-4k-instruct-q4.gguf"
CONTENT = random.Random(3).randbytes(3_000_000)
PATIENCE = 8  # seconds, for what never comes
WANTED = HubFile(REPO, FILE)


@pytest.fixture
def phi(hub: HubServer) -> HubServer:
    hub.add(REPO, FILE, CONTENT)
    return hub


@pytest.fixture
def path(place: Home) -> Path:
    return place.models / FILE


def get(
    place: Home, patience: int | None = 4, stop: CancelToken | None = None, wanted: HubFile = WANTED
) -> DownloadedModel:
    *_, last = download(wanted, place, stop or CancelToken(), patience=patience)
    assert isinstance(last, DownloadedModel)
    return last


def get_some(phi: HubServer, place: Home, count: int = 1, wanted: HubFile = WANTED) -> None:
    """Begin, and stop once `count` bytes are on the disk. No more than a part of the file comes."""
    stop, stall = CancelToken(), phi.misbehave(faults.stall(len(CONTENT) // 2))
    for event in download(wanted, place, stop):
        if isinstance(event, Progress) and event.done >= count:
            stop.set()
    phi.behave(stall)
    assert part_file.list_partial_downloads(place.models)


def notes(place: Home, until: str, patience: int | None = None) -> list[str]:
    """What is said, up to something that contains `until`."""
    stop, said = CancelToken(), list[str]()
    for event in download(WANTED, place, stop, patience=patience):
        if isinstance(event, Progress) and event.note and event.note not in said:
            said.append(event.note)
            if until in event.note:
                stop.set()
    return said


def test_a_file_arrives_verified_and_leaves_nothing_beside_it(phi: HubServer, place: Home, path: Path) -> None:
    fetched = get(place)
    assert path.read_bytes() == CONTENT
    assert fetched.model.path == path
    assert fetched.model.name == "phi-3-mini-4k-instruct-q4"
    assert fetched.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert not [file for file in place.models.iterdir() if ".part" in file.name]


def test_where_it_came_from_stays_with_it(phi: HubServer, place: Home, path: Path) -> None:
    fetched = get(place)
    origin = Origins(MetadataFile(place.origins)).get(path)
    assert origin == HubFile(REPO, FILE, phi.repos[REPO].head, len(CONTENT), fetched.sha256)


def test_while_it_comes_there_is_no_file_of_that_name(phi: HubServer, place: Home, path: Path) -> None:
    phi.speed = 10_000_000
    for event in download(WANTED, place, CancelToken()):
        # Once all has come, it may be checked and named before this is looked at.
        assert isinstance(event, DownloadedModel) or event.phase is Phase.CHECKING or not path.exists()


def test_progress_never_goes_back_and_ends_with_the_total(phi: HubServer, place: Home) -> None:
    phi.speed, phi.cut_every = 20_000_000, 700_000
    gate, seen = threading.Event(), list[Progress]()
    phi.misbehave(faults.hold(lambda: gate.wait(PATIENCE)))
    for event in download(WANTED, place, CancelToken()):
        if isinstance(event, Progress):
            seen.append(event)
            if event.done > len(CONTENT) / 2:
                gate.set()
    counts = [event.done for event in seen]
    assert counts == sorted(counts)
    assert seen[-1].total == len(CONTENT)
    assert {event.phase for event in seen} <= {Phase.ASKING, Phase.FETCHING, Phase.CHECKING}
    assert counts[-1] > len(CONTENT) / 2


def test_stopping_is_immediate_and_keeps_what_is_there(phi: HubServer, place: Home) -> None:
    phi.misbehave(faults.stall(1_000_000))
    stop = CancelToken()
    for event in download(WANTED, place, stop):
        if isinstance(event, Progress) and event.done >= 1_000_000:
            stop.set()
            begun = time.monotonic()
    assert time.monotonic() - begun < SILENT_SECONDS, "it waited for the line"
    assert [part.bytes for part in part_file.list_partial_downloads(place.models)] == [1_000_000]


def test_it_goes_on_where_it_stopped(phi: HubServer, place: Home, path: Path) -> None:
    get_some(phi, place)
    held = part_file.list_partial_downloads(place.models)[0].bytes
    assert 0 < held < len(CONTENT)
    phi.forget()
    get(place)
    assert path.read_bytes() == CONTENT
    assert phi.starts(FILE) == [held]


def test_a_server_that_cuts_every_line_is_asked_for_no_byte_twice(phi: HubServer, place: Home, path: Path) -> None:
    phi.cut_every = 400_000
    get(place)
    assert path.read_bytes() == CONTENT
    assert phi.starts(FILE) == list(range(0, len(CONTENT), 400_000))


def test_after_a_line_that_brought_something_there_is_no_wait(
    phi: HubServer, place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 60.0)
    phi.cut_every = 1_000_000
    get(place)


def test_all_is_here_and_only_the_name_is_missing(phi: HubServer, place: Home, path: Path) -> None:
    """As after a kill between the last byte and the end of the checksum."""
    get(place)
    part_file.PartFile(path).write_note(HubFile(REPO, FILE, "main", len(CONTENT), hashlib.sha256(CONTENT).hexdigest()))
    path.rename(path.with_name(f"{FILE}.part"))
    phi.forget()
    get(place)
    assert path.read_bytes() == CONTENT
    assert not phi.requests


def test_what_is_here_is_not_fetched_again(phi: HubServer, place: Home) -> None:
    get(place)
    phi.forget()
    get(place)
    assert not phi.requests


def test_a_file_that_the_person_put_there_is_recognised(phi: HubServer, place: Home, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    get(place)
    assert path.read_bytes() == CONTENT
    assert not phi.served(FILE)
    assert [file.name for file in place.models.iterdir() if FILE in file.name] == [FILE]


@pytest.mark.parametrize("own", [CONTENT[:-1] + b"?", b"GGUF of mine"])
def test_a_file_of_the_persons_that_is_another_is_left_alone(
    phi: HubServer, place: Home, path: Path, own: bytes
) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(own)
    fetched = get(place).model.path
    assert path.read_bytes() == own
    assert fetched.read_bytes() == CONTENT
    assert fetched != path
    phi.forget()
    assert get(place).model.path == fetched
    assert not phi.served(FILE)


def test_one_of_ours_that_has_been_garbled_is_fetched_again(phi: HubServer, place: Home, path: Path) -> None:
    get(place)
    path.write_bytes(CONTENT[:-1] + b"?")
    get(place)
    assert path.read_bytes() == CONTENT


def test_two_repositories_may_have_a_file_of_the_same_name(phi: HubServer, place: Home, path: Path) -> None:
    phi.add("someone/else", f"deep/{FILE}", b"GGUF else")
    get(place)
    other = get(place, wanted=HubFile("someone/else", f"deep/{FILE}"))
    assert path.read_bytes() == CONTENT
    assert other.model.path.read_bytes() == b"GGUF else"
    assert other.model.path.parent == place.models


def test_a_damaged_file_is_found_said_and_fetched_once_more(phi: HubServer, place: Home, path: Path) -> None:
    phi.misbehave(faults.wrong_bytes(), times=1)
    gate, said = threading.Event(), set[str]()
    phi.misbehave(faults.hold(lambda: len(phi.starts(FILE)) < 2 or gate.wait(PATIENCE)))
    for event in download(WANTED, place, CancelToken()):
        if isinstance(event, Progress) and event.note:
            said.add(event.note)
            gate.set()
    assert said == {"The downloaded file was damaged. Downloading it again."}
    assert path.read_bytes() == CONTENT
    assert phi.starts(FILE) == [0, 0]


def test_a_file_that_is_damaged_twice_is_never_used(phi: HubServer, place: Home, path: Path) -> None:
    phi.misbehave(faults.wrong_bytes())
    with pytest.raises(HubRefused, match="damaged both times"):
        get(place)
    assert not path.exists()
    assert phi.starts(FILE) == [0, 0]
    phi.behave()
    get(place)
    assert path.read_bytes() == CONTENT


def test_a_beginning_that_the_disk_has_garbled_is_found(phi: HubServer, place: Home, path: Path) -> None:
    get_some(phi, place, 100_000)
    part = path.with_name(f"{FILE}.part")
    part.write_bytes(b"x" + part.read_bytes()[1:])
    get(place)
    assert path.read_bytes() == CONTENT


def test_a_file_that_changes_on_the_way_is_fetched_from_the_start(phi: HubServer, place: Home, path: Path) -> None:
    get_some(phi, place, 100_000)
    phi.replace(REPO, FILE, b"GGUF another")
    get(place)
    assert path.read_bytes() == b"GGUF another"


def test_a_mirror_whose_file_has_become_shorter(phi: HubServer, place: Home, path: Path) -> None:
    phi.direct = True
    get_some(phi, place, 100_000)
    phi.replace(REPO, FILE, b"GGUF another")
    phi.misbehave(faults.without_sha(), method="GET")
    get(place)
    assert path.read_bytes() == b"GGUF another"


def test_a_part_longer_than_the_file_is_begun_anew(phi: HubServer, place: Home, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.with_name(f"{FILE}.part").write_bytes(CONTENT + b"more")
    get(place)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "note",
    [
        "[]", '{"repo": 5, "file": "a"}', '{"repo": ["o"]}', '{"repo": "o/r", "file": null}', "1e400",
        f'{{"repo": "{REPO}", "file": "{FILE}", "revision": "main", "licence": "", "bytes": -5, "sha256": null}}',
        f'{{"repo": "{REPO}", "file": "{FILE}", "revision": "main", "licence": "", "bytes": 1e400, "sha256": "x"}}',
    ],
)  # fmt: skip
def test_a_note_that_makes_no_sense_is_none(phi: HubServer, place: Home, path: Path, note: str) -> None:
    path.parent.mkdir(parents=True)
    path.with_name(f"{FILE}.part").write_bytes(CONTENT[:2_000_000])
    path.with_name(f"{FILE}.part.json").write_text(note)
    place.origins.write_text(f'{{"{FILE}": {note}}}')
    assert not part_file.list_partial_downloads(place.models)
    get(place)
    assert path.read_bytes() == CONTENT


def test_a_download_goes_on_though_its_first_choice_of_name_is_free_again(
    phi: HubServer, place: Home, path: Path
) -> None:
    phi.add("p/else", FILE, CONTENT[::-1])
    get(place)
    get_some(phi, place, wanted=HubFile("p/else", FILE))
    (held,) = part_file.list_partial_downloads(place.models)
    path.unlink()
    phi.forget()
    assert get(place, wanted=HubFile("p/else", FILE)).model.path == held.path
    assert phi.starts(FILE) == [held.bytes]


def test_what_another_program_is_fetching_is_not_taken_from_it(phi: HubServer, place: Home, path: Path) -> None:
    phi.speed = 20_000_000
    gate = threading.Event()
    phi.misbehave(faults.hold(lambda: gate.wait(PATIENCE)))
    events = download(WANTED, place, CancelToken())
    while next(events).done < 100_000:  # type: ignore[union-attr]
        pass
    with pytest.raises(StoreError, match="Cancel the download there"):
        part_file.discard_download(part_file.list_partial_downloads(place.models)[0])
    gate.set()
    assert list(events)
    assert path.read_bytes() == CONTENT


def test_a_disk_without_locks_is_written_to_all_the_same(
    phi: HubServer, place: Home, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(FileLock, "acquire", refuse)
    get(place)
    assert path.read_bytes() == CONTENT


def test_killed_between_the_name_and_the_rest_it_is_known_where_it_came_from(
    phi: HubServer, place: Home, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(self: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(part_file.PartFile, "finish", die)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    with pytest.raises(HubError):
        get(place)
    assert Origins(MetadataFile(place.origins)).get(path)


def test_a_part_without_a_note_is_not_thrown_away(phi: HubServer, place: Home, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.with_name(f"{FILE}.part").write_bytes(CONTENT[:2_000_000])
    path.with_name(f"{FILE}.part.json").write_text("{ nonsense")
    get(place)
    assert path.read_bytes() == CONTENT
    assert phi.starts(FILE) == [2_000_000]


@pytest.mark.parametrize(
    "fault",
    [
        faults.ignore_ranges(),
        faults.surplus(50_000),
        faults.surplus(50_000, declared=False),
        faults.deficit(1_000_000),
        faults.drip(100_000, 0.001),
        faults.chunked(),
        faults.other_part(-5000),
        faults.without_linked(),
    ],
    ids=["ignores ranges", "sends more", "lies", "sends less", "drips", "chunked", "other part", "no X-Linked"],
)
def test_odd_servers_do_no_harm(phi: HubServer, place: Home, path: Path, fault: Fault) -> None:
    get_some(phi, place)
    phi.misbehave(fault, times=2)
    get(place)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "fault",
    [
        faults.status(429, {"Retry-After": "0"}),
        faults.status(500),
        faults.status(502),
        faults.status(503, {"Retry-After": "soon"}),
        faults.status(504),
        faults.hang_up(),
        faults.cut(0),
        faults.login_page(),
        faults.misfit_range(7),
        faults.misfit_range(-7),
    ],
    ids=["429", "500", "502", "503", "504", "hangs up", "cuts at once", "login page", "too late", "too early"],
)
def test_what_passes_is_waited_for(phi: HubServer, place: Home, path: Path, fault: Fault) -> None:
    get_some(phi, place)
    phi.misbehave(fault, times=3)
    get(place)
    assert path.read_bytes() == CONTENT
    assert phi.starts(FILE).count(0) == 1


@pytest.mark.parametrize(
    ("fault", "kind", "sentence"),
    [
        (faults.status(401, error="RepoNotFound"), HubMissing, "or is private"),
        (faults.gated(), HubForbidden, "accept its terms at"),
        (faults.status(403), HubForbidden, "error 403"),
        (faults.status(404, error="RepoNotFound"), HubMissing, "doesn’t exist on"),
        (faults.status(404, error="EntryNotFound"), HubMissing, "There is no file named"),
        (faults.status(407), HubRefused, "HTTPS_PROXY"),
        (faults.status(418), HubRefused, "error 418"),
        (faults.circle(), HubRefused, "loop"),
        (faults.gzipped(), HubRefused, "compressed"),
        (faults.status(500), HubUnreachable, "error 500"),
        (faults.status(429, {"Retry-After": "3600"}), HubUnreachable, "too many requests"),
        (faults.login_page(), HubUnreachable, "sign in"),
        (faults.hang_up(), HubUnreachable, "was lost"),
    ],
)
def test_what_stays_ends_with_one_sentence(
    phi: HubServer, place: Home, path: Path, fault: Fault, kind: type[PhichatError], sentence: str
) -> None:
    phi.misbehave(fault)
    with pytest.raises(kind, match=sentence) as caught:
        get(place)
    assert len(str(caught.value).splitlines()) == 1
    assert not path.exists()


def test_a_file_without_a_checksum_is_not_fetched(hub: HubServer, place: Home) -> None:
    hub.add(REPO, FILE, CONTENT, is_lfs=False)
    with pytest.raises(HubRefused, match="doesn’t provide the size and checksum"):
        get(place)
    assert not hub.served(FILE)


def test_a_mirror_that_keeps_the_checksum_to_its_api(phi: HubServer, place: Home, path: Path) -> None:
    phi.misbehave(faults.without_sha())
    get(place)
    assert path.read_bytes() == CONTENT


def test_nobody_there_is_said_and_waited_for(place: Home, monkeypatch: pytest.MonkeyPatch, hub: HubServer) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(retry, "FIRST_WAIT", 5.0)
    monkeypatch.setattr(retry, "MAX_WAIT", 5.0)
    assert notes(place, "Trying again in") == [
        "Phichat couldn’t connect to 127.0.0.1. Check your network. Trying again in 5 s."
    ]
    with pytest.raises(HubUnreachable, match=r"Try again later\.$"):
        get(place, patience=1)


def test_what_is_here_is_not_lost(place: Home, path: Path, monkeypatch: pytest.MonkeyPatch, hub: HubServer) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(f"{path.name}.part").write_bytes(CONTENT[:10])
    with pytest.raises(HubUnreachable, match=r"Try again later\. You won’t lose what’s already downloaded\.$"):
        get(place, patience=1)


def test_a_name_that_nobody_knows(place: Home, monkeypatch: pytest.MonkeyPatch, hub: HubServer) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://nowhere.invalid")
    with pytest.raises(HubUnreachable, match="couldn’t be found"):
        get(place, patience=1)


def test_a_server_that_never_answers(phi: HubServer, place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "SILENT_SECONDS", 0.2)
    phi.misbehave(faults.silence())
    with pytest.raises(HubUnreachable, match="isn’t responding"):
        get(place, patience=2)


def test_a_line_that_falls_silent_is_left(
    phi: HubServer, place: Home, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "SILENT_SECONDS", 0.2)
    phi.misbehave(faults.stall(1_000_000), times=2)
    get(place, patience=None)
    assert path.read_bytes() == CONTENT
    starts = phi.starts(FILE)  # more on a busy machine, where the third line may seem silent, too
    assert starts == sorted(starts)
    assert (starts[0], len(starts) >= 3) == (0, True)


def test_a_line_that_all_but_stands_still_is_left(
    phi: HubServer, place: Home, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "SLOW_SECONDS", 0.2)
    monkeypatch.setattr(transfer, "CHECK_SECONDS", 0.05)
    phi.misbehave(faults.drip(10, 0.05), times=1)
    get(place)
    assert path.read_bytes() == CONTENT
    assert 0 < phi.starts(FILE)[1] < 1000


def test_a_server_that_begins_anew_and_cuts_before_what_is_missing(phi: HubServer, place: Home) -> None:
    get_some(phi, place, 500_000)
    held = part_file.list_partial_downloads(place.models)[0].bytes
    phi.misbehave(faults.ignore_ranges())
    phi.cut_every = 100_000
    with pytest.raises(HubRefused, match="can’t resume downloads"):
        get(place, patience=None)
    assert part_file.list_partial_downloads(place.models)[0].bytes == held


def test_the_token_goes_to_the_hub_alone(
    phi: HubServer, place: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    phi.gate(REPO, "hf_secret")
    with HubServer() as other:
        phi.misbehave(faults.redirect(other.endpoint), times=1, at="cdn")
        get(place)
        assert other.requests
        assert not any(asked.is_authorized for asked in other.requests)
    assert all(asked.is_authorized == (asked.place != "cdn") for asked in phi.requests)
    assert "hf_secret" not in caplog.text


def test_without_a_token_a_gated_model_says_what_to_do(phi: HubServer, place: Home) -> None:
    phi.gate(REPO, "hf_secret")
    with pytest.raises(HubRefused, match="or set HF_TOKEN"):
        get(place)


def test_a_token_that_is_not_accepted(phi: HubServer, place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    phi.tokens = frozenset({"hf_other"})
    with pytest.raises(HubRefused, match="didn’t accept your access token"):
        get(place)


def test_a_token_that_is_none_is_not_repeated(phi: HubServer, place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_sécret\nwith a line")
    with pytest.raises(HubError, match="HF_TOKEN") as caught:
        get(place)
    assert "cret" not in str(caught.value)


def test_offline_means_offline(phi: HubServer, place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(HubRefused, match="HF_HUB_OFFLINE"):
        get(place)
    assert not phi.requests


@pytest.mark.parametrize("status", [401, 403])
def test_where_the_hub_leads_to_may_refuse_for_a_while(
    phi: HubServer, place: Home, path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_good")
    phi.fail_with(status, times=2, at="cdn")
    get(place)
    assert path.read_bytes() == CONTENT
    path.unlink()
    phi.fail_with(status, at="cdn")
    with pytest.raises(HubUnreachable, match=f"which stores the file for the Hub, refused the request .error {status}"):
        get(place)


def test_a_redirect_that_says_it_is_a_page_is_still_a_redirect(phi: HubServer, place: Home, path: Path) -> None:
    phi.misbehave(faults.saying(Content_Type="text/html"), at="resolve")
    get(place)
    assert path.read_bytes() == CONTENT


def test_a_server_that_does_not_know_head(phi: HubServer, place: Home, path: Path) -> None:
    phi.fail_with(405, method="HEAD")
    get(place)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("content", [b"GGUF another", CONTENT * 2])
def test_a_file_that_changes_where_its_bytes_do_not_say_so(
    phi: HubServer, place: Home, path: Path, content: bytes
) -> None:
    phi.misbehave(faults.without_sha(), method="GET")
    get_some(phi, place, 100_000)
    phi.replace(REPO, FILE, content)
    get(place)
    assert path.read_bytes() == content


def test_an_endless_retry_after_ends(phi: HubServer, place: Home, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    phi.fail_with(503, headers={"Retry-After": "9" * 20})
    assert notes(place, "Trying again in 3,600 s")


@pytest.mark.parametrize("kind", ["application/octet-stream", "text/plain", "Text/HTML", ""])
@pytest.mark.parametrize("length", [200, 3_000_000])
@pytest.mark.parametrize("begun", [False, True])
def test_a_page_to_sign_in_is_no_beginning_of_a_file(
    phi: HubServer, place: Home, path: Path, kind: str, length: int, begun: bool
) -> None:
    if begun:
        get_some(phi, place, 100_000)
    page = b"<!DOCTYPE html><html><title>Sign in</title>".ljust(length, b" ")
    phi.misbehave(faults.sign_in_page(page, kind), at="cdn")
    before = held_bytes(place)
    with pytest.raises(HubUnreachable, match="sign in"):
        get(place)
    assert held_bytes(place) == before
    phi.behave()
    get(place)
    assert path.read_bytes() == CONTENT


def held_bytes(place: Home) -> int:
    return sum(part.bytes for part in part_file.list_partial_downloads(place.models))


def test_a_gated_model_says_what_an_account_lacks(phi: HubServer, place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    phi.gate(REPO, "reader")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(HubForbidden, match="enter your access token in Preferences") as caught:
        get(place)
    assert (caught.value.wants_token, caught.value.page) == (True, f"{phi.endpoint}/{REPO}")
    monkeypatch.setenv("HF_TOKEN", "stranger")
    with pytest.raises(HubForbidden, match="doesn’t have access to") as caught:
        get(place)
    assert "HF_TOKEN" not in str(caught.value)
    assert (caught.value.wants_token, caught.value.page) == (False, f"{phi.endpoint}/{REPO}")
    monkeypatch.setenv("HF_TOKEN", "reader")
    get(place)


def test_a_redirect_to_nonsense_is_one_sentence(phi: HubServer, place: Home) -> None:
    phi.misbehave(faults.saying(Location="http://[::1/x"), at="resolve", method="GET")
    with pytest.raises(HubError, match=r"isn’t valid|isn’t a web address"):
        get(place)


def test_links_that_have_expired_are_asked_for_again(phi: HubServer, place: Home, path: Path) -> None:
    get_some(phi, place)
    phi.expire_links()
    get(place)
    assert path.read_bytes() == CONTENT


def test_a_disk_that_is_too_small_is_told_before_the_first_byte(
    phi: HubServer, place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "free_bytes", lambda folder: 2_000_000)
    monkeypatch.setattr(part_file, "free_bytes", lambda folder: 2_000_000)
    with pytest.raises(StoreError, match=r"needs 3\.0.MB in .*, but only 2\.0.MB is available"):
        get(place)
    assert not phi.served(FILE)


def test_a_disk_that_fills_up_in_the_middle(
    phi: HubServer, place: Home, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class SmallDisk(FileIO):
        def write(self, data: Any) -> int:
            room = 1_000_000 - os.fstat(self.fileno()).st_size
            if room <= 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(memoryview(data)[:room])

    with monkeypatch.context() as patch:
        patch.setattr(part_file, "open_private", lambda file, *_, **__: SmallDisk(file, "a"))
        patch.setattr(part_file, "free_bytes", lambda folder: 0)
        with pytest.raises(StoreError, match=r"Not enough disk space: the rest of the download needs 2\.0.MB"):
            get(place)
    get(place)
    assert path.read_bytes() == CONTENT
    assert phi.starts(FILE) == [0, 1_000_000]


def test_a_folder_that_is_moved_in_the_middle(
    phi: HubServer, place: Home, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "CHECK_SECONDS", 0.01)
    phi.speed = 300_000  # ten seconds in all
    away = place.root / "away"
    events = download(WANTED, place, CancelToken())
    while next(events).done < 100_000:  # type: ignore[union-attr]
        pass
    place.models.rename(away)
    with pytest.raises(StoreError, match=r"was moved or deleted\. Put it back, then resume the download"):
        list(events)
    away.rename(place.models)
    phi.behave()
    get(place)
    assert path.read_bytes() == CONTENT
    assert phi.starts(FILE)[-1] > 100_000


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(phi: HubServer, place: Home) -> None:
    place.models.mkdir(parents=True)
    place.models.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be written to"):
        get(place)
    place.models.chmod(0o700)


def test_a_home_that_is_a_file(phi: HubServer, place: Home) -> None:
    place.root.write_text("")
    with pytest.raises(StoreError, match="not a folder"):
        get(place)


def test_two_at_once_fetch_one_file(phi: HubServer, place: Home, path: Path) -> None:
    phi.speed = 20_000_000
    gate, phases, results = threading.Event(), list[Phase](), list[DownloadedModel]()
    phi.misbehave(faults.hold(lambda: gate.wait(PATIENCE)))

    def second() -> None:
        for event in download(WANTED, place, CancelToken()):
            if isinstance(event, Progress):
                phases.append(event.phase)
                if event.phase is Phase.ELSEWHERE:
                    gate.set()
            else:
                results.append(event)

    first = download(WANTED, place, CancelToken())
    while next(first).phase is not Phase.FETCHING:  # type: ignore[union-attr]
        pass
    thread = threading.Thread(target=second)
    thread.start()
    *_, last = first
    thread.join()
    assert Phase.ELSEWHERE in phases
    assert Phase.FETCHING not in phases
    assert results == [last]
    assert path.read_bytes() == CONTENT
    assert phi.served(FILE) == len(CONTENT)


def test_the_second_goes_on_where_the_first_gives_up(phi: HubServer, place: Home, path: Path) -> None:
    phi.misbehave(faults.stall(1_000_000), times=1)
    stop = CancelToken()
    first, second = download(WANTED, place, stop), download(WANTED, place, CancelToken())
    while next(first).phase is not Phase.FETCHING:  # type: ignore[union-attr]
        pass
    while next(second).phase is not Phase.ELSEWHERE:  # type: ignore[union-attr]
        pass
    stop.set()
    assert not [event for event in first if isinstance(event, DownloadedModel)]
    assert isinstance(list(second)[-1], DownloadedModel)
    assert path.read_bytes() == CONTENT
    assert 0 < phi.starts(FILE)[1] <= 1_000_000


def test_pausing_is_remembered_and_discarding_leaves_nothing(phi: HubServer, place: Home) -> None:
    get_some(phi, place)
    (part,) = part_file.list_partial_downloads(place.models)
    part_file.set_paused(part, True)
    assert part_file.list_partial_downloads(place.models)[0].is_paused
    part_file.discard_download(part)
    assert not part_file.list_partial_downloads(place.models)
    assert not [file for file in place.models.iterdir() if FILE in file.name]


def test_a_generator_that_is_dropped_ends_its_thread(phi: HubServer, place: Home) -> None:
    phi.speed = 1_000_000
    events = download(WANTED, place, CancelToken())
    next(events)
    events.close()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("Q4/model.gguf", "model.gguf"),
        ("../../evil.gguf", "evil.gguf"),
        ("a:b?.gguf", "a_b_.gguf"),
        (" .gguf", "model.gguf"),
        ("MODEL.GGUF", "MODEL.gguf"),
        ("Con.gguf", "_Con.gguf"),
        ("lpt\u00b9.Q4.gguf", "_lpt\u00b9.Q4.gguf"),
        ("console.gguf", "console.gguf"),
        ("n" * 150 + ".gguf", "n" * 150 + ".gguf"),
    ],
)
def test_names_that_any_system_can_hold(file: str, name: str) -> None:
    assert part_file.safe_file_name(file) == name


@pytest.mark.parametrize("letter", ["x", "ж", "模", "🏒"])
def test_long_names_are_cut_and_stay_different(letter: str) -> None:
    one, other = part_file.safe_file_name(letter * 300 + "1.gguf"), part_file.safe_file_name(letter * 300 + "2.gguf")
    assert one != other
    assert one.endswith(".gguf")
    assert len(one.encode()) < 200


KILLED = """
import sys
from pathlib import Path
from phichat.models.base import HubFile
from phichat.models.download.job import download
from phichat.paths import home
from phichat.cancellation import CancelToken
for event in download(HubFile(*sys.argv[1:]), home(), CancelToken()):
    print(event, flush=True)
"""


def _held(place: Home) -> int:
    return sum(part.bytes for part in part_file.list_partial_downloads(place.models))


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_killed_at_random_moments_it_loses_nothing(phi: HubServer, place: Home, path: Path, eventually: Any) -> None:
    large = random.Random(4).randbytes(20_000_000)  # ten seconds, so that it is never here before the last kill
    phi.replace(REPO, FILE, large)
    phi.speed, phi.cut_every = 2_000_000, 500_000
    held = 0
    for moment in (0.05, 0.1, 0.2):
        phi.forget()
        process = subprocess.Popen([sys.executable, "-c", KILLED, REPO, FILE], stdout=subprocess.DEVNULL)
        eventually(lambda before=held: _held(place) > before)
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not path.exists()
        assert phi.starts(FILE)[0] == held
        assert _held(place) > held
        held = _held(place)
    phi.behave()
    phi.forget()
    get(place)
    assert path.read_bytes() == large
    assert phi.starts(FILE) == [held]
