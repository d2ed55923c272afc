"""What goes wrong with a server is one sentence that says what to do."""

import socket
import threading
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from phichat.engine.base import CancelToken, EngineSettings, Loaded
from phichat.engine.remote.base import Server, ServerKind
from phichat.engine.remote.engine import RemoteEngine
from phichat.engine.remote.problems import retry_after
from phichat.engine.remote.servers import ServerList
from phichat.errors import EngineError, PromptTooLong, ServerBusy, ServerError, ServerRefused, ServerUnreachable
from tests.engine.remote.conftest import Ask
from tests.support.servers.certificates import OPENSSL, Authority
from tests.support.servers.chat import ChatServer, Scripted
from tests.support.servers.listener import Listener

Load = Callable[..., Loaded]

LONG = {
    "openai": {"error": {"message": "The maximum context length is 512 tokens.", "code": "context_length_exceeded"}},
    "vllm": {"error": {"message": "The decoder prompt (length 3005) is longer than `max_model_len`.", "code": 400}},
    "llama.cpp": {"error": {"message": "request (3005 tokens) exceeds the available context size (512 tokens)"}},
}


def load_at(engine: RemoteEngine, servers: ServerList, url: str) -> Loaded:
    server = servers.add(Server("there", url))
    return engine.load(server.model("tiny"), EngineSettings(), CancelToken(), lambda _: None)


@pytest.mark.parametrize(
    ("status", "body", "kind", "sentence"),
    [
        (401, {"error": {"message": "no"}}, ServerRefused, "{host} requires a key. Enter your key for this server."),
        (403, {"detail": "Host not allowed"}, ServerRefused, "{host} refused access: Host not allowed"),
        (403, "", ServerRefused, "{host} requires a key. Enter your key for this server."),
        (404, {"error": {"message": "The model `tiny` does not exist.", "type": "NotFoundError"}}, ServerError,
         "{host} has no model named tiny."),
        (404, {"error": {"message": 'model "tiny" not found, try pulling it first'}}, ServerError,
         "{host} has no model named tiny."),
        (404, {"detail": "Not Found"}, ServerError,
         ("There is no OpenAI-compatible server at this address on {host} (status 404). "
         "Check the address, which often ends in /v1.")),
        (405, "<html>Nope</html>", ServerError,
         ("There is no OpenAI-compatible server at this address on {host} (status 405). "
         "Check the address, which often ends in /v1.")),
        (400, LONG["openai"], PromptTooLong,
         "This conversation is too long for tiny on {host}: The maximum context length is 512 tokens."),
        (400, LONG["vllm"], PromptTooLong, None),
        (400, LONG["llama.cpp"], PromptTooLong, None),
        (400, {"error": "Bad\nthing\x07"}, ServerError, "{host} rejected the message: Bad thing"),
        (422, {"detail": [{"loc": ["body"], "msg": "Input should be a string"}]}, ServerError,
         "{host} rejected the message: Input should be a string"),
        (500, {"error": {"message": "x" * 5000}}, ServerError, None),
        (500, "<html>Oops</html>", ServerError, None),
        (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}, ServerBusy,
         "{host} can’t answer yet: Loading model. Try again in a moment."),
        (502, {}, ServerBusy, "{host} can’t answer yet: 502. Try again in a moment."),
        (429, {"error": {"message": "Rate limit reached. Please try again in 20s."}}, ServerBusy,
         "{host} is receiving too many requests. Try again in 20 s."),
        (429, {"error": {"message": "slow down"}}, ServerBusy,
         "{host} is receiving too many requests. Try again later."),
        (429, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}, ServerError,
         "{host} rejected the message: You exceeded your current quota"),
        (200, "<html>Welcome</html>", ServerError,
         "{host} sent a web page instead of an answer. Check the address; it usually ends in /v1."),
        (200, {"hello": "world"}, ServerError,
         "{host} didn’t send a valid answer. Check the address; it usually ends in /v1."),
    ],
)  # fmt: skip
def test_refusals(
    load: Load, ask: Ask, server: ChatServer, status: int, body: Any, kind: type[EngineError], sentence: str | None
) -> None:
    load()
    server.answer(status, body)
    with pytest.raises(kind) as caught:
        ask()
    said = str(caught.value)
    assert type(caught.value) is kind
    assert len(said) < 400
    if sentence:
        assert said == sentence.format(host=server.host)


def test_how_long_a_server_asks_to_wait(load: Load, ask: Ask, server: ChatServer) -> None:
    load()
    server.answer(429, {"error": {"message": "no"}}, Retry_After="90")
    with pytest.raises(ServerBusy, match="Try again in 1 min 30 s") as caught:
        ask()
    assert caught.value.retry_after == 90


@pytest.mark.parametrize(
    ("value", "message", "seconds"),
    [
        ("7", "", 7), ("0.5", "", 0.5), ("", "Please try again in 1.5s", 1.5), ("", "try again in 200ms", 0.2),
        ("", "Try again in 2 min", 120), ("soon", "", 0), ("", "", 0), (formatdate(0, usegmt=True), "", 0),
    ],
)  # fmt: skip
def test_seconds_in_all_forms(value: str, message: str, seconds: float) -> None:
    assert retry_after({"retry-after": value}, message) == pytest.approx(seconds)


def test_a_wrong_key(load: Load, ask: Ask, server: ChatServer) -> None:
    load(key="sk-secret")
    server.answer(401, {"error": {"message": "Incorrect API key provided: sk-secret"}})
    with pytest.raises(ServerRefused) as caught:
        ask()
    assert str(caught.value) == f"{server.host} doesn’t accept the key. Check it, then enter it again."


def test_a_server_that_quotes_the_key(load: Load, ask: Ask, server: ChatServer) -> None:
    load(key="sk-secret")
    server.answer(403, {"error": {"message": "sk-secret may not use tiny"}})
    with pytest.raises(ServerRefused, match="refused access: … may not use tiny"):
        ask()


def test_a_stream_that_is_none(load: Load, ask: Ask, server: ChatServer) -> None:
    load()
    server.stream(b"hello\n\nworld\n\n", finish=None, ends=False)
    with pytest.raises(ServerError, match="didn’t send a valid answer"):
        ask()


def test_a_server_that_is_off(engine: RemoteEngine, servers: ServerList) -> None:
    with pytest.raises(ServerUnreachable) as caught:
        load_at(engine, servers, "http://127.0.0.1:9")
    assert str(caught.value) == (
        "Phichat couldn’t connect to 127.0.0.1:9. Check its address, and make sure the server is running."
    )


def test_a_host_that_does_not_exist(engine: RemoteEngine, servers: ServerList) -> None:
    with pytest.raises(ServerUnreachable, match=r"^gaming-pc\.invalid:8080 couldn’t be found\. Check its address\.$"):
        load_at(engine, servers, "gaming-pc.invalid:8080")


def test_a_server_that_is_not_encrypted(engine: RemoteEngine, servers: ServerList) -> None:
    def refuse(connection: socket.socket, _: threading.Event) -> None:
        connection.recv(10)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    listener = Listener(refuse)
    with pytest.raises(ServerError, match="doesn’t offer an encrypted connection"):
        load_at(engine, servers, f"https://127.0.0.1:{listener.port}")
    listener.close()


@pytest.mark.skipif(not OPENSSL, reason="no openssl command to make certificates with")
def test_certificates(
    engine: RemoteEngine, servers: ServerList, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    with ChatServer(tls=authority.server_context("127.0.0.1")) as server:
        with pytest.raises(ServerError, match=r"The certificate of 127\.0\.0\.1:.* isn’t trusted") as caught:
            load_at(engine, servers, server.url)
        assert not isinstance(caught.value, ServerUnreachable)
        assert not server.asked
        servers.remove("there")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
        load_at(engine, servers, server.url)
        servers.remove("there")
        with pytest.raises(EngineError):
            load_at(engine, servers, server.url.replace("https:", "http:"))


def test_a_list_of_models_that_is_none(load: Load, server: ChatServer) -> None:
    pages: list[Any] = ["<html>Welcome</html>", {"hello": 1}, [1], {"data": 7}]
    for page in pages:
        server.pages["/v1/models"] = page
        with pytest.raises(ServerError, match=r"sent a web page|sent something else"):
            load()
    pages = [{"data": []}, {"data": None}, {"data": [7, {}, {"id": ""}]}]
    for page in pages:
        server.pages["/v1/models"] = page
        with pytest.raises(ServerError, match="has no model named tiny"):
            load()


def test_other_models_are_named(load: Load, server: ChatServer) -> None:
    server.models = [{"id": f"m{number}"} for number in range(8)]
    with pytest.raises(ServerError) as caught:
        load()
    assert (
        str(caught.value) == f"{server.host} has no model named tiny. Available models: m0, m1, m2, m3, m4, and 3 more."
    )
    with pytest.raises(ServerError, match=r"has several models"):
        load(model="")


def test_a_redirect_on_the_same_server_is_followed(load: Load, server: ChatServer) -> None:
    server.pages["/v1/models"] = Scripted(308, {"Location": "/other/models"}, [], has_length=True)
    server.pages["/other/models"] = {"data": [{"id": "tiny"}]}
    assert load().model.server_model == "tiny"
    server.pages["/v1/models"] = Scripted(302, {"Location": "/v1/models"}, [], has_length=True)
    with pytest.raises(ServerError, match="keeps redirecting in a loop"):
        load()


def test_a_message_is_not_asked_again_without_itself(load: Load, ask: Ask, server: ChatServer) -> None:
    load()
    server.answer(302, {}, Location="/login")
    with pytest.raises(ServerError, match="redirects to another page"):
        ask()


def test_a_proxy_that_is_off_is_named(
    engine: RemoteEngine, servers: ServerList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://anna:s3cret@127.0.0.1:9")
    with pytest.raises(ServerUnreachable, match=r"couldn’t connect to the proxy 127\.0\.0\.1:9") as caught:
        load_at(engine, servers, "http://gaming-pc:8080")
    assert "s3cret" not in str(caught.value)


def test_a_kind_that_is_found_is_kept(load: Load, servers: ServerList, server: ChatServer) -> None:
    server.pages["/version"] = {"version": "0.32.0"}
    assert load().library == "vLLM"
    assert servers.find("gaming").kind is ServerKind.VLLM
