"""Calibration in child processes of its own, crashes included."""

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from phichat.engine import settings as engine_settings
from phichat.engine.base import SIZES, CancelToken, EngineSettings, Loaded, ModelRef
from phichat.engine.llama import calibration
from phichat.engine.llama.calibration import measure_settings
from phichat.engine.process.calibrate import calibrate
from phichat.engine.process.child_process import ChildProcess
from phichat.engine.process.engine_process import EngineProcess
from phichat.engine.settings import Measured, TuningStore, choose_fastest

USED = EngineSettings(context=512, threads=1)

SCRIPT = """
import json, os, sys, time
order = json.loads(sys.stdin.readline())
said = json.loads(sys.argv[1])
for figures in said["again"] if order["rival"] == 0 and said["again"] else said[str(order["settings"]["repacking"])]:
    if figures == "die":
        os.abort()
    if figures == "hang":
        time.sleep(60)
    settings = {**order["settings"], **figures["settings"]}
    print(json.dumps({"event": "measured", **figures, "settings": settings}), flush=True)
print(json.dumps({"event": "calibrated"}), flush=True)
"""


def figures(seconds: float, **settings: Any) -> dict[str, Any]:
    return {"settings": settings, "reads": 1024 / seconds, "writes": 192 / seconds}


@pytest.fixture
def memory(tmp_path: Path) -> TuningStore:
    return TuningStore(tmp_path / "engine.json")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"model")
    return path


@pytest.fixture
def run(model: Path, memory: TuningStore) -> Callable[..., Measured | None]:
    """Calibrates with children that say what they are told to, by whether they repack."""

    def run_it(
        plain: list[Any],
        repacked: list[Any],
        stop: CancelToken | None = None,
        busy: float = 0,
        again: list[Any] | None = None,
    ) -> Measured | None:
        command = [sys.executable, "-c", SCRIPT, json.dumps({"False": plain, "True": repacked, "again": again})]
        return calibrate(model, USED, memory, lambda: ChildProcess(command), stop or CancelToken(), lambda: busy)

    return run_it


def test_what_is_clearly_faster_is_used_from_now_on(
    run: Callable[..., Measured | None], memory: TuningStore, model: Path
) -> None:
    run([figures(10), figures(8, flash_attention=False)], [figures(9), figures(4, batch=512)])
    assert memory.recall(model, USED) == replace(USED, repacking=True, flash_attention=False, batch=512)
    assert memory.read_speed(model) == pytest.approx(1024 / 4)


def test_what_is_hardly_faster_changes_nothing(
    run: Callable[..., Measured | None], memory: TuningStore, model: Path
) -> None:
    run([figures(10), figures(9.9, flash_attention=False)], [figures(9.8)])
    assert memory.recall(model, USED) == USED
    assert memory.is_measured(model)


def test_a_computer_that_is_faster_by_then_changes_nothing(
    run: Callable[..., Measured | None], memory: TuningStore, model: Path
) -> None:
    run([{**figures(10), "prices": [4.5, 7.5, 14.5]}], [figures(9)], again=[figures(9)])
    assert memory.recall(model, USED) == replace(USED, step_prices=(4.5, 7.5, 14.5))
    assert memory.read_speed(model) == pytest.approx(1024 / 9, abs=0.01)


def test_what_steps_cost_is_remembered_with_the_way_that_is_used(
    run: Callable[..., Measured | None], memory: TuningStore, model: Path
) -> None:
    plain, repacked = {**figures(10), "prices": [5.0, 9.0, 17.0]}, {**figures(5), "prices": [4.5, 7.5, 14.5]}
    run([plain], [repacked])
    assert memory.recall(model, USED) == replace(USED, repacking=True, step_prices=(4.5, 7.5, 14.5))


@pytest.mark.parametrize("prices", [[4.5, 7.5], [4.5, "7.5", 14.5], [0.0, 7.5, 14.5], [4.5, 7.5, 1e99], "4.5", None])
def test_prices_that_make_no_sense_are_not_believed(tmp_path: Path, model: Path, prices: object) -> None:
    memory = TuningStore(tmp_path / "engine.json")
    memory.save_fastest(model, Measured(replace(USED, batch=512), 10, 10, (4.5, 7.5, 14.5)))
    kept = json.loads((tmp_path / "engine.json").read_text("utf-8"))
    next(iter(kept.values()))["fastest"]["step_prices"] = prices
    (tmp_path / "engine.json").write_text(json.dumps(kept), "utf-8")
    assert memory.recall(model, USED) == replace(USED, batch=512)


def test_settings_that_kill_are_never_used(
    run: Callable[..., Measured | None], memory: TuningStore, model: Path
) -> None:
    assert run([figures(10)], ["die"])
    assert memory.recall(model, replace(USED, repacking=True)) == USED
    assert not memory.may_repack(model)
    assert memory.is_measured(model)


def test_where_all_dies_nothing_is_claimed(
    run: Callable[..., Measured | None], memory: TuningStore, model: Path
) -> None:
    assert run(["die"], ["die"]) is None
    assert not memory.is_measured(model)


def test_beside_busy_programs_it_is_put_off(
    run: Callable[..., Measured | None], memory: TuningStore, model: Path
) -> None:
    assert run([figures(10)], [figures(1)], busy=1.0) is None
    assert not memory.is_measured(model)


def test_it_ends_at_once_when_anything_is_asked(
    run: Callable[..., Measured | None], memory: TuningStore, model: Path
) -> None:
    stop = CancelToken()
    threading.Timer(1.0, stop.set).start()
    assert run(["hang"], ["hang"], stop) is None
    assert not memory.is_measured(model)


def test_other_cores_than_those_measured_are_not_believed(memory: TuningStore, model: Path) -> None:
    memory.save_fastest(model, Measured(replace(USED, threads=8, batch=512), 10, 10))
    assert memory.recall(model, USED) == USED
    assert memory.recall(model, replace(USED, threads=8)).batch == 512


def test_without_a_file_it_holds_for_the_session(model: Path) -> None:
    memory = TuningStore(None)
    memory.save_fastest(model, Measured(replace(USED, batch=512), 10, 10))
    assert memory.recall(model, USED).batch == 512


def test_the_first_is_kept_among_equals() -> None:
    one, other = Measured(USED, 100, 10), Measured(replace(USED, batch=256), 101, 10)
    assert choose_fastest([one, other]) is one


def test_a_model_is_measured_with_and_without_flash_attention(chatml_model: Path, settings: EngineSettings) -> None:
    found = list(measure_settings(chatml_model, settings))
    assert {each.settings.flash_attention for each in found} == {True, False}
    assert all(each.reads > 0 and each.writes > 0 for each in found)
    assert len(found[-1].prices) == len(SIZES)
    assert all(price > 0 for price in found[-1].prices)


def test_what_steps_cost_is_not_measured_in_a_way_that_will_not_be_used(
    chatml_model: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "HOPELESS", 1e9)
    assert not any(each.prices for each in measure_settings(chatml_model, settings, rival=1e-6))


def test_the_model_in_use_is_loaded_again_only_for_faster_settings(
    chatml_model: Path, settings: EngineSettings, memory: TuningStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phichat.engine.process.calibrate.CpuLoad", lambda: lambda: 0.0)
    monkeypatch.setattr(engine_settings, "CLEARLY", 0.0)  # whatever the figures are, none is clearly better
    engine = EngineProcess(memory)
    try:
        engine.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
        assert not list(engine.calibrate(CancelToken()))
        assert memory.is_measured(chatml_model)
        memory.save_fastest(chatml_model, Measured(replace(settings, batch=64), 100, 10, (4.5, 7.5, 14.5)))
        again = EngineProcess(memory)
        loaded = again.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
        again.close()
        assert (loaded.settings.batch, loaded.reads) == (64, 100)
        assert loaded.settings.step_prices == (4.5, 7.5, 14.5)
    finally:
        engine.close()


def test_faster_settings_are_used_at_once(
    chatml_model: Path, settings: EngineSettings, memory: TuningStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(path: Path, used: EngineSettings, known: TuningStore, *_: object) -> Measured:
        found = Measured(replace(used, batch=64), 100, 10)
        known.save_fastest(path, found)
        return found

    monkeypatch.setattr("phichat.engine.process.engine_process.calibrate", find)
    engine = EngineProcess(memory)
    try:
        engine.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
        loaded = [event for event in engine.calibrate(CancelToken()) if isinstance(event, Loaded)]
        assert [each.settings.batch for each in loaded] == [64]
    finally:
        engine.close()
