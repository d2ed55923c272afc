"""LlamaEngine: events, cancellation, prefix reuse and statistics."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from phichat.chat.conversation import Ending, Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine import hardware
from phichat.engine.base import (
    CancelToken,
    Done,
    EngineSettings,
    Event,
    Loading,
    ModelRef,
    Notice,
    Piece,
    PromptFit,
    PromptReady,
    Reading,
    Request,
)
from phichat.engine.llama.engine import LlamaEngine
from phichat.errors import EngineError, ModelTooLarge, PromptError, PromptTooLong
from tests.support import tiny_models

Ask = Callable[..., Request]

ASSISTANT, SYSTEM, USER, END, ENDOFTEXT = 32001, 32006, 32010, 32007, 32000


def answer(engine: LlamaEngine, request: Request) -> tuple[str, Done]:
    events = list(engine.generate(request, CancelToken()))
    assert isinstance(events[-1], Done)
    return said(events), events[-1]


def said(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Piece))


def tokens(events: list[Event]) -> list[int]:
    return [event.token for event in events if isinstance(event, Piece)]


def byte_ids(text: str) -> list[int]:
    """The byte tokens of `text` in the tiny byte-level vocabularies."""
    return list(text.encode())


@pytest.fixture
def loaded(llama: LlamaEngine, chatml_model: Path, settings: EngineSettings) -> LlamaEngine:
    """With the tiny ChatML model, which says random bytes."""
    llama.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
    return llama


@pytest.fixture
def speaking(llama: LlamaEngine, settings: EngineSettings, tmp_path: Path) -> Callable[[list[int]], LlamaEngine]:
    """Makes a ChatML model that says the tokens it is given, and loads it."""

    def make(speech: list[int]) -> LlamaEngine:
        path = tiny_models.chatml(tmp_path / "speaking.gguf", speech=[*byte_ids("\n"), *speech])
        llama.load(ModelRef.of_file(path), settings, CancelToken(), lambda _: None)
        return llama

    return make


@pytest.fixture
def phi(llama: LlamaEngine, settings: EngineSettings, tmp_path: Path) -> Callable[[list[int]], LlamaEngine]:
    """Makes a Phi-3 that says the tokens it is given, and loads it."""

    def make(speech: list[int]) -> LlamaEngine:
        path = tiny_models.phi3(tmp_path / "phi.gguf", speech=[ASSISTANT, *speech])
        llama.load(ModelRef.of_file(path), settings, CancelToken(), lambda _: None)
        return llama

    return make


class TestChoosing:
    def test_at_temperature_zero_the_reply_is_always_the_same(self, loaded: LlamaEngine, ask: Ask) -> None:
        replies = {answer(loaded, ask("Hi", seed=seed))[0] for seed in (1, 2, 3)}
        assert len(replies) == 1

    def test_the_same_seed_gives_the_same_reply_and_another_one_another(self, loaded: LlamaEngine, ask: Ask) -> None:
        replies = [answer(loaded, ask("Hi", temperature=1.0, seed=seed))[0] for seed in (7, 7, 8)]
        assert replies[0] == replies[1] != replies[2]

    def test_a_random_seed_is_told_and_gives_the_reply_again(self, loaded: LlamaEngine, ask: Ask) -> None:
        request = replace(ask("Hi"), sampling=Sampling(max_tokens=10))
        text, done = answer(loaded, request)
        again = replace(request, sampling=replace(request.sampling, seed=done.seed))
        assert answer(loaded, again)[0] == text

    @pytest.mark.parametrize("narrowed", [{"top_k": 1}, {"top_p": 0}, {"min_p": 1}])
    def test_each_setting_can_narrow_the_choice_to_the_likeliest(
        self, loaded: LlamaEngine, ask: Ask, narrowed: dict[str, float]
    ) -> None:
        wide = {"temperature": 2.0, "top_k": 0, "top_p": 1, "min_p": 0, "repeat_penalty": 1}
        greedy = answer(loaded, ask("Hi", repeat_penalty=1))[0]
        assert answer(loaded, ask("Hi", **{**wide, **narrowed}))[0] == greedy
        assert answer(loaded, ask("Hi", **wide))[0] != greedy

    def test_the_repeat_penalty_changes_the_reply_and_can_be_turned_off(self, loaded: LlamaEngine, ask: Ask) -> None:
        def reply(**sampling: float) -> str:
            return answer(loaded, ask("Hi", max_tokens=100, **sampling))[0]

        plain = reply(repeat_penalty=1)
        assert reply(repeat_penalty=2, repeat_last_n=0) == plain
        assert reply(repeat_penalty=2, repeat_last_n=64) != plain

    def test_the_starter_knows_the_capital_of_france(
        self, llama: LlamaEngine, starter: Path, settings: EngineSettings, ask: Ask
    ) -> None:
        llama.load(ModelRef.of_file(starter), settings, CancelToken(), lambda _: None)
        assert "Paris" in answer(llama, ask("What is the capital of France?", max_tokens=30))[0]


class TestGoingOn:
    """A reply that was interrupted goes on exactly where it ended."""

    @staticmethod
    def cut(engine: LlamaEngine, request: Request, count: int) -> Turn:
        """The reply, as far as `count` tokens."""
        events = list(
            engine.generate(replace(request, sampling=replace(request.sampling, max_tokens=count)), CancelToken())
        )
        return Turn(Role.ASSISTANT, said(events), tuple(tokens(events)))

    @pytest.mark.parametrize("count", [1, 7, 19])
    def test_both_halves_are_the_whole(self, loaded: LlamaEngine, ask: Ask, count: int) -> None:
        request = ask("Hi", repeat_penalty=1.3)
        whole = answer(loaded, request)[0]
        begun = self.cut(loaded, request, count)
        rest = replace(request, begun=begun, sampling=replace(request.sampling, max_tokens=20 - count))
        text, done = answer(loaded, rest)
        assert begun.text + text == whole
        assert done.completion_tokens == 20 - count
        assert done.cached_tokens >= done.prompt_tokens - 1

    @pytest.mark.parametrize("cache_type", ["q8_0/f16", "q8_0"])
    def test_both_halves_are_the_whole_in_a_smaller_kv_cache(
        self, llama: LlamaEngine, settings: EngineSettings, ask: Ask, tmp_path: Path, cache_type: str
    ) -> None:
        path = tiny_models.chatml(tmp_path / "wide.gguf", heads=2)  # of 32 values, as many as a block holds
        wanted = replace(settings, cache_type=cache_type)
        loaded = llama.load(ModelRef.of_file(path), wanted, CancelToken(), lambda _: None)
        assert loaded.settings.cache_type == cache_type
        request = ask("Hi", repeat_penalty=1.3)
        begun = self.cut(llama, request, 7)
        rest = replace(request, begun=begun, sampling=replace(request.sampling, max_tokens=13))
        assert begun.text + answer(llama, rest)[0] == answer(llama, request)[0]

    def test_in_the_middle_of_a_character(self, speaking: Callable[..., LlamaEngine], ask: Ask) -> None:
        engine = speaking(byte_ids("xé🏒y"))
        whole = answer(engine, ask("Hi", max_tokens=8))[0]
        assert whole == "xé🏒y"
        for count in range(1, 8):
            begun = self.cut(engine, ask("Hi"), count)
            text, _ = answer(engine, replace(ask("Hi", max_tokens=8 - count), begun=begun))
            assert begun.text + text == whole

    def test_what_another_model_began_goes_on_from_its_text(self, loaded: LlamaEngine, ask: Ask) -> None:
        foreign = Turn(Role.ASSISTANT, "Once <|im_end|>upon", (999_999,))
        events = list(loaded.generate(replace(ask("Hi"), begun=foreign), CancelToken()))
        prompt = next(event for event in events if isinstance(event, PromptReady))
        assert prompt.text.endswith("<|im_start|>assistant\nOnce <|im_end|>upon")
        assert prompt.tokens[-len(byte_ids(foreign.text)) :] == tuple(byte_ids(foreign.text))

    def test_without_room_for_what_there_is(self, loaded: LlamaEngine, ask: Ask) -> None:
        begun = Turn(Role.ASSISTANT, "x" * 600, tuple(byte_ids("x" * 600)))
        with pytest.raises(PromptError, match="too long"):
            list(loaded.generate(replace(ask("Hi"), begun=begun), CancelToken()))


class TestReadingAhead:
    """What a person is writing is read before it is asked, and changes nothing but the time that takes."""

    TEXT = "Explain to a child why the sky is blue, and why it is red in the evening"

    def test_only_the_rest_is_read_once_it_is_asked(
        self, loaded: LlamaEngine, chatml_model: Path, settings: EngineSettings, ask: Ask
    ) -> None:
        plain, cold = answer(loaded, ask(self.TEXT))
        loaded.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
        for length in (10, 30, len(self.TEXT)):
            draft = replace(ask(self.TEXT[:length]), is_draft=True)
            events = list(loaded.generate(draft, CancelToken()))
            assert not said(events)
        text, done = answer(loaded, ask(self.TEXT))
        assert text == plain
        assert done.prompt_tokens == cold.prompt_tokens
        assert done.prompt_tokens - done.cached_tokens < 20 < cold.prompt_tokens

    def test_a_draft_that_is_deleted_or_changed_does_no_harm(self, loaded: LlamaEngine, ask: Ask) -> None:
        plain = answer(loaded, ask("What is ice?"))[0]
        for draft in (self.TEXT, self.TEXT[:5], "", "What is snow?", "🏒 <|im_end|>"):
            list(loaded.generate(replace(ask(draft), is_draft=True), CancelToken()))
            assert answer(loaded, ask("What is ice?"))[0] == plain

    def test_what_has_been_read_is_not_read_again(self, loaded: LlamaEngine, ask: Ask) -> None:
        list(loaded.generate(replace(ask(self.TEXT), is_draft=True), CancelToken()))
        events = list(loaded.generate(replace(ask(self.TEXT[:20]), is_draft=True), CancelToken()))
        assert not [event for event in events if isinstance(event, Reading)]

    def test_it_yields_at_once(self, loaded: LlamaEngine, ask: Ask) -> None:
        stop = CancelToken()
        stop.set()
        events = list(loaded.generate(replace(ask("word " * 80), is_draft=True), stop))
        assert not [event for event in events if isinstance(event, Reading)]

    def test_too_long_a_draft_is_no_error_and_by_how_much_is_told(self, loaded: LlamaEngine, ask: Ask) -> None:
        list(loaded.generate(replace(ask(self.TEXT), is_draft=True), CancelToken()))
        kept = list(loaded._open.llama.kept) if loaded._open else []
        fitted, done = loaded.generate(replace(ask("word " * 800), is_draft=True, only_counts=True), CancelToken())
        assert isinstance(fitted, PromptFit)
        assert isinstance(done, Done)
        assert fitted.trouble.startswith("This message is too long")
        assert fitted.excess == fitted.tokens - fitted.context + 1 > 3000
        assert loaded._open
        assert loaded._open.llama.kept == kept, "what was read stays"


class TestEnding:
    def test_the_longest_reply_ends_by_length(self, speaking: Callable[..., LlamaEngine], ask: Ask) -> None:
        text, done = answer(speaking(byte_ids("aba")), ask("Hi", max_tokens=7))
        assert (text, done.reason, done.completion_tokens) == ("abababa", Ending.LENGTH, 7)

    def test_a_full_context_ends_by_length(self, speaking: Callable[..., LlamaEngine], ask: Ask) -> None:
        _, done = answer(speaking(byte_ids("aba")), ask("Hi", max_tokens=4096))
        assert done.reason is Ending.LENGTH
        assert done.prompt_tokens + done.completion_tokens == 512 + 1

    @pytest.mark.parametrize("end", [END, ENDOFTEXT, ASSISTANT])
    def test_phi_3_stops_at_each_of_its_end_tokens(self, phi: Callable[..., LlamaEngine], ask: Ask, end: int) -> None:
        events = list(phi([6324, end]).generate(ask("Write"), CancelToken()))
        assert isinstance(events[-1], Done)
        assert (said(events), tokens(events), events[-1].reason) == ("Hi", [6324], Ending.STOP)

    @pytest.mark.parametrize("mark", [USER, SYSTEM, 1])
    def test_markup_that_the_model_writes_is_not_shown(
        self, phi: Callable[..., LlamaEngine], ask: Ask, mark: int
    ) -> None:
        events = list(phi([6324, mark, 18282, END]).generate(ask("Write"), CancelToken()))
        assert said(events) == "Hiiku"

    def test_without_a_template_the_reply_ends_where_the_user_would_speak(
        self, llama: LlamaEngine, settings: EngineSettings, ask: Ask, tmp_path: Path, heard: list[Event]
    ) -> None:
        path = tiny_models.chatml(tmp_path / "plain.gguf", template=None, speech=byte_ids(":ok\nUser:"))
        llama.load(ModelRef.of_file(path), settings, CancelToken(), heard.append)
        text, done = answer(llama, ask("Hi"))
        assert (text, done.reason) == ("ok", Ending.STOP)
        assert "no chat template" in "".join(event.text for event in heard if isinstance(event, Notice))


class TestStopping:
    def test_a_long_prompt_can_be_stopped_in_the_middle_of_a_batch(
        self, llama: LlamaEngine, starter: Path, ask: Ask
    ) -> None:
        settings = EngineSettings(context=4096, threads=1, batch=4096, gpu_layers=0)
        llama.load(ModelRef.of_file(starter), settings, CancelToken(), lambda _: None)
        stop = CancelToken()
        timer, events = threading.Timer(0.2, stop.set), list[Event]()
        for event in llama.generate(ask("Because " * 3000), stop):
            events.append(event)
            if isinstance(event, PromptReady):
                timer.start()
        timer.join()
        assert [type(event) for event in events] == [PromptReady, PromptFit, Done]
        assert isinstance(events[-1], Done)
        assert events[-1].reason is Ending.CANCELLED
        assert "Paris" in answer(llama, ask("What is the capital of France?", max_tokens=30))[0]

    def test_what_was_read_before_a_stop_is_not_read_again(
        self, llama: LlamaEngine, chatml_model: Path, settings: EngineSettings, ask: Ask
    ) -> None:
        llama.load(ModelRef.of_file(chatml_model), replace(settings, batch=16), CancelToken(), lambda _: None)
        stop, request, done = CancelToken(), ask("Because " * 30), 0
        for event in llama.generate(request, stop):
            if isinstance(event, Reading):
                done = event.done
                stop.set()
        assert done == 16
        assert answer(llama, request)[1].cached_tokens == 16

    def test_a_reply_stops_after_the_piece_that_was_being_made(
        self, speaking: Callable[..., LlamaEngine], ask: Ask
    ) -> None:
        engine, stop, events = speaking(byte_ids("aba")), CancelToken(), list[Event]()
        for event in engine.generate(ask("Hi", max_tokens=100), stop):
            events.append(event)
            if len(tokens(events)) == 3:
                stop.set()
        assert isinstance(events[-1], Done)
        assert (said(events), events[-1].reason) == ("aba", Ending.CANCELLED)

    def test_loading_stops(self, llama: LlamaEngine, starter: Path, settings: EngineSettings, ask: Ask) -> None:
        stop = CancelToken()
        with pytest.raises(EngineError, match="canceled"):
            llama.load(ModelRef.of_file(starter), settings, stop, lambda _: stop.set())
        with pytest.raises(EngineError, match="Choose one first"):
            answer(llama, ask("Hi"))

    def test_who_goes_on_to_ask_does_not_have_it_loaded_twice(
        self, llama: LlamaEngine, chatml_model: Path, settings: EngineSettings, ask: Ask
    ) -> None:
        stop = CancelToken()
        llama.load(ModelRef.of_file(chatml_model), settings, stop, lambda _: stop.set(gently=True))
        assert answer(llama, ask("Hi"))[1].completion_tokens


class TestRemembering:
    def test_the_next_turn_reads_only_what_is_new(self, loaded: LlamaEngine, ask: Ask) -> None:
        first = list(loaded.generate(ask("Hi"), CancelToken()))
        reply = Turn(Role.ASSISTANT, said(first), tuple(tokens(first)))
        turns = (Turn(Role.USER, "Hi"), reply, Turn(Role.USER, "Why?"))
        _, done = answer(loaded, replace(ask("Hi"), turns=turns))
        assert isinstance(first[-1], Done)
        assert done.cached_tokens == first[-1].prompt_tokens + first[-1].completion_tokens - 1

    def test_the_same_question_again_reads_one_token(self, loaded: LlamaEngine, ask: Ask) -> None:
        answer(loaded, ask("Hi"))
        events = list(loaded.generate(ask("Hi"), CancelToken()))
        assert isinstance(events[-1], Done)
        assert events[-1].cached_tokens == events[-1].prompt_tokens - 1
        assert [event for event in events if isinstance(event, Reading)] == [
            Reading(events[-1].prompt_tokens, events[-1].prompt_tokens)
        ]

    def test_another_conversation_is_not_coloured_by_the_last_one(
        self, loaded: LlamaEngine, ask: Ask, chatml_model: Path, settings: EngineSettings
    ) -> None:
        answer(loaded, ask("Something else entirely", max_tokens=50))
        text, _ = answer(loaded, ask("Some other question"))
        loaded.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
        assert answer(loaded, ask("Some other question"))[0] == text

    def test_a_listener_that_goes_away_leaves_the_engine_usable(self, loaded: LlamaEngine, ask: Ask) -> None:
        expected = answer(loaded, ask("Hi"))[0]
        for _ in loaded.generate(ask("Why?", max_tokens=100), CancelToken()):
            break
        assert answer(loaded, ask("Hi"))[0] == expected


class TestPieces:
    def test_an_emoji_made_of_four_tokens_comes_whole(self, speaking: Callable[..., LlamaEngine], ask: Ask) -> None:
        end = len(tiny_models.byte_words(tiny_models.CHATML_SPECIALS, "<|im_end|>").tokens) - 1
        events = list(speaking([*byte_ids("🧊!"), end]).generate(ask("Hi"), CancelToken()))
        assert [event.text for event in events if isinstance(event, Piece)] == ["", "", "", "🧊", "!"]
        assert tokens(events) == byte_ids("🧊!")

    def test_half_a_character_at_the_end_is_left_out(self, speaking: Callable[..., LlamaEngine], ask: Ask) -> None:
        assert answer(speaking(byte_ids("é!🧊")), ask("Hi", max_tokens=5))[0] == "é!"


class TestFigures:
    def test_statistics_agree_with_what_was_said(self, loaded: LlamaEngine, ask: Ask) -> None:
        events = list(loaded.generate(ask("Hi"), CancelToken()))
        prompt, done = events[0], events[-1]
        assert isinstance(prompt, PromptReady)
        assert isinstance(done, Done)
        assert done.prompt_tokens == len(prompt.tokens)
        assert done.completion_tokens == len(tokens(events))
        assert 0 < done.prompt_seconds <= done.seconds_to_first_token
        assert done.completion_seconds > 0
        assert done.tokens_per_second == pytest.approx(done.completion_tokens / done.completion_seconds)
        assert prompt.text == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"

    def test_reading_goes_forward_to_the_end(
        self, llama: LlamaEngine, chatml_model: Path, settings: EngineSettings, ask: Ask
    ) -> None:
        llama.load(ModelRef.of_file(chatml_model), replace(settings, batch=16), CancelToken(), lambda _: None)
        events = list(llama.generate(ask("Because " * 30), CancelToken()))
        done = [event.done for event in events if isinstance(event, Reading)]
        assert done == sorted(set(done))
        assert len(done) > 5
        assert isinstance(events[-1], Done)
        assert done[-1] == events[-1].prompt_tokens

    def test_loading_goes_from_nothing_to_all(
        self, llama: LlamaEngine, phi3_model: Path, settings: EngineSettings, heard: list[Event]
    ) -> None:
        loaded = llama.load(ModelRef.of_file(phi3_model), settings, CancelToken(), heard.append)
        fractions = [event.fraction for event in heard if isinstance(event, Loading)]
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1
        assert (loaded.model, loaded.architecture) == (ModelRef.of_file(phi3_model), "phi3")


class TestLimits:
    def test_the_context_is_no_larger_than_the_model_was_made_for(
        self, llama: LlamaEngine, chatml_model: Path, settings: EngineSettings
    ) -> None:
        loaded = llama.load(
            ModelRef.of_file(chatml_model), replace(settings, context=100_000), CancelToken(), lambda _: None
        )
        assert loaded.context == loaded.settings.context == 512

    def test_a_message_that_does_not_fit_is_refused_and_a_shorter_one_answered(
        self, loaded: LlamaEngine, ask: Ask
    ) -> None:
        with pytest.raises(PromptError, match="too long"):
            answer(loaded, ask("Because " * 500))
        assert answer(loaded, ask("Hi"))[1].completion_tokens

    def test_a_model_too_big_for_this_computer_is_refused_with_figures(
        self, llama: LlamaEngine, chatml_model: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hardware, "installed_memory", lambda: 1_000_000)
        with pytest.raises(ModelTooLarge, match=r"needs 301.*MB of memory .* context of 512 tokens.* only has 1\.0.MB"):
            llama.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)

    def test_a_model_that_leaves_little_room_loads_with_a_warning(
        self, llama: LlamaEngine, chatml_model: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch,
        heard: list[Event],
    ) -> None:  # fmt: skip
        monkeypatch.setattr(hardware, "available_memory", lambda: 1_000_000)
        llama.load(ModelRef.of_file(chatml_model), settings, CancelToken(), heard.append)
        assert "Memory is low" in next(event.text for event in heard if isinstance(event, Notice))

    @pytest.mark.parametrize(
        "change", [{"flash_attention": False}, {"repacking": True}, {"batch": 1}, {"batch": 512}, {"threads": 2}]
    )
    def test_every_engine_setting_gives_a_reply(
        self, llama: LlamaEngine, chatml_model: Path, settings: EngineSettings, ask: Ask, change: dict[str, Any]
    ) -> None:
        llama.load(ModelRef.of_file(chatml_model), replace(settings, **change), CancelToken(), lambda _: None)
        assert answer(llama, ask("Hi", max_tokens=3))[1].completion_tokens

    def test_another_model_takes_the_place_of_the_first(
        self, loaded: LlamaEngine, phi4_model: Path, settings: EngineSettings, ask: Ask
    ) -> None:
        answer(loaded, ask("Hi"))
        loaded.load(ModelRef.of_file(phi4_model), settings, CancelToken(), lambda _: None)
        events = list(loaded.generate(ask("Hi"), CancelToken()))
        assert isinstance(events[0], PromptReady)
        assert events[0].text == "<|user|>Hi<|end|><|assistant|>"
        assert isinstance(events[-1], Done)
        assert events[-1].cached_tokens == 0

    def test_after_closing_there_is_no_model(self, loaded: LlamaEngine, ask: Ask) -> None:
        loaded.close()
        loaded.close()
        with pytest.raises(EngineError, match="Choose one first"):
            answer(loaded, ask("Hi"))

    def test_a_conversation_that_the_template_refuses_is_told_once_and_only_then(
        self, llama: LlamaEngine, settings: EngineSettings, ask: Ask, tmp_path: Path
    ) -> None:
        picky = tiny_models.CHATML + "{% if messages | length == 2 %}{{ raise_exception('two') }}{% endif %}"
        llama.load(
            ModelRef.of_file(tiny_models.chatml(tmp_path / "picky.gguf", template=picky)),
            settings,
            CancelToken(),
            lambda _: None,
        )
        two = replace(ask("Hi"), turns=(Turn(Role.ASSISTANT, "Yo"), Turn(Role.USER, "Hi")))
        notices = [
            [event.text for event in llama.generate(request, CancelToken()) if isinstance(event, Notice)]
            for request in (ask("Hi"), two, two, ask("Hi"))
        ]
        assert [len(texts) for texts in notices] == [0, 1, 0, 0]
        assert "two" in notices[1][0]


def test_a_raw_prompt_is_read_as_it_is(loaded: LlamaEngine, ask: Ask) -> None:
    prompt = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    written = list(loaded.generate(replace(ask(""), raw=prompt), CancelToken()))
    asked = list(loaded.generate(ask("Hi"), CancelToken()))
    ready = [[event for event in each if isinstance(event, PromptReady)] for each in (written, asked)]
    assert ready[0] == ready[1]
    assert said(written).strip() == said(asked)


def test_too_long_a_raw_prompt_is_refused(loaded: LlamaEngine, ask: Ask) -> None:
    with pytest.raises(PromptTooLong, match="too long"):
        list(loaded.generate(replace(ask(""), raw="word " * 600), CancelToken()))
