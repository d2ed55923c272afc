"""Which access token the Hub gets."""

from pathlib import Path

import pytest

from phichat import cli
from phichat.errors import HubRefused
from phichat.models.base import TokenState
from phichat.models.hub_access import HubAccess
from phichat.models.manager import make_hub_access
from phichat.paths import Home
from tests.support.hub.server import HubServer
from tests.support.keyrings import Keyring, NoKeyring, install

REPO, FILE = "owner/gated-GGUF", "model.gguf"


@pytest.fixture(autouse=True)
def keyring(monkeypatch: pytest.MonkeyPatch) -> Keyring:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return install(monkeypatch, Keyring())


@pytest.fixture
def access(home: Path, hub: HubServer) -> HubAccess:
    return make_hub_access(Home(home))


def test_the_variable_counts_before_what_was_entered(
    access: HubAccess, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert access.token() is None
    state = access.save_token(" hf_entered\n")
    assert access.token() == "hf_entered"
    assert (state.is_entered, state.is_kept, state.is_variable) == (True, True, False)
    monkeypatch.setenv("HF_TOKEN", "hf_variable")
    assert access.token() == "hf_variable"
    assert access.token_state().is_variable
    monkeypatch.delenv("HF_TOKEN")
    assert access.delete_token() == TokenState(state.host)
    assert access.token() is None


def test_another_hub_does_not_get_the_token(access: HubAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    access.save_token("hf_entered")
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example.org")
    assert access.token() is None
    assert not access.token_state().is_entered


@pytest.mark.parametrize("token", ["", " ", "hf_sécret", "a\0b", "x" * 501])
def test_what_is_no_token_is_refused(access: HubAccess, token: str) -> None:
    with pytest.raises(HubRefused, match="isn’t an access token") as error:
        access.save_token(token)
    assert not token.strip() or token not in str(error.value)
    assert not access.token_state().is_entered


def test_without_a_keyring_a_token_holds_for_this_run(access: HubAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, NoKeyring())
    state = access.save_token("hf_entered")
    assert (state.is_entered, state.is_kept, access.token()) == (True, False, "hf_entered")


def test_the_terminal_uses_what_was_entered_in_the_window(
    access: HubAccess, hub: HubServer, home: Path, chatml_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.add(REPO, FILE, chatml_model)
    hub.gate(REPO, "hf_entered")
    download = ["models", "download", f"{REPO}:{FILE}"]
    assert cli.run(download, lambda *_: 0) == 1
    assert "enter your access token in Preferences" in capsys.readouterr().err
    access.save_token("hf_entered")
    assert cli.run(download, lambda *_: 0) == 0
    capsys.readouterr()
    kept = [path for path in home.rglob("*") if path.is_file() and b"hf_entered" in path.read_bytes()]
    assert kept == []
