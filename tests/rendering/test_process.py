"""The process that draws formulas and colours code: what is hostile ends it, and nothing else."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from phichat.rendering.process import OverBudget, RenderProcess

GOOD = {"do": "formula", "latex": r"\frac{a}{b}", "is_display": True}
SLOW_CODE = {"do": "code", "code": "a\n" * 40_000, "language": "java"}
SLOW_FORMULA = {"do": "formula", "latex": r"\newcommand{\a}{" + "x" * 1500 + "}" + r"\a" * 90, "is_display": True}


@pytest.fixture
def process() -> Iterator[RenderProcess]:
    process = RenderProcess()
    yield process
    process.close()


def test_formulas_are_drawn_and_code_gets_colours(process: RenderProcess) -> None:
    assert process.pid is None
    drawing = process.ask(GOOD, 20.0)
    assert drawing["svg"].startswith("<svg")
    assert drawing["ascent"] > drawing["descent"] > 0
    lines = process.ask({"do": "code", "code": "def 𝒻():\n    return 'a'", "language": "python"}, 20.0)
    assert lines[0][:2] == [[0, 3, "keyword"], [4, 2, "name"]]
    assert lines[1] == [[4, 6, "keyword"], [11, 1, "string"], [12, 1, "string"], [13, 1, "string"]]
    assert process.ask({"do": "code", "code": "a", "language": "no such language"}, 20.0) is None


@pytest.mark.parametrize("order", [SLOW_CODE, SLOW_FORMULA])
def test_what_takes_too_much_is_given_up_and_the_next_is_done(process: RenderProcess, order: dict[str, object]) -> None:
    assert process.ask(GOOD, 20.0)
    first = process.pid
    with pytest.raises(OverBudget):
        process.ask(order, 0.2)
    assert process.ask(GOOD, 20.0)
    assert process.pid != first


def test_orders_are_answered_in_turn_up_to_one_that_takes_too_much(process: RenderProcess) -> None:
    others = [{**GOOD, "latex": f"x_{number}"} for number in range(40)]
    widths = [drawing["width"] for drawing in process.ask_all(others, 20.0)]
    assert len(widths) == 40
    assert widths == [process.ask(order, 20.0)["width"] for order in others]
    answers = process.ask_all([*others[:3], SLOW_CODE, GOOD], 0.2)
    assert [next(answers)["width"] for _ in range(3)] == widths[:3]
    with pytest.raises(OverBudget):
        next(answers)
    assert process.ask(GOOD, 20.0)


HOSTILE = [
    r"\frac{1}{" * 100 + "x" + "}" * 100,
    r"\sqrt{" * 100 + "x" + "}" * 100,
    r"\rule{9999em}{9999em}" * 20,
    r"x\hspace{999999999em}y",
    r"x\hspace{-999em}y",
    r"\raise 99999em x",
    r"\text{<math><mtable>}",
    "\ud800",
    "{" * 999,
    "x" + "'" * 999,
    r"\begin{matrix}" + r"\\".join("&".join("1" * 20) for _ in range(40)) + r"\end{matrix}",
]


def test_a_hostile_formula_is_drawn_in_a_bounded_size_or_not_at_all(process: RenderProcess) -> None:
    for latex in HOSTILE:
        with suppress(OverBudget):
            if drawing := process.ask({"do": "formula", "latex": latex, "is_display": True}, 0.5):
                assert len(drawing["svg"]) < 1_000_000, latex
                assert 0 < drawing["width"] < 10_000, latex
                assert 0 < drawing["ascent"] + drawing["descent"] < 3_000, latex


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is the system's there")
def test_memory_is_bounded(process: RenderProcess) -> None:
    limit = psutil.RLIMIT_DATA
    assert process.ask(GOOD, 20.0)
    assert psutil.Process(process.pid).rlimit(limit) == (300 * 2**20,) * 2


def test_it_ends_when_the_program_is_killed_whatever_it_is_doing(
    eventually: Callable[[Callable[[], object]], None],
) -> None:
    script = (
        "from phichat.rendering.process import RenderProcess\nprocess = RenderProcess()\n"
        f"process.ask({GOOD}, 20.0)\nprint(process.pid, flush=True)\nprocess.ask({SLOW_CODE}, 60.0)"
    )
    program = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert program.stdout
    child = psutil.Process(int(program.stdout.readline()))
    program.kill()
    program.wait()
    program.stdout.close()
    eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_one_that_had_ended_because_it_was_idle_is_started_again(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    script = (
        "import os, sys, time\n"
        f"if not os.path.exists({str(ended)!r}):\n    open({str(ended)!r}, 'w').close()\n    sys.exit(0)\n"
        "sys.stdin.readline()\nprint('[\"done\"]', flush=True)\nsys.stdin.readline()"
    )
    process = RenderProcess([sys.executable, "-c", script])
    assert process.ask(GOOD, 20.0) == ["done"]
    process.close()
    with pytest.raises(OverBudget):
        process.ask(GOOD, 20.0)


def test_one_that_is_stopped_is_killed(monkeypatch: pytest.MonkeyPatch, process: RenderProcess) -> None:
    monkeypatch.setattr("phichat.rendering.process.STARTING", 0.1)
    assert process.ask(GOOD, 20.0)
    if hasattr(signal, "SIGSTOP"):
        psutil.Process(process.pid).send_signal(signal.SIGSTOP)
        with pytest.raises(OverBudget):
            process.ask(GOOD, 0.1)
        assert process.ask(GOOD, 20.0)


def test_it_gets_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    script = "import json, os, sys\nsys.stdin.readline()\nprint(json.dumps(dict(os.environ)), flush=True)"
    process = RenderProcess([sys.executable, "-c", script])
    assert "secret" not in process.ask(GOOD, 20.0).values()
    process.close()
