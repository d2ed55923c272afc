"""An address is enough to find a server, and nothing is asked but that host."""

from typing import Any

import pytest

from phichat.engine.base import CancelToken
from phichat.engine.remote import probe as module
from phichat.engine.remote.base import ServerKind
from phichat.engine.remote.probe import candidates, probe
from phichat.errors import ServerError, ServerRefused, ServerUnreachable
from tests.support.servers.chat import ChatServer


@pytest.mark.parametrize(
    ("address", "urls"),
    [
        ("gaming-pc:8080", ["http://gaming-pc:8080/v1"]),
        ("https://api.example.com/openai", ["https://api.example.com/openai"]),
        ("http://gaming-pc", ["http://gaming-pc/v1"]),
        ("gaming-pc", [f"http://gaming-pc:{port}/v1" for port in (8080, 11434, 1234, 8000)]),
        ("192.168.0.7", [f"http://192.168.0.7:{port}/v1" for port in (8080, 11434, 1234, 8000)]),
        ("[::1]", [f"http://[::1]:{port}/v1" for port in (8080, 11434, 1234, 8000)]),
        ("gaming-pc.local", [f"http://gaming-pc.local:{port}/v1" for port in (8080, 11434, 1234, 8000)]),
    ],
)
def test_what_an_address_may_mean(address: str, urls: list[str]) -> None:
    assert candidates(address) == urls


def test_a_name_on_the_internet_is_asked_encrypted_first() -> None:
    assert candidates("api.example.com")[0] == "https://api.example.com/v1"


@pytest.mark.parametrize(
    ("owner", "pages", "name", "kind"),
    [
        ("llamacpp", {}, "", ServerKind.LLAMA_CPP),
        ("vllm", {}, "uvicorn", ServerKind.VLLM),
        ("library", {}, "", ServerKind.OLLAMA),
        ("organization_owner", {}, "", ServerKind.LM_STUDIO),
        ("phichat", {}, "uvicorn", ServerKind.PHICHAT),
        ("", {}, "llama.cpp", ServerKind.LLAMA_CPP),
        ("me", {"/props": {"default_generation_settings": {}}}, "", ServerKind.LLAMA_CPP),
        ("me", {"/api/version": {"version": "0.40"}}, "", ServerKind.OLLAMA),
        ("me", {"/api/v0/models": {"data": []}}, "", ServerKind.LM_STUDIO),
        ("me", {"/version": {"version": "0.32"}}, "", ServerKind.VLLM),
        ("me", {"/version": "<html>"}, "", ServerKind.UNKNOWN),
        ("me", {}, "", ServerKind.UNKNOWN),
    ],
)
def test_which_program_it_is(server: ChatServer, owner: str, pages: Any, name: str, kind: ServerKind) -> None:
    server.owner, server.pages, server.server_name = owner, pages, name
    found = probe(server.host, None, CancelToken())
    assert (found.url, found.kind, found.models) == (server.url, kind, ("tiny",))


def test_ollama_without_a_model_is_a_server(server: ChatServer) -> None:
    server.pages = {"/v1/models": {"object": "list", "data": None}, "/api/version": {"version": "0.40"}}
    assert probe(server.host, None, CancelToken()).models == ()


def test_usual_ports_are_tried_in_order(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer() as website:
        website.pages["/v1/models"] = "<html>Welcome</html>"
        monkeypatch.setattr(module, "PORTS", (9, website.port, server.port))
        tried: list[str] = []
        assert probe("127.0.0.1", None, CancelToken(), tried.append).url == server.url
        assert tried == ["127.0.0.1:9", website.host, server.host]
        assert all(each.body is None for each in website.asked)


def test_the_error_of_what_answers_says_more(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.pages["/v1/models"] = "<html>Welcome</html>"
    monkeypatch.setattr(module, "PORTS", (9, server.port, 10))
    with pytest.raises(ServerError, match="sent a web page"):
        probe("127.0.0.1", None, CancelToken())
    monkeypatch.setattr(module, "PORTS", (9, 10))
    with pytest.raises(ServerUnreachable, match=r"No server is responding at 127\.0\.0\.1\."):
        probe("127.0.0.1", None, CancelToken())


def test_the_key_is_told_only_where_one_is_wanted(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.key = "sk-secret"
    with ChatServer() as website:
        website.pages["/v1/models"] = "<html>Welcome</html>"
        monkeypatch.setattr(module, "PORTS", (website.port, server.port))
        with pytest.raises(ServerRefused, match="requires a key"):
            probe("127.0.0.1", None, CancelToken())
        assert probe("127.0.0.1", "sk-secret", CancelToken()).url == server.url
        assert not [each for each in website.asked if each.headers.get("Authorization")]


def test_a_search_that_is_canceled(server: ChatServer) -> None:
    stop = CancelToken()
    stop.set()
    with pytest.raises(ServerError):
        probe(server.host, None, stop)
    assert not server.asked
