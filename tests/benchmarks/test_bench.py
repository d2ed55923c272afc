"""The shape of what `phichat bench` returns. No test here fails because something is slow."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest

from phichat import bench
from phichat.bench import first_token, load, lookup, speed, window
from phichat.bench.load import busy_processes
from phichat.bench.lookup import ForcedChain
from phichat.bench.plan import Plan
from phichat.bench.runs import is_enough, medians, run_module
from phichat.chat.sampling import Sampling
from phichat.engine.base import EngineSettings, ModelRef
from phichat.engine.settings import Measured, TuningStore
from phichat.errors import PhichatError


def _plan(model: Path, settings: EngineSettings, **changes: Any) -> Plan:
    return replace(
        Plan(ModelRef.of_file(model), settings, Sampling(), sweep=False, report=lambda _: None, rounds=1), **changes
    )


def _is_speed(figures: dict[str, Any]) -> bool:
    return bool(figures["prompt"] > 0 and figures["generation"] > 0)


def test_speed_is_measured_in_the_app_in_a_plain_loop_and_bare(phi3_model: Path, settings: EngineSettings) -> None:
    found = speed.measure(_plan(phi3_model, settings))
    assert found["seconds_to_load"] > 0
    assert _is_speed(found["speed"])
    assert _is_speed(found["speed"]["same"])
    assert _is_speed(found["speed"]["bare"])
    assert "sweep" not in found["speed"]


def test_what_the_sweep_found_takes_turns_with_ours(
    phi3_model: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, asked = replace(settings, threads=settings.threads + 1), list[tuple[str, EngineSettings]]()

    def loop(kind: str, plan: Plan, settings: EngineSettings, like: dict[str, Any]) -> dict[str, float]:
        asked.append((kind, settings))
        return {"prompt": 50.0 * settings.threads, "generation": 5.0}

    run = {"tokens": [0] * 70, "count": 8, "prompt": 90.0, "generation": 9.0, "seconds_to_load": 0.1}
    monkeypatch.setattr(speed, "run_app", lambda *_: run)
    monkeypatch.setattr(speed, "run_loop", loop)
    monkeypatch.setattr(speed, "_sweep", lambda *_: other)
    found = speed.measure(_plan(phi3_model, settings, sweep=True, rounds=2))["speed"]
    assert asked == [("bare", settings), ("same", settings), ("same", other)] * 2
    assert found["sweep"] == {"prompt": 50.0 * other.threads, "generation": 5.0, "settings": other.as_json()}
    assert found["prompt"] == 90.0


def test_a_sweep_finds_the_settings_that_are_fastest_in_most_runs(
    phi3_model: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One lucky run is not enough, and what dies once is out."""
    quick, lucky, dies = (replace(settings, batch=batch) for batch in (128, 256, 64))
    speeds: dict[int, list[float | None]] = {128: [70.0, 70.0, 70.0], 256: [90.0, 10.0, 10.0], 64: [99.0, None]}
    told: list[str] = []

    def loop(kind: str, plan: Plan, settings: EngineSettings, like: dict[str, Any]) -> dict[str, float] | None:
        speed = speeds[settings.batch].pop(0)
        return {"prompt": speed, "generation": speed} if speed else None

    monkeypatch.setattr(speed, "_variants", lambda settings: [lucky, dies, quick])
    monkeypatch.setattr(speed, "run_loop", loop)
    monkeypatch.setattr(speed, "run_app", lambda *_: {"tokens": [0] * 70, "count": 8})
    probe = {"tokens": [0] * 70, "prompt": 500.0, "generation": 80.0, "seconds_to_load": 0.5}
    assert speed._sweep(_plan(phi3_model, settings, rounds=3, report=told.append), probe) == quick
    assert len(told) == 8


def test_a_sweep_of_what_always_dies_finds_nothing(
    phi3_model: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed, "run_loop", lambda *_: None)
    monkeypatch.setattr(speed, "run_app", lambda *_: {"tokens": [0] * 70, "count": 8})
    probe = {"tokens": [0] * 70, "prompt": 500.0, "generation": 80.0, "seconds_to_load": 0.5}
    assert speed._sweep(_plan(phi3_model, settings), probe) is None


def test_slow_models_read_and_write_less(phi3_model: Path, settings: EngineSettings) -> None:
    fast = {"tokens": [0] * 70, "prompt": 500.0, "generation": 80.0, "seconds_to_load": 0.5}
    slow = {"tokens": [0] * 70, "prompt": 5.0, "generation": 1.0, "seconds_to_load": 20.0}
    plan = _plan(phi3_model, replace(settings, context=4096), rounds=5)
    assert speed.choose_size(plan, fast, 3) == speed.Size(speed.PROMPT_WORDS, speed.REPLY_TOKENS, 5)
    size = speed.choose_size(plan, slow, 3)
    assert (size.words < speed.PROMPT_WORDS, size.tokens < speed.REPLY_TOKENS) == (True, True)
    assert size.rounds >= 1


def test_what_is_measured_fits_the_context(phi3_model: Path, settings: EngineSettings) -> None:
    figures = {"tokens": [0] * 140, "prompt": 500.0, "generation": 80.0, "seconds_to_load": 0.5}
    size = speed.choose_size(_plan(phi3_model, settings), figures, 3)
    assert size.words * 140 / 60 + size.tokens <= settings.context


SMALL_WINDOW = {
    "WORDS": 20, "REPLY": 8, "LONG": 200, "TYPED": 20, "SETTLING": 0.1, "IDLE": 0.2, "PAUSE": 0.1, "DRAG": 200,
    "MESSAGES": 40, "PAGES": 8, "LETTERS": 300,
}  # fmt: skip
LONG_CONVERSATION = ("opening_first_paint_ms", "opening_memory_mib", "resize_ms_max", "scroll_ms_p99")


def test_the_window_is_opened_used_and_stopped(
    phi3_model: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)  # that of all tests is kept, see conftest.py
    for size, value in SMALL_WINDOW.items():
        monkeypatch.setattr(window, size, value)
    found = window.measure(_plan(phi3_model, settings))["window"]
    stop, typing, streaming = found.pop("stop"), found.pop("typing"), found.pop("streaming")
    long = {name: found.pop(name) for name in LONG_CONVERSATION}
    stalls = {"stall_ms_p99", "stall_ms_max"}
    assert set(found) == {"start_seconds", "bare_window_seconds", "memory_mib", "idle_cpu", *stalls}
    assert set(typing) == {"characters", "steps_read_ahead", *stalls}
    assert found["idle_cpu"] >= 0
    assert found["stall_ms_p99"] <= found["stall_ms_max"]
    assert all(value > 0 for value in (found["start_seconds"], found["bare_window_seconds"], found["memory_mib"]))
    assert set(stop) == {"reading_ms", "writing_ms"}
    assert set(streaming) == stalls
    assert min(long.values()) > 0


def test_where_no_bytecode_is_kept_it_is_for_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    with window._bytecode() as variables:
        folder = Path(variables["PYTHONPYCACHEPREFIX"])
        assert folder.is_dir()
        assert variables["PYTHONDONTWRITEBYTECODE"] == ""
    assert not folder.exists()
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    with window._bytecode() as variables:
        assert variables == {}


def test_a_benchmark_says_what_was_measured_where(phi3_model: Path, settings: EngineSettings) -> None:
    found = bench.run(
        [], ModelRef.of_file(phi3_model, "tiny"), settings, Sampling(), sweep=False, report=lambda _: None
    )
    assert found["model"] == "tiny"
    assert EngineSettings(**found["engine"]) == settings
    assert found["machine"]["memory_bytes"] > 0
    assert json.loads(json.dumps(found)) == found


def test_what_is_measured_is_what_the_app_would_choose(
    phi3_model: Path, settings: EngineSettings, tmp_path: Path
) -> None:
    tuning = TuningStore(tmp_path / "engine.json")
    fastest = replace(settings, batch=256, flash_attention=False)
    tuning.save_fastest(phi3_model, Measured(fastest, 100.0, 10.0))
    found = bench.run(
        [],
        ModelRef.of_file(phi3_model, "tiny"),
        settings,
        Sampling(),
        sweep=False,
        report=lambda _: None,
        tuning=tuning,
    )
    assert EngineSettings(**found["engine"]) == fastest


def test_an_unknown_part_is_named(phi3_model: Path, settings: EngineSettings) -> None:
    with pytest.raises(PhichatError, match="no part named lap-time"):
        bench.run(
            ["lap-time"], ModelRef.of_file(phi3_model, "tiny"), settings, Sampling(), sweep=False, report=lambda _: None
        )


def test_a_model_that_cannot_be_measured_is_an_error(tmp_path: Path, settings: EngineSettings) -> None:
    with pytest.raises(PhichatError, match=r"missing\.gguf"):
        speed.measure(_plan(tmp_path / "missing.gguf", settings))


def test_what_dies_has_no_figures() -> None:
    assert run_module("phichat.bench.loops", {"what": "nothing"}) is None
    assert medians([{"prompt": 1.0}, None]) is None
    assert medians([]) is None
    assert medians([{"prompt": 1.0}, {"prompt": 3.0}, {"prompt": 2.0}]) == {"prompt": 2.0}


def test_the_first_token_is_timed_beside_that_of_a_cold_prompt(
    chatml_model: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("EARLIER_WORDS", 8), ("QUESTION_WORDS", 10), ("PASTED_BEFORE", 0.4)):
        monkeypatch.setattr(first_token, name, value)
    monkeypatch.setattr(first_token, "KEYS_PER_SECOND", 100)
    monkeypatch.setattr(first_token, "LOOK_EVERY", 0.05)
    found = first_token.measure(_plan(chatml_model, replace(settings, context=2048)))["first_token"]
    assert set(found) == {"next_turn", "typed_draft", "pasted_draft", "reopened"}
    for part in found.values():
        assert set(part) == {"ours", "cold", "ours_tokens", "cold_tokens", "ours_kept", "cold_kept"}
        assert min(part["ours"], part["cold"]) > 0
        assert part["cold_kept"] == 0
        assert part["ours_kept"] > 0
    assert found["next_turn"]["ours_tokens"] > found["next_turn"]["cold_tokens"]
    assert all(part["ours_tokens"] == part["cold_tokens"] for name, part in found.items() if name != "next_turn")


def test_the_app_the_bare_loop_and_fixed_threads_run_in_turn(
    phi3_model: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("BUSY_PROCESSES", (0,)), ("REPLY_TOKENS", 8), ("FEWEST_TOKENS", 4)):
        monkeypatch.setattr(load, name, value)
    monkeypatch.setattr(load, "threads", lambda: 1)
    (row,) = load.measure(_plan(phi3_model, settings))["load"]
    assert set(row) == {"busy_processes", "ours", "bare", "fixed"}
    assert row["busy_processes"] == 0
    assert set(row["fixed"]) == {"1"}
    assert min(row["ours"], row["bare"], row["fixed"]["1"]) > 0


def test_other_programs_run_while_speed_is_measured(
    phi3_model: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs beside each kind has been started by then."""
    before, beside = set(psutil.Process().children()), list[tuple[str, int]]()

    def run(kind: str, speed: float) -> dict[str, Any]:
        beside.append((kind, len(set(psutil.Process().children()) - before)))
        return {"tokens": [1], "count": 4, "prompt": 9.0, "generation": speed, "seconds_to_load": 0.1}

    monkeypatch.setattr(load, "BUSY_PROCESSES", (0, 1))
    monkeypatch.setattr(load, "threads", lambda: 1)
    monkeypatch.setattr(load, "run_app", lambda *_, **__: run("ours", 30.0))
    monkeypatch.setattr(load, "run_loop", lambda kind, *_, **__: run(kind, 20.0))
    found = load.measure(_plan(phi3_model, settings))["load"]
    assert [row["busy_processes"] for row in found] == [0, 1]
    assert all((row["ours"], row["bare"], row["fixed"]) == (30.0, 20.0, {"1": 20.0}) for row in found)
    kinds = ["ours", "bare", "same"]
    assert beside == [("ours", 0), *((kind, 0) for kind in kinds), *((kind, 1) for kind in kinds)]


def test_threads_are_fixed_at_powers_of_two_and_at_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, counts in ((1, "1"), (2, "1 2"), (4, "1 2 4"), (6, "1 2 4 6")):
        monkeypatch.setattr(load, "threads", lambda cores=cores: cores)
        assert load._kinds() == ["ours", "bare", *counts.split()]


def test_busy_programs_compute_until_they_are_not_needed(eventually: Any) -> None:
    before = set(psutil.Process().children())
    others = set[psutil.Process]()

    def work() -> None:
        with busy_processes(2):
            others.update(set(psutil.Process().children()) - before)
            eventually(lambda: all(other.cpu_times().user > 0.1 for other in others))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert len(others) == 2
    assert not any(other.is_running() for other in others)


def test_a_run_ends_after_its_seconds() -> None:
    order = {"count": 100, "seconds": 5}
    assert [is_enough(ticks, order) for ticks in ([0.0], [0.0, 4.0], [0.0, 4.0, 6.0], [0.0] * 100)] == [
        False,
        False,
        True,
        True,
    ]


def test_guesses_are_measured_with_a_model_that_has_to_be_told_what_to_say(
    phi3_model: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "LONGEST_REPLY", 6)
    monkeypatch.setattr(lookup, "SHORTEST_REPLY", 6)
    plan = _plan(phi3_model, settings)
    found = lookup.measure(speed.lookup_order(plan))
    assert found["forced"]
    for kind in ("copying", "free"):
        assert set(found[kind]) == {"on", "off", "looked_up"}
        assert min(found[kind]["on"], found[kind]["off"]) > 0


def test_a_forced_sampler_works_and_is_overruled() -> None:
    class Chain:
        asked: ClassVar[list[int]] = []

        def choose(self, context: Any, index: int = -1) -> int:
            self.asked.append(index)
            return 99

        def close(self) -> None:
            self.asked.append(1000)

    chain = ForcedChain(Chain(), [5, 6])
    assert [chain.choose(None), chain.choose(None, 0), chain.choose(None, 1)] == [5, 6, 99]
    chain.close()
    assert Chain.asked == [-1, 0, 1, 1000]


def test_what_resembles_the_text_is_a_copy() -> None:
    assert lookup._is_copy(lookup.COPY)
    assert lookup._is_copy("The old ferry leaves the town at seven every morning. It carries bread, letters, and a few")
    assert not lookup._is_copy(lookup.STORY)
    assert not lookup._is_copy("")
