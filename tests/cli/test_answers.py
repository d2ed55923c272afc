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
        several = [] if "--compare" in options else ["--count", "2"]
        arguments = ["--model", str(chatml_model), "ask", "Hi?", *several, "--seed", "7", *options]
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


def test_temperatures_are_compared_from_one_seed(engine: ScriptedEngine, phichat: Run) -> None:
    engine.enqueue(*SAID)
    status, out, err = phichat("--compare", "temperature=0.2,1.2", "--top-k", "30")
    assert (status, out) == (0, "Red one\n\nBlue two\n")
    assert "Answer 1 of 2 · Temperature 0.20" in err
    assert "Answer 2 of 2 · Temperature 1.20" in err
    request = engine.requests[0]
    found = [request.sampling_of(number) for number in range(request.count)]
    assert [(each.temperature, each.top_k, each.seed) for each in found] == [(0.2, 30, 7), (1.2, 30, 7)]


def test_json_says_what_is_compared(engine: ScriptedEngine, phichat: Run) -> None:
    engine.enqueue(*SAID[:5], EngineDied("It died."))
    _, out, _ = phichat("--compare", "preset=precise,creative", "--json")
    events = [json.loads(line) for line in out.splitlines()]
    said = {(event["answer"], event["preset"]) for event in events if event["event"] in {"piece", "done"}}
    assert said == {(0, "precise"), (1, "creative")}
    assert [event["seed"] for event in events if event["event"] == "done"] == [8, 7], "as the engine says; then ours"
    request = engine.requests[0]
    assert [request.sampling_of(number).top_k for number in range(2)] == [20, 0]


def test_without_a_seed_all_get_the_same(engine: ScriptedEngine, phichat: Run) -> None:
    engine.enqueue(*SAID)
    phichat("--compare", "top_p=0.5,1", "--seed", "random")
    request = engine.requests[0]
    assert len({request.sampling_of(number).seed for number in range(2)}) == 1


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("temperature", "give 2 to 8 values"),
        ("temperature=0.2", "give 2 to 8 values"),
        ("temperature=" + ",".join(["1"] * 9), "give 2 to 8 values"),
        ("temperature=0.2,3", "3 isn’t a number from 0 to 2"),
        ("preset=precise,bold", "bold"),
        ("seed=1,2", "seed isn’t a setting that can be compared"),
        ("max-tokens=10,5000", "5000"),
    ],
)
def test_what_cannot_be_compared_is_wrong_usage(phichat: Run, given: str, reason: str) -> None:
    status, _, err = phichat("--compare", given)
    assert (status, err.count("\n")) == (2, 1)
    assert reason in err


def test_a_count_goes_without_a_comparison(phichat: Run) -> None:
    status, _, err = phichat("--compare", "temperature=0.2,1", "--count", "2")
    assert status == 2
    assert "--count" in err
