"""What the engine's processes may not do: know secrets, outlive the app, or run for ever on a hostile file."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from phichat.chat.conversation import Role, Turn, TurnDocuments
from phichat.chat.prompts.base import TemplateError
from phichat.chat.prompts.template import ChatTemplate
from phichat.engine.base import CancelToken, Done, EngineSettings, Event, ModelRef, Notice, PromptReady, Request
from phichat.engine.process import order_watch
from phichat.engine.process.child_process import engine_environment
from phichat.engine.process.engine_process import EngineProcess
from phichat.engine.process.template_process import TemplateProcess
from phichat.errors import EngineDied, ModelDamaged
from tests.support import tiny_models

Eventually = Callable[..., None]

SECRETS = (
    "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_TOKEN", "HTTPS_PROXY", "https_proxy", "ALL_PROXY",
    "OPENAI_API_KEY",
    "AWS_SECRET_ACCESS_KEY", "GITHUB_PAT", "DATABASE_URL", "CI_JOB_TOKEN", "PYTHON_KEYRING_BACKEND", "CUDA_TOKEN",
    "LLAMA_API_KEY", "SSH_AUTH_SOCK", "NETRC", "MY_PASSWORD",
)  # fmt: skip
SAYS_ALL = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
HI = [Turn(Role.USER, "Hi")]
DOUBLES = (
    "{% set n = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set n.a = [n.a, n.a] %}{% set n.b = [n.b, n.b] %}"
)
HANGS_IN_C = DOUBLES + "{% endfor %}{{ n.a == n.b }}"


STRICT = "from phichat.engine.process import template_worker as w; w.CPU_SECONDS = w.SLOW_SECONDS = 0.4; w.main()"
"""A process that gives up earlier than usual; to whole seconds, as the system counts them."""


@pytest.fixture
def templates() -> Iterator[TemplateProcess]:
    process = TemplateProcess([sys.executable, "-c", STRICT])
    yield process
    process.close()


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A model whose template would never end."""
    return tiny_models.chatml(tmp_path / "hostile.gguf", template=HANGS_IN_C)


def is_gone(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


class TestSecrets:
    @pytest.fixture(autouse=True)
    def _secrets(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in SECRETS:
            monkeypatch.setenv(name, "very-secret")
        monkeypatch.setenv("OMP_NUM_THREADS", "1")

    @pytest.mark.skipif(sys.platform == "win32", reason="the environment of another process is not told there")
    def test_no_process_of_the_engine_is_given_any(
        self, hosted: EngineProcess, chatml_model: Path, settings: EngineSettings
    ) -> None:
        hosted.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
        engine = psutil.Process(hosted.pid)
        for process in (engine, *engine.children(recursive=True)):
            assert "very-secret" not in process.environ().values()
            assert process.environ()["OMP_NUM_THREADS"] == "1"

    def test_what_python_and_the_drivers_need_is_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        needed = ("PATH", "HOME", "TMPDIR", "LC_ALL", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "XDG_CACHE_HOME")
        for name in needed:
            monkeypatch.setenv(name, "needed")
        assert {name for name, value in engine_environment().items() if value == "needed"} == set(needed)
        assert not set(SECRETS) & set(engine_environment())


BUSY_PARENT = """
import sys, time
from phichat.engine.process.child_process import ChildProcess

child = ChildProcess([sys.executable, "-c", '''
import re
from phichat.engine.process import protocol
from phichat.engine.process.lifeline import hold_lifeline
hold_lifeline()
print("{}", flush=True)
re.match("(a+)+$", "a" * 60 + "b")
'''])
child.receive()
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="as the kernel sees to it there")
def test_a_child_in_native_code_that_holds_pythons_lock_dies_with_its_parent(eventually: Eventually) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", BUSY_PARENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert not is_gone(child)
        parent.kill()
    eventually(lambda: is_gone(child), 5.0)


class TestTemplates:
    def test_what_comes_back_is_what_it_would_be_here(self, templates: TemplateProcess) -> None:
        turns = [Turn(role, f"Hi {role}") for role in (Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.USER)]
        names = {"bos_token": "<s>", "eos_token": "</s>", "enable_thinking": False}
        known = (tiny_models.CHATML, tiny_models.CHATML + " ", tiny_models.GEMMA, tiny_models.DEEPSEEK)
        for template in (SAYS_ALL, *known):
            there, here = templates.compile(template), ChatTemplate(template)
            assert there.parts(turns, names) == there.parts(turns, names) == here.parts(turns, names), template

    def test_a_template_that_is_known_to_the_letter_takes_no_process(
        self, hosted: EngineProcess, models: Path, chatml_model: Path, phi3_model: Path, settings: EngineSettings
    ) -> None:
        other = tiny_models.chatml(models / "nearly-chatml.gguf", template=tiny_models.CHATML + " ")
        counts = []
        for path in (chatml_model, phi3_model, other):
            hosted.load(ModelRef.of_file(path), settings, CancelToken(), lambda _: None)
            counts.append(len(psutil.Process(hosted.pid).children()))
        assert counts == [0, 0, 1]

    def test_documents_go_to_their_place(self, templates: TemplateProcess) -> None:
        template = "{% for d in documents %}{{ d.title }}: {{ d.text }}{% endfor %}" + SAYS_ALL
        given = TurnDocuments("How?", (("a.txt", "Rinse it."),))
        turns = [Turn(Role.USER, "[1] a.txt: Rinse it. How?", documents=given)]
        parts = templates.compile(template).parts(turns, {})
        assert parts == ChatTemplate(template).parts(turns, {})
        assert "".join(text for text, _ in parts) == "a.txt: Rinse it.[user]How?"

    @pytest.mark.parametrize(
        ("template", "sentence"),
        [
            (HANGS_IN_C, "too long"),
            ("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "too long"),
            ("{{ 'x' | center(2000000000) }}", "too much memory"),
            ("{% set n = namespace(a='x') %}{% for i in range(60) %}{% set n.a = n.a ~ n.a %}{% endfor %}", "memory"),
            ("{{ ('x' * 900000).translate({120: 'y' * 900000}) | length }}", "too much memory"),
            ("{{ raise_exception('take turns') }}", "take turns"),
            ("{{ " + "(" * 9000, "recursion"),
        ],
    )
    def test_hostile_ones_end_in_a_sentence_and_the_next_one_works(
        self, templates: TemplateProcess, template: str, sentence: str
    ) -> None:
        with pytest.raises(TemplateError, match=sentence):
            templates.compile(template).parts(HI, {})
        assert templates.compile(SAYS_ALL).parts(HI, {}) == [("[user]", None), ("Hi", 0)]

    def test_one_that_broke_a_limit_is_not_tried_again(
        self, templates: TemplateProcess, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        template = templates.compile("{% if messages %}{{ 'x' | center(2000000000) }}{% endif %}")
        with pytest.raises(TemplateError, match="memory"):
            template.parts(HI, {})
        monkeypatch.setattr(templates, "ask", None)
        with pytest.raises(TemplateError, match="memory"):
            template.parts([*HI, Turn(Role.ASSISTANT, "Yo"), *HI], {})

    def test_a_process_that_dies_is_one_sentence(self, templates: TemplateProcess) -> None:
        template = templates.compile(SAYS_ALL)
        templates.start().kill()
        with pytest.raises(TemplateError, match=r"too long|stopped unexpectedly"):
            template.parts(HI, {})

    def test_one_that_cannot_be_started_is_one_sentence(self, tmp_path: Path) -> None:
        with pytest.raises(TemplateError):
            TemplateProcess([str(tmp_path / "nothing")]).compile(SAYS_ALL)

    def test_people_read_why_and_the_model_answers(
        self, hosted: EngineProcess, tmp_path: Path, settings: EngineSettings, ask: Callable[..., Request]
    ) -> None:
        heard: list[Event] = []
        path = tiny_models.chatml(tmp_path / "greedy.gguf", template="{{ 'x' | center(2000000000) }}")
        hosted.load(ModelRef.of_file(path), settings, CancelToken(), heard.append)
        assert [event.text for event in heard if isinstance(event, Notice)] == [
            (
                "This model’s chat template doesn’t work (the template uses too much memory), "
                "so Phichat uses a generic one."
            )
        ]
        events = list(hosted.generate(ask("Hi"), CancelToken()))
        assert [event.text for event in events if isinstance(event, PromptReady)] == ["User: Hi\nAssistant:"]
        assert isinstance(events[-1], Done)

    @pytest.mark.skipif(sys.platform != "linux", reason="as the kernel sees to it there")
    def test_it_dies_with_the_engine_while_it_hangs(
        self, hosted: EngineProcess, hostile: Path, settings: EngineSettings, eventually: Eventually
    ) -> None:
        found: list[psutil.Process] = []

        def strike(_: Event) -> None:
            engine = psutil.Process(hosted.pid)
            if not found and (children := engine.children()):
                found.extend(children)
                engine.kill()

        with pytest.raises(EngineDied):
            hosted.load(ModelRef.of_file(hostile), settings, CancelToken(), strike)
        assert found
        eventually(lambda: all(map(is_gone, found)), 5.0)


class TestLoading:
    def test_a_model_that_makes_no_progress_is_given_up(
        self, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(order_watch, "STALLED", 1.0)
        script = str(Path(__file__).with_name("fragile_child.py"))
        engine = EngineProcess(command=(sys.executable, script, '{"load": {"sleep": 600}}'))
        with pytest.raises(EngineDied, match=r"^model\.gguf didn’t finish loading"):
            engine.load(ModelRef.of_file(Path("model.gguf")), settings, CancelToken(), lambda _: None)
        assert engine.pid is None

    @pytest.mark.parametrize("key", ["rope.dimension_count", "rope.dimension_count_swa"])
    def test_a_header_that_llama_cpp_computes_on_for_ever_is_damaged(
        self, hosted: EngineProcess, settings: EngineSettings, tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        describe = tiny_models.Model._describe

        def with_none(model: tiny_models.Model, writer: Any) -> None:
            describe(model, writer)
            for values in writer.kv_data:
                values.pop(f"phi3.{key}", None)
            writer.add_uint32(f"phi3.{key}", 0)

        monkeypatch.setattr(tiny_models.Model, "_describe", with_none)
        path = tiny_models.phi4(tmp_path / "for-ever.gguf")
        with pytest.raises(ModelDamaged, match=r"for-ever\.gguf is damaged"):
            hosted.load(ModelRef.of_file(path), settings, CancelToken(), lambda _: None)
