"""The prompt cache on disk: states come back, or the prompt is decoded again, and replies are the same."""

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from phichat.chat.conversation import Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine import hardware
from phichat.engine import prompt_cache as room
from phichat.engine.base import CancelToken, Done, EngineSettings, ModelRef, Notice, Piece, Request
from phichat.engine.llama.engine import LlamaEngine
from phichat.engine.process.engine_process import EngineProcess
from phichat.engine.prompt_cache import CachedPrompt, PromptCache, fingerprint
from phichat.engine.states import FEWEST, Checkpoint, State
from tests.support import tiny_models

TOKENS = tuple(range(100))
PLENTY = 10_000_000

LONG = Turn(Role.USER, "Explain to a child why the sky is blue, and why it is red in the evening, and black at night.")
OTHER = Turn(
    Role.USER, "Help me write a friendly note to a neighbour whose dog barks at night, every night, all night."
)
REPLY = Turn(Role.ASSISTANT, "Because.")
AGAIN = Turn(Role.USER, "And now?")


def data_of(states: PromptCache, saved: CachedPrompt) -> bytes:
    state = states.load_state(saved)
    assert state
    return bytes(state.data)


class TestFiles:
    @pytest.fixture
    def states(self, tmp_path: Path) -> PromptCache:
        return PromptCache(tmp_path / "states", PLENTY)

    def file(self, tmp_path: Path) -> Path:
        (found,) = (tmp_path / "states").glob("*.state")
        return found

    def test_what_is_kept_is_found_by_the_tokens_it_begins_with(self, states: PromptCache) -> None:
        assert states.save_state("model", State(TOKENS, b"data"))
        found = states.find_longest("model", [*TOKENS[:80], 7, 7])
        assert found is not None
        assert found[1] == 80
        assert data_of(states, found[0]) == b"data"

    def test_the_one_that_remembers_most_is_used(self, states: PromptCache) -> None:
        states.save_state("model", State([*TOKENS[:70], *range(500, 540)], b"less"))
        states.save_state("model", State(TOKENS, b"more"))
        found = states.find_longest("model", [*TOKENS, 5])
        assert found is not None
        assert data_of(states, found[0]) == b"more"

    def test_what_is_foreign_or_too_little_is_not_used(self, states: PromptCache) -> None:
        states.save_state("model", State(TOKENS, b"data"))
        assert states.find_longest("another", TOKENS) is None
        assert states.find_longest("model", [7, *TOKENS]) is None
        assert states.find_longest("model", TOKENS[: FEWEST - 1]) is None

    @pytest.mark.parametrize("at", [3, 200, -1])
    def test_a_damaged_file_is_not_used_and_goes(self, states: PromptCache, tmp_path: Path, at: int) -> None:
        states.save_state("model", State(TOKENS, b"data" * 100))
        data = bytearray(self.file(tmp_path).read_bytes())
        data[at] ^= 0xFF
        self.file(tmp_path).write_bytes(data)
        found = states.find_longest("model", TOKENS)
        assert found is None or states.load_state(found[0]) is None

    def test_checkpoints_are_read_when_they_are_needed(self, states: PromptCache, tmp_path: Path) -> None:
        parts = (Checkpoint(70, b"seventy"), Checkpoint(90, b"ninety"), Checkpoint(95, b"more"))
        states.save_state("model", State(TOKENS, b"data", parts, is_trimmable=False))
        found = states.find_longest("model", [*TOKENS[:92], 7])
        assert found is not None
        assert found[1] == 90
        data = bytearray(self.file(tmp_path).read_bytes())
        data[data.index(b"ninety")] ^= 0xFF
        self.file(tmp_path).write_bytes(data)
        state = states.load_state(found[0])
        assert state is not None
        assert [each.read() for each in state.checkpoints] == [b"seventy", b"", b"more"]
        assert state.bytes == len(b"data" + b"seventy" + b"ninety" + b"more")
        states.save_state("model", replace(state, tokens=[*TOKENS, 5]))
        again = states.find_longest("model", [*TOKENS, 5, 6])
        assert again is not None
        assert [each.length for each in again[0].checkpoints or ()] == [70, 95]
        assert not any(each.read() for each in state.checkpoints), "their file is gone"

    @pytest.mark.parametrize("length", [0, 10, 300, 500])
    def test_a_file_that_was_cut_goes(self, states: PromptCache, tmp_path: Path, length: int) -> None:
        states.save_state("model", State(TOKENS, b"data" * 100))
        os.truncate(self.file(tmp_path), length)
        assert states.find_longest("model", TOKENS) is None
        assert not list((tmp_path / "states").iterdir())

    @pytest.mark.parametrize(
        "head",
        [
            b"[" * 60_000, b"7", b'"format"', b'{"format": 4}',
            b'{"format": 4, "key": "model", "tokens": 1e999, "bytes": 0, "checkpoints": null, "checksum": ""}',
            b'{"format": 4, "key": "model", "tokens": 100, "bytes": -400, "checkpoints": null, "checksum": ""}',
            b'{"format": 4, "key": "model", "tokens": "\xb2", "bytes": [], "checksum": ""}',
        ],
    )  # fmt: skip
    def test_a_foreign_file_is_in_nobodys_way(self, states: PromptCache, tmp_path: Path, head: bytes) -> None:
        states.save_state("model", State(TOKENS, b"data"))
        foreign = tmp_path / "states" / "foreign.state"
        foreign.write_bytes(head + b"\n")
        found = states.find_longest("model", TOKENS)
        assert found is not None
        assert states.load_state(found[0])
        assert not foreign.exists()

    @pytest.mark.skipif(os.name == "nt", reason="no such files")
    def test_what_is_no_file_is_not_opened(self, states: PromptCache, tmp_path: Path) -> None:
        states.save_state("model", State(TOKENS, b"data"))
        os.mkfifo(tmp_path / "states" / "pipe.state")
        (tmp_path / "states" / "folder.state").mkdir()
        assert states.find_longest("model", TOKENS)
        assert states.usage()[0] == 1

    def test_what_goes_on_takes_the_place_of_its_beginning(self, states: PromptCache, tmp_path: Path) -> None:
        states.save_state("model", State(TOKENS, b"one"))
        states.save_state("model", State([*TOKENS, 7], b"two"))
        found = states.find_longest("model", [*TOKENS, 7])
        assert found is not None
        assert data_of(states, found[0]) == b"two"
        assert len(list((tmp_path / "states").iterdir())) == 1

    def test_the_least_recently_used_go_when_the_budget_is_full(self, tmp_path: Path) -> None:
        states = PromptCache(tmp_path / "states", 30_000)
        for number in range(3):
            states.save_state("model", State([number, *TOKENS], bytes(9_000)))
            os.utime(max((tmp_path / "states").iterdir(), key=os.path.getmtime), (number, number))
        first = states.find_longest("model", [0, *TOKENS])
        assert first is not None
        states.load_state(first[0])
        states.save_state("model", State([3, *TOKENS], bytes(9_000)))
        there = [number for number in range(4) if states.find_longest("model", [number, *TOKENS])]
        assert there == [0, 2, 3]

    def test_more_than_the_budget_is_not_kept(self, tmp_path: Path) -> None:
        assert not PromptCache(tmp_path / "states", 100).save_state("model", State(TOKENS, bytes(200)))

    def test_the_last_of_the_disk_is_left_alone(
        self, states: PromptCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=room.RESERVE))
        assert not states.save_state("model", State(TOKENS, b"data"))

    def test_a_folder_that_cannot_be_used_is_no_trouble(self, tmp_path: Path) -> None:
        (tmp_path / "states").write_text("")
        states = PromptCache(tmp_path / "states", PLENTY)
        assert not states.save_state("model", State(TOKENS, b"data"))
        assert states.find_longest("model", TOKENS) is None

    def test_what_a_killed_program_left_goes_in_time(self, states: PromptCache, tmp_path: Path) -> None:
        states.save_state("model", State(TOKENS, b"data"))
        left = tmp_path / "states" / "x.123.new"
        left.write_bytes(b"half")
        states.find_longest("model", TOKENS)
        assert left.exists()
        os.utime(left, (0, 0))
        states.find_longest("model", TOKENS)
        assert not left.exists()

    def test_a_model_file_is_told_from_another_of_the_same_name(self, tmp_path: Path) -> None:
        file = tmp_path / "model.gguf"
        file.write_bytes(bytes(3_000_000))
        before = fingerprint(file)
        assert fingerprint(file) == before
        file.write_bytes(bytes(2_999_999) + b"x")
        assert fingerprint(file) != before


class TestEngines:
    @pytest.fixture
    def make(
        self, tmp_path: Path, chatml_model: Path, settings: EngineSettings
    ) -> Iterator[Callable[..., LlamaEngine]]:
        """Engines that share a folder of states, one after the other."""
        engines: list[LlamaEngine] = []

        def make_one(path: Path = chatml_model, context: int = 512, *, is_on: bool = True) -> LlamaEngine:
            engine = LlamaEngine(PromptCache(tmp_path / "states", PLENTY) if is_on else None)
            engines.append(engine)
            engine.load(ModelRef.of_file(path), replace(settings, context=context), CancelToken(), lambda _: None)
            return engine

        yield make_one
        for engine in engines:
            engine.close()

    def ask(self, engine: LlamaEngine | EngineProcess, *turns: Turn) -> tuple[str, Done]:
        request = Request(turns, Sampling(temperature=0, max_tokens=12, seed=1))
        events = list(engine.generate(request, CancelToken()))
        assert isinstance(events[-1], Done)
        return "".join(event.text for event in events if isinstance(event, Piece)), events[-1]

    def put_away(self, engine: LlamaEngine) -> None:
        engine.save_prompt_cache()
        assert engine._open is not None
        engine._open.cache.wait()

    def test_after_a_restart_only_what_is_new_is_read(self, make: Callable[..., LlamaEngine]) -> None:
        plain, cold = self.ask(make(is_on=False), LONG, REPLY, AGAIN)
        first = make()
        self.ask(first, LONG)
        self.put_away(first)
        text, done = self.ask(make(), LONG, REPLY, AGAIN)
        assert text == plain
        assert done.prompt_tokens == cold.prompt_tokens
        assert done.cached_tokens > 80
        assert done.prompt_tokens - done.cached_tokens < 40

    def test_conversations_that_take_turns_are_not_read_again(self, make: Callable[..., LlamaEngine]) -> None:
        engine = make()
        expected = [self.ask(make(is_on=False), *turns)[0] for turns in ((LONG, REPLY, AGAIN), (OTHER, REPLY, AGAIN))]
        for turn in (LONG, OTHER):
            self.ask(engine, turn)
            assert engine._open is not None
        engine._open.cache.wait()  # type: ignore[union-attr]
        text, done = self.ask(engine, LONG, REPLY, AGAIN)
        assert (text, done.cached_tokens > 80) == (expected[0], True)
        engine._open.cache.wait()  # type: ignore[union-attr]
        text, done = self.ask(engine, OTHER, REPLY, AGAIN)
        assert (text, done.cached_tokens > 80) == (expected[1], True)

    @pytest.mark.parametrize("what", ["context", "model"])
    def test_what_does_not_fit_exactly_is_not_used(
        self, make: Callable[..., LlamaEngine], tmp_path: Path, what: str
    ) -> None:
        path = tiny_models.chatml(tmp_path / "own.gguf")
        first = make(path)
        self.ask(first, LONG)
        self.put_away(first)
        first.close()
        if what == "model":
            tiny_models.chatml(tmp_path / "own.gguf", name="Another")
        _, done = self.ask(make(path, 256 if what == "context" else 512), LONG, REPLY, AGAIN)
        assert done.cached_tokens == 0

    def test_what_is_temporary_never_goes_to_the_disk(self, make: Callable[..., LlamaEngine], tmp_path: Path) -> None:
        engine, sampling = make(), Sampling(temperature=0, max_tokens=5, seed=1)
        list(engine.generate(Request((LONG,), sampling, is_temporary=True), CancelToken()))
        self.put_away(engine)
        list(engine.generate(Request((OTHER,), sampling, is_draft=True, is_temporary=True), CancelToken()))
        self.put_away(engine)
        self.ask(engine, AGAIN)
        self.put_away(engine)
        assert not list(tmp_path.glob("states/*"))
        self.ask(engine, LONG)
        self.put_away(engine)
        assert len(list(tmp_path.glob("states/*"))) == 1

    def test_a_damaged_state_costs_time_alone(self, make: Callable[..., LlamaEngine], tmp_path: Path) -> None:
        plain, _ = self.ask(make(is_on=False), LONG, REPLY, AGAIN)
        first = make()
        self.ask(first, LONG)
        self.put_away(first)
        (file,) = (tmp_path / "states").iterdir()
        data = bytearray(file.read_bytes())
        data[-1000] ^= 1
        file.write_bytes(data)
        text, done = self.ask(make(), LONG, REPLY, AGAIN)
        assert (text, done.cached_tokens) == (plain, 0)

    def test_the_process_of_the_model_keeps_it_when_nothing_is_asked(
        self, tmp_path: Path, chatml_model: Path, settings: EngineSettings, eventually: Callable[..., None]
    ) -> None:
        folder = tmp_path / "states"
        for expected in (False, True):
            engine = EngineProcess(cache_folder=folder, cache_budget=lambda: PLENTY)
            engine.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
            _, done = self.ask(engine, LONG, REPLY, AGAIN)
            assert (done.cached_tokens > 80) == expected
            eventually(lambda: list(folder.glob("*.state")))
            engine.close()

    def test_what_was_held_before_can_be_kept_from_the_disk(
        self, make: Callable[..., LlamaEngine], tmp_path: Path
    ) -> None:
        """As after everything was deleted."""
        engine = make()
        self.ask(engine, LONG)
        nothing = Request((Turn(Role.USER, ""),), Sampling(), is_draft=True, is_temporary=True)
        list(engine.generate(nothing, CancelToken()))
        self.put_away(engine)
        assert not list(tmp_path.glob("states/*"))

    def test_what_was_said_last_is_kept_when_the_window_closes_at_once(
        self, tmp_path: Path, chatml_model: Path, settings: EngineSettings
    ) -> None:
        for end in (EngineProcess.close, EngineProcess.unload, EngineProcess.close):
            engine = EngineProcess(cache_folder=tmp_path / "states", cache_budget=lambda: PLENTY)
            engine.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
            _, done = self.ask(engine, LONG, REPLY, AGAIN)
            end(engine)
            engine.close()
        assert done.cached_tokens == done.prompt_tokens - 1

    def test_after_its_memory_was_given_back_a_model_knows_what_it_knew(
        self, tmp_path: Path, chatml_model: Path, settings: EngineSettings
    ) -> None:
        engine = EngineProcess(cache_folder=tmp_path / "states", cache_budget=lambda: PLENTY)
        engine.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
        text, cold = self.ask(engine, LONG)
        engine.unload()
        assert engine.pid is None
        events = list(engine.generate(Request((LONG,), Sampling(temperature=0, max_tokens=12, seed=1)), CancelToken()))
        engine.close()
        assert not [event for event in events if isinstance(event, Notice)]
        assert "".join(event.text for event in events if isinstance(event, Piece)) == text
        assert isinstance(events[-1], Done)
        assert events[-1].cached_tokens == cold.prompt_tokens - 1

    def test_a_kill_in_the_middle_of_saving_costs_time_alone(
        self, tmp_path: Path, chatml_model: Path, settings: EngineSettings, make: Callable[..., LlamaEngine]
    ) -> None:
        folder, plain = tmp_path / "states", self.ask(make(is_on=False), LONG, REPLY, AGAIN)[0]

        def kill_in_the_middle(pid: int) -> None:
            with suppress(ProcessLookupError):
                while not list(folder.glob("*.new")):
                    os.kill(pid, 0)
                os.kill(pid, signal.SIGKILL)

        for _ in range(5):
            engine = EngineProcess(cache_folder=folder, cache_budget=lambda: PLENTY)
            engine.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
            assert self.ask(engine, LONG, REPLY, AGAIN)[0] == plain
            killer = threading.Thread(target=kill_in_the_middle, args=[engine.pid])
            killer.start()
            engine.close()
            killer.join()
        assert self.ask(make(), LONG, REPLY, AGAIN)[0] == plain


class TestInMemory:
    """Several conversations at once are known without any file."""

    @pytest.fixture
    def engine(self, llama: LlamaEngine, chatml_model: Path, settings: EngineSettings) -> LlamaEngine:
        llama.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
        return llama

    def ask(self, engine: LlamaEngine, *turns: Turn, is_temporary: bool = False) -> tuple[str, Done]:
        request = Request(turns, Sampling(temperature=0, max_tokens=12, seed=1), is_temporary=is_temporary)
        events = list(engine.generate(request, CancelToken()))
        assert isinstance(events[-1], Done)
        return "".join(event.text for event in events if isinstance(event, Piece)), events[-1]

    def test_two_that_take_turns_are_read_once(self, engine: LlamaEngine) -> None:
        first = [self.ask(engine, turn)[0] for turn in (LONG, OTHER)]
        again = [self.ask(engine, turn) for turn in (LONG, OTHER)]
        assert [text for text, _ in again] == first
        assert all(done.cached_tokens == done.prompt_tokens - 1 for _, done in again)

    def test_they_go_on_from_where_each_was(self, engine: LlamaEngine) -> None:
        plain = self.ask(engine, LONG, REPLY, AGAIN)[0]
        for turns in ((LONG,), (OTHER,), (LONG, REPLY), (OTHER, REPLY)):
            self.ask(engine, *turns)
        text, done = self.ask(engine, LONG, REPLY, AGAIN)
        assert text == plain
        assert done.cached_tokens > 80

    def test_there_are_as_many_as_memory_allows(self, engine: LlamaEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hardware, "installed_memory", lambda: 0)
        for turn in (LONG, OTHER):
            self.ask(engine, turn)
        assert self.ask(engine, LONG)[1].cached_tokens < 40

    def test_what_is_temporary_is_not_among_them(self, engine: LlamaEngine) -> None:
        self.ask(engine, LONG, is_temporary=True)
        self.ask(engine, OTHER)
        assert self.ask(engine, LONG)[1].cached_tokens < 40

    def test_what_was_deleted_is_forgotten(self, engine: LlamaEngine) -> None:
        for turn in (LONG, OTHER):
            self.ask(engine, turn)
        nothing = Request((Turn(Role.USER, ""),), Sampling(), is_draft=True, is_temporary=True)
        list(engine.generate(nothing, CancelToken()))
        assert self.ask(engine, LONG)[1].cached_tokens < 40
