"""`phichat serve`: what it says, its key, its port, and how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from phichat import cli
from phichat.server.http_server import HttpServer
from tests.support.fakes import ScriptedEngine

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def serve(
    engine: ScriptedEngine, chatml_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs `phichat serve` without waiting for Ctrl+C; its exit status, and what it wrote to stdout and stderr."""
    monkeypatch.setattr(HttpServer, "run", lambda *_: None)
    monkeypatch.delenv("PHICHAT_SERVER_KEY", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        command = ["--model", str(chatml_model), "serve", "--port", "0", *arguments]
        return (cli.run(command, lambda *_: 0, lambda _: engine), *capsys.readouterr())

    return run


def test_where_it_is_is_told(serve: Run, engine: ScriptedEngine) -> None:
    status, out, err = serve("--context", "256")
    assert (status, out) == (130, "")
    assert "tiny-chatml is available at http://127.0.0.1:" in err
    assert "Key" not in err
    assert engine.loads[0][1].context == 256


def test_as_json(serve: Run) -> None:
    [line] = serve("--json")[1].splitlines()
    event = json.loads(line)
    assert event["event"] == "serving"
    assert urlsplit(event["url"]).hostname == "127.0.0.1"
    assert urlsplit(event["url"]).port
    assert urlsplit(event["url"]).path == "/v1"


def test_other_computers_need_a_key(serve: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    err = serve("--host", "0.0.0.0")[2]
    assert err.count("Key for this session: phichat-") == 1
    assert "Key" not in serve("--host", "0.0.0.0", "--key", "secret")[2]
    monkeypatch.setenv("PHICHAT_SERVER_KEY", "secret")
    assert "Key" not in serve("--host", "0.0.0.0")[2]
    assert "secret" not in serve("--host", "0.0.0.0")[2]


def test_a_port_in_use(serve: Run, engine: ScriptedEngine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, _, err = serve("--port", str(port))
    assert (status, err) == (1, f"Port {port} is in use by another app. Choose another port.\n")
    assert not engine.loads, "before anything else"


def test_no_address_of_this_computer(serve: Run) -> None:
    status, _, err = serve("--host", "203.0.113.1")
    assert status == 1
    assert err == "203.0.113.1 isn’t one of this computer’s addresses. Use 127.0.0.1 or 0.0.0.0.\n"


@pytest.mark.parametrize("wrong", [["--port", "70000"], ["--slots", "0"], ["--host"], ["--key"]])
def test_wrong_usage(serve: Run, wrong: list[str]) -> None:
    assert serve(*wrong)[0] == 2


WITHOUT = """
import sys
sys.modules[sys.argv.pop(1)] = None
from phichat import cli
sys.exit(cli.run(["serve"], print))
"""


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_its_packages_it_says_what_to_install(missing: str) -> None:
    command = [sys.executable, "-c", WITHOUT, missing]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "The server needs two more packages. Run `python -m pip install starlette uvicorn` to install them.\n"
    )


def test_ctrl_c_ends_it(chatml_model: Path) -> None:
    command = [sys.executable, "-m", "phichat", "--model", str(chatml_model), "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        url = urlsplit(json.loads(process.stdout.readline())["url"])
        assert post(url.port, {"messages": [{"role": "user", "content": "secret"}], "max_tokens": 3}) == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        said = process.stderr.read()
    assert said.endswith("Stopped.\n")
    assert "POST /v1/chat/completions 200" in said
    assert "secret" not in said
    assert process.stdout.closed


def post(port: int | None, body: Any) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/v1/chat/completions", json.dumps(body))
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.skipif(os.name == "nt", reason="there nobody else can take a port")
def test_nothing_is_written(chatml_model: Path, home: Path) -> None:
    """Not of clients, that is: only how fast the model is, as after any answer."""
    command = [sys.executable, "-m", "phichat", "--model", str(chatml_model), "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        url = urlsplit(json.loads(process.stdout.readline())["url"])
        assert post(url.port, {"messages": [{"role": "user", "content": "A secret that is long " * 9}]}) == 200
        process.send_signal(signal.SIGINT)
        process.wait(60)
    files = [path for path in home.rglob("*") if path.is_file()] if home.exists() else []
    assert not any(b"secret" in path.read_bytes() for path in files)
    assert not {path.suffix for path in files} & {".state", ".sqlite3"}
