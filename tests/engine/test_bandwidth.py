"""How fast the memory is, and what is said of models because of it."""

import threading
from types import SimpleNamespace

import pytest

from phichat.engine import bandwidth
from phichat.engine.bandwidth import Speedometer, measure, tokens_per_second


def test_this_computers_memory_is_measured_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bandwidth, "SECONDS", 0.05)
    found = measure()
    assert found
    assert 1e8 < found < 1e13


def test_where_little_is_free_none_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=100_000_000))
    assert measure() is None


def test_where_there_are_no_threads_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    assert measure() is None


def test_where_memory_is_refused_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("Cannot allocate memory")

    monkeypatch.setattr("mmap.mmap", refuse)
    assert measure() is None


def test_phi_3_on_two_ordinary_cores() -> None:
    assert 4.9 < tokens_per_second(2_393_231_072, 18e9) < 6.9


def test_it_is_measured_once() -> None:
    answers = iter([10e9])
    speedometer = Speedometer(lambda: next(answers))
    assert speedometer.speed(1_000_000_000) == pytest.approx(7.5)
    assert speedometer.speed(2_000_000_000) == pytest.approx(3.75)
    assert Speedometer(lambda: None).speed(1) is None
