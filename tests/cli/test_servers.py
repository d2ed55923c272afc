"""Servers in the terminal: added, listed, tested, asked and removed; with one that follows a test’s script."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from phichat import cli
from phichat.engine.base import Engine
from phichat.engine.remote import probe
from phichat.engines import make_engine
from tests.support.fakes import ScriptedEngine
from tests.support.keyrings import Keyring, NoKeyring, install
from tests.support.servers.chat import BREAK, ChatServer, chunk, logprobs

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def server(server: ChatServer) -> ChatServer:
    server.owner = "vllm"
    return server


@pytest.fixture
def phichat(
    no_proxies: None, keyring: Keyring, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs the program; its exit status, and what it wrote to stdout and stderr."""

    def run(*arguments: str, said: str = "", by: Engine | None = None) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(said))
        status = cli.run([*arguments], lambda *_: 0, (lambda _: by) if by else make_engine)
        return (status, *capsys.readouterr())

    return run


@pytest.fixture
def gaming(phichat: Run, server: ChatServer) -> ChatServer:
    assert phichat("servers", "add", "gaming", server.url)[0] == 0
    return server


def test_a_server_is_added_listed_and_removed(phichat: Run, server: ChatServer) -> None:
    server.models = [{"id": "tiny"}, {"id": "org/big"}]
    status, out, err = phichat("servers", "add", "gaming", server.host)
    assert (status, err) == (0, "")
    assert out == f"gaming was added (vLLM, {server.url}).\ngaming/tiny\ngaming/org/big\n"
    assert phichat("servers", "list")[1].splitlines()[1].split() == ["gaming", "vLLM", server.url, "no"]
    listed = json.loads(phichat("servers", "list", "--json")[1])
    assert listed == {
        "name": "gaming",
        "url": server.url,
        "kind": "vllm",
        "models": ["tiny", "org/big"],
        "has_key": False,
    }
    assert phichat("servers", "remove", "gaming")[1] == "gaming and its key were removed.\n"
    assert "There are no servers. Add one with" in phichat("servers", "list")[2]
    status, _, err = phichat("servers", "remove", "gaming")
    assert (status, err) == (
        1,
        "There is no server named gaming. Add one with `phichat servers add NAME URL`.\n",
    )


def test_a_host_alone_is_enough(phichat: Run, server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PORTS", (9, server.port))
    status, out, _ = phichat("servers", "add", "here", "127.0.0.1", "--json")
    assert status == 0
    assert json.loads(out) == {
        "name": "here", "url": server.url, "kind": "vllm", "has_key": False, "models": ["tiny"]
    }  # fmt: skip


def test_a_host_where_nothing_answers(phichat: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PORTS", (9, 10))
    status, _, err = phichat("servers", "add", "here", "127.0.0.1")
    assert (status, err) == (
        1,
        (
            "No server is responding at 127.0.0.1. Check the name, make sure the server is running, "
            "or add a port number.\n"
        ),
    )
    assert not phichat("servers", "list")[1]


def test_a_server_that_is_off_can_be_added(phichat: Run) -> None:
    status, out, err = phichat("servers", "add", "off", "127.0.0.1:9")
    assert (status, out) == (0, "off was added (OpenAI-compatible, http://127.0.0.1:9/v1).\n")
    assert err.startswith("Phichat couldn’t connect to 127.0.0.1:9.")
    status, _, err = phichat("ask", "Hi", "--model", "off/tiny")
    assert (status, err.startswith("Phichat couldn’t connect to 127.0.0.1:9.")) == (1, True)


def test_what_is_no_server_is_not_added(phichat: Run, server: ChatServer) -> None:
    server.pages["/v1/models"] = "<html>Welcome</html>"
    status, _, err = phichat("servers", "add", "web", server.url)
    assert status == 1
    assert "sent a web page instead of an answer" in err
    assert not phichat("servers", "list")[1]


def test_a_key_goes_to_the_keyring_and_to_the_server(phichat: Run, server: ChatServer, keyring: Keyring) -> None:
    server.key = "sk-secret"
    status, _, err = phichat("servers", "add", "gaming", server.url)
    assert (status, "requires a key" in err) == (1, True)
    status, out, err = phichat("servers", "add", "gaming", server.url, "--key-stdin", said="sk-secret\n")
    assert (status, err) == (0, "")
    assert "sk-secret" not in out
    assert keyring.passwords == {("Phichat", server.url): "sk-secret"}
    assert phichat("ask", "Say red", "--model", "gaming/tiny")[:2] == (0, "red\n")
    assert json.loads(phichat("servers", "list", "--json")[1])["has_key"]
    server.key = "sk-other"
    status, _, err = phichat("ask", "Say red", "--model", "gaming/tiny")
    assert status == 1
    refusal = f"{server.host} doesn’t accept the key. Check it, then enter it again. "
    advice = "In the terminal, enter a key with `phichat servers add NAME URL --key-stdin`.\n"
    assert err == refusal + advice
    assert phichat("servers", "test", "gaming")[2] == refusal + advice
    status, _, err = phichat("servers", "add", "gaming", server.url, "--key-stdin", said="sk-other\n")
    assert status == 0, err
    assert phichat("ask", "Say red", "--model", "gaming/tiny")[0] == 0


def test_without_a_keyring_the_environment_has_the_key(
    phichat: Run, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, NoKeyring())
    server.key = "sk-secret"
    _, _, err = phichat("servers", "add", "gaming", server.url, "--key-stdin", said="sk-secret\n")
    assert (
        err == "This computer has no keyring, so the key wasn’t saved. "
        "Put it in the PHICHAT_KEY_GAMING environment variable instead.\n"
    )
    assert phichat("ask", "Say red", "--model", "gaming/tiny")[0] == 1
    monkeypatch.setenv("PHICHAT_KEY_GAMING", "sk-secret")
    assert phichat("ask", "Say red", "--model", "gaming/tiny")[:2] == (0, "red\n")


@pytest.mark.parametrize("said", ["", "\n", "two words\n"])
def test_what_is_no_key(phichat: Run, server: ChatServer, said: str) -> None:
    status, _, err = phichat("servers", "add", "gaming", server.url, "--key-stdin", said=said)
    assert (status, "That isn’t a valid key" in err) == (1, True)
    assert not server.asked


def test_a_server_is_tested(phichat: Run, gaming: ChatServer) -> None:
    status, out, err = phichat("servers", "test", "gaming")
    assert (status, out) == (0, f"gaming is working (vLLM, {gaming.url}).\ngaming/tiny\n")
    assert err.startswith("tiny started answering after 0.")
    assert gaming.chats[0]["messages"] == [{"role": "user", "content": "Hi"}]
    found = json.loads(phichat("servers", "test", "gaming", "--json")[1])
    assert (found["models"], found["model"], found["kind"]) == (["tiny"], "tiny", "vllm")
    assert found["seconds_to_first_token"] > 0


def test_of_several_models_one_is_tested(phichat: Run, gaming: ChatServer) -> None:
    """As in the window: the first one to chat with, unless another one is loaded or named."""
    gaming.models = [{"id": "nomic-embed"}, {"id": "tiny"}, {"id": "big"}]
    _, out, err = phichat("servers", "test", "gaming")
    assert out.splitlines()[1:] == ["gaming/nomic-embed", "gaming/tiny", "gaming/big"]
    assert err.startswith("tiny started answering after ")
    assert json.loads(phichat("servers", "test", "gaming", "--json")[1])["model"] == "tiny"
    gaming.models[2]["status"] = {"value": "loaded"}
    assert phichat("servers", "test", "gaming")[2].startswith("big started answering")
    assert phichat("servers", "test", "gaming/tiny")[2].startswith("tiny started answering")


def test_a_server_without_models_is_tested(phichat: Run, gaming: ChatServer) -> None:
    gaming.models = []
    assert phichat("servers", "test", "gaming") == (0, f"gaming is working (OpenAI-compatible, {gaming.url}).\n", "")


def test_an_answer_comes_from_the_server(phichat: Run, gaming: ChatServer) -> None:
    gaming.stream(chunk(reasoning="Hm."), "sea ", "green", usage={"prompt_tokens": 9, "completion_tokens": 3})
    status, out, err = phichat("ask", "Name a color", "--model", "gaming/tiny", "--seed", "7")
    assert (status, out) == (0, "sea green\n")
    assert err.startswith("Hm.\n\n3 tokens, ")
    assert gaming.chats[0]["seed"] == 7


def test_an_answer_as_json(phichat: Run, gaming: ChatServer) -> None:
    gaming.stream(logprobs("red", ("red", -0.5), ("blue", -1.5)))
    out = phichat("ask", "Hi", "--model", "gaming/tiny", "--json", "--candidates", "2")[1]
    prompt, piece, done = map(json.loads, out.splitlines())
    assert (prompt["event"], prompt["tokens"]) == ("prompt", [])
    assert [(each["text"], each["after"]) for each in piece["candidates"]] == [("red", None), ("blue", None)]
    assert (piece["token"], piece["after"]) == (-1, None)
    assert (done["model"], done["model_sha256"]) == ("gaming/tiny", None)
    assert done["engine"] == {"library": "vLLM", "machine": gaming.host}


def test_a_conversation_is_sent_whole(phichat: Run, gaming: ChatServer) -> None:
    status, out, _ = phichat("chat", "--model", "gaming/tiny", "--system", "Be brief.", said="Say red\nSay blue\n")
    assert (status, out) == (0, "red\nblue\n")
    assert [each["content"] for each in gaming.chats[1]["messages"]] == ["Be brief.", "Say red", "red", "Say blue"]


def test_a_model_that_is_called_by_its_file(phichat: Run, gaming: ChatServer) -> None:
    gaming.models = [{"id": "/models/Tiny-Q4.gguf"}]
    assert phichat("servers", "test", "gaming")[1].splitlines()[1] == "gaming/Tiny-Q4"
    for name in ("gaming/Tiny-Q4", "gaming/tiny-q4", "gaming/"):
        out = phichat("ask", "Say red", "--model", name, "--json")[1]
        assert json.loads(out.splitlines()[-1])["model"] == "gaming/Tiny-Q4"
    assert gaming.chats[-1]["model"] == "/models/Tiny-Q4.gguf"


def test_the_only_model_needs_no_name(phichat: Run, gaming: ChatServer, chatml_model: Path, home: Path) -> None:
    assert phichat("ask", "Say red", "--model", "gaming")[:2] == (0, "red\n")
    (home / "models").mkdir()
    (home / "models" / "gaming.gguf").write_bytes(chatml_model.read_bytes())
    assert phichat("ask", "Hi", "--model", "gaming", by=ScriptedEngine())[:2] == (0, "Hi\n"), "the one here goes first"
    assert len(gaming.chats) == 1
    (home / "models" / "gaming.gguf").unlink()
    gaming.models.append({"id": "other"})
    status, _, err = phichat("ask", "Hi", "--model", "gaming")
    assert (status, err) == (1, f"{gaming.host} has several models. Available models: tiny, other.\n")


def test_a_lost_line_keeps_what_came(phichat: Run, gaming: ChatServer) -> None:
    gaming.stream("sea gr", BREAK)
    status, out, err = phichat("ask", "Hi", "--model", "gaming/tiny")
    assert (status, out) == (1, "sea gr\n")
    assert err == (f"The connection to {gaming.host} was lost. Check that the server is running, then try again.\n")


def test_the_variable_names_a_model_on_a_server(
    phichat: Run, gaming: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHICHAT_MODEL", "gaming/tiny")
    assert phichat("ask", "Say red")[:2] == (0, "red\n")


def test_nothing_is_sent_where_no_server_is_named(
    phichat: Run, gaming: ChatServer, chatml_model: Path, home: Path
) -> None:
    """Not even if the window used a model on a server last."""
    (home / "preferences.json").write_text(json.dumps({"model": f"{gaming.url}#tiny", "default_model": ""}))
    before = len(gaming.asked)
    local = ScriptedEngine()
    for options in ((), ("--model", str(chatml_model))):
        phichat("ask", "Hi", *options, by=local)
    assert [path.suffix for path, _ in local.loads] == [".gguf", ".gguf"]
    phichat("models", "list")
    assert phichat("servers", "list")[0] == 0
    assert len(gaming.asked) == before


def test_a_model_on_a_server_becomes_the_default(
    phichat: Run, gaming: ChatServer, chatml_model: Path, home: Path
) -> None:
    before = len(gaming.asked)
    status, out, err = phichat("models", "default", "gaming/tiny")
    assert (status, out) == (0, "gaming/tiny is now the default model.\n")
    assert err == f"Your messages will now be sent to {gaming.host} unless you specify another model.\n"
    assert "The default model is gaming/tiny." in phichat("models", "list")[2]
    assert len(gaming.asked) == before, "what it told last is enough"
    assert phichat("ask", "Say red")[:2] == (0, "red\n")
    assert phichat("models", "default", str(chatml_model))[0] == 0
    asked = len(gaming.chats)
    phichat("ask", "Hi", by=ScriptedEngine())
    assert len(gaming.chats) == asked
    assert json.loads(phichat("models", "default", "gaming", "--json")[1]) == {
        "name": "gaming/tiny",
        "title": "tiny",
        "location": f"{gaming.url}#tiny",
    }
    phichat("servers", "remove", "gaming")
    phichat("ask", "Hi", by=ScriptedEngine())
    assert len(gaming.chats) == asked, "it is no longer one of the servers"


def test_only_a_model_that_the_server_had_becomes_the_default(phichat: Run, gaming: ChatServer) -> None:
    status, _, err = phichat("models", "default", "gaming/huge")
    assert status == 1
    assert err.startswith("gaming doesn’t list a model named huge.")
    assert "`phichat servers test gaming`" in err


@pytest.mark.parametrize("command", [("models", "verify"), ("models", "remove"), ("tune",), ("serve", "--model")])
def test_what_works_only_here(phichat: Run, gaming: ChatServer, command: tuple[str, ...]) -> None:
    status, _, err = phichat(*command, "gaming/tiny")
    assert (status, err) == (1, "gaming/tiny is on a server. This command only works with models on this computer.\n")


def test_a_model_the_server_does_not_have(phichat: Run, gaming: ChatServer) -> None:
    status, _, err = phichat("ask", "Hi", "--model", "gaming/huge")
    assert (status, err) == (1, f"{gaming.host} has no model named huge. Available models: tiny.\n")


def test_options_that_the_server_does_not_take_are_named(phichat: Run, gaming: ChatServer) -> None:
    options = ("--top-k", "5", "--dry-multiplier", "0.8", "--repeat-last-n", "9", "--context", "512")
    err = phichat("ask", "Hi", "--model", "gaming/tiny", *options)[2]
    text = "doesn’t support these options, so they have no effect: --repeat-last-n, --dry-multiplier, --context."
    assert err.startswith(f"{gaming.host} {text}\n")
    assert gaming.chats[0]["top_k"] == 5


def test_a_file_of_the_same_name_comes_first(
    phichat: Run, gaming: ChatServer, chatml_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gaming").mkdir()
    (tmp_path / "gaming" / "tiny").write_bytes(chatml_model.read_bytes())
    monkeypatch.chdir(tmp_path)
    before = len(gaming.asked)
    assert phichat("ask", "Hi", "--model", "gaming/tiny", by=ScriptedEngine())[:2] == (0, "Hi\n")
    assert len(gaming.asked) == before


def test_a_text_is_scored_here_only(phichat: Run, gaming: ChatServer, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Ice is hot")
    status, _, err = phichat("score", str(tmp_path / "a.txt"), "--model", "gaming/tiny")
    assert (status, err) == (1, "Only a model on this computer can score text. Choose one, then try again.\n")


def test_a_server_is_measured(phichat: Run, gaming: ChatServer) -> None:
    for _ in range(6):
        gaming.stream("sea ", "green", usage={"prompt_tokens": 300, "completion_tokens": 2})
    found = json.loads(phichat("bench", "--model", "gaming/tiny", "--json")[1])
    assert found["model"] == "gaming/tiny"
    assert found["server"]["kind"] == "vLLM"
    assert found["speed"]["prompt"] > 0
    assert found["first_token"]["next_turn"] > 0
    firsts = {each["messages"][0]["content"] for each in gaming.chats}
    assert len(firsts) == 3, "each question is new to the server, the second turns are not"


def test_the_doctor_names_servers_and_asks_none(
    phichat: Run, gaming: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHICHAT_KEY_GAMING", "sk-secret")
    before = len(gaming.asked)
    out = phichat("doctor", by=ScriptedEngine())[1]
    assert ["gaming", "vllm", gaming.url, "with", "a", "key"] in [line.split() for line in out.splitlines()]
    assert "sk-secret" not in out
    assert len(gaming.asked) == before
