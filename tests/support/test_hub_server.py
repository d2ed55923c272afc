"""Tests for the hub server that other tests rely on: that it speaks as the Hub does, and misbehaves as told."""

import gzip
import hashlib
import json
import re
import socket
import ssl
import subprocess
import sys
import time
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.support.hub import faults
from tests.support.hub.faults import Fault
from tests.support.hub.server import HubServer
from tests.support.servers.certificates import OPENSSL

REPO, FILE = "microsoft/Phi-3-mini-4k-instruct-gguf", "Phi-3-mini-4k-instruct-q4.gguf"
CONTENT = bytes(range(256)) * 4000
TOKEN = {"Authorization": "Bearer hf_good"}

# Loading the system's certificates takes 20 ms, and only one hub here speaks TLS.
get, head = partial(httpx2.get, verify=False), partial(httpx2.head, verify=False)

JUDGE = """
import sys
from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub import errors
repo, file = sys.argv[1:]
told = get_hf_file_metadata(hf_hub_url(repo, file))
info = HfApi().model_info(repo, files_metadata=True)
leaf = next(leaf for leaf in HfApi().list_repo_tree(repo, recursive=True) if leaf.path == file)
print(told.etag, told.size, told.commit_hash == info.sha, info.card_data.license, info.gated)
print(info.siblings[0].rfilename, info.siblings[0].lfs.sha256, info.siblings[0].size)
print(leaf.size, leaf.lfs.sha256)
print(hf_hub_download(repo, file))
for name, wanted in ((file + "x", errors.RemoteEntryNotFoundError), (file, errors.GatedRepoError)):
    try:
        get_hf_file_metadata(hf_hub_url(repo if wanted is errors.RemoteEntryNotFoundError else "meta/gated", name))
    except wanted as error:
        print(type(error).__name__)
"""


@pytest.fixture
def phi(hub: HubServer) -> HubServer:
    """A hub with one file."""
    hub.add(REPO, FILE, CONTENT)
    return hub


def url(hub: HubServer, file: str = FILE, revision: str = "main") -> str:
    return f"{hub.endpoint}/{REPO}/resolve/{revision}/{file}"


def fetch(hub: HubServer, start: int | None = None, **headers: str) -> tuple[type[Exception] | None, bytes]:
    """What came, as it came over the wire, and why it ended if not well."""
    got = b""
    headers |= {"Range": f"bytes={start}-"} if start is not None else {}
    try:
        with httpx2.stream(
            "GET", url(hub), headers=headers, follow_redirects=True, timeout=0.5, verify=False
        ) as response:
            for piece in response.iter_raw():
                got += piece
    except httpx2.HTTPError as error:
        return type(error), got
    return None, got


def answered(hub: HubServer, start: int | None = None) -> httpx2.Response:
    headers = {"Range": f"bytes={start}-"} if start is not None else {}
    return get(url(hub), headers=headers, follow_redirects=True, timeout=5)


def overheard(hub: HubServer) -> bytes:
    """All that the CDN sends for one request, past what HTTP says too."""
    link = urlsplit(head(url(hub)).headers["Location"])
    with socket.create_connection((str(link.hostname), link.port or 0), timeout=5) as connection:
        connection.sendall(f"GET {link.path}?{link.query} HTTP/1.1\r\nHost: cdn\r\n\r\n".encode())
        with connection.makefile("rb") as stream:
            return stream.read().partition(b"\r\n\r\n")[2]


def test_resolve_tells_of_the_file_and_leads_to_another_origin(hub: HubServer) -> None:
    sha256 = hub.add(REPO, FILE, CONTENT)
    told = head(url(hub))
    assert told.status_code == 302
    assert sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert told.headers["X-Linked-ETag"] == told.headers["ETag"] == f'"{sha256}"'
    assert told.headers["X-Linked-Size"] == str(len(CONTENT))
    assert re.fullmatch("[0-9a-f]{40}", told.headers["X-Repo-Commit"])
    assert told.headers["Location"].startswith(hub.cdn + "/")
    assert hub.cdn != hub.endpoint
    assert get(told.headers["Location"]).content == CONTENT


@pytest.mark.parametrize("place", ["memory", "disk"])
def test_ranges(hub: HubServer, tmp_path: Path, place: str) -> None:
    (tmp_path / FILE).write_bytes(CONTENT)
    hub.add(REPO, FILE, CONTENT if place == "memory" else tmp_path / FILE)
    size = len(CONTENT)
    assert answered(hub).status_code == 200
    assert answered(hub).content == CONTENT
    rest = answered(hub, 1000)
    assert (rest.status_code, rest.content) == (206, CONTENT[1000:])
    assert rest.headers["Content-Range"] == f"bytes 1000-{size - 1}/{size}"
    assert fetch(hub, Range="bytes=10-19") == (None, CONTENT[10:20])
    assert fetch(hub, Range="bytes=-7") == (None, CONTENT[-7:])
    none = answered(hub, size)
    assert (none.status_code, none.content, none.headers["Content-Range"]) == (416, b"", f"bytes */{size}")


def test_a_mirror_answers_itself_and_minds_if_range(phi: HubServer) -> None:
    phi.direct = True
    told = head(url(phi))
    assert (told.status_code, told.headers["Content-Length"]) == (200, str(len(CONTENT)))
    etag = told.headers["ETag"]
    assert fetch(phi, 5000, **{"If-Range": etag}) == (None, CONTENT[5000:])
    phi.replace(REPO, FILE, CONTENT[::-1])
    assert fetch(phi, 5000, **{"If-Range": etag}) == (None, CONTENT[::-1])
    assert {asked.place for asked in phi.requests} == {"resolve"}


def test_requests_are_remembered(phi: HubServer) -> None:
    fetch(phi, 1000, **TOKEN)
    first, second = phi.requests
    assert (first.method, first.path, first.status, first.start) == ("GET", f"/{REPO}/resolve/main/{FILE}", 302, 1000)
    assert (second.place, second.status, second.sent) == ("cdn", 206, len(CONTENT) - 1000)
    assert f"http://{second.host}" == phi.cdn
    assert first.is_authorized
    assert not second.is_authorized, "httpx2 sends no token to another origin"
    assert second.at >= first.at
    assert (phi.served(FILE), phi.starts(FILE)) == (len(CONTENT) - 1000, [1000])
    phi.forget()
    assert phi.requests == []


def test_sent_bytes_are_counted_while_they_go(phi: HubServer) -> None:
    phi.misbehave(faults.stall(3000))
    with httpx2.stream("GET", url(phi), follow_redirects=True, verify=False) as response:
        got = 0
        for piece in response.iter_raw():
            got += len(piece)
            if got == 3000:
                break
        assert phi.served(FILE) == 3000


def test_a_changed_file_is_a_new_commit_and_the_old_one_stays(phi: HubServer) -> None:
    before = head(url(phi)).headers
    phi.replace(REPO, FILE, b"changed")
    after = head(url(phi)).headers
    assert before["X-Linked-ETag"] != after["X-Linked-ETag"]
    assert answered(phi).content == b"changed"
    assert get(before["Location"]).content == CONTENT
    old = head(url(phi, revision=before["X-Repo-Commit"])).headers
    assert old["X-Linked-ETag"] == before["X-Linked-ETag"]


def test_small_text_comes_from_the_hub_itself(hub: HubServer) -> None:
    hub.add(REPO, "README.md", b"# Phi-3", is_lfs=False)
    told = get(url(hub, "README.md"))
    assert (told.status_code, told.content) == (200, b"# Phi-3")
    assert "X-Linked-ETag" not in told.headers
    assert re.fullmatch('"[0-9a-f]{40}"', told.headers["ETag"])


def test_a_renamed_repo_leads_to_its_new_name(phi: HubServer) -> None:
    phi.rename(REPO, "microsoft/Phi-3-renamed")
    told = head(url(phi))
    assert (told.status_code, told.headers["Location"]) == (307, f"/microsoft/Phi-3-renamed/resolve/main/{FILE}")
    assert fetch(phi) == (None, CONTENT)
    assert get(f"{phi.endpoint}/api/models/{REPO}", follow_redirects=True).json()["id"].endswith("renamed")


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        (f"{REPO}/resolve/main/none.gguf", {}, (404, "EntryNotFound", "Entry not found")),
        (f"{REPO}/resolve/v2/{FILE}", {}, (404, "RevisionNotFound", "Invalid rev id: v2")),
        (f"api/models/{REPO}/revision/v2", {}, (404, "RevisionNotFound", "Invalid rev id: v2")),
        ("api/models/no/such", {}, (401, None, "Invalid username or password.")),
        ("api/models/no/such", TOKEN, (404, "RepoNotFound", "Repository not found")),
        (f"no/such/resolve/main/{FILE}", TOKEN, (404, "RepoNotFound", "Repository not found")),
    ],
)
def test_what_is_not_there(phi: HubServer, path: str, headers: dict[str, str], expected: tuple[int, str, str]) -> None:
    told = get(f"{phi.endpoint}/{path}", headers=headers)
    assert (told.status_code, told.headers.get("X-Error-Code"), told.headers["X-Error-Message"]) == expected
    assert told.json() == {"error": expected[2]}


def test_gated_models_and_unknown_tokens(phi: HubServer) -> None:
    phi.gate(REPO, "hf_good")
    stranger, other = get(url(phi)), get(url(phi), headers={"Authorization": "Bearer hf_other"})
    assert (stranger.status_code, stranger.headers["X-Error-Code"]) == (401, "GatedRepo")
    assert (other.status_code, other.headers["X-Error-Code"]) == (403, "GatedRepo")
    assert get(url(phi), headers=TOKEN).status_code == 302
    assert get(f"{phi.endpoint}/api/models/{REPO}").json()["gated"] == "auto"
    phi.tokens = frozenset({"hf_other"})
    wrong = get(url(phi), headers=TOKEN)
    assert (wrong.status_code, wrong.headers["X-Error-Message"]) == (401, "Invalid credentials in Authorization header")


def test_links_expire(phi: HubServer) -> None:
    link = head(url(phi)).headers["Location"]
    phi.expire_links()
    assert get(link).status_code == 403
    assert fetch(phi) == (None, CONTENT)


def test_the_tree_has_folders(hub: HubServer) -> None:
    for name in ("a.gguf", "sub/b.gguf", "sub/deep/c.gguf"):
        hub.add("owner/repo", name, name.encode())

    def paths(query: str) -> list[str]:
        rows = get(f"{hub.endpoint}/api/models/owner/repo/tree/{query}").json()
        return sorted(f"{row['type']} {row['path']}" for row in rows)

    assert paths("main") == ["directory sub", "file a.gguf"]
    assert paths("main/sub") == ["directory sub/deep", "file sub/b.gguf"]
    everything = ["directory sub", "directory sub/deep", "file a.gguf", "file sub/b.gguf", "file sub/deep/c.gguf"]
    assert paths("main?recursive=true") == everything


def test_huggingface_hub_understands_it(phi: HubServer) -> None:
    phi.add("meta/gated", FILE, b"secret")
    phi.gate("meta/gated")
    # In a process of its own, as the library looks at the environment once.
    run = subprocess.run([sys.executable, "-c", JUDGE, REPO, FILE], capture_output=True, text=True, check=False)
    sha256, size = hashlib.sha256(CONTENT).hexdigest(), len(CONTENT)
    told, sibling, leaf, path, *failures = run.stdout.splitlines() or [run.stderr]
    assert told == f"{sha256} {size} True mit False"
    assert sibling == f"{FILE} {sha256} {size}"
    assert leaf == f"{size} {sha256}"
    assert Path(path).read_bytes() == CONTENT
    assert failures == ["RemoteEntryNotFoundError", "GatedRepoError"]


def test_misbehaves_so_many_times_and_where_it_is_told_to(phi: HubServer) -> None:
    phi.fail_with(503, times=2, headers={"Retry-After": "1"}, at="resolve")
    assert get(f"{phi.endpoint}/api/models/{REPO}").status_code == 200
    answers = [head(url(phi)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 302]
    assert answers[0].headers["Retry-After"] == "1"
    phi.fail_with(500, at="cdn", method="GET")
    link = answers[2].headers["Location"]
    assert (head(link).status_code, get(link).status_code) == (200, 500)
    phi.behave()
    assert get(link).status_code == 200


def test_one_misbehaviour_ends_and_another_goes_on(phi: HubServer) -> None:
    slow, broken = phi.misbehave(faults.cut(5000)), phi.fail_with(404, at="api", error="RepoNotFound")
    phi.behave(slow)
    assert fetch(phi) == (None, CONTENT)
    told = get(f"{phi.endpoint}/api/models/{REPO}")
    assert (told.status_code, told.headers["X-Error-Code"]) == (404, "RepoNotFound")
    assert (slow.happened, broken.happened) == (0, 1)


def test_too_many_requests_say_when_to_come_back(phi: HubServer) -> None:
    phi.misbehave(faults.too_many(60), times=1)
    phi.misbehave(faults.too_many(60, as_date=True))
    seconds, date = [head(url(phi)) for _ in range(2)]
    assert (seconds.status_code, seconds.headers["Retry-After"]) == (429, "60")
    assert 50 < parsedate_to_datetime(date.headers["Retry-After"]).timestamp() - time.time() < 61


def test_errors_stand_in_line_and_leave_other_faults_alone(phi: HubServer) -> None:
    cut = phi.misbehave(faults.cut(5000), times=1)
    phi.fail_with(502, times=2, at="cdn")
    phi.misbehave(faults.login_page(), times=1, at="cdn")
    answers = [answered(phi) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [502, 502, 200]
    assert answers[2].content == faults.LOGIN_PAGE
    assert cut.happened == 0
    assert [fetch(phi)[1], fetch(phi)[1]] == [CONTENT[:5000], CONTENT]


def test_cuts(phi: HubServer) -> None:
    phi.misbehave(faults.cut(5000), times=1)
    assert fetch(phi) == (httpx2.RemoteProtocolError, CONTENT[:5000])
    assert fetch(phi, 5000) == (None, CONTENT[5000:])
    phi.cut_every = 400_000
    assert [len(fetch(phi, start)[1]) for start in (0, 400_000, 800_000)] == [400_000, 400_000, len(CONTENT) - 800_000]


def test_resets(phi: HubServer) -> None:
    phi.misbehave(faults.cut(5000, reset=True))
    error, got = fetch(phi)
    assert error is httpx2.ReadError
    assert CONTENT.startswith(got)
    assert len(got) <= 5000


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.hang_up(), httpx2.ReadError),
        (faults.hang_up(reset=False), httpx2.RemoteProtocolError),
        (faults.silence(), httpx2.ReadTimeout),
        (faults.circle(), httpx2.TooManyRedirects),
    ],
)
def test_no_answer(phi: HubServer, fault: Fault, error: type[Exception]) -> None:
    phi.misbehave(fault)
    assert fetch(phi) == (error, b"")


def test_stalls(phi: HubServer) -> None:
    phi.misbehave(faults.stall(3000))
    assert fetch(phi) == (httpx2.ReadTimeout, CONTENT[:3000])


def test_drips(hub: HubServer) -> None:
    hub.add(REPO, FILE, b"0123456789")
    hub.misbehave(faults.drip(2, every=0.05))
    begun = time.monotonic()
    assert fetch(hub) == (None, b"0123456789")
    assert time.monotonic() - begun > 0.19


def test_keeps_to_a_speed(phi: HubServer) -> None:
    phi.speed = 4_000_000
    begun = time.monotonic()
    assert fetch(phi) == (None, CONTENT)
    assert time.monotonic() - begun > 0.2


def test_faults_act_together(phi: HubServer) -> None:
    phi.speed, phi.cut_every = 10_000_000, 500_000
    phi.misbehave(faults.ignore_ranges())
    assert fetch(phi, 1000) == (httpx2.RemoteProtocolError, CONTENT[:500_000])


@pytest.mark.parametrize("start", [1000, len(CONTENT)])
def test_ignores_ranges(phi: HubServer, start: int) -> None:
    phi.misbehave(faults.ignore_ranges())
    told = answered(phi, start)
    assert (told.status_code, told.content) == (200, CONTENT)
    assert "Content-Range" not in told.headers


def test_sends_another_part_than_it_was_asked_for(phi: HubServer) -> None:
    size = len(CONTENT)
    phi.misbehave(faults.misfit_range(8), times=1)
    told = answered(phi, 1000)
    assert (told.content, told.headers["Content-Range"]) == (CONTENT[1000:], f"bytes 1008-{size - 1}/{size}")
    phi.misbehave(faults.other_part(-8))
    told = answered(phi, 1000)
    assert (told.content, told.headers["Content-Range"]) == (CONTENT[992:], f"bytes 992-{size - 1}/{size}")


def test_sends_too_much(phi: HubServer) -> None:
    phi.misbehave(faults.surplus(50), times=1)
    told = answered(phi)
    assert told.headers["Content-Length"] == str(len(CONTENT) + 50)
    assert told.content == CONTENT + b"\xaa" * 50
    phi.misbehave(faults.surplus(50, declared=False))
    assert answered(phi).headers["Content-Length"] == str(len(CONTENT))
    assert overheard(phi) == CONTENT + b"\xaa" * 50


def test_sends_too_little(phi: HubServer) -> None:
    phi.misbehave(faults.deficit(50))
    assert fetch(phi) == (None, CONTENT[:-50])
    assert head(url(phi)).headers["X-Linked-Size"] == str(len(CONTENT))


def test_wrong_bytes_for_the_first_who_come_to_the_end(phi: HubServer) -> None:
    wrong = phi.misbehave(faults.wrong_bytes(), times=1)
    flipped = CONTENT[:-1] + bytes([CONTENT[-1] ^ 0xFF])
    assert fetch(phi, Range="bytes=0-99") == (None, CONTENT[:100])
    phi.cut_every = 900_000
    assert fetch(phi)[1] == CONTENT[:900_000]
    assert wrong.happened == 0
    assert fetch(phi, 900_000) == (None, flipped[900_000:])
    assert wrong.happened == 1
    assert fetch(phi, 900_000) == (None, CONTENT[900_000:])


def test_says_other_things_than_are_true(phi: HubServer) -> None:
    unlinked = phi.misbehave(faults.without_linked())
    told = head(url(phi)).headers
    assert "X-Linked-ETag" not in told
    assert "X-Linked-Size" not in told
    phi.behave(unlinked)
    phi.misbehave(faults.without_sha())
    phi.misbehave(faults.saying(X_Linked_Size="5"))
    told = head(url(phi)).headers
    assert not re.search("[0-9a-f]{64}", told["X-Linked-ETag"] + told["ETag"])
    assert told["X-Linked-Size"] == "5"


def test_packs_what_was_not_to_be_packed(phi: HubServer) -> None:
    phi.misbehave(faults.gzipped())
    error, got = fetch(phi, None, **{"Accept-Encoding": "identity"})
    assert error is None
    assert gzip.decompress(got) == CONTENT
    assert answered(phi).headers["Content-Encoding"] == "gzip"


def test_chunks(phi: HubServer) -> None:
    phi.speed = 10_000_000
    phi.misbehave(faults.chunked())
    told = answered(phi, 1000)
    assert "Content-Length" not in told.headers
    assert told.content == CONTENT[1000:]
    phi.cut_every = 5000
    assert fetch(phi) == (httpx2.RemoteProtocolError, CONTENT[:5000])


def test_a_login_page(phi: HubServer) -> None:
    phi.misbehave(faults.login_page())
    told = get(url(phi))
    assert (told.status_code, told.content) == (200, faults.LOGIN_PAGE)
    assert told.headers["Content-Type"].startswith("text/html")


def test_leads_to_another_host_that_sees_what_comes_along(phi: HubServer) -> None:
    with HubServer() as other:
        other.add(REPO, FILE, b"other")
        phi.misbehave(faults.redirect(other.endpoint), at="resolve")
        told = get(url(phi), headers=TOKEN, follow_redirects=True)
        assert told.content == b"other"
        assert [asked.is_authorized for asked in phi.requests + other.requests] == [True, False, False]
        get(url(other), headers=TOKEN)
        assert other.requests[-1].headers["authorization"] == TOKEN["Authorization"]


def test_keeps_a_connection_unless_asked_not_to(phi: HubServer) -> None:
    port = int(phi.endpoint.rpartition(":")[2])
    request = b"HEAD /%s HTTP/1.1\r\nHost: hub\r\n%s\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request % (b"one", b"") + request % (b"two", b"Connection: close\r\n"))
        with connection.makefile("rb") as stream:
            came = stream.read()
    assert came.count(b"HTTP/1.1 404") == 2
    assert came.count(b"Connection: close") == 1


def test_closes_at_once_whatever_is_going_on(tmp_path: Path) -> None:
    with HubServer() as hub, httpx2.Client(verify=False, timeout=None) as client:
        hub.add(REPO, FILE, bytes(50_000_000))
        hub.misbehave(faults.stall(10), times=1)
        hub.misbehave(faults.drip(1, every=100), times=2)
        streams = [client.stream("GET", url(hub), follow_redirects=True) for _ in range(3)]
        for stream in streams:
            stream.__enter__()
        begun = time.monotonic()
        hub.close()
        assert time.monotonic() - begun < 50, "it waited for what was going on"
        for stream in streams:
            stream.__exit__(None, None, None)


@pytest.mark.skipif(not OPENSSL, reason="there is no openssl command")
def test_speaks_tls(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(CONTENT * 3)
    with HubServer(tls=True) as hub:
        hub.add(REPO, FILE, tmp_path / FILE)
        trusting = ssl.create_default_context(cafile=hub.authority)
        trusting.verify_flags |= ssl.VERIFY_X509_STRICT
        told = get(url(hub), verify=trusting, follow_redirects=True)
        assert hub.cdn.startswith("https://")
        assert told.content == CONTENT * 3
        with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx2.get(url(hub))


def test_serves_a_folder_from_the_command_line(tmp_path: Path) -> None:
    file, log = tmp_path / "hub" / REPO / FILE, tmp_path / "log"
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    command = [
        sys.executable,
        "-m",
        "tests.support.hub.server",
        str(tmp_path / "hub"),
        "--log",
        str(log),
        "--cut-every",
        "5000",
    ]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            endpoint = server.stdout.readline().strip().removeprefix("HF_ENDPOINT=")
            told = get(f"{endpoint}/{REPO}/resolve/main/{FILE}", headers=TOKEN)
            with pytest.raises(httpx2.RemoteProtocolError):
                get(told.headers["Location"], headers={"Range": "bytes=1000-"})
        finally:
            server.terminate()
    first, second = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert (first["method"], first["status"], first["authorized"]) == ("GET", 302, True)
    assert (second["status"], second["start"], second["sent"], second["authorized"]) == (206, 1000, 5000, False)
    assert abs(second["time"] - time.time()) < 60
