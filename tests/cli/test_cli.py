"""The command line as people and scripts use it; most of it in this process, with an engine that follows a script."""

import io
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from phichat import __version__, bench, cli, i18n
from phichat.bench.plan import Plan
from phichat.chat.conversation import Ending, Role
from phichat.chat.sampling import PRESETS, SETTINGS, Setting
from phichat.cli import standard_input
from phichat.cli.console import Console
from phichat.cli.parser import BENCH_PARTS, parse
from phichat.engine.base import CancelToken, Done, EngineSettings, Event, Loaded, ModelRef, Notice, Tried
from phichat.errors import EngineDied, PinsTooLong, PromptTooLong, SystemPromptTooLong
from phichat.store.history import History
from tests.support import tiny_models
from tests.support.fakes import ScriptedEngine, thought
from tests.support.pdf_files import PICTURE, lines_down, page_of, pdf_file

DONE_KEYS = {
    "event", "reason", "seed", "prompt_tokens", "cached_tokens", "completion_tokens", "seconds_to_first_token",
    "prompt_seconds", "completion_seconds", "tokens_per_second", "looked_up_tokens", "thinking_tokens",
    "thinking_seconds", "stopped_by", "model", "model_sha256", "engine",
}  # fmt: skip

CALM = {"OMP_WAIT_POLICY": "passive"}  # threads that spin are slow beside other work

LONG = ("--context", "16384", "--max-tokens", "16000")  # an answer that is not done when it is stopped

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture(scope="session")
def storyteller(models: Path) -> Path:
    """A tiny model that says "Once, Once, Once, …" as long as it may; it loads in milliseconds, unlike the starter."""
    return tiny_models.chatml(models / "storyteller.gguf", speech=[*b"\nOnce, O"], context=16384)


class PipeStub(io.TextIOWrapper):
    """Standard input with bytes in it."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BufferedReader(io.BytesIO(content)), "utf-8", "replace")


class WindowStub:
    """Remembers how it was opened."""

    def __init__(self) -> None:
        self.opened: list[tuple[Path | None, bool, str | None, Path | None]] = []
        self.error: Exception | None = None

    def __call__(self, screenshot: Path | None, quit_when_ready: bool, model: str | None, opened: Path | None) -> int:
        self.opened.append((screenshot, quit_when_ready, model, opened))
        if self.error:
            raise self.error
        return 0


@pytest.fixture
def window() -> WindowStub:
    return WindowStub()


@pytest.fixture
def phichat(
    engine: ScriptedEngine,
    window: WindowStub,
    chatml_model: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Runs the program; its exit status, and what it wrote to stdout and stderr."""
    monkeypatch.setenv("HF_HUB_CACHE", str(chatml_model.parent / "no-cache"))

    def run(*arguments: str, said: str | bytes = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", PipeStub(said) if isinstance(said, bytes) else io.StringIO(said))
        model = ["--model", str(chatml_model)] if arguments and arguments[0] in {"ask", "chat"} else []
        status = cli.run([*model, *arguments], window, lambda _: engine)
        return (status, *capsys.readouterr())

    return run


def test_what_is_thought_goes_to_stderr(engine: ScriptedEngine, phichat: Run) -> None:
    engine.enqueue(thought(""), thought("Let me"), thought(" see."), thought(""), "Puck", "!")
    status, out, err = phichat("ask", "Hi")
    assert (status, out) == (0, "Puck!\n")
    assert err.startswith("Let me see.\n\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bench", "--parts", "speed,zz"], "argument --parts: invalid choice: 'zz' (choose from speed, first-token"),
        (["ask", "Hi", "--tempe", "3"], "unrecognized arguments: --tempe 3. See `phichat ask --help`."),
        (["models", "list", "--foo"], "unrecognized arguments: --foo. See `phichat models list --help`."),
        (["models", "verify", ""], "argument NAME: the value can’t be empty. See `phichat models verify --help`."),
        (["ask", "Hi", "--model", " "], "argument --model: the value can’t be empty. See `phichat ask --help`."),
        (["ask", "Hi", "--stop", ""], "argument --stop: the value can’t be empty. See `phichat ask --help`."),
        (["history", "show", ""], "argument ID: the value can’t be empty. See `phichat history show --help`."),
    ],
)
def test_wrong_usage_is_told_of_the_command_it_is_in(phichat: Run, arguments: list[str], said: str) -> None:
    status, out, err = phichat(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith(said)


def test_the_parts_of_the_benchmark_are_those_there_are() -> None:
    assert list(BENCH_PARTS) == list(bench.PARTS)


def test_the_benchmark_can_think(phichat: Run) -> None:
    assert parse(["bench", "--think", "20"]).think == 20


@pytest.mark.skipif(sys.platform == "win32", reason="arguments are UTF-16 there")
def test_an_argument_in_another_encoding_is_read(engine: ScriptedEngine, phichat: Run) -> None:
    phichat("ask", os.fsdecode("un café, s’il vous plaît".encode("cp1252")))
    assert engine.requests[0].turns[-1].text == "un café, s’il vous plaît"


def test_a_text_that_ended_the_answer_is_named(engine: ScriptedEngine, phichat: Run) -> None:
    engine.enqueue("One, ", Done(Ending.STOP, 7, completion_tokens=2, stopped_by="two"))
    assert "The answer stopped at “two” (--stop).\n" in phichat("ask", "Hi", "--stop", "two")[2]


def test_pieces_have_a_kind(engine: ScriptedEngine, phichat: Run) -> None:
    engine.enqueue(thought("Hm"), "Puck")
    lines = [json.loads(line) for line in phichat("ask", "Hi", "--json")[1].splitlines()]
    assert [(line["kind"], line["text"]) for line in lines if line["event"] == "piece"] == [
        ("thinking", "Hm"),
        ("text", "Puck"),
    ]


@pytest.mark.parametrize(("given", "meant"), [("on", -1), ("off", 0), ("300", 300)])
def test_how_much_is_thought(engine: ScriptedEngine, phichat: Run, given: str, meant: int) -> None:
    engine.thinking = "on"
    assert phichat("ask", "Hi", "--think", given)[2].count("think") == 0
    assert engine.requests[0].sampling.thinking == meant


def test_thinking_that_is_no_number(engine: ScriptedEngine, phichat: Run) -> None:
    status, _, err = phichat("ask", "Hi", "--think", "much")
    assert status == 2
    assert "much isn’t “on”, “off”, or a whole number of tokens" in err


def test_a_model_that_cannot_think_is_told(engine: ScriptedEngine, phichat: Run) -> None:
    status, out, err = phichat("ask", "Hi", "--think", "on")
    assert (status, out) == (0, "Hi\n")
    assert "can’t think before answering, so --think has no effect." in err
    assert "can’t think" not in phichat("ask", "Hi", "--think", "off")[2]


def test_the_answer_alone_goes_to_stdout(engine: ScriptedEngine, phichat: Run) -> None:
    engine.enqueue(Notice("Memory is low."), "Hel", "lo", "!")
    status, out, err = phichat("ask", "Say", "hello", "--seed", "5")
    assert (status, out) == (0, "Hello!\n")
    assert err.splitlines()[0] == "Memory is low."
    assert "3 tokens" in err
    assert "seed 5" in err
    assert engine.requests[0].turns[-1].text == "Say hello"


def test_ask_prints_events_as_json(engine: ScriptedEngine, phichat: Run) -> None:
    engine.enqueue("Puck", "", " é")
    status, out, err = phichat("ask", "Who?", "--json", "--seed", "7")
    prompt, *pieces, done = [json.loads(line) for line in out.splitlines()]
    assert (status, err) == (0, "")
    assert prompt == {"event": "prompt", "tokens": [0], "text": "Who?"}
    assert pieces == [
        {"event": "piece", "text": text, "token": 1000 + index, "kind": "text"}
        for index, text in enumerate(["Puck", "", " é"])
    ]
    assert set(done) == DONE_KEYS
    assert (done["reason"], done["seed"], done["completion_tokens"]) == ("stop", 7, 3)
    assert (done["model"], done["model_sha256"]) == ("tiny-chatml", None)
    assert done["engine"]["context"] == 4096


def test_a_verified_model_is_named_with_its_checksum(phichat: Run, chatml_model: Path) -> None:
    checked = json.loads(phichat("models", "verify", str(chatml_model), "--json")[1])
    done = json.loads(phichat("ask", "Hi", "--json")[1].splitlines()[-1])
    assert done["model_sha256"] == checked["sha256"]
    assert len(done["model_sha256"]) == 64


@pytest.mark.parametrize(
    ("words", "said", "asked"),
    [
        (["-"], "\ufeffFrom a pipe\n", "From a pipe"),
        (["-"], "Two\nlines\r\n", "Two\nlines"),
        (["Sum up:", "-"], "a text\n", "Sum up: a text"),
        (["-", "is what?"], "This", "This is what?"),
        (["What", "is this?"], "a text\n", "What is this?\n\na text"),
        (["What", "is this?"], "", "What is this?"),
        (["10", "-", "3"], "", "10 - 3"),
        (["-5+3"], "", "-5+3"),
        (["-5", "+", "3"], "", "-5 + 3"),
        (["--5", "-.5", "-(2)", "-ü"], "", "--5 -.5 -(2) -ü"),
        (["--", "--not-an-option"], "", "--not-an-option"),
        (["lone \ud800 surrogate"], "", "lone \ufffd surrogate"),
    ],
)
def test_the_question_comes_from_words_and_standard_input(
    engine: ScriptedEngine, phichat: Run, words: list[str], said: str, asked: str
) -> None:
    assert phichat("ask", *words, said=said)[0] == 0
    assert engine.requests[0].turns[-1].text == asked


LETTER = "Le café est fermé, mais la forêt reste ouverte à tous les élèves."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_standard_input_is_read_in_any_encoding(engine: ScriptedEngine, phichat: Run, encoding: str) -> None:
    for arguments in (["ask", "-"], ["ask", "What?"], ["chat"]):
        assert phichat(*arguments, said=f"{LETTER}\n".encode(encoding))[0] == 0
    asked = [request.turns[-1].text for request in engine.requests]
    assert asked == [LETTER, f"What?\n\n{LETTER}", LETTER]


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", bytes(range(256)) * 8])
def test_standard_input_that_is_no_text_is_not_asked(engine: ScriptedEngine, phichat: Run, content: bytes) -> None:
    for arguments in (["ask", "-"], ["ask", "What?"], ["chat"]):
        status, out, err = phichat(*arguments, said=content)
        assert (status, out) == (1, "")
        assert err == "Standard input must be plain text. Convert your input, then try again.\n"
    assert not engine.requests


def test_files_go_with_the_message(engine: ScriptedEngine, phichat: Run, tmp_path: Path) -> None:
    notes, manual = tmp_path / "notes.txt", tmp_path / "manual.pdf"
    notes.write_text("Ferries float.", "utf-8")
    manual.write_bytes(pdf_file([page_of(lines_down(["Mind the gap."])), PICTURE]))
    status, _, err = phichat("ask", "Why?", "-a", str(manual), "-a", str(notes), "-a", str(notes))
    assert status == 0
    assert err.startswith("manual.pdf: Page 2 is a picture with no readable text.")
    asked = engine.requests[0].turns[-1].text
    assert asked.startswith("manual.pdf:\n```\n[Page 1]\n\nMind the gap.\n```")
    assert asked.endswith("Why?")
    assert asked.count("Ferries float.") == 1


def test_what_cannot_be_attached_is_not_asked(engine: ScriptedEngine, phichat: Run, tmp_path: Path) -> None:
    locked = tmp_path / "locked.pdf"
    locked.write_bytes(pdf_file([page_of(lines_down(["A secret"]))], password="sesame"))
    assert phichat("ask", "Why?", "-a", str(locked)) == (1, "", "locked.pdf is protected. Enter its password.\n")
    status, _, err = phichat("ask", "Why?", "-a", str(tmp_path / "gone.pdf"))
    assert (status, err.startswith("gone.pdf no longer exists.")) == (1, True)
    assert not engine.loads


def test_an_endless_standard_input_is_refused(
    engine: ScriptedEngine, phichat: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standard_input, "MOST", 1000)
    status, _, err = phichat("ask", "-", said=b"x" * 5000)
    assert (status, err) == (
        1,
        "The text from standard input is too long (the limit is 1.0\N{NO-BREAK SPACE}kB). Shorten it.\n",
    )


def test_a_question_that_is_piped_in_needs_no_hyphen(engine: ScriptedEngine, phichat: Run) -> None:
    engine.enqueue("Hello.")
    assert phichat("ask", said=b"Say hi\n")[:2] == (0, "Hello.\n")
    assert engine.requests[0].turns[-1].text == "Say hi"


@pytest.mark.parametrize("words", [[""], [" "], ["-"]])
def test_an_empty_question_is_not_asked(engine: ScriptedEngine, phichat: Run, words: list[str]) -> None:
    status, out, err = phichat("ask", *words)
    assert (status, out, err) == (1, "", "There’s nothing to answer yet. Write a message first.\n")
    assert not engine.loads


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_sampling_setting_has_its_option(engine: ScriptedEngine, phichat: Run, setting: Setting) -> None:
    value = setting.high if setting.decimals else int(setting.high)
    assert phichat("ask", "Hi", setting.option, str(value))[0] == 0
    assert getattr(engine.requests[0].sampling, setting.name) == value
    for wrong in (str(setting.low - 1), str(setting.high + 1), "nan", "many"):
        status, out, err = phichat("ask", "Hi", setting.option, wrong)
        assert (status, out) == (2, "")
        assert err.count("\n") == 1
        assert f"from {setting.low} to {setting.high}" in err


def test_texts_to_stop_at_and_words_to_avoid_can_be_repeated(engine: ScriptedEngine, phichat: Run) -> None:
    assert phichat("ask", "Hi", "--stop", "END", "--stop", "\n\n", "--never", "delve")[0] == 0
    assert engine.requests[0].sampling.stop == ("END", "\n\n")
    assert engine.requests[0].sampling.forbidden == ("delve",)


def test_a_reply_may_be_as_long_as_the_context(engine: ScriptedEngine, phichat: Run) -> None:
    assert phichat("ask", "Hi", "--max-tokens", "5000", "--context", "131072")[0] == 0
    assert engine.requests[0].sampling.max_tokens == 5000
    status, _, err = phichat("ask", "Hi", "--context", "8192", "--max-tokens", "8193")
    assert (status, err.count("\n")) == (2, 1)
    assert "8193 isn’t a whole number from 1 to 8192" in err
    assert "`phichat ask --help`" in err
    assert phichat("ask", "Hi", "--context", "512", "--max-tokens", "4096")[0] == 0


def test_settings_beside_a_preset_win(engine: ScriptedEngine, phichat: Run) -> None:
    phichat("ask", "Hi", "--preset", "tutorial", "--temperature", "0.33", "--seed", "9")
    sampling = engine.requests[0].sampling
    tutorial = PRESETS["tutorial"].sampling
    assert (sampling.temperature, sampling.seed) == (0.33, 9)
    assert (sampling.repeat_penalty, sampling.max_tokens) == (tutorial.repeat_penalty, tutorial.max_tokens)


@pytest.mark.parametrize("seed", ["-1", str(2**32 - 1), "1.5", ""])
def test_a_seed_out_of_range_is_wrong_usage(phichat: Run, seed: str) -> None:
    status, _, err = phichat("ask", "Hi", f"--seed={seed}")
    assert status == 2
    assert "from 0 to 4294967294" in err


def test_a_random_seed_differs_and_is_told(engine: ScriptedEngine, phichat: Run) -> None:
    for seed in ([], ["--seed", "random"]):
        phichat("ask", "Hi", *seed)
    first, second = (request.sampling.seed for request in engine.requests)
    assert first is not None
    assert first != second


def test_system_and_context_reach_the_model(engine: ScriptedEngine, phichat: Run) -> None:
    phichat("ask", "Hi", "--system", "Be brief.", "--context", "1024")
    assert [(turn.role, turn.text) for turn in engine.requests[0].turns] == [
        (Role.SYSTEM, "Be brief."),
        (Role.USER, "Hi"),
    ]
    assert engine.loads[0][1].context == 1024


def test_a_reply_that_was_cut_says_so(engine: ScriptedEngine, phichat: Run) -> None:
    engine.enqueue("One", Done(Ending.LENGTH, 1, completion_tokens=1))
    engine.enqueue("One", Done(Ending.LENGTH, 1, completion_tokens=1))
    assert "Use --max-tokens" in phichat("ask", "Hi", "--max-tokens", "1")[2]
    assert "Use --context" in phichat("ask", "Hi", "--max-tokens", "9")[2]


@pytest.mark.parametrize("as_json", [False, True])
def test_an_engine_that_dies_costs_one_sentence(engine: ScriptedEngine, phichat: Run, as_json: bool) -> None:
    engine.enqueue("Half", EngineDied("The system stopped the model’s process."))
    status, out, err = phichat("ask", "Hi", *["--json"] * as_json)
    assert (status, err) == (1, "The system stopped the model’s process.\n")
    if as_json:
        told, done = (json.loads(line) for line in out.splitlines()[-2:])
        assert told == {"event": "error", "message": "The system stopped the model’s process."}
        assert done["reason"] == "error"
    else:
        assert out == "Half\n"
    assert engine.loaded is None


def test_a_bug_is_one_sentence_and_a_traceback_in_the_log(engine: ScriptedEngine, phichat: Run, home: Path) -> None:
    engine.enqueue(ZeroDivisionError("oh\nno"))
    status, out, err = phichat("ask", "my secret question")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "ZeroDivisionError: oh no" in err
    log = "".join(file.read_text() for file in (home / "logs").iterdir())
    assert "Traceback" in log
    assert "my secret question" not in log


def test_a_bug_without_a_place_for_the_log_is_still_one_sentence(
    engine: ScriptedEngine, phichat: Run, home: Path
) -> None:
    home.write_text("a file where the folder should be")
    engine.enqueue(ZeroDivisionError("oh"))
    status, _, err = phichat("ask", "Hi")
    assert (status, err) == (1, "You found a bug in Phichat (ZeroDivisionError: oh). Please report it.\n")


def test_an_unknown_model_is_answered_with_those_there_are(phichat: Run) -> None:
    status, _, err = phichat("ask", "Hi", "--model", "nope")
    assert (status, err.count("\n")) == (1, 1)
    assert "There is no model named nope" in err
    status, out, _ = phichat("ask", "Hi", "--model", "nope", "--json")
    assert (status, json.loads(out)) == (1, {"event": "error", "message": err.strip()})


def test_a_conversation_goes_on(engine: ScriptedEngine, phichat: Run) -> None:
    engine.enqueue("Hello", " Bo")
    engine.enqueue("Bo")
    status, out, _ = phichat("chat", "--system", "Listen.", said="I am Bo\n\nWho am I?\n")
    assert (status, out) == (0, "Hello Bo\nBo\n")
    second = engine.requests[1].turns
    assert [turn.text.strip() for turn in second] == ["Listen.", "I am Bo", "Hello Bo", "Who am I?"]
    assert second[2].tokens == (1000, 1001)
    assert len(engine.loads) == 1


def test_ctrl_c_ends_a_script(phichat: Run, monkeypatch: pytest.MonkeyPatch, engine: ScriptedEngine) -> None:
    def interrupt(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(Console, "read_line", interrupt)
    assert phichat("chat") == (130, "", "Interrupted.\n")
    assert engine.loaded is None


def test_ctrl_c_at_the_end_of_loading_is_not_lost(
    phichat: Run, monkeypatch: pytest.MonkeyPatch, engine: ScriptedEngine
) -> None:
    load = engine.load

    def interrupt(model: ModelRef, settings: EngineSettings, _: CancelToken, report: Callable[[Event], None]) -> Loaded:
        signal.raise_signal(signal.SIGINT)
        return load(model, settings, CancelToken(), report)

    monkeypatch.setattr(engine, "load", interrupt)
    assert phichat("chat", "--save", said="Hi\nAnd?\n") == (130, "", "Interrupted.\n")
    assert engine.requests == []


def test_ctrl_c_at_the_end_of_an_answer_is_not_lost(
    phichat: Run, monkeypatch: pytest.MonkeyPatch, engine: ScriptedEngine
) -> None:
    def interrupt(_: Done) -> str:
        signal.raise_signal(signal.SIGINT)
        return "All."

    monkeypatch.setattr("phichat.cli.talk.statistics", interrupt)
    assert phichat("chat", said="Hi\nAnd?\n") == (130, "Hi\n", "All.\n")


def test_ctrl_c_while_modules_are_imported_is_quiet(tmp_path: Path) -> None:
    (tmp_path / "logging.py").write_text("raise KeyboardInterrupt")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    ended = subprocess.run(
        [sys.executable, "-m", "phichat", "models", "list"], check=False, capture_output=True, env=environment
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, b"", b"")


@pytest.mark.parametrize("arguments", [["score"], ["models", "add"], ["history", "import"], ["ask", "Hi", "--model"]])
def test_a_folder_is_named_in_the_users_language(tmp_path: Path, phichat: Run, arguments: list[str]) -> None:
    for language, word in (("en", "a folder"), ("fr", "un dossier")):
        i18n.set_language(language)
        status, out, err = phichat(*arguments, str(tmp_path))
        assert (status, out) == (1, "")
        assert word in err


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="Windows has none")
@pytest.mark.parametrize("arguments", [["models", "add"], ["ask", "Hi", "--model"]])
def test_a_device_is_no_model(phichat: Run, arguments: list[str]) -> None:
    assert phichat(*arguments, "/dev/zero") == (1, "", "/dev/zero isn’t a file. Choose a model file.\n")


def test_a_script_does_not_go_on_after_an_error(engine: ScriptedEngine, phichat: Run) -> None:
    engine.enqueue(EngineDied("It died."))
    status, out, err = phichat("chat", said="One\nTwo\n")
    assert (status, out, err) == (1, "", "It died.\n")
    assert len(engine.requests) == 1


def test_a_model_cannot_send_commands_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    Console().print_piece("\x1b]0;title\x07\x9b31mred\ttab\n")
    assert terminal.getvalue() == "\ufffd]0;title\ufffd\ufffd31mred\ttab\n"
    Console().print_piece("\u202egpj.exe \u2066x\u2069")
    assert terminal.getvalue().endswith("<U+202E>gpj.exe <U+2066>x<U+2069>")


def test_models_are_listed_added_and_removed(phichat: Run, chatml_model: Path) -> None:
    assert phichat("models", "add", str(chatml_model))[0] == 0
    _, out, _ = phichat("models", "list")
    assert [line for line in out.splitlines() if line.startswith("*  tiny-chatml ") and str(chatml_model) in line]
    assert [line for line in out.splitlines() if line.startswith("   phi-3-mini-4k-instruct-q4 ")]
    listed = {line["name"]: line for line in map(json.loads, phichat("models", "list", "--json")[1].splitlines())}
    assert listed["tiny-chatml"]["on_disk"]
    assert listed["phi-3-mini-4k-instruct-q4"]["bytes"] == 2_393_231_072
    assert not listed["phi-3-mini-4k-instruct-q4"]["on_disk"]
    assert "removed from the list" in phichat("models", "remove", "tiny-chatml")[1]
    assert "tiny-chatml" not in phichat("models", "list")[1]
    assert chatml_model.exists()


def test_verifying_says_what_it_knows(phichat: Run, chatml_model: Path, tmp_path: Path) -> None:
    status, out, _ = phichat("models", "verify", str(chatml_model))
    assert (status, "no published checksum" in out, "SHA-256 " in out) == (0, True, True)
    (tmp_path / "half.gguf").write_bytes(chatml_model.read_bytes()[:-1000])
    status, out, err = phichat("models", "verify", str(tmp_path / "half.gguf"))
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "half.gguf is incomplete" in err


@pytest.mark.parametrize(
    "arguments", [["ask"], ["nonsense"], ["models"], ["ask", "Hi", "--temp", "1"], ["ask", "Hi", "--preset", "wild"]]
)
def test_wrong_usage_is_one_line(phichat: Run, arguments: list[str]) -> None:
    status, out, err = phichat(*arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "--help`" in err


def test_without_a_command_the_window_opens(window: WindowStub, phichat: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert phichat() == (0, "", "")
    assert phichat("--screenshot", "a.png", "--quit-when-ready", "--model", "starter") == (0, "", "")
    assert window.opened == [(None, False, None, None), (Path("a.png"), True, "starter", None)]


def test_a_model_file_in_the_place_of_a_command_opens_the_window(
    window: WindowStub, phichat: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.chdir(tmp_path)
    for arguments in (["my model.GGUF"], ["--screenshot", "a.png", "my model.GGUF"], [str(tmp_path / "a"), "b.gguf"]):
        assert phichat(*arguments) == (0, "", "")
    assert [opened for *_, opened in window.opened] == [*2 * [tmp_path / "my model.GGUF"], tmp_path / "a"]


def test_a_window_that_lacks_a_library_is_one_sentence(
    window: WindowStub, phichat: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    window.error = ImportError("libEGL.so.1: cannot open shared object file")
    status, out, err = phichat()
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "libEGL.so.1" in err


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="there is always a display")
def test_a_person_without_a_display_gets_a_conversation(
    window: WindowStub, phichat: Run, engine: ScriptedEngine, chatml_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(Console, "is_interactive", True)
    status, out, err = phichat("--model", str(chatml_model), said="Hello\n")
    assert (status, out, window.opened) == (0, "Hello\n", [])
    assert err.startswith("There is no display, so the window can’t open.\n")
    assert phichat("--quit-when-ready")[0] == 1
    assert phichat(str(chatml_model), said="Hello\n")[:2] == (0, "Hello\n")


def test_help_and_version_are_no_errors(phichat: Run) -> None:
    assert phichat("--version") == (0, f"phichat {__version__}\n", "")
    for command in (
        [],
        ["ask"],
        ["chat"],
        ["models"],
        ["models", "list"],
        ["bench"],
        ["doctor"],
        ["history"],
        ["history", "export"],
    ):
        status, out, err = phichat(*command, "--help")
        assert (status, err, "usage: phichat" in out) == (0, "", True)


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="there is always a display")
@pytest.mark.parametrize("display", [{}, {"DISPLAY": ":7654"}, {"WAYLAND_DISPLAY": "none-0"}, {"DISPLAY": "nonsense"}])
def test_without_a_display_the_program_says_what_to_do(display: dict[str, str], chatml_model: Path) -> None:
    status, out, err = _program(chatml_model, without=("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"), **display)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "the window can’t open" in err
    assert "phichat ask" in err


def test_the_terminal_never_loads_qt_nor_the_model_library(chatml_model: Path) -> None:
    code = "import sys; from phichat import cli; cli.run(sys.argv[1:], None); print(*sys.modules)"
    arguments = ["ask", "Hi", "--model", str(chatml_model), "--max-tokens", "2"]
    out = subprocess.run([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout
    loaded = set(out.splitlines()[-1].split())
    assert "phichat.cli.talk" in loaded
    assert not loaded & {"PySide6", "llama_cpp", "numpy", "huggingface_hub"}


def test_the_same_seed_gives_the_same_reply(chatml_model: Path) -> None:
    outputs = [_program(chatml_model, "ask", "Hi", "--seed", seed, "--max-tokens", "9")[:2] for seed in "334"]
    assert outputs[0][0] == 0
    assert outputs[0] == outputs[1]
    assert outputs[0] != outputs[2]


def test_a_reader_that_leaves_is_no_error(chatml_model: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        status, _, err = _program(chatml_model, "ask", "Hi", "--max-tokens", "5", stdout=writing)
    finally:
        os.close(writing)
    assert (status, err) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
@pytest.mark.parametrize("arguments", [["ask", "Hi", "--max-tokens", "5"], ["--version"]])
def test_an_answer_that_cannot_be_written_is_an_error(chatml_model: Path, arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        status, _, err = _program(chatml_model, *arguments, stdout=full)
    place, advice = "to standard output: the disk is full", "Redirect the output somewhere else."
    assert (status, err) == (1, f"The answer couldn’t be written {place}. {advice}\n")


def test_a_terminal_without_unicode_gets_question_marks(chatml_model: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(chatml_model, tmp_path / "😀.gguf"))
    status, out, _ = _program(chatml_model, "models", "add", str(path), PYTHONIOENCODING="ascii", LC_ALL="C")
    assert status == 0
    assert out.startswith("? was added")


def test_ctrl_c_stops_the_reply(storyteller: Path) -> None:
    with _speaking(storyteller) as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(out.splitlines()[-1])["reason"] == "cancelled"
    assert "Traceback" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="kills are told apart by signals")
def test_a_killed_model_ends_the_reply_with_a_sentence(storyteller: Path) -> None:
    with _speaking(storyteller) as process:
        for child in psutil.Process(process.pid).children():
            child.kill()
        out, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert json.loads(out.splitlines()[-1])["reason"] == "error"
    assert err.count("\n") == 1
    assert "The system stopped the model’s process" in err


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_person_stops_a_reply_and_leaves(storyteller: Path) -> None:
    with _terminal("chat", "--model", str(storyteller), *LONG) as say:
        assert "Press Ctrl+C to stop an answer" in say("> ", "Tell me a long story.\n")
        say(", ", "\x03")
        assert "Stopped." in say("> ", "half a line\x03")
        say("> ", "\x03")
        assert "Press Ctrl+D to end the conversation." in say("> ", "\x04")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_what_was_shown_is_saved_when_the_terminal_is_closed(storyteller: Path, home: Path) -> None:
    terminal = _terminal("chat", "--save", "--model", str(storyteller), *LONG, ends=128 + signal.SIGHUP)
    with terminal as say:
        say("> ", "Tell me a long story.\n")
        shown = [say(", ", "") for _ in range(4)][1:]
        terminal.hang_up()
    with closing(History(home / "history.sqlite3", is_guest=True)) as history:
        (summary,) = history.list_conversations()
        answer = history.load_conversation(summary.id).messages[-1]
    assert ", ".join(shown).replace("\r\n", "\n") in answer.text
    assert answer.reply
    assert answer.reply.ending is Ending.CANCELLED


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_the_terminal_shows_what_is_typed_after_the_program_is_ended_at_its_prompt(chatml_model: Path) -> None:
    import termios  # not on Windows

    terminal = _terminal("chat", "--model", str(chatml_model), ends=128 + signal.SIGTERM)
    with terminal as say:
        shown = termios.tcgetattr(terminal._file)[3]
        say("> ", "")
        time.sleep(0.2)  # as for Ctrl+C
        assert not termios.tcgetattr(terminal._file)[3] & termios.ECHO
        os.kill(terminal._pid, signal.SIGTERM)
        os.waitid(os.P_PID, terminal._pid, os.WEXITED | os.WNOWAIT)
        assert termios.tcgetattr(terminal._file)[3] == shown


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_the_end_of_a_conversation_may_be_typed_while_an_answer_is_written(storyteller: Path) -> None:
    with _terminal("chat", "--model", str(storyteller), "--max-tokens", "1500") as say:
        say("> ", "Tell me a long story.\n")
        say(", ", "\x04")
        say("per second, first", "")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_question_is_typed_where_standard_input_is_a_terminal(chatml_model: Path) -> None:
    with _terminal("ask", "-", "--model", str(chatml_model), "--max-tokens", "4") as say:
        say("Type your message, then press Ctrl+D.", "Hello\n\x04")
        say("per second, first", "")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a pseudo-terminal, and GNU's readline")
def test_several_lines_that_are_pasted_are_one_message(
    storyteller: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with _terminal("chat", "--model", str(storyteller), "--max-tokens", "4", "--save") as say:
        before = say("> ", "\x1b[200~One\nTwo\nThree\x1b[201~")
        assert "\x1b[?2004h" in before, "else terminals don't mark what is pasted"
        say("Three", "\r")
        say("per second, first", "")
        say("> ", "\x04")
    with closing(History(home / "history.sqlite3", is_guest=True)) as history:
        (summary,) = history.list_conversations()
        assert [each.text for each in history.load_conversation(summary.id).messages][:-1] == ["One\nTwo\nThree"]


class _Process(subprocess.Popen[str]):
    """A program that is gone when its block ends."""

    def __exit__(self, *exception: object) -> None:
        self.kill()
        super().__exit__(*exception)  # type: ignore[arg-type]


def _speaking(model: Path) -> _Process:
    """The program in the middle of a long reply."""
    arguments = ["ask", "Tell me a long story.", *LONG, "--json", "--model", str(model)]
    process = _Process(
        [sys.executable, "-m", "phichat", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        env={**os.environ, **CALM},
    )  # fmt: skip
    assert process.stdout is not None
    for _ in range(5):
        process.stdout.readline()
    return process


def _program(
    model: Path, *arguments: str, stdout: Any = subprocess.PIPE, without: tuple[str, ...] = (), **variables: str
) -> tuple[int, str, str]:
    without = (*without, "PYTHONUNBUFFERED")  # people's Python keeps what it cannot write, and tries again at its end
    environment = {name: value for name, value in os.environ.items() if name not in without} | CALM | variables
    finished = subprocess.run(  # noqa: PLW1510 - its status is what is asked
        [sys.executable, "-m", "phichat", "--model", str(model), *arguments],
        stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True, env=environment, timeout=60,
    )  # fmt: skip
    told = [line for line in finished.stderr.splitlines(keepends=True) if "per second, first" not in line]
    return finished.returncode, finished.stdout or "", "".join(told)


AGAIN = 8.0
"""Seconds after which Ctrl+C is pressed again: Python's readline misses a signal just before it waits for a key."""


class _terminal:  # noqa: N801 - used like a function
    """The program in a terminal of its own. Called, it waits for a text and then types; `ends` is its exit status.

    What came behind the text is looked at by the next call.
    """

    def __init__(self, *arguments: str, ends: int = 0) -> None:
        import pty  # not on Windows

        self._ends = ends
        self._pid, self._file = pty.fork()
        self._is_interrupting, self._seen = False, ""
        if self._pid == 0:
            os.execv(sys.executable, [sys.executable, "-m", "phichat", *arguments])

    def __enter__(self) -> Callable[[str, str], str]:
        return self._wait_and_type

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind:
            os.kill(self._pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        self.hang_up()
        assert kind or status == self._ends

    def hang_up(self) -> None:
        """Close the terminal."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _wait_and_type(self, text: str, keys: str) -> str:
        until, again = time.monotonic() + 30, time.monotonic() + AGAIN
        while text not in self._seen:
            assert time.monotonic() < until, self._seen
            if self._is_interrupting and time.monotonic() > again:
                self._is_interrupting = False
                os.write(self._file, b"\x03")
            if select.select([self._file], [], [], 0.1)[0]:
                self._seen += os.read(self._file, 4096).decode(errors="replace")
        if keys.endswith("\x03"):
            time.sleep(0.2)  # mostly, readline waits then, and `AGAIN` need not pass
        os.write(self._file, keys.encode())
        self._is_interrupting = keys.endswith("\x03")
        before, _, self._seen = self._seen.partition(text)
        return before


def test_a_model_that_can_be_downloaded_is_offered_so(phichat: Run) -> None:
    for name in ("phi-3-mini-4k-instruct-q4", "Phi-3-mini-4k-instruct-q4", "owner/repo:file.gguf"):
        status, _, err = phichat("ask", "Hi", "--model", name)
        sentence = f"{name} isn’t downloaded. Run `phichat models download {name}` first.\n"
        assert (status, err) == (1, sentence)


def _asked_with(engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """The name of the model that answers where none is named."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert cli.run(["ask", "Hi", *arguments], _no_window, lambda _: engine) == 0
    return str(engine.loads[-1][0])


def _no_window(*_: object) -> int:
    raise AssertionError("no window is wanted here")


def test_the_model_is_the_variables_then_the_default_one_then_the_windows(
    engine: ScriptedEngine,
    phichat: Run,
    chatml_model: Path,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = [tmp_path / f"{name}.gguf" for name in ("plain", "last", "chosen", "variable")]
    for file in files:
        file.write_bytes(chatml_model.read_bytes())
    plain, last, chosen, variable = map(str, files)
    phichat("models", "add", plain)
    assert _asked_with(engine, monkeypatch) == plain, "rather than the starter, which is a toy"
    (home / "preferences.json").write_text(json.dumps({"model": last}))
    assert _asked_with(engine, monkeypatch) == last
    assert phichat("models", "default", chosen)[0] == 0
    assert _asked_with(engine, monkeypatch) == chosen
    assert json.loads((home / "preferences.json").read_text())["model"] == last
    monkeypatch.setenv("PHICHAT_MODEL", variable)
    assert _asked_with(engine, monkeypatch) == variable
    assert _asked_with(engine, monkeypatch, "--model", plain) == plain
    monkeypatch.setenv("PHICHAT_MODEL", "")
    assert _asked_with(engine, monkeypatch) == chosen
    monkeypatch.setenv("PHICHAT_MODEL", "gone")
    assert "There is no model named gone" in str(phichat("bench", "--parts", "load"))
    assert "chosen by PHICHAT_MODEL" in str(phichat("bench", "--parts", "load"))
    assert "PHICHAT_MODEL" not in str(phichat("bench", "--parts", "load", "--model", "gone"))


def test_a_context_that_a_model_does_not_have_is_told(engine: ScriptedEngine, phichat: Run) -> None:
    engine.most_context = 8192
    told = "The context is limited to 8,192 tokens, the most this model supports."
    assert told in phichat("ask", "Hi", "--context", "9000")[2]
    assert "made for" not in phichat("ask", "Hi", "--context", "8192")[2]
    assert "made for" not in phichat("ask", "Hi")[2]
    for context, advice in (
        ("8192", "Shorten it."),
        ("4096", "Shorten it, or choose a larger context with --context."),
    ):
        engine.enqueue(PromptTooLong("…choose a larger context in the settings."))
        status, _, err = phichat("ask", "Hi", "--context", context)
        assert status == 1
        assert err.endswith(f"This message is too long for the context ({int(context):,} tokens). {advice}\n")
    engine.enqueue(SystemPromptTooLong("…"))
    err = phichat("ask", "Hi", "--context", "8192", "--system", "word " * 9000)[2]
    assert err.endswith("The system prompt is too long for the context (8,192 tokens). Shorten it.\n")
    engine.enqueue(PinsTooLong("…"))
    err = phichat("ask", "Hi", "--context", "8192")[2]
    told = "The pinned messages don’t leave enough room in the context (8,192 tokens). Unpin a message in the window."
    assert err.endswith(f"{told}\n")


@pytest.mark.parametrize("arguments", [["history", "list"], ["ask", "Hi"]])
def test_a_home_of_a_user_that_nobody_is_is_one_sentence(
    phichat: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("PHICHAT_HOME", "~nosuchuser/x")
    status, out, err = phichat(*arguments)
    assert (status, out) == (1, "")
    assert err.endswith("doesn’t exist on this computer. Set PHICHAT_HOME to a different folder.\n")


def test_a_benchmark_says_how_long_it_takes_and_what_it_does(
    phichat: Run, monkeypatch: pytest.MonkeyPatch, chatml_model: Path
) -> None:
    def measure(plan: Plan) -> dict[str, Any]:
        plan.report("Measuring speed, round 1 …")
        plan.report("Measuring speed, round 2 …")
        return {"load": 1.5}

    monkeypatch.setitem(bench.PARTS, "load", measure)
    monkeypatch.setattr("phichat.bench.calibrated_settings", lambda model, settings, *_: settings)
    status, out, err = phichat("bench", "--parts", "load", "--json", "--model", str(chatml_model))
    assert (status, json.loads(out)["load"]) == (0, 1.5)
    assert err.splitlines() == [
        "This can take about 5 minutes. Press Ctrl+C to stop.",
        "Measuring speed, round 1 …",
        "Measuring speed, round 2 …",
    ]


SLOW, FAST = EngineSettings(threads=2), EngineSettings(threads=2, repacking=True)
TRIALS = [Tried(SLOW, 100, 10), Tried(FAST, 80, 12), Tried(SLOW, 104, 10.4), Tried(FAST, 80, 12.2)]


def test_tune_prints_each_trial_as_json_and_the_choice_last(
    engine: ScriptedEngine, phichat: Run, chatml_model: Path
) -> None:
    engine.trials = [*TRIALS, Tried(FAST, 80, 12.1, chosen=True)]
    status, out, _ = phichat("tune", str(chatml_model), "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [line.get("chosen") for line in lines] == [None, None, None, None, True]
    assert lines[0] == {"settings": SLOW.as_json(), "read": 100, "written": 10}
    assert lines[-1]["settings"]["repacking"] is True


def test_tune_shows_a_table_of_what_it_tried(engine: ScriptedEngine, phichat: Run, chatml_model: Path) -> None:
    engine.trials = [*TRIALS, Tried(FAST, 80, 12.1, chosen=True)]
    status, out, err = phichat("tune", str(chatml_model))
    _, first, second = out.splitlines()
    assert status == 0
    assert first.startswith("*  repacked weights, flash attention, 2 threads")
    assert second.startswith("   original weights, flash attention, 2 threads")
    assert "10.2" in second  # the median
    assert "will use these settings from now on" in err


def test_tune_that_measures_nothing_says_so(engine: ScriptedEngine, phichat: Run, chatml_model: Path) -> None:
    status, out, err = phichat("tune", str(chatml_model))
    assert (status, out) == (1, "")
    assert "so the model’s settings haven’t changed." in err


def test_ctrl_c_leaves_the_settings_as_they_were(engine: ScriptedEngine, phichat: Run, chatml_model: Path) -> None:
    engine.trials = [TRIALS[0], None, *TRIALS]
    status, _, err = phichat("tune", str(chatml_model))
    assert status == 130
    assert "Stopped. The settings for tiny-chatml haven’t changed." in err


def test_wrong_usage_is_told_in_french(phichat: Run) -> None:
    i18n.set_language("fr")
    for arguments, sentence in (
        (["ask"], "arguments manquants : PROMPT"),
        (["ask", "Hi", "--preset", "wild"], "argument --preset : choix non valide : 'wild' (choisissez parmi "),
        (["ask", "Hi", "--seed"], "argument --seed : une valeur est attendue"),
        (["ask", "Hi", "--temp"], "arguments non reconnus : --temp"),
    ):
        status, _, err = phichat(*arguments)
        assert (status, err.count("\n")) == (2, 1)
        assert sentence in err.replace("\u202f", " ").replace("\u00a0", " ")
    help_text = phichat("ask", "--help")[1]
    assert help_text.startswith("utilisation\u00a0: ")
    assert "afficher cette aide" in help_text


def test_a_decimal_comma_is_understood(engine: ScriptedEngine, phichat: Run) -> None:
    assert phichat("ask", "Hi", "--temperature", "0,7", "--top-p", "0,9")[0] == 0
    assert (engine.requests[0].sampling.temperature, engine.requests[0].sampling.top_p) == (0.7, 0.9)
    assert phichat("ask", "Hi", "--temperature", "0,7,1")[0] == 2


def test_columns_stand_under_one_another_with_wide_letters() -> None:
    rows = [["日本語", "a"], ["é", "b"], ["e\u0301", "c"], ["👍x", "d"]]
    assert i18n.format_columns(rows) == ["日本語  a", "é       b", "e\u0301       c", "👍x     d"]


def test_every_field_that_is_printed_is_on_the_page(engine: ScriptedEngine, phichat: Run, chatml_model: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text("utf-8")
    engine.enqueue("Hi")
    engine.enqueue(EngineDied("It died."))
    commands = [
        ["ask", "Hi", "--json"],
        ["ask", "Hi", "--json"],
        ["models", "add", str(chatml_model), "--json"],
        ["models", "list", "--json"],
        ["models", "verify", "tiny-chatml", "--json"],
        ["models", "remove", "tiny-chatml", "--json"],
        ["models", "remove", "nope", "--json"],
        ["history", "list", "--json"],
    ]
    lines = [json.loads(line) for command in commands for line in phichat(*command)[1].splitlines()]
    assert len(lines) > 8
    names = {name for line in lines for name in line}
    assert {name for name in names if f"`{name}`" not in page and f'"{name}"' not in page} == set()
