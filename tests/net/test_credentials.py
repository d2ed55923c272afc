"""Tokens are kept in the system's keyring and nowhere else."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from phichat.json_file import JsonFile
from phichat.net import credentials
from phichat.net.credentials import Credentials
from tests.support.keyrings import BrokenKeyring, FileKeyring, Keyring, NoKeyring, install

SERVER, TOKEN = "https://huggingface.co", "hf_secret"


@pytest.fixture
def index(home: Path) -> JsonFile:
    return JsonFile(home / "credentials.json")


def test_a_token_is_in_the_keyring_at_the_next_start(index: JsonFile, keyring: Keyring, home: Path) -> None:
    Credentials(index).set_token(SERVER, TOKEN)
    assert keyring.passwords == {("Phichat", SERVER): TOKEN}
    again = Credentials(index)
    assert (again.has_token(SERVER), again.is_kept(SERVER), again.get_token(SERVER)) == (True, True, TOKEN)
    assert again.get_token("https://other.example.org") is None
    assert not [path for path in home.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    again.delete_token(SERVER)
    assert keyring.passwords == {}
    assert Credentials(index).get_token(SERVER) is None


def test_the_keyring_is_not_asked_for_what_was_never_stored(index: JsonFile, keyring: Keyring) -> None:
    assert Credentials(index).get_token(SERVER) is None
    Credentials(index).delete_token(SERVER)
    assert keyring.asked == 0


@pytest.mark.parametrize("kind", [NoKeyring, BrokenKeyring, FileKeyring, None])
def test_without_a_safe_keyring_a_token_holds_for_this_run(
    index: JsonFile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: type[Keyring] | None
) -> None:
    caplog.set_level(logging.DEBUG)
    found = install(monkeypatch, kind() if kind else None)
    tokens = Credentials(index)
    tokens.set_token(SERVER, TOKEN)
    assert (tokens.get_token(SERVER), tokens.is_kept(SERVER)) == (TOKEN, False)
    assert not found.passwords
    assert Credentials(index).get_token(SERVER) is None
    assert TOKEN not in caplog.text


def test_of_several_keyrings_a_safe_one_is_taken(index: JsonFile, monkeypatch: pytest.MonkeyPatch) -> None:
    unsafe, safe = FileKeyring(), Keyring()
    chain = type("ChainerBackend", (), {"__module__": "keyring.backends.chainer", "backends": [unsafe, safe]})()
    install(monkeypatch, chain)
    Credentials(index).set_token(SERVER, TOKEN)
    assert safe.passwords
    assert not unsafe.passwords


def test_a_keyring_that_does_not_answer_is_not_waited_for(
    index: JsonFile, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "PATIENCE", 0.05)
    keyring.gate = threading.Event()
    tokens = Credentials(index)
    tokens.set_token(SERVER, TOKEN)
    assert (tokens.get_token(SERVER), tokens.is_kept(SERVER)) == (TOKEN, False)
    keyring.gate.set()


def test_a_keyring_that_gives_nothing_is_asked_once(
    index: JsonFile,
    keyring: Keyring,
    monkeypatch: pytest.MonkeyPatch,
    eventually: Callable[[Callable[[], object]], None],
) -> None:
    Credentials(index).set_token(SERVER, TOKEN)
    monkeypatch.setattr(credentials, "PATIENCE", 0.05)
    keyring.gate, keyring.asked = threading.Event(), 0
    tokens = Credentials(index)
    assert [tokens.get_token(SERVER) for _ in range(3)] == [None] * 3
    eventually(lambda: keyring.asked)  # the thread may begin late
    keyring.gate.set()
    assert keyring.asked == 1
    tokens.set_token(SERVER, "hf_new")
    assert tokens.get_token(SERVER) == "hf_new"


def test_a_token_that_somebody_deleted_from_the_keyring_is_none(index: JsonFile, keyring: Keyring) -> None:
    Credentials(index).set_token(SERVER, TOKEN)
    keyring.passwords.clear()
    assert Credentials(index).get_token(SERVER) is None


@pytest.mark.parametrize("content", ["{}", "[7]", "nonsense", '"https://huggingface.co"'])
def test_a_damaged_index_is_an_empty_one(index: JsonFile, keyring: Keyring, content: str) -> None:
    index.path.parent.mkdir(parents=True)
    index.path.write_text(content)
    assert not Credentials(index).has_token(SERVER)
    Credentials(index).set_token(SERVER, TOKEN)
    assert Credentials(index).get_token(SERVER) == TOKEN
