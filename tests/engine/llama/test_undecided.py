"""Where a model was least sure in its answer, with the distribution of that place."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from targets import next_word_example

from phichat.chat.conversation import Ending, Piece, PieceKind, Role, Turn, text_of, tokens_of
from phichat.chat.distribution import Distribution
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken, Done, EngineSettings, Event, ModelRef, Request, Undecided
from phichat.engine.llama import undecided
from phichat.engine.llama.engine import LlamaEngine
from phichat.engine.llama.undecided import UndecidedWatch

SAMPLING = Sampling(temperature=0.9, top_k=50, seed=3, max_tokens=12)
REQUEST = Request((Turn(Role.USER, "What do you like about winter?"),), SAMPLING, candidates=50)


@pytest.fixture(scope="module")
def engine(starter: Path) -> Iterator[LlamaEngine]:
    engine = LlamaEngine()
    settings = EngineSettings(context=512, threads=1, gpu_layers=0)
    engine.load(ModelRef.of_file(starter), settings, CancelToken(), lambda _: None)
    yield engine
    engine.close()


def found_in(events: Iterable[Event]) -> list[Undecided]:
    return [event for event in events if isinstance(event, Undecided)]


def test_it_is_the_token_with_the_lowest_probability(engine: LlamaEngine) -> None:
    events = list(engine.generate(replace(REQUEST, finds_undecided=True), CancelToken()))
    found, done = events[-2:]
    assert isinstance(found, Undecided)
    assert isinstance(done, Done)
    pieces = [event for event in events if isinstance(event, Piece)]
    probability, place = min((piece.choice.probability, at) for at, piece in enumerate(pieces) if piece.choice)
    assert found.before == text_of(pieces[:place])
    choice = pieces[place].choice
    assert choice
    assert choice.probability == probability
    assert found.probability == pytest.approx(probability, rel=1e-4)
    assert found.token == pieces[place].token
    told = found.distribution.candidates(SAMPLING, 50)
    assert [each.token for each in told] == [each.token for each in choice.candidates]
    assert [each.before for each in told] == pytest.approx([each.before for each in choice.candidates], rel=0.02)
    assert [each.cut_by for each in told] == [each.cut_by for each in choice.candidates]
    assert [each.after for each in told] == pytest.approx([each.after for each in choice.candidates], abs=0.01)


def test_the_reply_is_the_same_and_nothing_comes_that_was_not_asked_for(engine: LlamaEngine) -> None:
    plain, watched = (
        list(engine.generate(replace(REQUEST, candidates=0, finds_undecided=on), CancelToken())) for on in (False, True)
    )
    assert text_of(event for event in plain if isinstance(event, Piece)) == text_of(
        event for event in watched if isinstance(event, Piece)
    )
    assert (len(found_in(plain)), len(found_in(watched))) == (0, 1)
    assert not any(isinstance(event, Piece) and event.choice for event in watched)


def test_a_continued_answer_counts_from_its_beginning(engine: LlamaEngine) -> None:
    begun = Turn(Role.ASSISTANT, "The best thing about winter is")
    request = replace(REQUEST, begun=begun, sampling=replace(SAMPLING, max_tokens=1), finds_undecided=True)
    events = list(engine.generate(request, CancelToken()))
    (found,) = found_in(events)
    assert found.before == begun.text
    assert found.distribution.said
    done = events[-1]
    assert isinstance(done, Done)
    assert done.reason is Ending.LENGTH


def test_an_answer_that_is_read_again_has_it_at_the_same_place(engine: LlamaEngine) -> None:
    events = list(engine.generate(replace(REQUEST, finds_undecided=True), CancelToken()))
    pieces = [event for event in events if isinstance(event, Piece)]
    begun = Turn(Role.ASSISTANT, text_of(pieces), tokens_of(pieces))
    request = replace(REQUEST, begun=begun, weighs_begun=True, finds_undecided=True)
    (written,) = found_in(events)
    again = list(engine.generate(request, CancelToken()))
    (read,) = found_in(again)
    assert again[-2] is read
    assert (read.before, read.token) == (written.before, written.token)
    assert read.probability == pytest.approx(written.probability, rel=0.05)
    assert read.distribution.said == written.distribution.said
    assert not found_in(engine.generate(replace(request, finds_undecided=False), CancelToken()))


def test_a_word_that_somebody_chose_is_not_where_the_model_was_unsure(engine: LlamaEngine) -> None:
    first = next(event for event in engine.generate(REQUEST, CancelToken()) if isinstance(event, Piece))
    assert first.choice
    forced = first.choice.candidates[-1].token
    events = list(engine.generate(replace(REQUEST, forced=(forced,), finds_undecided=True), CancelToken()))
    pieces = [event for event in events if isinstance(event, Piece)]
    begun = Turn(Role.ASSISTANT, text_of(pieces), tokens_of(pieces))
    request = replace(REQUEST, begun=begun, weighs_begun=True, branched_at=(0,), finds_undecided=True)
    (written,), (read,) = found_in(events), found_in(engine.generate(request, CancelToken()))
    assert read.token == written.token != forced
    assert read.before == written.before


class Letters:
    """A vocabulary of four letters."""

    count = 4

    def piece(self, token: int) -> bytes:
        return b"abcd"[token : token + 1]

    text_of = piece


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> UndecidedWatch:
    """Is told, as the context of each token, how flat its distribution is; from 0 to 1, or NaN."""
    sharp = np.array([9, 0, 0, 0], np.float32)
    monkeypatch.setattr(undecided, "logits_at", lambda flatness, *_: sharp * (1 - np.float32(flatness)))
    return UndecidedWatch(Letters())  # type: ignore[arg-type]


def test_thinking_does_not_count(watch: UndecidedWatch) -> None:
    for flatness, token, kind in ((0.0, 3, PieceKind.THINKING), (0.3, 1, PieceKind.TEXT), (0.1, 2, PieceKind.TEXT)):
        watch.weigh(flatness, -1, token)
        watch.read([Piece("", token, kind)])
    found = watch.undecided()
    assert found
    assert found.before == "b"
    assert found.distribution.said == (3, 1)


def test_what_was_not_sampled_does_not_count(watch: UndecidedWatch) -> None:
    """A token that was replaced is never read; those that replace it were not weighed."""
    watch.weigh(0.9, -1, 3)
    watch.read([Piece("a", 0), Piece("", -1)])
    assert watch.undecided() is None
    watch.weigh(0.2, -1, 1)
    watch.read([Piece("b", 1)])
    found = watch.undecided()
    assert found
    assert found.before == "a"


def test_a_word_that_was_chosen_does_not_count_with_all_its_tokens(
    watch: UndecidedWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A branch begins at a character of the answer, which several tokens may make."""
    monkeypatch.setattr(watch, "_offsets", (3, 1))
    for flatness, token, text in ((0.2, 0, "a"), (0.9, 1, ""), (0.8, 1, "bc"), (0.7, 2, "d"), (0.3, 3, "e")):
        watch.weigh(flatness, -1, token)
        watch.read([Piece("", 2, PieceKind.THINKING), Piece(text, token)])
    found = watch.undecided()
    assert found
    assert found.token == 3


def test_logits_that_are_no_numbers_do_not_count(watch: UndecidedWatch) -> None:
    watch.weigh(float("nan"), -1, 0)
    watch.read([Piece("a", 0)])
    assert watch.undecided() is None


def test_the_example_of_the_settings_is_what_the_starter_says(starter: Path) -> None:
    """About: other processors round otherwise."""
    stored = json.loads(next_word_example.FILE.read_text("utf-8"))
    assert stored["before"] == next_word_example.ANSWER
    example = Distribution.of_json(stored["distribution"]).candidates(SAMPLING, 10)
    found = next_word_example.compute(starter).distribution.candidates(SAMPLING, 50)
    shares = {each.text: each.before for each in found}
    assert [shares.get(each.text, 0) for each in example] == pytest.approx([each.before for each in example], abs=0.03)
