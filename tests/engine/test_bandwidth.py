"""The memory bandwidth, and the speed of models estimated from it."""

import threading
from types import SimpleNamespace

import pytest

from phichat.engine import hardware
from phichat.engine.hardware import SpeedEstimator, measure_bandwidth, tokens_per_second


def test_this_computers_memory_is_measured_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "SECONDS", 0.05)
    found = measure_bandwidth()
    assert found
    assert 1e8 < found < 1e13


def test_where_little_is_free_none_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=100_000_000))
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
