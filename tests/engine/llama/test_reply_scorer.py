"""A reply that is read again is weighed as when it was written; one that branches goes on from its word."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from phichat.chat.candidates import Candidate
from phichat.chat.choice_table import table_of
from phichat.chat.conversation import Ending, Message, Piece, Reply, Role, Turn, text_of, thinking_of, tokens_of
from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.chat.weighed_reply import WeighedReply, WeighedToken, weighed_reply
from phichat.engine.base import CancelToken, Done, EngineSettings, Event, ModelRef, Reading, Request
from phichat.engine.llama.engine import LlamaEngine
from phichat.engine.process.engine_process import EngineProcess
from phichat.engine.states import FEWEST
from tests.support import memory_models, tiny_models

QUESTION = (Turn(Role.USER, "Repeat this: to be or not to be, to be or not to be, to be or"),)
SAMPLING = Sampling(temperature=0.9, top_k=50, seed=3, max_tokens=16)
SHORT = replace(SAMPLING, max_tokens=9)
NEAR = 0.02  # steps of one token and of many are rounded otherwise


def pieces_of(events: list[Event]) -> list[Piece]:
    return [event for event in events if isinstance(event, Piece)]


def done_of(events: list[Event]) -> Done:
    assert isinstance(events[-1], Done)
    return events[-1]


def ask(engine: LlamaEngine | EngineProcess, request: Request) -> list[Event]:
    return list(engine.generate(request, CancelToken()))


def known(pieces: list[Piece]) -> Turn:
    """The reply of `pieces`, to be weighed."""
    return Turn(Role.ASSISTANT, text_of(pieces), tokens_of(pieces), thinking=thinking_of(pieces))


def plain(pieces: list[Piece]) -> list[Piece]:
    return [replace(piece, choice=None) for piece in pieces]


@pytest.fixture(scope="module")
def engine(starter: Path) -> Iterator[LlamaEngine]:
    found = LlamaEngine()
    settings = EngineSettings(context=512, threads=1, gpu_layers=0)
    found.load(ModelRef.of_file(starter), settings, CancelToken(), lambda _: None)
    yield found
    found.close()


class TestWeighing:
    @pytest.mark.parametrize(
        "sampling",
        [
            SAMPLING,
            Sampling(temperature=0, repeat_penalty=1.3, seed=1, max_tokens=16),
            replace(SAMPLING, presence_penalty=0.5, frequency_penalty=0.2, min_p=0.1),
            replace(SAMPLING, dry_multiplier=0.8, typical_p=0.8, top_n_sigma=2.0, xtc_probability=0.5),
        ],
        ids=["usual", "greedy", "penalties", "more"],
    )
    def test_it_is_as_it_was_when_the_reply_was_written(self, engine: LlamaEngine, sampling: Sampling) -> None:
        request = Request(QUESTION, sampling, candidates=4)
        written = pieces_of(ask(engine, request))
        weighed = pieces_of(ask(engine, replace(request, begun=known(written), weighs_begun=True)))
        assert plain(weighed) == plain(written)
        for now, before in zip(weighed, written, strict=True):
            assert (now.choice is None) == (before.choice is None)
            if now.choice and before.choice:
                assert now.choice.probability == pytest.approx(before.choice.probability, abs=NEAR)
                assert now.choice.entropy == pytest.approx(before.choice.entropy, abs=10 * NEAR)
                others = {each.token: each for each in before.choice.candidates}
                for each in now.choice.candidates:
                    if each.token in others and each.cut_by == others[each.token].cut_by:
                        assert each.after == pytest.approx(others[each.token].after, abs=5 * NEAR)

    def test_words_that_may_never_come_are_crossed_out(self, engine: LlamaEngine) -> None:
        begun = Turn(Role.ASSISTANT, "to be or not to be")
        sampling = replace(SAMPLING, forbidden=("not",))
        weighed = pieces_of(ask(engine, Request(QUESTION, sampling, begun, weighs_begun=True, candidates=4)))
        choice = next(piece.choice for piece in weighed if piece.text == " not")
        assert choice
        assert [each.cut_by for each in choice.candidates if each.text == " not"] == ["forbidden"]

    def test_what_comes_before_the_reply_is_not_read_again(self, engine: LlamaEngine) -> None:
        written = ask(engine, Request(QUESTION, SAMPLING))
        request = Request(QUESTION, SAMPLING, known(pieces_of(written)), weighs_begun=True, candidates=4)
        events = ask(engine, request)
        assert done_of(events).cached_tokens == done_of(written).prompt_tokens - 1
        assert next(event.done for event in events if isinstance(event, Reading)) == done_of(written).prompt_tokens
        assert done_of(events).reason is Ending.STOP
        follow = Request((*QUESTION, known(pieces_of(written)), Turn(Role.USER, "And?")), SAMPLING)
        assert done_of(ask(engine, follow)).cached_tokens > done_of(events).prompt_tokens - 2

    def test_a_reply_without_tokens_is_weighed_by_its_text(self, engine: LlamaEngine) -> None:
        text = "The café 中国 👩\u200d🚀 is cold,\n\n- so **cold**…"
        begun = Turn(Role.ASSISTANT, text)
        weighed = pieces_of(ask(engine, Request(QUESTION, SAMPLING, begun, weighs_begun=True, candidates=4)))
        assert text_of(weighed) == text
        assert all(piece.choice for piece in weighed)
        assert weighed_of(weighed).words

    def test_it_can_be_cancelled(self, engine: LlamaEngine) -> None:
        stop, heard = CancelToken(), list[Event]()
        begun = Turn(Role.ASSISTANT, "to be or not to be " * 15)
        request = Request(QUESTION, SAMPLING, begun, weighs_begun=True, candidates=4)
        for event in engine.generate(request, stop):
            heard.append(event)
            if isinstance(event, Piece):
                stop.set()
        assert done_of(heard).reason is Ending.CANCELLED
        assert len(pieces_of(heard)) < 100
        assert done_of(ask(engine, Request(QUESTION, SAMPLING))).completion_tokens

    def test_nothing_to_weigh_is_no_error(self, engine: LlamaEngine) -> None:
        events = ask(engine, Request(QUESTION, SAMPLING, Turn(Role.ASSISTANT, ""), weighs_begun=True, candidates=4))
        assert not pieces_of(events)
        assert done_of(events).reason is Ending.STOP

    def test_thinking_is_told_from_the_answer(
        self, llama: LlamaEngine, settings: EngineSettings, tmp_path: Path
    ) -> None:
        path = tiny_models.thinker(tmp_path / "thinker.gguf")
        llama.load(ModelRef.of_file(path), settings, CancelToken(), lambda _: None)
        request = Request(
            (Turn(Role.USER, "Why?"),), Sampling(temperature=0, seed=1, max_tokens=8, thinking=4), candidates=3
        )
        written = pieces_of(ask(llama, request))
        assert thinking_of(written)
        assert text_of(written)
        weighed = pieces_of(ask(llama, replace(request, begun=known(written), weighs_begun=True)))
        assert plain(weighed) == plain(written)

    def test_another_process_does_it_too(
        self, hosted: EngineProcess, chatml_model: Path, settings: EngineSettings
    ) -> None:
        hosted.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
        written = pieces_of(ask(hosted, Request(QUESTION, SAMPLING, candidates=2)))
        weighed = pieces_of(ask(hosted, Request(QUESTION, SAMPLING, known(written), weighs_begun=True, candidates=2)))
        assert plain(weighed) == plain(written)
        assert weighed[0].choice


def weighed_of(pieces: list[Piece]) -> WeighedReply:
    session = Session()
    session.begin_reply("?", Reply("m", 1))
    session.extend(pieces)
    message = session.finish_reply(Ending.STOP)
    found = weighed_reply(message) if message else None
    assert found
    return found


class Talk:
    """A session whose replies an engine writes."""

    def __init__(self, engine: LlamaEngine, sampling: Sampling = SHORT) -> None:
        self.engine, self.sampling, self.session = engine, sampling, Session()

    def ask(self, question: str, said: str = "") -> Message:
        """The reply, which begins with what is to be `said`, where a letter is a token."""
        return self._answer(self.session.begin_reply(question, Reply("m", 1)), tuple(said.encode()))

    def branch(
        self, message: Message, place: WeighedToken, candidate: Candidate, by: WeighedReply | None = None
    ) -> Message:
        turns = self.session.branch_reply(Reply("m", 1), message, by or weighed(message), place, candidate)
        return self._answer(turns, self.session.forced)

    def _answer(self, turns: tuple[Turn, ...], forced: tuple[int, ...]) -> Message:
        request = Request(turns, self.sampling, self.session.begun, forced, candidates=5)
        events = ask(self.engine, request)
        self.done = done_of(events)
        for event in pieces_of(events):
            self.session.extend([event])
        message = self.session.finish_reply(self.done.reason)
        assert message
        return message


def weighed(message: Message) -> WeighedReply:
    found = weighed_reply(message)
    assert found
    return found


def other_than(place: WeighedToken) -> Candidate:
    """The likeliest candidate that was not chosen, and is text."""
    assert place.choice
    return next(each for each in place.choice.candidates if each.token != place.token and each.text.strip("<|>\\"))


class TestBranches:
    @pytest.mark.parametrize("at", [0, 1, 7, -1])
    def test_one_goes_on_from_its_word_and_reads_nothing_again(self, engine: LlamaEngine, at: int) -> None:
        talk = Talk(engine)
        first = talk.ask("Why is the sky blue?")
        place = weighed(first).tokens[at]
        other = other_than(place)
        branch = talk.branch(first, place, other)
        assert talk.done.cached_tokens == talk.done.prompt_tokens - 1
        said = other.text if place.start else other.text.removeprefix(" ")
        assert branch.text.startswith(first.text[: place.start] + said)
        assert branch.reply
        assert first.reply
        assert branch.reply.tokens[: place.number + 1] == (*first.reply.tokens[: place.number], other.token)
        assert branch.reply.branched_from
        assert (branch.reply.branched_from.message, branch.reply.branched_from.offset) == (first.id, place.start)
        assert [each.id for each in talk.session.conversation.siblings(branch)] == [first.id, branch.id]
        again = weighed(branch).tokens[at if at >= 0 else place.number]
        assert again.choice
        assert place.choice
        assert again.token == other.token
        assert again.choice.candidates == place.choice.candidates
        assert all(token.choice for token in weighed(branch).tokens)

    def test_the_next_turn_reads_nothing_of_it_again(self, engine: LlamaEngine) -> None:
        talk = Talk(engine)
        first = talk.ask("Why is the sky blue?")
        place = weighed(first).tokens[5]
        branch = talk.branch(first, place, other_than(place))
        known = talk.done.prompt_tokens + talk.done.completion_tokens
        talk.ask("And red?")
        assert talk.done.cached_tokens >= known - 1
        assert branch.reply

    def test_one_in_the_middle_of_a_character(
        self, llama: LlamaEngine, chatml_model: Path, settings: EngineSettings
    ) -> None:
        """This model's tokens are bytes: some of its characters have several."""
        llama.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
        talk = Talk(llama, Sampling(temperature=1.5, top_k=0, seed=2, max_tokens=60))
        first = talk.ask("Hello")
        inside = next(token for token in weighed(first).tokens if token.start == token.end)
        branch = talk.branch(first, inside, other_than(inside))
        assert branch.reply
        assert first.reply
        assert branch.text.startswith(first.text[: inside.start])
        assert branch.reply.tokens[: inside.number] == first.reply.tokens[: inside.number]
        assert talk.done.cached_tokens == talk.done.prompt_tokens - 1
        assert weighed(branch).text == branch.text

    def test_one_of_a_reply_without_tokens(self, engine: LlamaEngine) -> None:
        talk = Talk(engine)
        first = talk.ask("Why is the sky blue?")
        assert first.reply
        bare = talk.session.conversation.replace_message(first, reply=replace(first.reply, tokens=(), model="gone"))
        place = weighed(bare).tokens[6]
        branch = talk.branch(bare, place, other_than(place))
        assert branch.text.startswith(first.text[: place.start] + other_than(place).text)

    def test_one_that_ends_there(self, engine: LlamaEngine) -> None:
        talk = Talk(engine)
        first = talk.ask("Why is the sky blue?")
        place = weighed(first).tokens[6]
        end = Candidate(next(iter(engine._open.form.stop_tokens)), "<|im_end|>", 0.1, 0.1)  # type: ignore[union-attr]
        branch = talk.branch(first, place, end)
        assert branch.text == first.text[: place.start]
        assert branch.reply
        assert branch.reply.ending is Ending.STOP

    def test_thinking_stays(self, llama: LlamaEngine, settings: EngineSettings, tmp_path: Path) -> None:
        path = tiny_models.thinker(tmp_path / "thinker.gguf")
        llama.load(ModelRef.of_file(path), settings, CancelToken(), lambda _: None)
        talk = Talk(llama, Sampling(temperature=0, seed=1, max_tokens=8, thinking=4))
        first = talk.ask("Why?")
        assert first.thinking
        for place in weighed(first).tokens[:3]:
            branch = talk.branch(first, place, other_than(place))
            assert branch.thinking == first.thinking
            assert branch.reply
            assert first.reply
            assert branch.reply.thinking_tokens == first.reply.thinking_tokens
            assert talk.done.cached_tokens == talk.done.prompt_tokens - 1

    def test_a_token_that_does_not_exist_is_ignored(self, engine: LlamaEngine) -> None:
        request = Request(QUESTION, SAMPLING, forced=(10**9, -5))
        assert done_of(ask(engine, request)).completion_tokens


@pytest.fixture(scope="module", params=memory_models.KINDS)
def path(request: pytest.FixtureRequest, models: Path) -> Path:
    return memory_models.build(models / f"{request.param}.gguf", request.param, context=1024)


@pytest.fixture
def untrimmable(path: Path, settings: EngineSettings) -> Iterator[LlamaEngine]:
    engine = LlamaEngine()
    engine.load(ModelRef.of_file(path), replace(settings, context=1024), CancelToken(), lambda _: None)
    yield engine
    engine.close()


def test_a_memory_that_cannot_be_trimmed_is_read_from_a_checkpoint_nearby(untrimmable: LlamaEngine) -> None:
    speech = "Rain is cold and so is snow. " * 6
    talk = Talk(untrimmable, Sampling(temperature=0, seed=1, max_tokens=len(speech)))
    first = talk.ask("Explain to a child why the sky is blue, and why it is red in the evening, and black.", speech)
    assert first.text == speech
    assert first.reply
    table = table_of(Piece(letter, token) for letter, token in zip(speech, first.reply.tokens, strict=True))
    weighed = weighed_reply(first, table.pack())
    assert weighed
    length = talk.done.prompt_tokens + 100
    branch = talk.branch(first, weighed.tokens[100], Candidate(ord("!"), "!", 0.1, 0.1), weighed)
    assert branch.text.startswith(speech[:100] + "!")
    assert talk.done.prompt_tokens == length
    assert length - talk.done.cached_tokens <= FEWEST
