"""Calibration in child processes of its own, crashes included."""

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from phichat.chat.conversation import Ending
from phichat.engine.base import SIZES, CancelToken, Done, EngineSettings, Loaded, ModelRef, Tried
from phichat.engine.llama.calibration import SpeedMeter
from phichat.engine.process.calibrate import REPLIES, Busy, SpeedWatch, calibrate
from phichat.engine.process.child_process import ChildProcess
from phichat.engine.process.engine_process import EngineProcess
from phichat.engine.settings import MOST_DOUBTS, Measured, TuningStore

USED = EngineSettings(context=512, threads=2, flash_attention=False)

SCRIPT = """
import json, os, sys, time
said = json.loads(sys.argv[1])
while line := sys.stdin.readline():
    order = json.loads(line)
    settings = order["settings"]
    found = said["repacked" if settings["repacking"] else "plain"]
    if found == "die":
        os.abort()
    if found == "hang":
        time.sleep(60)
    if settings["cache_type"] == "q8_0/f16" and said["short"] == "die":
        os.abort()
    if settings["cache_type"] == "q8_0/f16" and said["short"] == "refuse":
        print(json.dumps({"event": "error"}), flush=True)
        continue
    seconds = found["flash" if settings["flash_attention"] else "none"] * (3 - settings["threads"])
    seconds *= said["short"] if settings["cache_type"] == "q8_0/f16" else 1
    speeds = {"reads": 60 / seconds, "writes": 300 / seconds}
    answer = {"settings": settings, **speeds, "prices": said["prices"], "layers": 0}
    print(json.dumps({"event": "measured", **answer}), flush=True)
"""
"""A child that measures what it is told to: seconds by layout and attention, fewer with more threads."""

PRICES = [4.5, 7.5, 14.5]
Run = Callable[..., Measured | None]


def kind(none: float, flash: float) -> dict[str, float]:
    """Return the seconds of half a turn without and with flash attention."""
    return {"none": none, "flash": flash}


@pytest.fixture
def memory(tmp_path: Path) -> TuningStore:
    return TuningStore(tmp_path / "engine.json")


@pytest.fixture
def model(chatml_model: Path, tmp_path: Path) -> Path:
    return chatml_model


@pytest.fixture
def run(model: Path, memory: TuningStore) -> Run:
    """Calibrates with children that say what they are told to, by whether they repack."""

    def run_it(
        plain: Any,
        repacked: Any,
        stop: CancelToken | None = None,
        busy: float = 0,
        report: Callable[[Tried], None] | None = None,
        short: Any = 1,
        cache_type: str = "f16",
    ) -> Measured | None:
        said = {"plain": plain, "repacked": repacked, "short": short, "prices": PRICES}
        command = [sys.executable, "-c", SCRIPT, json.dumps(said)]
        return calibrate(
            model, replace(USED, cache_type=cache_type), memory, lambda: ChildProcess(command), stop or CancelToken(),
            report,
            lambda: busy * time.monotonic(),
        )  # fmt: skip

    return run_it


def test_what_is_clearly_faster_is_used_from_now_on(run: Run, memory: TuningStore, model: Path) -> None:
    run(kind(10, 12), kind(9, 7))
    assert memory.recall(model, USED) == replace(
        USED, repacking=True, flash_attention=True, step_prices=tuple(PRICES), threads=2
    )
    assert memory.read_speed(model) == pytest.approx(60 / 7, abs=0.01)


def test_among_what_is_nearly_as_fast_less_memory_wins(run: Run, memory: TuningStore, model: Path) -> None:
    run(kind(9.9, 10), kind(9.8, 9.85))
    found = memory.recall(model, USED)
    assert (found.repacking, found.flash_attention) == (False, True)
    assert memory.is_measured(model)


def test_the_choice_does_not_depend_on_what_is_in_use(run: Run, memory: TuningStore, model: Path) -> None:
    first = run(kind(10, 15), kind(9, 14))
    again = run(kind(10, 15), kind(9, 14))
    assert first
    assert again == first


def test_each_trial_is_told_and_the_choice_last(run: Run) -> None:
    told: list[Tried] = []
    run(kind(10, 15), kind(9, 14), report=told.append)
    assert [each.chosen for each in told] == [*[False] * (len(told) - 1), True]
    assert len({(each.settings.repacking, each.settings.flash_attention) for each in told}) == 4
    assert {each.settings.threads for each in told} == {1, 2}


@pytest.mark.parametrize("prices", [[4.5, 7.5], [4.5, "7.5", 14.5], [0.0, 7.5, 14.5], [4.5, 7.5, 1e99], "4.5", None])
def test_prices_that_make_no_sense_are_not_believed(tmp_path: Path, model: Path, prices: object) -> None:
    memory = TuningStore(tmp_path / "engine.json")
    memory.save_fastest(model, Measured(replace(USED, batch=512), 10, 10, (4.5, 7.5, 14.5)))
    kept = json.loads((tmp_path / "engine.json").read_text("utf-8"))
    next(iter(kept.values()))["fastest"]["step_prices"] = prices
    (tmp_path / "engine.json").write_text(json.dumps(kept), "utf-8")
    assert memory.recall(model, USED) == replace(USED, batch=512)


FREE = replace(USED, cache_type="")


@pytest.fixture
def _wide_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model's heads have 16 values, fewer than a block of q8_0."""
    monkeypatch.setattr("phichat.engine.hardware.may_shorten_keys", lambda _: True)


@pytest.mark.usefixtures("_wide_heads")
def test_shorter_keys_are_used_where_they_are_clearly_faster(run: Run, memory: TuningStore, model: Path) -> None:
    run(kind(10, 9), kind(20, 21), short=0.8, cache_type="")
    found = memory.recall(model, FREE)
    assert (found.cache_type, found.flash_attention) == ("q8_0/f16", False)


@pytest.mark.usefixtures("_wide_heads")
@pytest.mark.parametrize(("short", "cache_type"), [(0.99, ""), (0.5, "f16")], ids=["hardly faster", "not wanted"])
def test_keys_stay_exact(run: Run, memory: TuningStore, model: Path, short: float, cache_type: str) -> None:
    run(kind(10, 15), kind(20, 21), short=short, cache_type=cache_type)
    assert memory.recall(model, FREE).cache_type == "f16"


@pytest.mark.usefixtures("_wide_heads")
def test_shorter_keys_that_kill_are_never_used(run: Run, memory: TuningStore, model: Path) -> None:
    found = run(kind(10, 15), kind(9, 14), short="die", cache_type="")
    assert found
    assert found.settings.repacking
    assert memory.recall(model, FREE).cache_type == memory.recall_safe(model, FREE).cache_type == "f16"
    assert memory.may_repack(model)


@pytest.mark.usefixtures("_wide_heads")
def test_a_child_that_refuses_shorter_keys_is_gone_before_another_loads_the_model(
    memory: TuningStore, model: Path, eventually: Callable[[Callable[[], object]], None]
) -> None:
    said = {"plain": kind(10, 9), "repacked": kind(20, 21), "short": "refuse", "prices": PRICES}
    children: list[ChildProcess] = []

    def start() -> ChildProcess:
        eventually(lambda: sum(child.is_alive() for child in children) < 2)
        children.append(ChildProcess([sys.executable, "-c", SCRIPT, json.dumps(said)]))
        return children[-1]

    assert calibrate(model, FREE, memory, start, CancelToken(), None, lambda: 0)
    assert len(children) > 2
    assert memory.recall(model, FREE).cache_type == "f16"


def test_heads_that_fill_no_block_keep_their_keys(run: Run, memory: TuningStore, model: Path) -> None:
    run(kind(10, 15), kind(20, 21), short=0.5, cache_type="")
    assert memory.recall(model, FREE).cache_type == "f16"


def test_an_unknown_type_of_the_cache_is_not_believed(tmp_path: Path, model: Path) -> None:
    memory = TuningStore(tmp_path / "engine.json")
    memory.save_fastest(model, Measured(replace(USED, batch=512, cache_type="q8_0/f16"), 10, 10))
    text = (tmp_path / "engine.json").read_text("utf-8")
    (tmp_path / "engine.json").write_text(text.replace("q8_0/f16", "q1"), "utf-8")
    assert memory.recall(model, FREE) == replace(FREE, batch=512)


def test_settings_that_kill_are_never_used(run: Run, memory: TuningStore, model: Path) -> None:
    assert run(kind(10, 12), "die")
    assert not memory.recall(model, replace(USED, repacking=True)).repacking
    assert not memory.may_repack(model)
    assert memory.is_measured(model)


def test_where_all_dies_nothing_is_claimed(run: Run, memory: TuningStore, model: Path) -> None:
    assert run("die", "die") is None
    assert not memory.is_measured(model)


def test_weights_are_not_repacked_where_memory_lacks(
    run: Run, memory: TuningStore, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phichat.engine.process.calibrate.available_memory", lambda: 1000)
    run(kind(10, 12), kind(1, 1))
    assert not memory.recall(model, USED).repacking
    assert memory.fastest(model)["lacked_memory"] is True


def test_beside_busy_programs_it_is_put_off(run: Run, memory: TuningStore, model: Path) -> None:
    with pytest.raises(Busy):
        run(kind(10, 12), kind(1, 1), busy=1.0)
    assert not memory.is_measured(model)


def test_whoever_asks_beside_busy_programs_gets_it_but_it_is_measured_again(
    run: Run, memory: TuningStore, model: Path
) -> None:
    assert run(kind(10, 12), kind(5, 6), busy=1.0, report=lambda _: None)
    assert memory.recall(model, USED).repacking
    assert not memory.is_measured(model)


def test_it_ends_at_once_when_anything_is_asked(run: Run, memory: TuningStore, model: Path) -> None:
    stop = CancelToken()
    threading.Timer(1.0, stop.set).start()
    assert run("hang", "hang", stop) is None
    assert not memory.is_measured(model)


def test_settings_in_doubt_are_measured_again_but_not_for_ever(memory: TuningStore, model: Path) -> None:
    for _ in range(MOST_DOUBTS):
        memory.save_fastest(model, Measured(replace(USED, batch=512), 10, 10))
        assert memory.is_measured(model)
        memory.doubt(model)
        assert not memory.is_measured(model)
        assert memory.recall(model, USED).batch == 512
    memory.save_fastest(model, Measured(USED, 10, 10))
    memory.doubt(model)
    assert memory.is_measured(model)


class TestSpeedWatch:
    def told(self, speeds: list[float], busy: float = 0.0, count: int = 100) -> list[bool]:
        """Return what it says after replies with these speeds, where 10 tokens a second were measured."""
        now = [0.0]
        watch, found = SpeedWatch(lambda: busy * now[0], lambda: now[0]), []
        for speed in speeds:
            watch.begin_reply(None)
            now[0] += 10
            done = Done(Ending.STOP, 1, completion_tokens=count, tokens_per_second=speed)
            found.append(watch.is_slow(done, 10.0))
        return found

    def test_several_slow_replies_in_a_row_are_noticed(self) -> None:
        assert self.told([7.0] * REPLIES) == [False] * (REPLIES - 1) + [True]

    def test_a_fast_one_between_them_is_enough(self) -> None:
        assert not any(self.told([7.0] * (REPLIES - 1) + [9.5] + [7.0] * (REPLIES - 1)))

    def test_busy_programs_are_a_reason(self) -> None:
        assert not any(self.told([3.0] * 9, busy=1.0))

    def test_short_replies_tell_nothing(self) -> None:
        assert not any(self.told([3.0] * 9, count=5))


def test_other_cores_than_those_measured_are_not_believed(memory: TuningStore, model: Path) -> None:
    memory.save_fastest(model, Measured(replace(USED, threads=8, batch=512), 10, 10))
    assert memory.recall(model, USED) == USED
    assert memory.recall(model, replace(USED, threads=8)).batch == 512


def test_without_a_file_it_holds_for_the_session(model: Path) -> None:
    memory = TuningStore(None)
    memory.save_fastest(model, Measured(replace(USED, batch=512), 10, 10))
    assert memory.recall(model, USED).batch == 512


def test_a_model_is_really_measured(chatml_model: Path, settings: EngineSettings) -> None:
    meter = SpeedMeter(chatml_model, settings)
    try:
        turn = meter.measure_turn(settings)
        assert turn.reads > 0
        assert turn.writes > 0
        assert meter.measure_reading(replace(settings, batch=256)).reads > 0
        prices = meter.step_prices(settings)
        assert len(prices) == len(SIZES)
        assert all(price > 0 for price in prices)
        assert meter.layers == 0
    finally:
        meter.close()


def test_the_model_in_use_is_loaded_again_only_for_faster_settings(
    chatml_model: Path, settings: EngineSettings, memory: TuningStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(path: Path, used: EngineSettings, known: TuningStore, *_: object) -> Measured:
        known.save_fastest(path, found := Measured(used, 100, 10))
        return found

    monkeypatch.setattr("phichat.engine.process.engine_process.calibrate", find)
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
