"""Tests for the hub server that other tests rely on: that it speaks as the Hub does, and misbehaves as told."""

import hashlib

import httpx2

from tests import hub_faults
from tests.hub_server import HubServer

REPO, FILE = "microsoft/Phi-3-mini-4k-instruct-gguf", "Phi-3-mini-4k-instruct-q4.gguf"
CONTENT = bytes(range(256)) * 4000


def url(hub: HubServer, file: str = FILE, revision: str = "main") -> str:
    return f"{hub.endpoint}/{REPO}/resolve/{revision}/{file}"


def test_resolve_tells_of_the_file_and_leads_to_another_origin(hub: HubServer) -> None:
    sha256 = hub.add(REPO, FILE, CONTENT)
    told = httpx2.head(url(hub))
    assert told.status_code == 302
    assert sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert told.headers["X-Linked-ETag"] == f'"{sha256}"'
    assert told.headers["X-Linked-Size"] == str(len(CONTENT))
    assert len(told.headers["X-Repo-Commit"]) == 40
    assert told.headers["Location"].startswith(hub.cdn)
    assert httpx2.get(told.headers["Location"]).content == CONTENT


def test_ranges(hub: HubServer) -> None:
    hub.add(REPO, FILE, CONTENT)
    rest = httpx2.get(url(hub), headers={"Range": "bytes=1000-"}, follow_redirects=True)
    assert rest.status_code == 206
    assert rest.content == CONTENT[1000:]
    assert rest.headers["Content-Range"] == f"bytes 1000-{len(CONTENT) - 1}/{len(CONTENT)}"
    none = httpx2.get(url(hub), headers={"Range": f"bytes={len(CONTENT)}-"}, follow_redirects=True)
    assert none.status_code == 416


def test_misbehaves_so_many_times(hub: HubServer) -> None:
    hub.add(REPO, FILE, CONTENT)
    hub.fail_with(503, times=2, headers={"Retry-After": "1"})
    answers = [httpx2.head(url(hub)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 302]
    assert answers[0].headers["Retry-After"] == "1"


def test_cuts(hub: HubServer) -> None:
    hub.add(REPO, FILE, CONTENT)
    hub.misbehave(hub_faults.cut(5000), times=1)
    assert fetch(hub) == (httpx2.RemoteProtocolError, CONTENT[:5000])
    assert fetch(hub) == (None, CONTENT)


def fetch(hub: HubServer, start: int = 0) -> tuple[type[Exception] | None, bytes]:
    """What came, and why it ended if not well."""
    got = b""
    headers = {"Range": f"bytes={start}-"} if start else {}
    try:
        with httpx2.stream("GET", url(hub), headers=headers, follow_redirects=True, timeout=1) as response:
            for piece in response.iter_raw():
                got += piece
    except httpx2.HTTPError as error:
        return type(error), got
    return None, got
