"""`phichat score`: a text's surprise as JSON, in a terminal's colors and as one figure; with a true engine, too."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from phichat import cli
from phichat.cli import standard_input
from phichat.cli.lens import STYLES
from phichat.engine.base import Engine, EngineSettings, Scored
from phichat.engine.llama.engine import LlamaEngine
from phichat.errors import ModelDamaged
from tests.cli.test_cli import PipeStub
from tests.cli.test_lens import Terminal, styled
from tests.support.fakes import ScriptedEngine

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def score(
    engine: ScriptedEngine, chatml_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs `phichat score`; its exit status, and what it wrote to stdout and stderr."""
    monkeypatch.delenv("NO_COLOR", raising=False)

    def run(
        *arguments: str, said: bytes = b"", to: Terminal | None = None, by: Engine | None = None
    ) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", PipeStub(said))
        if to:
            monkeypatch.setattr("sys.stdout", to)
        status = cli.run(["--model", str(chatml_model), "score", *arguments], lambda *_: 0, lambda _: by or engine)
        return (status, *capsys.readouterr())

    return run


def test_each_token_is_a_line_of_json(engine: ScriptedEngine, score: Run) -> None:
    engine.scores = [Scored("Ice", 4), Scored(" is", 5, -0.5, 1, 2.0), Scored(" hot", 6, -7.5, 812, 3.0)]
    status, out, err = score("-", "--json", said=b"Ice is hot\n")
    assert (status, err) == (0, "")
    assert engine.scored == ["Ice is hot"]
    *tokens, done = map(json.loads, out.splitlines())
    assert tokens[0] == {"event": "token", "text": "Ice", "token": 4, "logprob": None, "rank": None, "entropy": None}
    assert tokens[2] == {"event": "token", "text": " hot", "token": 6, "logprob": -7.5, "rank": 812, "entropy": 3.0}
    assert done == {"event": "done", "perplexity": pytest.approx(math.exp(4)), "tokens": 3}


def test_a_terminal_shows_what_is_odd(engine: ScriptedEngine, score: Run, tmp_path: Path) -> None:
    (tmp_path / "ice.txt").write_text("Ice is hot")
    engine.scores = [Scored("Ice", 4), Scored(" is", 5, -0.1, 1, 2.0), Scored(" hot", 6, -7.5, 812, 3.0)]
    terminal = Terminal()
    status, _, err = score(str(tmp_path / "ice.txt"), to=terminal)
    assert (status, err) == (0, "Perplexity: 44.70 (3 tokens)\n")
    assert styled(terminal.getvalue()) == [("Ice is ", ""), ("hot", STYLES[0])]


def test_a_pipe_gets_the_plain_text(engine: ScriptedEngine, score: Run) -> None:
    assert score("-", said="Où\n\nest-ce ?\n".encode()) == (0, "Où\n\nest-ce ?\n", "Perplexity: 2.72 (3 tokens)\n")


def test_one_token_alone_has_no_perplexity(engine: ScriptedEngine, score: Run) -> None:
    engine.scores = [Scored("Ice", 4)]
    assert "too short to calculate its perplexity" in score("-", said=b"Ice")[2]
    assert json.loads(score("-", "--json", said=b"Ice")[1].splitlines()[-1])["perplexity"] is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The text is empty, so there’s nothing to score. Provide some text, then try again."),
        (b" \n\t\n", "The text is empty, so there’s nothing to score. Provide some text, then try again."),
        (bytes(range(256)) * 8, "{file} isn’t text. Convert it to plain text, then try again."),
        (b"x" * 2000, "{file} is too large (the limit is 1.0\N{NO-BREAK SPACE}kB). Shorten it."),
    ],
)
def test_what_cannot_be_scored_costs_one_sentence(
    engine: ScriptedEngine, score: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, sentence: str
) -> None:
    monkeypatch.setattr(standard_input, "MOST", 1000)
    file = tmp_path / "text"
    file.write_bytes(content[:1000] if b"\0" in content else content)
    assert score(str(file)) == (1, "", sentence.format(file=file) + "\n")
    assert not engine.loads


def test_a_file_that_is_missing_or_a_folder_costs_one_sentence(score: Run, tmp_path: Path) -> None:
    status, out, err = score(str(tmp_path / "none.txt"), "--json")
    assert (status, err.count("\n")) == (1, 1)
    assert json.loads(out) == {"event": "error", "message": err.strip()}
    assert "there’s no such file or folder. Check its path" in err
    assert score(str(tmp_path))[0] == 1


def test_invalid_values_cost_one_sentence(engine: ScriptedEngine, score: Run) -> None:
    engine.scores = [Scored("Ice", 4), ModelDamaged("tiny.gguf is damaged: it produces invalid values.")]
    status, out, err = score("-", said=b"Ice is")
    assert (status, out, err) == (1, "Ice\n", "tiny.gguf is damaged: it produces invalid values.\n")


def test_a_model_that_is_not_there_is_named(score: Run) -> None:
    status, _, err = score("-", "--model", "nope", said=b"Ice")
    assert (status, err.count("\n")) == (1, 1)
    assert "There is no model named nope" in err


def test_a_context_can_be_chosen(engine: ScriptedEngine, score: Run) -> None:
    assert score("-", "--context", "512", said=b"Ice")[0] == 0
    assert engine.loads[0][1].context == 512
    assert score("-", "--context", "1")[0] == 2


def test_figures_of_a_true_engine(score: Run, chatml_model: Path, settings: EngineSettings) -> None:
    text = "the end, and 中国 🏒 " * 6
    status, out, _ = score("-", "--json", "--context", "64", said=text.encode(), by=LlamaEngine())
    *tokens, done = map(json.loads, out.splitlines())
    assert (status, done["tokens"]) == (0, len(tokens))
    assert "".join(each["text"] for each in tokens) == text
    known = [each["logprob"] for each in tokens if each["logprob"] is not None]
    assert done["perplexity"] == pytest.approx(math.exp(-sum(known) / len(known)))
    assert len(known) == len(tokens) - 1 > 64
