"""Whether there is a newer version: asked once a week at most, and whatever the answer is, it does no harm."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from phichat import __version__
from phichat.cancellation import CancelToken
from phichat.net import releases as updates
from phichat.net.releases import DAY, WEEK, Release, ReleaseFeed
from phichat.paths import Home
from tests.support.hub.answers import Pace
from tests.support.hub.server import HubServer
from tests.support.servers.releases import PAGE, ReleasesServer

Look = Callable[[], Release | None]


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def look(home: Path, clock: Clock) -> Look:
    """One look, each by a program that has just been started."""
    return lambda: ReleaseFeed(Home(home).versions, "1.2.3", clock).check(CancelToken())


def test_a_newer_version_is_told(releases: ReleasesServer, look: Look) -> None:
    assert look() == Release("9.1.0", PAGE, "- It is **faster**.")


def test_it_is_asked_once_a_week_and_known_all_the_week(releases: ReleasesServer, look: Look, clock: Clock) -> None:
    for passed in (0, DAY, WEEK - DAY - 1):
        clock.now += passed
        assert look()
        assert len(releases.requests) == 1
    clock.now += 1
    releases.publish("v9.2.0")
    found = look()
    assert found
    assert (found.version, len(releases.requests)) == ("9.2.0", 2)


def test_nothing_is_sent_but_which_version_asks(
    releases: ReleasesServer, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    look()
    [asked] = releases.requests
    assert (asked.method, asked.target) == ("GET", "/latest")
    assert {name.lower(): value for name, value in asked.headers.items()} == {
        "host": releases.address.split("/")[2],
        "user-agent": f"phichat/{__version__}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "connection": "keep-alive",
    }


@pytest.mark.parametrize("ours", ["9.1.0", "9.1", "9.1.0.dev1", "10.0", "9.1.1"])
def test_what_is_not_newer_is_no_news(releases: ReleasesServer, home: Path, ours: str) -> None:
    assert ReleaseFeed(Home(home).versions, ours).check(CancelToken()) is None
    assert releases.requests


def test_a_version_that_is_skipped_is_not_told_again_but_the_next_one_is(
    releases: ReleasesServer, look: Look, home: Path, clock: Clock
) -> None:
    look()
    ReleaseFeed(Home(home).versions).skip_version("9.1.0")
    assert look() is None
    clock.now += WEEK
    assert look() is None
    clock.now += WEEK
    releases.publish("v9.1.1")
    assert look()


GARBAGE = {
    "nothing": b"",
    "a page": b"<!DOCTYPE html><title>Sign in</title>",
    "a list": b"[]",
    "null": b"null",
    "deep": b"[" * 100_000,
    "long": b'{"tag_name": "v9.0.0", "html_url": "https://a.example", "body": "' + b"x" * 2_000_000 + b'"}',
    "no text": b"\xff\xfe\x00\x80",
    "a word for a number": b'{"tag_name": "newest", "html_url": "https://a.example"}',
    "a number of its own kind": b'{"tag_name": 9, "html_url": "https://a.example"}',
    "an endless number": b'{"tag_name": "v' + b"9" * 5000 + b'", "html_url": "https://a.example"}',
    "a trial": b'{"tag_name": "v9.0.0-rc1", "html_url": "https://a.example"}',
    "a trial by another name": b'{"tag_name": "v9.0.0", "html_url": "https://a.example", "prerelease": true}',
    "a draft": b'{"tag_name": "v9.0.0", "html_url": "https://a.example", "draft": true}',
    "no page": b'{"tag_name": "v9.0.0"}',
    "a file": b'{"tag_name": "v9.0.0", "html_url": "file:///etc/passwd"}',
    "a script": b'{"tag_name": "v9.0.0", "html_url": "javascript:alert(1)"}',
    "half an address": b'{"tag_name": "v9.0.0", "html_url": "https://[::1"}',
    "two lines of address": b'{"tag_name": "v9.0.0", "html_url": "https://a.example/\\n/b"}',
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
def test_answers_without_sense_are_no_news_and_count_as_answers(
    releases: ReleasesServer, look: Look, body: bytes
) -> None:
    releases.body = body
    assert look() is None
    assert look() is None
    assert len(releases.requests) == 1


@pytest.mark.parametrize("status", [204, 404, 429, 500])
def test_errors_count_as_answers_and_what_was_known_stays(
    releases: ReleasesServer, look: Look, clock: Clock, status: int
) -> None:
    look()
    clock.now += WEEK
    releases.status = status
    for _ in range(2):
        assert look()
    assert len(releases.requests) == 2


def test_endless_notes_are_cut_and_what_no_encoding_can_store_is_replaced(releases: ReleasesServer, look: Look) -> None:
    releases.publish("9.1.0", "\ud800" + "x" * 100_000)
    found = look()
    assert found
    assert found.notes.startswith("\N{REPLACEMENT CHARACTER}x")
    assert len(found.notes) == updates.MAX_NOTES_CHARACTERS


def test_an_answer_that_drips_is_not_waited_for(
    releases: ReleasesServer, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "MAX_ANSWER_SECONDS", 0.2)
    releases.pace = Pace(4, 0.05)
    assert look() is None
    assert len(releases.requests) == 1


@pytest.mark.parametrize("notes", [None, 7, ["a"]])
def test_a_version_may_have_no_notes(releases: ReleasesServer, look: Look, notes: object) -> None:
    releases.publish("9.1.0", notes)
    assert look() == Release("9.1.0", PAGE)


def test_where_nobody_is_reached_it_is_tried_the_next_day(
    releases: ReleasesServer, look: Look, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHICHAT_RELEASES", "http://127.0.0.1:9/latest")
    assert look() is None
    monkeypatch.setenv("PHICHAT_RELEASES", releases.address)
    assert look() is None
    clock.now += DAY
    assert look()


@pytest.mark.parametrize("address", ["", "ftp://a.example", "nonsense", "http://"])
def test_an_address_that_is_none(
    releases: ReleasesServer, look: Look, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("PHICHAT_RELEASES", address)
    assert look() is None
    assert not releases.requests


def test_who_is_told_to_stay_offline_does(
    releases: ReleasesServer, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert look() is None
    assert not releases.requests
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert look()


def test_where_it_cannot_be_remembered_nobody_is_asked(releases: ReleasesServer, look: Look, home: Path) -> None:
    home.write_text("a file where the folder would be")
    assert look() is None
    assert not releases.requests


@pytest.mark.parametrize("kept", ["", "[]", "{", '{"asked": "x"}', '{"asked": 9e99}', '{"release": {"tag_name": 1}}'])
def test_a_file_that_makes_no_sense_is_begun_anew(releases: ReleasesServer, look: Look, home: Path, kept: str) -> None:
    home.mkdir()
    Home(home).versions.write_text(kept)
    assert look()
    assert json.loads(Home(home).versions.read_text())["release"]["tag_name"] == "9.1.0"


def test_waiting_ends_when_asked(releases: ReleasesServer, home: Path) -> None:
    releases.is_silent = True
    stop, found = CancelToken(), list[Release | None]()
    looking = threading.Thread(target=lambda: found.append(ReleaseFeed(Home(home).versions).check(stop)))
    looking.start()
    while not releases.requests:
        looking.join(0.01)
    stop.set(final=True)
    looking.join(10)
    assert found == [None]


def test_the_hub_is_not_asked(releases: ReleasesServer, hub: HubServer, look: Look) -> None:
    look()
    assert not hub.requests
