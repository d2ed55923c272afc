"""`phichat ask --count`: several answers, as text one below the other, as JSON as they come."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from phichat import cli
from phichat.chat.conversation import Ending
from phichat.engine.base import AnswerEvent, Done, Piece
from phichat.errors import EngineDied
from tests.support.fakes import ScriptedEngine

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def phichat(
    engine: ScriptedEngine, chatml_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Asks for two answers from a scripted engine; returns the exit status, stdout and stderr."""
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def run(*options: str) -> tuple[int, str, str]:
        arguments = ["--model", str(chatml_model), "ask", "Hi?", "--count", "2", "--seed", "7", *options]
        status = cli.run(arguments, lambda *_: 0, lambda _: engine)
        return (status, *capsys.readouterr())

    return run


def piece(answer: int, text: str) -> AnswerEvent:
    return AnswerEvent(answer, Piece(text, 10 + answer))


def done(answer: int) -> AnswerEvent:
    return AnswerEvent(answer, Done(Ending.STOP, 7 + answer, 2, completion_tokens=2))


SAID = (piece(0, "Red"), piece(1, "Blue"), piece(0, " one"), piece(1, " two"), done(1), done(0))


def test_answers_are_printed_one_below_the_other(engine: ScriptedEngine, phichat: Run) -> None:
    engine.enqueue(*SAID)
    status, out, err = phichat()
    assert (status, out) == (0, "Red one\n\nBlue two\n")
    assert [line for line in err.splitlines() if line.startswith("Answer")] == ["Answer 1 of 2", "Answer 2 of 2"]
    assert "seed 7." in err
    assert "seed 8." in err
    assert engine.requests[0].count == 2


def test_json_says_which_answer_each_event_is_of(engine: ScriptedEngine, phichat: Run) -> None:
    engine.enqueue(*SAID)
    status, out, _ = phichat("--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [(event["event"], event["answer"]) for event in events] == [
        ("prompt", 0),
        *[("piece", number) for number in (0, 1, 0, 1)],
        ("done", 1),
        ("done", 0),
    ]
    assert [event["seed"] for event in events[-2:]] == [8, 7]
    assert "model" in events[-1]


def test_what_came_before_an_engine_died_is_printed(engine: ScriptedEngine, phichat: Run) -> None:
    engine.enqueue(*SAID[:4], EngineDied("It died."))
    status, out, err = phichat()
    assert (status, out) == (1, "Red one\n\nBlue two\n")
    assert "It died." in err


def test_json_ends_each_answer_after_an_error(engine: ScriptedEngine, phichat: Run) -> None:
    engine.enqueue(*SAID[:5], EngineDied("It died."))
    status, out, _ = phichat("--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert status == 1
    assert events[-2] == {"event": "error", "message": "It died."}
    assert [(event["answer"], event["reason"]) for event in events if event["event"] == "done"] == [
        (1, "stop"),
        (0, "error"),
    ]


def test_a_count_out_of_range_is_wrong_usage(phichat: Run) -> None:
    assert phichat("--count", "9")[0] == 2
