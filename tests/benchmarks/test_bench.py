"""What `phichat bench` says has the shape that others rely on. No test here fails because something is slow."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from phichat import bench
from phichat.bench import first_token, speed, window
from phichat.bench.plan import Plan
from phichat.bench.processes import figures_of, medians
from phichat.chat.sampling import Sampling
from phichat.engine.base import EngineSettings
from phichat.errors import PhichatError


@dataclass(frozen=True)
class Model:
    path: Path
    name: str = "tiny"


def _plan(model: Path, settings: EngineSettings, **changes: Any) -> Plan:
    return replace(Plan(model, settings, Sampling(), sweep=False, report=lambda _: None, rounds=1), **changes)


def _is_speed(figures: dict[str, Any]) -> bool:
    return bool(figures["prompt"] > 0 and figures["generation"] > 0)


def test_speed_is_measured_in_the_app_in_a_plain_loop_and_bare(phi3_model: Path, settings: EngineSettings) -> None:
    found = speed.measure(_plan(phi3_model, settings))
    assert found["seconds_to_load"] > 0
    assert _is_speed(found["speed"])
    assert _is_speed(found["speed"]["same"])
    assert _is_speed(found["speed"]["bare"])
    assert "sweep" not in found["speed"]


def test_a_sweep_finds_settings(phi3_model: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "_variants", lambda settings: [settings, replace(settings, repacking=True)])
    plan = _plan(phi3_model, settings)
    best = speed._sweep(plan, {"tokens": [5, 6, 7, 8], "count": 4})
    assert best
    assert _is_speed(best)
    assert EngineSettings(**best["settings"]).threads == settings.threads


def test_slow_models_read_and_write_less(phi3_model: Path, settings: EngineSettings) -> None:
    fast = {"tokens": [0] * 70, "prompt": 500.0, "generation": 80.0, "seconds_to_load": 0.5}
    slow = {"tokens": [0] * 70, "prompt": 5.0, "generation": 1.0, "seconds_to_load": 20.0}
    plan = _plan(phi3_model, replace(settings, context=4096), rounds=5)
    assert speed._fitting(plan, fast) == speed.Size(speed.PROMPT_WORDS, speed.REPLY_TOKENS, 5)
    size = speed._fitting(plan, slow)
    assert (size.words < speed.PROMPT_WORDS, size.tokens < speed.REPLY_TOKENS) == (True, True)
    assert size.rounds >= 1


def test_what_is_measured_fits_the_context(phi3_model: Path, settings: EngineSettings) -> None:
    figures = {"tokens": [0] * 140, "prompt": 500.0, "generation": 80.0, "seconds_to_load": 0.5}
    size = speed._fitting(_plan(phi3_model, settings), figures)
    assert size.words * 140 / 60 + size.tokens <= settings.context


def test_the_window_is_opened_used_and_stopped(
    phi3_model: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size, value in {"WORDS": 20, "REPLY": 8, "LONG": 200}.items():
        monkeypatch.setattr(window, size, value)
    found = window.measure(_plan(phi3_model, settings))["window"]
    stop = found.pop("stop")
    assert set(found) == {"start_seconds", "bare_window_seconds", "stall_ms_p99", "stall_ms_max", "memory_mib"}
    assert found["stall_ms_p99"] <= found["stall_ms_max"]
    assert all(value > 0 for value in (found["start_seconds"], found["bare_window_seconds"], found["memory_mib"]))
    assert set(stop) == {"reading_ms", "writing_ms"}


def test_a_benchmark_says_what_was_measured_where(phi3_model: Path, settings: EngineSettings) -> None:
    found = bench.run([], Model(phi3_model), settings, Sampling(), sweep=False, report=lambda _: None)
    assert found["model"] == "tiny"
    assert EngineSettings(**found["engine"]) == settings
    assert found["machine"]["memory_bytes"] > 0
    assert json.loads(json.dumps(found)) == found


def test_an_unknown_part_is_named(phi3_model: Path, settings: EngineSettings) -> None:
    with pytest.raises(PhichatError, match="no part called lap-time"):
        bench.run(["lap-time"], Model(phi3_model), settings, Sampling(), sweep=False, report=lambda _: None)


def test_a_model_that_cannot_be_measured_is_an_error(tmp_path: Path, settings: EngineSettings) -> None:
    with pytest.raises(PhichatError, match=r"missing\.gguf"):
        speed.measure(_plan(tmp_path / "missing.gguf", settings))


def test_what_dies_has_no_figures() -> None:
    assert figures_of("phichat.bench.loops", {"what": "nothing"}) is None
    assert medians([{"prompt": 1.0}, None]) is None
    assert medians([]) is None
    assert medians([{"prompt": 1.0}, {"prompt": 3.0}, {"prompt": 2.0}]) == {"prompt": 2.0}


def test_the_first_token_is_timed_beside_that_of_a_cold_prompt(
    chatml_model: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("EARLIER_WORDS", 20),
        ("QUESTION_WORDS", 10),
        ("KEYS_PER_SECOND", 1000),
        ("PASTED_BEFORE", 0.1),
    ):
        monkeypatch.setattr(first_token, name, value)
    found = first_token.measure(_plan(chatml_model, settings))["first_token"]
    assert set(found) == {"next_turn", "typed_draft", "pasted_draft", "reopened"}
    assert all(set(pair) == {"ours", "cold"} and min(pair.values()) > 0 for pair in found.values())
