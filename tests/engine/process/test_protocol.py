"""The line protocol: what is sent arrives unchanged."""

import io
from dataclasses import asdict

import pytest

from phichat.chat.conversation import Ending, Role, Turn
from phichat.chat.distribution import Distribution
from phichat.chat.sampling import Sampling
from phichat.engine.base import (
    EVENT_NAMES,
    Done,
    EngineSettings,
    Event,
    Loaded,
    Loading,
    ModelKind,
    ModelRef,
    Notice,
    Piece,
    PromptFit,
    PromptReady,
    Reading,
    Request,
    Scored,
    Undecided,
    VariantChosen,
    as_json,
)
from phichat.engine.process import protocol
from phichat.errors import EngineDied, PhichatError, PromptTooLong

AWKWARD = 'a "quote"\nnew line \u2028 🧊 \ud800 \0 é'

EVENTS = [
    VariantChosen("zen4", "haswell"), Loading(0.25), Notice(AWKWARD),
    Loaded(ModelRef("n", "N", ModelKind.REMOTE, AWKWARD), "phi3", 512, "lib", EngineSettings(threads=3), cpu="AVX"),
    PromptReady((1, 2), AWKWARD, 4), PromptFit(9, 3, 512, 4, "a"), Reading(3, 9), Piece(AWKWARD, 7), Piece(""),
    Scored(AWKWARD, 7, -2.5, 3, 1.25), Scored("", 7),
    Undecided(Distribution((5, 6), (AWKWARD, ""), (0.5, float("-inf")), ((-1.0, 3.0), (-2.0, 4.0)), (5,)), "", 0.25, 6),
    Done(Ending.LENGTH, 7, 1, 2, 3, 0.1, 0.2, 0.3, 4.5),
]  # fmt: skip


def through_pipe(line: protocol.Line) -> protocol.Line:
    pipe = io.BytesIO()
    protocol.write_lines(pipe, line)
    assert pipe.getvalue().count(b"\n") == 1
    pipe.seek(0)
    found = protocol.read_line(pipe)
    assert found is not None
    return found


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_arrives_as_it_was(event: Event) -> None:
    assert list(protocol.events_of(through_pipe(as_json(event)))) == [event]


def test_pieces_may_come_together() -> None:
    pieces = [Piece(AWKWARD, 7), Piece(""), Piece("b", 8)]
    line = through_pipe(protocol.pieces_line(pieces))
    assert list(protocol.events_of({**line, "unknown": [1, 2, 3]})) == pieces


def test_no_kind_of_event_was_forgotten() -> None:
    assert {type(event) for event in EVENTS} == set(EVENT_NAMES)


def test_a_request_arrives_as_it_was() -> None:
    pinned = Turn(Role.ASSISTANT, "x", (1, 2), True, "its id")
    turns = (Turn(Role.SYSTEM, AWKWARD), pinned, Turn(Role.USER, "Hi"))
    for sampling in (Sampling(), Sampling(0.5, 1, 0.1, 0.2, 1.3, 5, 6, 2**32 - 2)):
        request = Request(turns, sampling)
        arrived = protocol.request_of(through_pipe(asdict(request)))
        assert arrived == request
        assert [turn.message for turn in arrived.turns] == ["", "its id", ""], "which is not compared"
        begun = Request(turns, sampling, Turn(Role.ASSISTANT, AWKWARD, (3,)), is_draft=True, is_temporary=True)
        assert protocol.request_of(through_pipe(asdict(begun))) == begun
        branched = Request(turns, sampling, begun.begun, forced=(7, 8), weighs_begun=True, branched_at=(2,))
        assert protocol.request_of(through_pipe(asdict(branched))) == branched
        watched = Request(turns, sampling, candidates=3, finds_undecided=True)
        assert protocol.request_of(through_pipe(asdict(watched))) == watched


def test_settings_arrive_as_they_were() -> None:
    settings = EngineSettings(1, 2, 3, False, True, 4)
    assert EngineSettings(**through_pipe({"settings": vars(settings)})["settings"]) == settings


@pytest.mark.parametrize("rest", [b"", b'{"event": "pie', b'{"event": "piece"}'])
def test_the_other_side_is_gone_even_in_the_middle_of_a_line(rest: bytes) -> None:
    assert protocol.read_line(io.BytesIO(rest)) is None


def test_the_command_lines_json_has_the_names_scripts_rely_on() -> None:
    assert as_json(Piece("Puck", 349)) == {
        "event": "piece", "text": "Puck", "token": 349, "kind": "text",
    }  # fmt: skip
    assert as_json(PromptReady((1,), "<s>"))["event"] == "prompt"
    assert set(as_json(Done(Ending.STOP, 7))) == {
        "event", "reason", "seed", "prompt_tokens", "cached_tokens", "completion_tokens", "seconds_to_first_token",
        "prompt_seconds", "completion_seconds", "tokens_per_second", "looked_up_tokens",
        "thinking_tokens", "thinking_seconds", "stopped_by",
    }  # fmt: skip
    assert as_json(Done(Ending.CANCELLED, 7))["reason"] == "cancelled"


@pytest.mark.parametrize("error", [PromptTooLong(AWKWARD, 900, 40, is_least=True), EngineDied("It died.")])
def test_an_error_keeps_its_class_and_what_it_tells(error: PhichatError) -> None:
    pipe = io.BytesIO()
    protocol.write_lines(pipe, protocol.error_line(error))
    pipe.seek(0)
    line = protocol.read_line(pipe)
    assert line
    came = protocol.error_of(line)
    assert (type(came), str(came), vars(came)) == (type(error), str(error), vars(error))
