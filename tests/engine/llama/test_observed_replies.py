"""A reply whose request asks for candidates: the same tokens, each with what the model weighed."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from phichat.chat.conversation import Ending, Piece, Role, Turn, tokens_of
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken, Done, EngineSettings, Event, ModelRef, Request, as_json
from phichat.engine.llama.engine import LlamaEngine
from phichat.engine.process import protocol

SAMPLING = Sampling(temperature=0.9, top_k=50, seed=3, max_tokens=12)
REQUEST = Request((Turn(Role.USER, "Repeat this: to be or not to be, to be or not to be, to be or"),), SAMPLING)


def pieces_of(events: Iterable[Event]) -> list[Piece]:
    return [event for event in events if isinstance(event, Piece)]


@pytest.fixture(scope="module")
def engine(starter: Path) -> Iterator[LlamaEngine]:
    found = LlamaEngine()
    settings = EngineSettings(context=512, threads=1, gpu_layers=0, looks_up=True)
    found.load(ModelRef.of_file(starter), settings, CancelToken(), lambda _: None)
    yield found
    found.close()


def test_asking_for_candidates_changes_no_token(engine: LlamaEngine) -> None:
    """With look-up decoding too, whose guesses are checked in one step."""
    plain = pieces_of(engine.generate(REQUEST, CancelToken()))
    observed = pieces_of(engine.generate(replace(REQUEST, candidates=5), CancelToken()))
    assert [piece.text for piece in observed] == [piece.text for piece in plain]
    assert not any(piece.choice for piece in plain)
    for piece in (each for each in observed if each.token >= 0):
        assert piece.choice
        assert len(piece.choice.candidates) == 5
        chosen = [each for each in piece.choice.candidates if each.token == piece.token]
        assert (piece.choice.rank <= 5) == bool(chosen)
        if chosen:
            assert chosen[0].before == piece.choice.probability
            assert chosen[0].cut_by is None


def test_a_branch_goes_on_from_a_word_and_reads_nothing_again(engine: LlamaEngine) -> None:
    observed = pieces_of(engine.generate(replace(REQUEST, candidates=3), CancelToken()))
    tokens = tokens_of(observed)
    place = 6
    choice = observed[place].choice
    assert choice
    other = next(each.token for each in choice.candidates if each.token != tokens[place])
    begun = Turn(Role.ASSISTANT, "", (*tokens[:place], other))
    events = list(engine.generate(replace(REQUEST, begun=begun), CancelToken()))
    done = events[-1]
    assert isinstance(done, Done)
    assert done.cached_tokens == done.prompt_tokens - 1
    assert done.reason in {Ending.STOP, Ending.LENGTH}


def test_choices_cross_the_line_to_the_window(engine: LlamaEngine) -> None:
    pieces = pieces_of(engine.generate(replace(REQUEST, candidates=2), CancelToken()))
    assert list(protocol.events_of(protocol.pieces_line(pieces))) == pieces
    plain = [replace(piece, choice=None) for piece in pieces]
    assert list(protocol.events_of(protocol.pieces_line(plain))) == plain


def test_an_event_names_the_candidates(engine: LlamaEngine) -> None:
    piece = pieces_of(engine.generate(replace(REQUEST, candidates=2), CancelToken()))[0]
    line = as_json(piece)
    assert {"entropy", "probability", "rank", "after", "candidates"} <= line.keys()
    assert line["candidates"][0].keys() == {"token", "text", "before", "after", "cut_by"}
    assert "candidates" not in as_json(replace(piece, choice=None))
