"""The memory bandwidth, and the speed of models estimated from it."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from phichat.engine import hardware
from phichat.engine.hardware import SpeedEstimator, measure_bandwidth, tokens_per_second
from phichat.engine.settings import Measured, TuningStore, suggested

pytestmark = pytest.mark.usefixtures("app_bandwidth")


def test_this_computers_memory_is_measured_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "SECONDS", 0.05)
    found = measure_bandwidth()
    assert found
    assert 1e8 < found < 1e13


def test_where_little_is_free_none_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_system_memory", lambda: (16_000_000_000, 100_000_000))
    assert measure_bandwidth() is None


def test_where_there_are_no_threads_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    assert measure_bandwidth() is None


def test_where_memory_is_refused_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("Cannot allocate memory")

    monkeypatch.setattr("mmap.mmap", refuse)
    assert measure_bandwidth() is None


@pytest.mark.parametrize(
    ("file_bytes", "bandwidth", "low", "high"),
    [(2_393_231_072, 18e9, 4.9, 6.9), (2_393_231_072, 26e9, 7.0, 10.4), (98_362_432, 26e9, 80, 110)],
)
def test_estimates_are_near_what_was_measured(file_bytes: int, bandwidth: float, low: float, high: float) -> None:
    assert low < tokens_per_second(file_bytes, bandwidth) < high


def test_it_is_measured_once() -> None:
    answers = iter([10e9])
    speedometer = SpeedEstimator(lambda: next(answers))
    fast, slow = speedometer.speed(1_000_000_000), speedometer.speed(2_000_000_000)
    assert fast
    assert slow
    assert 1.8 < fast / slow < 2
    assert SpeedEstimator(lambda: None).speed(1) is None


def test_a_model_that_was_measured_says_more_than_the_bandwidth() -> None:
    estimator = SpeedEstimator(lambda: 18e9, lambda: [(2_400_000_000, 4.9), (100_000_000, 66.0)])
    assert estimator.speed(2_400_000_000) == pytest.approx(4.9)
    assert estimator.speed(1_200_000_000) == pytest.approx(9.5, abs=0.2)
    assert estimator.speed(20_000_000_000) == SpeedEstimator(lambda: 18e9).speed(20_000_000_000)  # none is near


def test_speeds_are_those_measured_on_this_computer_with_this_build(tmp_path: Path) -> None:
    model = tmp_path / "some.gguf"
    model.write_bytes(bytes(1000))
    store = TuningStore(tmp_path / "engine.json")
    assert store.written_speeds() == []
    store.save_fastest(model, Measured(suggested(), reads=50.0, writes=7.5))
    assert store.written_speeds() == [(1000, 7.5)]
    kept = json.loads((tmp_path / "engine.json").read_text())
    foreign = {f"other {key}": value for key, value in kept.items()}
    junk = {key.replace("1000", "2000"): {"fastest": {"writes": "fast"}} for key in kept}
    (tmp_path / "engine.json").write_text(json.dumps(foreign | junk | {"x": 5}))
    assert TuningStore(tmp_path / "engine.json").written_speeds() == []


def test_a_busy_moment_does_not_make_models_look_slow(tmp_path: Path) -> None:
    here = TuningStore(tmp_path / "engine.json").best_bandwidth
    terminal = SpeedEstimator(lambda: 26e9, best=here)
    window = SpeedEstimator(lambda: 3e9, best=here)  # the computer is busy
    assert terminal.speed(2_393_231_072) == window.speed(2_393_231_072)
    answers = iter([3e9, 30e9])
    opened_twice = SpeedEstimator(lambda: next(answers))
    slow = opened_twice.speed(2_393_231_072)
    opened_twice.measure()
    fast = opened_twice.speed(2_393_231_072)
    assert slow
    assert fast
    assert fast > 5 * slow
    busy_for_long = iter([3e9, 2e9, 3e9, 2e9, 30e9])
    opened_often = SpeedEstimator(lambda: next(busy_for_long))
    for _ in range(5):
        opened_often.measure()
    assert opened_often.speed(2_393_231_072) == fast


def test_a_slower_measurement_does_not_replace_a_faster_one() -> None:
    answers = iter([26e9, 3e9, None])
    estimator = SpeedEstimator(lambda: next(answers))
    first = estimator.speed(2_393_231_072)
    for _ in range(2):
        estimator.measure()
        assert estimator.speed(2_393_231_072) == first


def test_who_asks_during_the_first_measurement_waits_for_it_and_during_the_next_does_not() -> None:
    begun, goes_on = threading.Event(), threading.Event()
    answers = iter([26e9, 30e9])

    def measure() -> float:
        begun.set()
        goes_on.wait(20)
        return next(answers)

    estimator = SpeedEstimator(measure)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(estimator.speed, 2_393_231_072)
        begun.wait()
        second = pool.submit(estimator.speed, 2_393_231_072)
        assert not wait([second], 0.1).done
        goes_on.set()
        assert first.result() == second.result() == tokens_per_second(2_393_231_072, 26e9)
        begun.clear()
        goes_on.clear()
        again = pool.submit(estimator.measure)
        begun.wait()
        assert estimator.speed(2_393_231_072) == first.result()
        goes_on.set()
        again.result()
    assert estimator.speed(2_393_231_072) == tokens_per_second(2_393_231_072, 30e9)


def test_an_unbelievable_bandwidth_is_ignored(tmp_path: Path) -> None:
    store = TuningStore(tmp_path / "engine.json")
    assert store.best_bandwidth(None) is None
    assert store.best_bandwidth(20e9) == 20e9
    kept = (tmp_path / "engine.json").read_text()
    (tmp_path / "engine.json").write_text(kept.replace("20000000000", "1e300"))
    assert TuningStore(tmp_path / "engine.json").best_bandwidth(10e9) == 10e9
