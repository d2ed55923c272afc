"""Models whose memory cannot be trimmed: only what is new is decoded, and replies are those of a cold start."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from phichat import gguf
from phichat.chat.conversation import Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine import hardware
from phichat.engine.base import (
    SIZES,
    CancelToken,
    Done,
    EngineSettings,
    Event,
    ModelRef,
    Piece,
    PromptFit,
    Reading,
    Request,
)
from phichat.engine.llama.bindings import lib
from phichat.engine.llama.calibration import SpeedMeter
from phichat.engine.llama.checkpoints import MOST, SPAN, TAIL, checkpoint_places, thinned
from phichat.engine.llama.context import ROLLBACK, LlamaContext
from phichat.engine.llama.engine import LlamaEngine
from phichat.engine.process import protocol
from phichat.engine.process.engine_process import EngineProcess
from phichat.engine.prompt_cache import PromptCache
from phichat.engine.states import FEWEST, Checkpoint
from phichat.errors import EngineDied
from tests.support import memory_models

RULES = Turn(Role.SYSTEM, "Answer as a patient teacher would, in simple words, with an example from the kitchen.")
FIRST = Turn(Role.USER, "Explain to a child why the sky is blue, and why it is red in the evening, and black at night.")
REPLY = Turn(Role.ASSISTANT, "Blue light is scattered more than red light, and at night there is no light to scatter.")
SECOND = Turn(Role.USER, "And why does the moon look larger near the horizon than it does when it is high in the sky?")
EDITED = Turn(Role.USER, "And why is the sea blue, too?")
OTHER = Turn(Role.USER, "Write a friendly note to a neighbour whose dog barks at night, every night, all night long.")


def said(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Piece))


def logits(llama: LlamaContext, index: int = -1) -> np.ndarray[Any, Any]:
    """A copy of the last step's, of the token at `index`."""
    found: Any = lib.llama_get_logits_ith(llama.context, index)
    return np.ctypeslib.as_array(found, (llama.token_count,)).copy()


class Talk:
    """An engine with a model loaded, asked greedily."""

    def __init__(self, path: Path, settings: EngineSettings, prompt_cache: PromptCache | None = None) -> None:
        self.engine = LlamaEngine(prompt_cache)
        self.engine.load(ModelRef.of_file(path), settings, CancelToken(), lambda _: None)

    def ask(self, *turns: Turn, most: int = 12, is_temporary: bool = False) -> tuple[str, Done]:
        sampling = Sampling(temperature=0, repeat_penalty=1, max_tokens=most, seed=1)
        events = list(self.engine.generate(Request(turns, sampling, is_temporary=is_temporary), CancelToken()))
        assert isinstance(events[-1], Done)
        return said(events), events[-1]

    def prefill(self, *turns: Turn) -> list[int]:
        """Prefill a draft; return how many tokens were known, and how many after each step."""
        events = list(self.engine.generate(Request(turns, Sampling(), is_draft=True), CancelToken()))
        known = [event.kept for event in events if isinstance(event, PromptFit)]
        return known + [event.done for event in events if isinstance(event, Reading)]


@pytest.fixture(scope="module", params=memory_models.KINDS)
def path(request: pytest.FixtureRequest, models: Path) -> Path:
    return memory_models.build(models / f"{request.param}.gguf", request.param, context=1024)


class Talks:
    """Opens engines with the model."""

    def __init__(self, path: Path, settings: EngineSettings) -> None:
        self._path, self._settings = path, settings
        self.opened: list[Talk] = []

    def open(self, prompt_cache: PromptCache | None = None, **changes: Any) -> Talk:
        self.opened.append(Talk(self._path, replace(self._settings, context=1024, **changes), prompt_cache))
        return self.opened[-1]

    def cold(self, *turns: Turn) -> str:
        """What the model answers when nothing is known."""
        return answer_from_nothing(self._path, self._settings, turns)

    def unload(self) -> None:
        """Unload them all, which writes what they know."""
        for talk in self.opened:
            talk.engine.unload()
        self.opened.clear()


@cache
def answer_from_nothing(path: Path, settings: EngineSettings, turns: tuple[Turn, ...]) -> str:
    """What several tests compare with, which is computed once."""
    talk = Talk(path, replace(settings, context=1024))
    text, done = talk.ask(*turns)
    talk.engine.close()
    assert done.cached_tokens == 0
    return text


@pytest.fixture
def talks(path: Path, settings: EngineSettings) -> Iterator[Talks]:
    found = Talks(path, settings)
    yield found
    for talk in found.opened:
        talk.engine.close()


@pytest.fixture
def talk(talks: Talks) -> Talk:
    return talks.open()


class TestReplies:
    """Each is what it would be without anything known, and little is decoded for it."""

    def test_the_next_turn_decodes_what_is_new(self, talk: Talk, talks: Talks) -> None:
        _, before = talk.ask(RULES, FIRST)
        text, done = talk.ask(RULES, FIRST, REPLY, SECOND)
        assert done.cached_tokens > before.prompt_tokens - 30
        assert text == talks.cold(RULES, FIRST, REPLY, SECOND)

    def test_another_answer_decodes_the_beginning_of_a_reply(self, talk: Talk) -> None:
        first, _ = talk.ask(RULES, FIRST)
        text, done = talk.ask(RULES, FIRST)
        assert done.prompt_tokens - done.cached_tokens < 30
        assert text == first

    def test_an_edited_question_decodes_itself(self, talk: Talk, talks: Talks) -> None:
        _, before = talk.ask(RULES, FIRST)
        talk.ask(RULES, FIRST, REPLY, SECOND)
        text, done = talk.ask(RULES, FIRST, REPLY, EDITED)
        assert done.cached_tokens > before.prompt_tokens
        assert text == talks.cold(RULES, FIRST, REPLY, EDITED)

    def test_the_edited_first_question_keeps_the_system_prompt(self, talk: Talk, talks: Talks) -> None:
        talk.ask(RULES, FIRST, REPLY, SECOND)
        text, done = talk.ask(RULES, OTHER)
        assert done.cached_tokens > len(RULES.text)
        assert text == talks.cold(RULES, OTHER)

    def test_one_that_goes_on_is_the_whole(self, talk: Talk, talks: Talks) -> None:
        sampling = Sampling(temperature=0, repeat_penalty=1, max_tokens=5, seed=1)
        pieces = list(talk.engine.generate(Request((FIRST,), sampling), CancelToken()))
        begun = [event for event in pieces if isinstance(event, Piece) and event.token >= 0]
        turn = Turn(Role.ASSISTANT, said(pieces), tuple(event.token for event in begun))
        request = Request((FIRST,), replace(sampling, max_tokens=7), begun=turn)
        events = list(talk.engine.generate(request, CancelToken()))
        assert said(pieces) + said(events) == talks.cold(FIRST)

    def test_two_conversations_that_take_turns_are_decoded_once(self, talk: Talk) -> None:
        asked = ((RULES, FIRST, REPLY, SECOND), (OTHER, REPLY, SECOND))
        first = [talk.ask(*turns)[0] for turns in asked]
        again = [talk.ask(*turns) for turns in asked]
        assert [text for text, _ in again] == first
        assert all(done.prompt_tokens - done.cached_tokens < 30 for _, done in again)

    def test_what_was_private_is_not_known_any_more(self, talk: Talk) -> None:
        talk.ask(OTHER, REPLY, SECOND, is_temporary=True)
        talk.ask(FIRST)
        assert talk.ask(OTHER, REPLY, SECOND)[1].cached_tokens < 30


class TestGuesses:
    """Guesses of prompt lookup are taken back where the memory allows it, and only there."""

    TEXT = tuple((index * 7) % 250 for index in range(300))
    MORE = tuple((index * 11) % 250 for index in range(40))

    def decoded(self, path: Path, settings: EngineSettings) -> LlamaContext:
        llama = LlamaContext(gguf.read_head(path), settings, lambda _: True)
        llama.warm_up(0, settings.batch)
        for start in range(0, len(self.TEXT), 100):
            llama.decode(self.TEXT[start : start + 100])
        return llama

    def test_wrong_ones_leave_no_trace(self, path: Path, settings: EngineSettings) -> None:
        """But for the rounding of larger steps."""
        settings = replace(settings, context=1024)
        plain, guessing = self.decoded(path, settings), self.decoded(path, settings)
        if guessing.most_guesses:
            for place in range(0, 36, 4):
                token, *right = self.MORE[place : place + 4]
                assert guessing.decode_guesses(token, [*right, 5, 6, 7, 8])
                for index, each in enumerate((token, *right)):
                    plain.decode([each])
                    assert np.abs(logits(guessing, index) - logits(plain)).max() < 0.1 < logits(plain).std()
                for each in right:
                    guessing.accept_guess(each)
                guessing.forget_guesses()
        for llama in (plain, guessing):
            llama.close()

    def test_there_are_as_many_as_can_be_taken_back(self, talk: Talk) -> None:
        opened = talk.engine._open
        assert opened
        most = {"mamba": 0, "granitehybrid": 0, "gemma3": 63, "gemma4": 63}
        assert opened.llama.most_guesses == most.get(opened.loaded.architecture, ROLLBACK)
        assert bool(opened.make_lookup()) == bool(opened.llama.most_guesses)


def test_the_fastest_settings_can_be_measured(path: Path, settings: EngineSettings) -> None:
    """Although that takes guesses back and returns to a beginning that has no checkpoint."""
    settings = replace(settings, context=2048)
    with closing(SpeedMeter(path, settings)) as meter:
        assert meter.measure_turn(settings).writes > 0
        assert meter.measure_reading(settings).reads > 0
        assert len(meter.step_prices(settings)) == len(SIZES)


class TestDrafts:
    def test_typing_decodes_each_word_once(self, talk: Talk, talks: Talks) -> None:
        talk.ask(RULES, FIRST)
        ends = [place for place, letter in enumerate(SECOND.text) if letter == " "]
        seen = [talk.prefill(RULES, FIRST, REPLY, replace(SECOND, text=SECOND.text[:end])) for end in ends]
        assert all(now[0] >= before[-1] for before, now in pairwise(seen))
        text, done = talk.ask(RULES, FIRST, REPLY, SECOND)
        assert done.prompt_tokens - done.cached_tokens < 50
        assert text == talks.cold(RULES, FIRST, REPLY, SECOND)

    def test_changing_the_last_words_goes_back_a_little(self, talk: Talk, talks: Talks) -> None:
        long = Turn(Role.USER, FIRST.text + SECOND.text)
        for end in range(40, len(long.text), 8):
            talk.prefill(replace(long, text=long.text[:end]))
        changed = Turn(Role.USER, long.text[:-20] + "the roof?")
        known = talk.prefill(changed)[0]
        assert known > len(changed.text) - 2 * FEWEST - 30
        assert talk.ask(changed)[0] == talks.cold(changed)

    def test_a_long_one_can_be_changed_in_the_middle(self, talk: Talk, talks: Talks) -> None:
        long = Turn(Role.USER, (FIRST.text + SECOND.text + OTHER.text) * 3)
        talk.prefill(long)
        changed = Turn(Role.USER, long.text[: SPAN + FEWEST] + " That is all.")
        assert talk.prefill(changed)[0] >= SPAN - 30
        assert talk.ask(changed)[0] == talks.cold(changed)


class TestStopping:
    def test_stopping_while_the_prompt_is_decoded_spoils_nothing(self, talk: Talk, talks: Talks) -> None:
        """At each step, at once: what llama.cpp had computed of it is undone."""
        turns = (RULES, FIRST, REPLY, SECOND)
        for steps in range(1, 5):
            stop, left = CancelToken(), steps
            request = Request(turns, Sampling(temperature=0, max_tokens=5, seed=1))
            for event in talk.engine.generate(request, stop):
                left -= isinstance(event, Reading)
                if left == 0:
                    stop.set()
            talk.ask(OTHER)
        assert talk.ask(*turns)[0] == talks.cold(*turns)

    def test_a_step_that_is_aborted_goes_back_to_a_checkpoint(self, talk: Talk, talks: Talks) -> None:
        talk.ask(RULES, FIRST)
        opened = talk.engine._open
        assert opened
        known, stop = len(opened.llama.kept), CancelToken()
        stop.set()
        opened.llama.abort_on(stop)
        assert not opened.llama.decode([1, 2, 3, 4])
        opened.llama.abort_on(None)
        assert known - 30 <= len(opened.llama.kept) <= known
        assert talk.ask(RULES, FIRST, REPLY, SECOND)[0] == talks.cold(RULES, FIRST, REPLY, SECOND)


class TestOnDisk:
    @pytest.fixture
    def states(self, tmp_path: Path) -> PromptCache:
        return PromptCache(tmp_path / "states", 100_000_000)

    def test_a_reopened_conversation_goes_on(self, talks: Talks, states: PromptCache) -> None:
        talks.open(states).ask(RULES, FIRST, REPLY, SECOND)
        talk_turns = (RULES, FIRST, REPLY, SECOND, REPLY, OTHER)
        talks.unload()
        text, done = talks.open(states).ask(*talk_turns)
        assert done.prompt_tokens - done.cached_tokens < 300
        assert done.cached_tokens > 350
        assert text == talks.cold(*talk_turns)

    def test_one_that_is_edited_finds_a_checkpoint(self, talks: Talks, states: PromptCache) -> None:
        talks.open(states).ask(RULES, FIRST, REPLY, SECOND)
        talks.unload()
        text, done = talks.open(states).ask(RULES, FIRST, REPLY, EDITED)
        assert done.prompt_tokens - done.cached_tokens < len(EDITED.text) + 50
        assert text == talks.cold(RULES, FIRST, REPLY, EDITED)

    def test_without_its_file_what_was_reopened_still_goes_on(
        self, talks: Talks, states: PromptCache, tmp_path: Path
    ) -> None:
        talks.open(states).ask(RULES, FIRST, REPLY, SECOND)
        talks.unload()
        talk = talks.open(states)
        talk.ask(RULES, FIRST, REPLY, SECOND, REPLY, OTHER)
        for path in (tmp_path / "states").iterdir():
            path.unlink()
        assert talk.ask(RULES, FIRST, REPLY, EDITED)[0] == talks.cold(RULES, FIRST, REPLY, EDITED)

    def test_checkpoints_stay_when_another_file_takes_the_place_of_theirs(
        self, talks: Talks, states: PromptCache, tmp_path: Path
    ) -> None:
        talks.open(states).ask(RULES, FIRST, REPLY, SECOND)
        talks.unload()
        talk = talks.open(states)
        talk.ask(RULES, FIRST, REPLY, SECOND, REPLY, OTHER)
        opened = talk.engine._open
        assert opened is not None
        opened.cache.save()
        opened.cache.wait()
        for path in (tmp_path / "states").iterdir():
            path.unlink()
        text, done = talk.ask(RULES, FIRST, REPLY, EDITED)
        assert done.prompt_tokens - done.cached_tokens < len(EDITED.text) + 50
        assert text == talks.cold(RULES, FIRST, REPLY, EDITED)

    def test_what_is_private_is_not_written(self, talks: Talks, states: PromptCache) -> None:
        talks.open(states).ask(RULES, FIRST, REPLY, SECOND, is_temporary=True)
        talks.unload()
        assert states.usage() == (0, 0)


class TestPlaces:
    """Where checkpoints are, and which stay."""

    END = 7

    def turns(self, *lengths: int) -> list[int]:
        return [token for length in lengths for token in [*[1] * (length - 1), self.END]]

    def test_they_are_at_the_ends_of_turns(self) -> None:
        tokens = [*self.turns(100, 200, 100), 1, 2, 3]
        assert checkpoint_places(tokens, {self.END}, 0) == [100, 300, 400]

    def test_short_turns_share_one_but_for_the_last(self) -> None:
        tokens = [*self.turns(20, 20, 30, 20, 20), 1, 2, 3]
        assert checkpoint_places(tokens, {self.END}, 0) == [70, 110]
        assert checkpoint_places(tokens, {self.END}, 50) == [20, 90, 110]

    def test_a_long_one_has_more(self) -> None:
        assert checkpoint_places([*self.turns(1500), 1, 2], {self.END}, 0) == [SPAN, 2 * SPAN, 1500]

    def test_without_ends_of_turns_there_is_one_near_the_end(self) -> None:
        assert checkpoint_places([1] * 100, {self.END}, 0) == [100 - TAIL]

    def test_for_a_few_tokens_there_is_one_before_them(self) -> None:
        assert checkpoint_places([1, 2], {self.END}, 5) == [0]
        assert checkpoint_places([1, self.END, *self.turns(40), 1, 2], {self.END}, 100) == [0, 42]

    def test_a_draft_has_one_at_its_end_now_and_then(self) -> None:
        assert checkpoint_places([1] * 100, {self.END}, 0, is_draft=True) == [100]
        assert checkpoint_places([1] * 400, {self.END}, 0, is_draft=True) == [400 - FEWEST, 400]
        assert checkpoint_places([1] * 30, {self.END}, 0, is_draft=True) == []
        assert checkpoint_places([1] * 30, {self.END}, 40, is_draft=True) == [30]

    def test_those_that_stay_are_closer_near_the_end(self) -> None:
        left: list[Checkpoint] = []
        for length in range(100, 20_000, 100):
            left = thinned([*left, Checkpoint(length, b"data")], MOST, 1000)
        steps = [after.length - before.length for before, after in pairwise(left)]
        assert len(left) == MOST
        assert left[-1].length == 19_900
        assert steps[-1] == 100
        assert max(steps[-4:]) < max(steps[:4])

    def test_they_fit_into_the_memory_there_is(self) -> None:
        three = [Checkpoint(length, b"data") for length in (100, 200, 300)]
        assert [each.length for each in thinned(three, MOST, 8)] == [200, 300]
        assert thinned(three, MOST, 3) == []


def test_without_memory_for_checkpoints_everything_is_decoded_anew(
    models: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Talk(memory_models.build(models / "mamba.gguf", "mamba", context=1024), replace(settings, context=1024))
    monkeypatch.setattr(hardware, "installed_memory", lambda: 0)
    first = talk.ask(RULES, FIRST, REPLY, SECOND)[0]
    text, done = talk.ask(RULES, FIRST, REPLY, SECOND)
    talk.engine.close()
    assert (text, done.cached_tokens) == (first, 0)


def test_an_engine_that_is_killed_goes_on_from_the_disk(
    models: Path,
    settings: EngineSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    eventually: Callable[[Callable[[], object]], None],
) -> None:
    """With an error if it dies when it has been asked, and without one if it was dead before."""
    path = memory_models.build(models / "granitehybrid.gguf", "granitehybrid", context=1024)
    settings = replace(settings, context=1024)
    plain = Talk(path, settings)
    expected = plain.ask(RULES, FIRST, REPLY, EDITED)[0]
    plain.engine.close()
    engine = EngineProcess(cache_folder=tmp_path / "states", cache_budget=lambda: 100_000_000)
    engine.load(ModelRef.of_file(path), settings, CancelToken(), lambda _: None)
    sampling = Sampling(temperature=0, repeat_penalty=1, max_tokens=12, seed=1)
    list(engine.generate(Request((RULES, FIRST, REPLY, SECOND), sampling), CancelToken()))
    engine.unload()
    engine.load(ModelRef.of_file(path), settings, CancelToken(), lambda _: None)
    edited = Request((RULES, FIRST, REPLY, EDITED), sampling)
    child = engine._process
    assert child
    psutil.Process(child.pid).suspend()  # so that it answers nothing before it is killed
    send = child.send

    def send_and_kill(order: protocol.Line, *, wait: bool = True) -> None:
        send(order, wait=wait)
        child.kill()

    monkeypatch.setattr(child, "send", send_and_kill)
    with pytest.raises(EngineDied):
        list(engine.generate(edited, CancelToken()))
    answers = [list(engine.generate(edited, CancelToken()))]
    dead = engine._process
    assert dead
    dead.kill()
    eventually(lambda: not dead.is_alive())
    answers.append(list(engine.generate(edited, CancelToken())))
    engine.close()
    for events in answers:
        assert said(events) == expected
        assert isinstance(events[-1], Done)
        assert events[-1].cached_tokens > len(RULES.text)
