"""EngineProcess: whatever happens to the child, users read one sentence and can ask again."""

import json
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from phichat import i18n
from phichat.chat.conversation import Ending, Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import (
    AnswerEvent,
    CancelToken,
    Done,
    EngineSettings,
    Event,
    Loaded,
    Loading,
    ModelRef,
    Notice,
    Piece,
    Reading,
    Request,
)
from phichat.engine.process.child_process import ChildProcess
from phichat.engine.process.engine_process import EngineProcess
from phichat.engine.settings import TuningStore
from phichat.errors import EngineDied, EngineError, ModelMissing, NotAModel
from tests.support import tiny_models

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals end processes differently there")

DEATHS = [signal.SIGKILL, signal.SIGSEGV]  # of crashes, all are alike where there is no other variant to try
LONG = "Because " * 400
LEAST = "x64" if platform.machine() == "x86_64" else "armv8.0_1"  # the variant that every processor can run

Ask = Callable[..., Request]
Fragile = Callable[..., EngineProcess]


@pytest.fixture
def fragile() -> Iterator[Fragile]:
    """Makes engines whose process dies by rules: see fragile_child.py."""
    engines = []

    def make(rules: dict[str, Any], memory: TuningStore | None = None) -> EngineProcess:
        script = Path(__file__).with_name("fragile_child.py")
        engines.append(EngineProcess(memory, (sys.executable, str(script), json.dumps(rules))))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def quiet(_: Event) -> None:
    pass


def notices(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Notice)]


def answer(events: list[Event]) -> Done:
    """The one Done at the end."""
    assert [event for event in events if isinstance(event, Done)] == events[-1:]
    assert isinstance(events[-1], Done)
    return events[-1]


def is_gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def until_ended(pid: int) -> None:
    """Wait for the end, and leave it to the engine to find out."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def die(engine: EngineProcess, death: signal.Signals) -> None:
    assert engine.pid is not None
    os.kill(engine.pid, death)


class TestAnswering:
    def test_it_answers_as_the_engine_in_this_process_does(
        self, hosted: EngineProcess, llama: Any, chatml_model: Path, settings: EngineSettings, ask: Ask
    ) -> None:
        answers = []
        for engine in (hosted, llama):
            loaded = engine.load(ModelRef.of_file(chatml_model), settings, CancelToken(), quiet)
            assert loaded.settings == replace(settings, variant=loaded.settings.variant)
            answers.append([event for event in engine.generate(ask("Hi"), CancelToken()) if isinstance(event, Piece)])
        assert answers[0] == answers[1]
        assert len(answers[0]) > 1

    def test_several_answers_arrive_as_from_the_engine_in_this_process(
        self, hosted: EngineProcess, llama: Any, chatml_model: Path, settings: EngineSettings, ask: Ask
    ) -> None:
        request = replace(ask("Hi", temperature=1.0), count=3, candidates=2)
        told = []
        for engine in (hosted, llama):
            engine.load(ModelRef.of_file(chatml_model), settings, CancelToken(), quiet)
            events = list(engine.generate(request, CancelToken()))
            told.append([each for each in events if isinstance(each, AnswerEvent) and isinstance(each.event, Piece)])
            assert answer(events).completion_tokens == len(told[-1])
        assert told[0] == told[1]
        assert {event.answer for event in told[0]} == {0, 1, 2}

    def test_a_process_that_dies_while_it_scores_a_text_is_an_error(
        self, fragile: Fragile, tmp_path: Path, settings: EngineSettings
    ) -> None:
        engine = fragile({"score": {"signal": "SIGKILL"}})
        (tmp_path / "model.gguf").touch()
        engine.load(ModelRef.of_file(tmp_path / "model.gguf"), settings, CancelToken(), quiet)
        with pytest.raises(EngineDied):
            list(engine.score("A text", CancelToken()))
        assert answer(list(engine.generate(Request((Turn(Role.USER, "Hi"),)), CancelToken()))).reason is Ending.STOP

    def test_the_child_is_gone_after_closing_and_comes_back_when_asked(
        self, hosted: EngineProcess, chatml_model: Path, settings: EngineSettings, ask: Ask
    ) -> None:
        hosted.load(ModelRef.of_file(chatml_model), settings, CancelToken(), quiet)
        pid = hosted.pid
        assert pid is not None
        hosted.close()
        assert hosted.pid is None
        assert is_gone(pid)
        hosted.load(ModelRef.of_file(chatml_model), settings, CancelToken(), quiet)
        assert answer(list(hosted.generate(ask("Hi"), CancelToken())))

    def test_a_listener_that_goes_away_leaves_no_process_working(
        self, hosted: EngineProcess, chatml_model: Path, settings: EngineSettings, ask: Ask
    ) -> None:
        hosted.load(ModelRef.of_file(chatml_model), settings, CancelToken(), quiet)
        replies = hosted.generate(ask("Hi", max_tokens=400), CancelToken())
        assert isinstance(replies, Iterator)
        next(replies)
        replies.close()  # type: ignore[attr-defined]
        assert hosted.pid is None
        assert answer(list(hosted.generate(ask("Hi"), CancelToken())))

    def test_asking_without_a_model_says_to_choose_one(self, hosted: EngineProcess, ask: Ask) -> None:
        with pytest.raises(EngineError, match="Choose one first"):
            list(hosted.generate(ask("Hi"), CancelToken()))

    def test_errors_keep_their_kind_and_leave_the_process_usable(
        self, hosted: EngineProcess, chatml_model: Path, settings: EngineSettings, ask: Ask, tmp_path: Path
    ) -> None:
        with pytest.raises(ModelMissing):
            hosted.load(ModelRef.of_file(tmp_path / "nothing.gguf"), settings, CancelToken(), quiet)
        text_file = tmp_path / "text.gguf"
        text_file.write_text("not a model")
        with pytest.raises(NotAModel):
            hosted.load(ModelRef.of_file(text_file), settings, CancelToken(), quiet)
        pid = hosted.pid
        hosted.load(ModelRef.of_file(chatml_model), settings, CancelToken(), quiet)
        assert hosted.pid == pid
        assert answer(list(hosted.generate(ask("Hi"), CancelToken())))

    def test_the_child_speaks_the_persons_language(
        self, hosted: EngineProcess, settings: EngineSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(i18n, "_code", "fr")
        with pytest.raises(ModelMissing) as caught:
            hosted.load(ModelRef.of_file(tmp_path / "nothing.gguf"), settings, CancelToken(), quiet)
        assert "nothing.gguf n’existe pas" in str(caught.value)

    def test_a_process_that_cannot_be_started_is_one_sentence(self, settings: EngineSettings, tmp_path: Path) -> None:
        with pytest.raises(EngineError, match="couldn’t start"):
            EngineProcess(command=(str(tmp_path / "nothing"),)).load(
                ModelRef.of_file(tmp_path), settings, CancelToken(), quiet
            )


LOADS_FOR_EVER_ONCE = """
import os, sys, time
from phichat.engine.llama import loaded_model
from phichat.engine.process import worker

class Context(loaded_model.LlamaContext):
    def __init__(self, *arguments):
        is_first = not os.path.exists(sys.argv[1])
        os.makedirs(sys.argv[1], exist_ok=True)
        super().__init__(*arguments)
        if is_first:
            time.sleep(600)

loaded_model.LlamaContext = Context
worker.main()
"""


@pytest.mark.parametrize("death", DEATHS)
class TestDeaths:
    @pytest.fixture
    def settings(self, settings: EngineSettings) -> EngineSettings:
        """The safest there are, in a build with variants, too.

        With room for more than a pipe holds of what is told of reading, a token at a time: the process cannot be done
        before it is struck, however late that is.
        """
        return replace(settings, variant=LEAST, context=2048, batch=1)

    @pytest.fixture
    def chatml_model(self, tmp_path: Path) -> Path:
        return tiny_models.chatml(tmp_path / "roomy.gguf", context=2048)

    def test_while_loading(
        self, chatml_model: Path, settings: EngineSettings, ask: Ask, death: signal.Signals, tmp_path: Path
    ) -> None:
        def strike(event: Event) -> None:
            if isinstance(event, Loading):
                die(engine, death)

        command = (sys.executable, "-c", LOADS_FOR_EVER_ONCE, str(tmp_path / "loaded"))
        with closing(EngineProcess(command=command)) as engine:
            with pytest.raises(EngineDied, match=r"Safer settings didn’t help"):
                engine.load(ModelRef.of_file(chatml_model), settings, CancelToken(), strike)
            engine.load(ModelRef.of_file(chatml_model), settings, CancelToken(), quiet)
            assert answer(list(engine.generate(ask("Hi"), CancelToken())))

    @pytest.mark.parametrize(
        ("moment", "question"), [(Reading, LONG[:1900]), (Piece, "Hi")], ids=["reading", "writing"]
    )
    def test_while_answering(
        self, hosted: EngineProcess, chatml_model: Path, settings: EngineSettings, ask: Ask, death: signal.Signals,
        moment: type[Event], question: str,
    ) -> None:  # fmt: skip
        def strike(events: Iterator[Event]) -> None:
            for event in events:
                assert not isinstance(event, Notice)
                if isinstance(event, moment):
                    die(hosted, death)

        hosted.load(ModelRef.of_file(chatml_model), settings, CancelToken(), quiet)
        with pytest.raises(EngineDied, match=r"Your conversation is safe. Try again\."):
            strike(hosted.generate(ask(question, max_tokens=1900), CancelToken()))
        assert answer(list(hosted.generate(ask("Hi"), CancelToken())))

    def test_while_idle(
        self, hosted: EngineProcess, chatml_model: Path, settings: EngineSettings, ask: Ask, death: signal.Signals
    ) -> None:
        hosted.load(ModelRef.of_file(chatml_model), settings, CancelToken(), quiet)
        pid = hosted.pid
        assert pid is not None
        die(hosted, death)
        until_ended(pid)
        events = list(hosted.generate(ask("Hi"), CancelToken()))
        assert notices(events) == ["The model’s process stopped and is restarting."]
        assert answer(events).reason is not Ending.ERROR

    def test_just_when_it_is_asked(
        self, fragile: Fragile, tmp_path: Path, death: signal.Signals, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def is_alive(child: ChildProcess) -> bool:
            """Say what was true a moment ago."""
            monkeypatch.undo()
            is_alive = child.is_alive()
            os.kill(child.pid, death)
            until_ended(child.pid)
            return is_alive

        engine = fragile({})
        (tmp_path / "model.gguf").touch()
        engine.load(ModelRef.of_file(tmp_path / "model.gguf"), EngineSettings(), CancelToken(), quiet)
        monkeypatch.setattr(ChildProcess, "is_alive", is_alive)
        events = list(engine.generate(Request((Turn(Role.USER, "Hi"),)), CancelToken()))
        assert len(notices(events)) == 1
        assert answer(events).reason is Ending.STOP

    def test_before_the_first_word_it_is_tried_again_with_safer_settings(
        self, hosted: EngineProcess, chatml_model: Path, settings: EngineSettings, ask: Ask, death: signal.Signals
    ) -> None:
        hosted.load(ModelRef.of_file(chatml_model), replace(settings, gpu_layers=-1), CancelToken(), quiet)
        events: list[Event] = []
        for event in hosted.generate(ask(LONG[:1900]), CancelToken()):
            if isinstance(event, Reading) and not notices(events):
                die(hosted, death)
            events.append(event)
        assert len(notices(events)) == 1
        assert "Trying again on the processor only" in notices(events)[0]
        assert answer(events).completion_tokens


class TestStopping:
    def test_a_reply_stops_and_the_model_stays_loaded(
        self, hosted: EngineProcess, chatml_model: Path, settings: EngineSettings, ask: Ask
    ) -> None:
        hosted.load(ModelRef.of_file(chatml_model), settings, CancelToken(), quiet)
        pid, stop, events = hosted.pid, CancelToken(), []
        for event in hosted.generate(ask("Hi", max_tokens=400), stop):
            events.append(event)
            if isinstance(event, Piece):
                stop.set()
        assert answer(events).reason is Ending.CANCELLED
        assert answer(list(hosted.generate(ask("Hi"), CancelToken()))).reason is not Ending.CANCELLED
        assert hosted.pid == pid

    def test_a_child_that_does_not_listen_is_ended(
        self, hosted: EngineProcess, chatml_model: Path, settings: EngineSettings, ask: Ask
    ) -> None:
        hosted.load(ModelRef.of_file(chatml_model), settings, CancelToken(), quiet)
        pid, stop, events = hosted.pid, CancelToken(), []
        assert pid is not None
        for event in hosted.generate(ask("Hi", max_tokens=400), stop):
            events.append(event)
            if isinstance(event, Piece) and not stop.is_set():
                os.kill(pid, signal.SIGSTOP)
                stop.set()
        assert answer(events).reason is Ending.CANCELLED
        assert is_gone(pid)
        after = list(hosted.generate(ask("Hi"), CancelToken()))
        assert notices(after) == []
        assert answer(after).completion_tokens

    def test_a_child_that_is_too_busy_to_listen_is_ended(
        self, fragile: Fragile, settings: EngineSettings, ask: Ask
    ) -> None:
        engine = fragile({"second": {"sleep": 600}})
        engine.load(ModelRef.of_file(Path("model")), settings, CancelToken(), quiet)
        stop, events = CancelToken(), []
        for event in engine.generate(ask("Hi"), stop):
            events.append(event)
            stop.set()
        assert answer(events).reason is Ending.CANCELLED

    def test_loading_stops(self, fragile: Fragile, settings: EngineSettings) -> None:
        engine, stop = fragile({"load": {"sleep": 600}}), CancelToken()
        threading.Timer(0.2, stop.set).start()
        with pytest.raises(EngineError, match="canceled"):
            engine.load(ModelRef.of_file(Path("model")), settings, stop, quiet)

    def test_a_stop_while_the_model_is_loaded_anew_ends_the_reply(
        self, hosted: EngineProcess, chatml_model: Path, settings: EngineSettings, ask: Ask
    ) -> None:
        hosted.load(ModelRef.of_file(chatml_model), settings, CancelToken(), quiet)
        pid = hosted.pid
        assert pid is not None
        die(hosted, signal.SIGKILL)
        until_ended(pid)
        stop, events = CancelToken(), []
        for event in hosted.generate(ask("Hi"), stop):
            events.append(event)
            if isinstance(event, Notice):
                stop.set()
        assert answer(events).reason is Ending.CANCELLED

    def test_a_reload_that_was_stopped_is_made_up_for_at_the_next_question(
        self, hosted: EngineProcess, starter: Path, settings: EngineSettings, ask: Ask
    ) -> None:
        hosted.load(ModelRef.of_file(starter), settings, CancelToken(), quiet)
        hosted.close()
        stop, events = CancelToken(), []
        for event in hosted.generate(ask("Hi"), stop):
            events.append(event)
            if isinstance(event, Loading):
                stop.set()
        assert answer(events).reason is Ending.CANCELLED
        assert answer(list(hosted.generate(ask("Hi"), CancelToken()))).completion_tokens

    @pytest.mark.parametrize("gently", [True, False])
    def test_a_model_that_was_coming_back_is_no_accident(
        self, hosted: EngineProcess, starter: Path, settings: EngineSettings, ask: Ask, gently: bool
    ) -> None:
        hosted.load(ModelRef.of_file(starter), settings, CancelToken(), quiet)
        hosted.unload()
        stop, draft = CancelToken(), replace(ask("Hi"), is_draft=True)
        for event in hosted.generate(draft, stop):
            if isinstance(event, Loading) and not stop.is_set():
                stop.set(gently=gently)
        events = list(hosted.generate(ask("Hi"), CancelToken()))
        assert notices(events) == []
        assert answer(events).completion_tokens
        if gently:
            assert not [event for event in events if isinstance(event, Loading)]

    def test_after_it_came_back_an_accident_is_told(
        self, hosted: EngineProcess, chatml_model: Path, settings: EngineSettings, ask: Ask
    ) -> None:
        hosted.load(ModelRef.of_file(chatml_model), settings, CancelToken(), quiet)
        hosted.unload()
        assert notices(list(hosted.generate(ask("Hi"), CancelToken()))) == []
        pid = hosted.pid
        assert pid is not None
        die(hosted, signal.SIGKILL)
        until_ended(pid)
        assert notices(list(hosted.generate(ask("Hi"), CancelToken())))


class TestSaferSettings:
    RISKY = EngineSettings(context=4096, repacking=True, gpu_layers=-1)

    @pytest.mark.parametrize(
        ("spared", "tries"),
        [({"repacking": False}, 1), ({"gpu_layers": 8}, 2), ({"gpu_layers": 0}, 3)],
        ids=["repacking", "half the graphics card", "graphics card"],
    )
    def test_what_works_is_found_step_by_step_and_remembered(
        self, fragile: Fragile, home: Path, heard: list[Event], spared: dict[str, Any], tries: int
    ) -> None:
        rules = {"load": {"signal": "SIGILL", "unless": spared}}
        engine = fragile(rules, TuningStore(home / "engine.json"))
        loaded = engine.load(ModelRef.of_file(Path("model")), self.RISKY, CancelToken(), heard.append)
        assert len(notices(heard)) == tries
        assert all(getattr(loaded.settings, name) == value for name, value in spared.items())
        again: list[Event] = []
        engine = fragile(rules, TuningStore(home / "engine.json"))
        assert engine.load(ModelRef.of_file(Path("model")), self.RISKY, CancelToken(), again.append) == loaded
        assert again == []

    def test_a_death_at_the_first_word_is_remembered_once_another_setting_worked(
        self, fragile: Fragile, home: Path, ask: Ask
    ) -> None:
        memory = TuningStore(home / "engine.json")
        engine = fragile({"generate": {"signal": "SIGILL", "unless": {"repacking": False}}}, memory)
        engine.load(ModelRef.of_file(Path("model")), self.RISKY, CancelToken(), quiet)
        events = list(engine.generate(ask("Hi"), CancelToken()))
        assert len(notices(events)) == 1
        assert answer(events).reason is Ending.STOP
        recalled = memory.recall(Path("model"), self.RISKY)
        assert (recalled.repacking, recalled.gpu_layers, recalled.context) == (False, -1, 4096)

    def test_the_context_that_was_wanted_comes_back(
        self, fragile: Fragile, home: Path, heard: list[Event], ask: Ask
    ) -> None:
        """A smaller one helped once; what it lacked may be there again."""
        rules = {"load": {"signal": "SIGABRT", "unless": {"context": 2048}}}
        engine = fragile(rules, TuningStore(home / "engine.json"))
        loaded = engine.load(ModelRef.of_file(Path("model")), self.RISKY, CancelToken(), heard.append)
        assert loaded.settings.context == 2048
        assert len(notices(heard)) == 4
        assert answer(list(engine.generate(ask("Hi"), CancelToken()))).reason is Ending.STOP
        engine.unload()
        events = list(engine.generate(ask("Hi"), CancelToken()))
        assert len(notices(events)) == 1, "the context that was wanted is tried again"
        assert answer(events).reason is Ending.STOP
        engine = fragile({}, TuningStore(home / "engine.json"))
        loaded = engine.load(ModelRef.of_file(Path("model")), self.RISKY, CancelToken(), quiet)
        assert loaded.settings == replace(self.RISKY, repacking=False, gpu_layers=0)

    def test_settings_that_did_not_help_are_not_remembered(self, fragile: Fragile, home: Path, ask: Ask) -> None:
        memory = TuningStore(home / "engine.json")
        engine = fragile({"generate": {"signal": "SIGSEGV"}}, memory)
        engine.load(ModelRef.of_file(Path("model")), self.RISKY, CancelToken(), quiet)
        with pytest.raises(EngineDied, match="Try again"):
            list(engine.generate(ask("Hi"), CancelToken()))
        assert memory.recall(Path("model"), self.RISKY) == self.RISKY

    def test_from_variant_to_variant_it_finds_the_one_that_runs_here_and_remembers_it(
        self, fragile: Fragile, home: Path, heard: list[Event]
    ) -> None:
        variants = {"variants": ["sapphirerapids", "zen4", "haswell", "sse42"]}
        rules = {**variants, "load": {"signal": "SIGILL", "unless": {"variant": "haswell"}}}
        engine = fragile(rules, TuningStore(home / "engine.json"))
        loaded = engine.load(ModelRef.of_file(Path("model")), self.RISKY, CancelToken(), heard.append)
        assert loaded.settings == replace(self.RISKY, variant="haswell")
        assert [type(event) for event in heard] == [Notice, Notice]
        again: list[Event] = []
        engine = fragile(rules, TuningStore(home / "engine.json"))
        assert engine.load(ModelRef.of_file(Path("model")), self.RISKY, CancelToken(), again.append) == loaded
        assert again == []

    def test_a_variant_that_dies_at_the_first_word_is_left_for_the_next_one(
        self, fragile: Fragile, home: Path, ask: Ask
    ) -> None:
        rules = {
            "variants": ["zen4", "haswell"],
            "generate": {"signal": "SIGSEGV", "unless": {"variant": "haswell"}},
        }
        engine = fragile(rules, TuningStore(home / "engine.json"))
        engine.load(ModelRef.of_file(Path("model")), replace(self.RISKY, repacking=False), CancelToken(), quiet)
        assert answer(list(engine.generate(ask("Hi"), CancelToken()))).reason is Ending.STOP
        assert TuningStore(home / "engine.json").recall(Path("model"), self.RISKY).variant == "haswell"

    def test_what_one_model_needed_is_not_asked_of_another(self, fragile: Fragile, home: Path) -> None:
        memory = TuningStore(home / "engine.json")
        memory.remember(Path("model"), self.RISKY, replace(self.RISKY, variant="haswell"))
        engine = fragile({"variants": ["zen4", "haswell"]}, memory)
        assert (
            engine.load(ModelRef.of_file(Path("model")), self.RISKY, CancelToken(), quiet).settings.variant == "haswell"
        )
        first = engine.pid
        assert engine.load(ModelRef.of_file(Path("other")), self.RISKY, CancelToken(), quiet).settings.variant == "zen4"
        assert engine.pid != first  # as a process keeps the one it has

    def test_where_nothing_helps_one_sentence_says_so(self, fragile: Fragile, home: Path, heard: list[Event]) -> None:
        memory = TuningStore(home / "engine.json")
        engine = fragile({"load": {"signal": "SIGILL"}}, memory)
        with pytest.raises(EngineDied, match=r"processor doesn’t support an instruction.* Safer settings didn’t help"):
            engine.load(ModelRef.of_file(Path("model")), self.RISKY, CancelToken(), heard.append)
        assert len(notices(heard)) == 4
        assert memory.recall(Path("model"), self.RISKY) == self.RISKY

    def test_a_child_that_just_exits_is_explained_too(
        self, fragile: Fragile, settings: EngineSettings, ask: Ask
    ) -> None:
        engine = fragile({"second": {"exit": 3}})
        engine.load(ModelRef.of_file(Path("model")), settings, CancelToken(), quiet)
        with pytest.raises(EngineDied, match=r"stopped unexpectedly \(3\)"):
            list(engine.generate(ask("Hi"), CancelToken()))

    def test_where_nothing_can_be_written_it_still_works(self, fragile: Fragile, home: Path) -> None:
        home.write_text("a file where the folder should be")
        engine = fragile(
            {"load": {"signal": "SIGILL", "unless": {"repacking": False}}}, TuningStore(home / "engine.json")
        )
        assert isinstance(engine.load(ModelRef.of_file(Path("model")), self.RISKY, CancelToken(), quiet), Loaded)


PARENT = """
import sys, time
from pathlib import Path
from phichat.engine.base import CancelToken, EngineSettings, ModelRef
from phichat.engine.process.engine_process import EngineProcess

if __name__ == "__main__":
    engine = EngineProcess()
    engine.load(ModelRef.of_file(Path(sys.argv[1])), EngineSettings(context=512), CancelToken(), lambda _: None)
    print(engine.pid, flush=True)
    time.sleep(600)
"""


def test_a_window_that_is_killed_leaves_no_process_behind(
    chatml_model: Path, tmp_path: Path, eventually: Callable[[Callable[[], object], float], None]
) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(
        [sys.executable, script, chatml_model], stdout=subprocess.PIPE, env=environment, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert not is_gone(child)
        parent.kill()
    eventually(lambda: is_gone(child), 5.0)


def test_a_long_conversation_goes_through_the_pipe(
    hosted: EngineProcess, chatml_model: Path, settings: EngineSettings
) -> None:
    hosted.load(ModelRef.of_file(chatml_model), settings, CancelToken(), quiet)
    past = [turn for n in range(300) for turn in (Turn(Role.USER, "Hi"), Turn(Role.ASSISTANT, LONG, tuple(range(200))))]
    request = Request((*past, Turn(Role.USER, "Hi")), Sampling(max_tokens=5))
    assert answer(list(hosted.generate(request, CancelToken()))).prompt_tokens < 512
