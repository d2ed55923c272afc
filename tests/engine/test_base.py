"""Cancellation of loading and generating."""

from phichat.engine.base import CancelToken


def test_a_listener_hears_the_stop_once() -> None:
    stop, heard = CancelToken(), list[str]()
    stop.set_callback(lambda: heard.append("stop"))
    assert not stop.is_set()
    stop.set()
    stop.set()
    assert stop.is_set()
    assert heard == ["stop"]


def test_a_listener_that_comes_late_hears_it_too() -> None:
    stop, heard = CancelToken(), list[str]()
    stop.set()
    stop.set_callback(lambda: heard.append("stop"))
    assert heard == ["stop"]


def test_a_listener_that_left_hears_nothing() -> None:
    stop, heard = CancelToken(), list[str]()
    stop.set_callback(lambda: heard.append("stop"))
    stop.set_callback(None)
    stop.set()
    assert heard == []
