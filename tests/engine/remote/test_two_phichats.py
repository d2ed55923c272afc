"""Two Phichats, one of which serves the other."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from phichat import cli
from phichat.engines import make_engine

OPTIONS = ("--temperature", "0", "--max-tokens", "12", "--seed", "7", "--json")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def url(chatml_model: Path, tmp_path: Path) -> Iterator[str]:
    """Where the other Phichat serves a tiny model."""
    if find_spec("phichat.server") is None or find_spec("uvicorn") is None:
        pytest.skip("phichat serve needs starlette and uvicorn")
    command = [sys.executable, "-m", "phichat", "--model", str(chatml_model), "serve", "--port", "0", "--json"]
    variables = {**os.environ, "PHICHAT_HOME": str(tmp_path / "other")}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=variables) as process:
        assert process.stdout
        line = process.stdout.readline()
        if line:
            yield json.loads(line)["url"]
        process.terminate()
    assert line, "the other doesn’t serve"


@pytest.fixture
def phichat(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO())
        status = cli.run([*arguments], lambda *_: 0, make_engine)
        return (status, *capsys.readouterr())

    return run


def test_the_other_answers_as_this_one_would(url: str, phichat: Run, chatml_model: Path) -> None:
    status, out, err = phichat("servers", "add", "other", url)
    assert (status, err) == (0, "")
    first, model = out.splitlines()
    assert first == f"other was added (Phichat, {url})."
    local, remote = (phichat("ask", "Hello", "--model", name, *OPTIONS) for name in (str(chatml_model), model))
    assert (local[0], remote[0], remote[2]) == (0, 0, "")
    answers = [[json.loads(line) for line in out.splitlines()] for _, out, _ in (local, remote)]
    texts = ["".join(line["text"] for line in lines if line["event"] == "piece") for lines in answers]
    assert texts[0] == texts[1] != ""
    ends = [lines[-1] for lines in answers]
    for name in ("reason", "seed", "prompt_tokens", "completion_tokens"):
        assert ends[0][name] == ends[1][name], name
    status, out, _ = phichat("servers", "test", "other", "--json")
    assert (status, json.loads(out)["kind"]) == (0, "phichat")
