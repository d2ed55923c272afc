"""Garbage goes by itself, without a thread of the window's ever freeing what is Qt's."""

import gc
import threading

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from phichat.ui.tidying import MUCH, Tidying


class Knot:
    """Garbage that only a collector frees; tells which thread it was."""

    freed_by: list[int]

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        self.freed_by.append(threading.get_ident())


def tie(count: int) -> list[int]:
    """So many knots, by another thread; the list that fills as they are freed."""
    Knot.freed_by = []
    thread = threading.Thread(target=lambda: [Knot() for _ in range(count)] and None)
    thread.start()
    thread.join()
    return Knot.freed_by


def test_garbage_of_any_thread_is_freed_by_the_main_thread(qtbot: QtBot) -> None:
    gc.enable()
    window = QObject()
    Tidying(window, every=10)
    freed_by = tie(5000)
    assert not freed_by
    qtbot.waitUntil(lambda: len(freed_by) == 5000)
    assert set(freed_by) == {threading.get_ident()}
    window.deleteLater()
    qtbot.waitUntil(gc.isenabled)


def test_what_is_old_is_looked_at_when_nothing_goes_on(qtbot: QtBot) -> None:
    window = QObject()
    tidying = Tidying(window, every=10_000)
    gc.collect()
    freed_by: list[int] = []
    Knot.freed_by = freed_by
    knot = Knot()
    for _ in range(MUCH):
        gc.collect(1)
    del knot
    tidying.look_at_all()
    assert freed_by == [threading.get_ident()]
    tidying.look_at_all()
    assert gc.get_count()[2] == 0, "there is nothing to do twice"
