"""Servers are kept in a file of the home, and their keys in the keyring alone."""

import errno
import logging
import stat
from pathlib import Path

import pytest

from phichat.engine.base import ModelKind, ModelRef
from phichat.engine.process.child_process import engine_environment
from phichat.engine.remote.base import Server, ServerKind, api_url, valid_name
from phichat.engine.remote.servers import ServerList, key_variable, make_server_list
from phichat.errors import ServerError, StoreError
from phichat.json_file import JsonFile
from phichat.paths import Home
from tests.support.keyrings import Keyring, NoKeyring, install

URL, KEY = "http://gaming-pc:8080/v1", "sk-secret"


def test_a_server_is_there_at_the_next_start(servers: ServerList, home: Path) -> None:
    servers.add(Server("Gaming", "gaming-pc:8080", ServerKind.LLAMA_CPP))
    again = make_server_list(Home(home))
    assert again.servers() == [Server("Gaming", URL, ServerKind.LLAMA_CPP)]
    assert again.find("gaming").host == "gaming-pc:8080"
    assert stat.S_IMODE((home / "servers.json").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("gaming-pc:8080", URL),
        (" http://Gaming-PC:8080/ ", URL),
        ("http://gaming-pc:8080/v1/chat/completions", URL),
        ("http://gaming-pc:8080/v1/models/", URL),
        ("https://api.example.com", "https://api.example.com/v1"),
        ("https://example.com/api/openai/", "https://example.com/api/openai"),
        ("[::1]:8080", "http://[::1]:8080/v1"),
        ("192.168.0.7:11434", "http://192.168.0.7:11434/v1"),
    ],
)
def test_an_address_is_enough(address: str, url: str) -> None:
    assert api_url(address) == url


@pytest.mark.parametrize(
    "address", ["", "ftp://x", "http://", "a b", "http://x:99999", "http://x:0", "x\ny", "http://[::1", "/etc/passwd"]
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ServerError, match="isn’t a valid server address"):
        api_url(address)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ServerError, match="can’t contain a password") as caught:
        api_url("http://anna:s3cret@gaming-pc")
    assert "s3cret" not in str(caught.value)
    with pytest.raises(ServerError) as caught:
        api_url("ftp://anna:s3cret@gaming-pc")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a/b", "a b", "a\\b", "x" * 41, "-x", "~", "..", "a\x07"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ServerError, match="can’t be used as a server name"):
        valid_name(name)


def test_names_and_addresses_are_unique(servers: ServerList) -> None:
    servers.add(Server("one", "a:1"))
    with pytest.raises(ServerError, match="already a server named ONE"):
        servers.add(Server("ONE", "b:1"))
    with pytest.raises(ServerError, match="was already added as one"):
        servers.add(Server("two", "http://a:1/v1/"))
    servers.add(Server("two", "b:1"))
    with pytest.raises(ServerError, match="already a server named two"):
        servers.rename("one", "two")
    assert [each.name for each in (servers.rename("one", "One"), *servers.servers())] == ["One", "One", "two"]


def test_a_server_that_is_not_there(servers: ServerList) -> None:
    with pytest.raises(ServerError, match=r"no server named x\. Add one with"):
        servers.find("x")
    servers.add(Server("one", "a:1"))
    with pytest.raises(ServerError, match=r"no server named x\. Choose from one\."):
        servers.find("x")


def test_a_key_is_in_the_keyring_and_goes_with_its_server(
    servers: ServerList, keyring: Keyring, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = servers.add(Server("gaming", "gaming-pc:8080"))
    assert servers.key(server) is None
    assert servers.set_key(server, f" {KEY}\n")
    again = make_server_list(Home(home))
    assert (again.has_key(server), again.key(server)) == (True, KEY)
    assert again.key(Server("gaming", "http://elsewhere/v1")) is None, "it belongs to an address, not to a name"
    assert keyring.passwords == {("Phichat", URL): KEY}
    everything = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert KEY.encode() not in everything
    assert KEY not in caplog.text + repr((server, servers, again.servers()))
    again.remove("gaming")
    assert keyring.passwords == {}
    assert again.servers() == []


def test_a_renamed_server_keeps_its_key(servers: ServerList, keyring: Keyring) -> None:
    servers.set_key(servers.add(Server("one", "a:1")), KEY)
    assert servers.key(servers.rename("one", "two")) == KEY
    assert servers.set_key(servers.find("two"), "")
    assert not servers.has_key(servers.find("two"))


def test_without_a_keyring_a_key_holds_for_this_run(
    servers: ServerList, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, NoKeyring())
    server = servers.add(Server("one", "a:1"))
    assert not servers.set_key(server, KEY)
    assert servers.key(server) == KEY
    assert make_server_list(Home(home)).key(server) is None


def test_a_key_in_the_environment_counts_first_and_no_model_process_gets_it(
    servers: ServerList, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = servers.add(Server("my-pc", "a:1"))
    assert key_variable("my-pc") == "PHICHAT_KEY_MY_PC"
    monkeypatch.setenv("PHICHAT_KEY_MY_PC", KEY)
    assert (servers.has_key(server), servers.key(server), keyring.asked) == (True, KEY, 0)
    assert KEY not in engine_environment().values()


@pytest.mark.parametrize("key", ["two words", "clé", "a\r\nX: b"])
def test_what_is_no_key(servers: ServerList, keyring: Keyring, key: str) -> None:
    with pytest.raises(ServerError, match="isn’t a valid key"):
        servers.set_key(servers.add(Server("one", "a:1")), key)
    assert not keyring.passwords


@pytest.mark.parametrize("content", [None, 7, "x", [7], [{"name": 1}], [{"name": "a/b", "url": "a:1"}], {"a": 1}])
def test_a_damaged_list_is_an_empty_one(servers: ServerList, home: Path, content: object) -> None:
    JsonFile(home / "servers.json").write_value(content)
    assert servers.servers() == []
    servers.add(Server("one", "a:1"))
    assert len(servers.servers()) == 1


def test_a_list_that_cannot_be_read_is_not_replaced(
    servers: ServerList, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers.add(Server("one", "a:1"))

    def fail(_: Path) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(StoreError, match="The list of servers couldn’t be saved"):
        servers.add(Server("two", "b:1"))
    monkeypatch.undo()
    assert [each.name for each in servers.servers()] == ["one"]


def test_what_a_server_told_is_remembered(servers: ServerList, home: Path) -> None:
    server = servers.add(Server("one", "a:1"))
    servers.remember(server.url, ServerKind.OLLAMA, ["qwen3:8b", "", "qwen3:8b", "a\ud800"])
    again = make_server_list(Home(home))
    assert again.servers() == [Server("one", server.url, ServerKind.OLLAMA, ("qwen3:8b", "a\N{REPLACEMENT CHARACTER}"))]
    again.remember("http://other/v1", ServerKind.VLLM, ["x"])
    assert len(again.servers()) == 1


def test_an_unknown_kind_stays_a_server(servers: ServerList, home: Path) -> None:
    JsonFile(home / "servers.json").write_value([{"name": "one", "url": "a:1", "kind": "sglang"}])
    assert servers.servers() == [Server("one", "http://a:1/v1")]


def test_a_model_knows_its_server() -> None:
    model = Server("gaming", URL).model("org/model#1:8b")
    assert model == ModelRef("gaming/org/model#1:8b", "org/model#1:8b", ModelKind.REMOTE, f"{URL}#org/model#1:8b")
    assert (model.server_url, model.server_model, model.host) == (URL, "org/model#1:8b", "gaming-pc:8080")
    with pytest.raises(ValueError, match="is not a file"):
        _ = model.path


def test_a_file_has_no_server() -> None:
    model = ModelRef.of_file(Path("/models/a#b.gguf"))
    assert (model.is_remote, model.server_url, model.server_model, model.host) == (False, "", "", "")


@pytest.mark.parametrize(
    ("url", "encrypted"),
    [
        ("http://gaming-pc/v1", False),
        ("https://x/v1", True),
        ("http://127.0.0.1:1/v1", True),
        ("http://[::1]/v1", True),
    ],
)
def test_whether_others_can_read_on_the_way(url: str, encrypted: bool) -> None:
    assert Server("one", url).is_encrypted is encrypted
