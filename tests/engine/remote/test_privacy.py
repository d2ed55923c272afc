"""Nothing goes to a server unasked, the key to its host alone, and neither key nor text into logs or files."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from phichat import cli
from phichat.diagnostics import logs
from phichat.engine.base import CancelToken, Engine, Loaded
from phichat.engine.remote.base import Server, ServerKind
from phichat.engine.remote.engine import RemoteEngine
from phichat.engine.remote.servers import ServerList
from phichat.engines import make_engine
from phichat.errors import EngineError, ServerError
from tests.engine.remote.conftest import Ask, request
from tests.support.fakes import ScriptedEngine
from tests.support.keyrings import Keyring
from tests.support.servers.chat import BREAK, ChatServer, Scripted
from tests.support.servers.proxy import ProxyServer

KEY, TEXT, SAID = "sk-very-secret", "my private question", "a private answer"

Load = Callable[..., Loaded]
Run = Callable[..., int]


@pytest.fixture
def capture(monkeypatch: pytest.MonkeyPatch) -> Iterator[ProxyServer]:
    """Everything that is sent goes through this."""
    with ProxyServer() as proxy:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.url)
        yield proxy


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def run_command(*arguments: str, by: Engine | None = None, said: str = "") -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO(said))
        return cli.run([*arguments], lambda *_: 0, (lambda _: by) if by else make_engine)

    return run_command


@pytest.fixture
def added(run: Run, server: ChatServer) -> ChatServer:
    server.key = KEY
    assert run("servers", "add", "gaming", server.url, "--key-stdin", said=KEY) == 0
    server.asked.clear()
    return server


def test_what_is_local_sends_nothing(added: ChatServer, capture: ProxyServer, run: Run, chatml_model: Path) -> None:
    for command in (
        ("ask", TEXT, "--model", str(chatml_model)), ("ask", TEXT), ("doctor",), ("servers", "list"),
        ("models", "list"), ("history", "list"),
    ):  # fmt: skip
        run(*command, by=ScriptedEngine())
    assert not capture.requests
    assert not added.asked


def test_what_is_asked_goes_to_the_server_alone(added: ChatServer, capture: ProxyServer, run: Run) -> None:
    assert run("ask", TEXT, "--model", "gaming/tiny") == 0
    assert {each.target.split("/")[2] for each in capture.requests} == {added.host}
    asked = [each.page for each in added.asked]
    assert asked[0] == "/v1/models"
    assert asked[-1] == "/v1/chat/completions"
    assert all(each.body is None for each in added.asked[:-1]), "the text is sent once"
    assert KEY not in json.dumps(added.chats)
    assert [each.headers["Authorization"] for each in added.asked] == [f"Bearer {KEY}"] * len(asked)


def test_a_draft_sends_nothing(
    load: Load, engine: RemoteEngine, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(ServerKind.VLLM)
    with ProxyServer() as capture:
        monkeypatch.setenv("http_proxy", capture.url)
        for counts in (True, False):
            list(engine.generate(request(TEXT, is_draft=True, only_counts=counts), CancelToken()))
        assert not capture.requests


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("page", ["/v1/models", "/v1/chat/completions", "/tokenize"])
def test_no_redirect_leads_to_another_host(load: Load, ask: Ask, server: ChatServer, status: int, page: str) -> None:
    load(ServerKind.VLLM, key=KEY)
    with ChatServer() as other:
        away = Scripted(status, {"Location": f"http://127.0.0.1:{other.port}{page}"}, [], has_length=True)
        if page == "/v1/chat/completions":
            server.answer(status, {}, Location=other.url + "/chat/completions")
        else:
            server.pages[page] = away
        if page == "/tokenize":
            ask(TEXT)  # then it is estimated
        else:
            with pytest.raises(ServerError, match="redirects to http://127"):
                load(ServerKind.VLLM) if page == "/v1/models" else ask(TEXT)
        assert not other.asked


def test_a_redirect_to_another_scheme_is_another_host(load: Load, server: ChatServer) -> None:
    server.pages["/v1/models"] = Scripted(301, {"Location": f"https://{server.host}/v1/models"}, [], has_length=True)
    with pytest.raises(ServerError, match="use it instead"):
        load(key=KEY)


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "FILE:/etc/passwd", "ftp://127.0.0.1/", "data:text/plain,Hi", "javascript:x",
               "unix:/run/docker.sock", "mailto:a@example.com"]
)  # fmt: skip
def test_a_redirect_to_no_server_is_not_recommended(load: Load, ask: Ask, server: ChatServer, target: str) -> None:
    load(key=KEY)
    for status in (302, 307):
        server.answer(status, {}, Location=target)
        with pytest.raises(ServerError) as caught:
            ask(TEXT)
        advice = "Check the server’s address."
        assert (
            str(caught.value)
            == f"{server.host} redirects to an address that doesn’t start with http:// or https://. {advice}"
        )


def test_a_server_of_the_same_name_elsewhere_does_not_get_the_key(
    load: Load, servers: ServerList, server: ChatServer, keyring: Keyring
) -> None:
    load(key=KEY)
    servers.remove("gaming")
    assert keyring.passwords == {}
    with ChatServer() as other:
        again = servers.add(Server("gaming", other.url))
        assert servers.key(again) is None


def test_neither_key_nor_text_is_in_logs_or_files(
    load: Load, ask: Ask, server: ChatServer, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logs.start_logging(home / "logs")
    load(ServerKind.LLAMA_CPP, key=KEY)
    server.stream(SAID)
    ask(TEXT)
    server.stream(SAID, BREAK)
    server.answer(400, {"error": {"message": f"{TEXT} is no good, {KEY}"}})
    server.answer(200, f"<html>{TEXT}</html>")
    for _ in range(3):
        with pytest.raises(EngineError):
            ask(TEXT)
    files = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    for secret in (KEY, TEXT, SAID):
        assert secret not in caplog.text
        assert secret.encode() not in files


def test_no_error_quotes_the_key(load: Load, ask: Ask, server: ChatServer) -> None:
    """Errors are stored with their message, and exported."""
    load(ServerKind.VLLM, key=KEY)
    server.stream({"error": {"message": f"{KEY} is no good"}}, finish=None, ends=False)
    server.answer(400, {"error": {"message": f"{KEY} is no good"}})
    server.answer(503, {"error": {"message": f"{KEY} is no good"}})
    server.answer(307, {}, Location=f"http://127.0.0.1:9/{KEY}?key={KEY}#{KEY}")
    for said in ("… is no good", "… is no good", "… is no good", "http://127.0.0.1:9/…. If"):
        with pytest.raises(ServerError) as caught:
            ask(TEXT)
        assert said in str(caught.value)
        assert KEY not in str(caught.value)
