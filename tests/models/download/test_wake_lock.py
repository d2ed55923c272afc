"""The computer stays awake while it is asked to, and nothing else ever comes of asking."""

import sys
import threading
import types
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest

from phichat.models.download.wake_lock import WakeLock

Eventually = Callable[[Callable[[], object]], None]


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A system that allows it; the threads that asked and have not let go."""
    asking: list[int] = []

    @contextmanager
    def running(on_fail: str) -> Any:
        assert on_fail == "pass"
        asking.append(threading.get_ident())
        yield types.SimpleNamespace(active=True)
        asking.remove(threading.get_ident())  # by the thread that entered, or not at all

    _install(monkeypatch, running)
    return asking


def test_it_is_awake_from_beginning_to_end(entered: list[int], eventually: Eventually) -> None:
    with WakeLock() as awake:
        eventually(lambda: awake.is_held)
        assert entered
        assert threading.get_ident() not in entered
    assert entered == []


def test_it_can_be_asked_twice_and_again(entered: list[int], eventually: Eventually) -> None:
    awake = WakeLock()
    for _ in range(2):
        awake.start()
        awake.start()
        eventually(lambda: entered)
        assert len(entered) == 1
        awake.stop()
        awake.stop()
        assert entered == []


def test_where_it_is_refused_nothing_happens(monkeypatch: pytest.MonkeyPatch, eventually: Eventually) -> None:
    def running(on_fail: str) -> Any:
        raise RuntimeError("no bus")

    _install(monkeypatch, running)
    with WakeLock() as awake:
        eventually(lambda: awake.is_held is False)


def test_without_the_library_nothing_happens(monkeypatch: pytest.MonkeyPatch, eventually: Eventually) -> None:
    monkeypatch.setitem(sys.modules, "wakepy", None)
    with WakeLock() as awake:
        eventually(lambda: awake.is_held is False)


def test_without_a_desktop_the_library_itself_stays_quiet(
    monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    monkeypatch.setenv("WAKEPY_FORCE_FAILURE", "1")
    with WakeLock() as awake:
        eventually(lambda: awake.is_held is False)


def test_the_library_is_used_as_it_wants_to_be(monkeypatch: pytest.MonkeyPatch, eventually: Eventually) -> None:
    monkeypatch.setenv("WAKEPY_FAKE_SUCCESS", "1")
    with WakeLock() as awake:
        eventually(lambda: awake.is_held)


def _install(monkeypatch: pytest.MonkeyPatch, running: Callable[..., Any]) -> None:
    library = types.ModuleType("wakepy")
    library.keep = types.SimpleNamespace(running=running)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wakepy", library)
