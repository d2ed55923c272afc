"""Work in threads: its order, its ends, and closing while a thread is stuck."""

import threading
from collections.abc import Iterator
from functools import partial

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot
from shiboken6 import delete

from phichat.cancellation import CancelToken
from phichat.errors import HubRefused
from phichat.ui.threads import background
from phichat.ui.threads.background import BackgroundTasks, Work


class Listener:
    """Runs work and notes what comes of it."""

    def __init__(self, tasks: BackgroundTasks) -> None:
        self._tasks = tasks
        self.told: list[object] = []
        self.ended: list[CancelToken] = []
        self.failed: list[str] = []

    def run(self, work: Work, owner: QObject | None = None) -> CancelToken:
        cancel = CancelToken()
        return self._tasks.run(
            work, self.told.append, self.failed.append, lambda: self.ended.append(cancel), cancel=cancel, owner=owner
        )


@pytest.fixture
def one_by_one(qapp: object) -> Iterator[BackgroundTasks]:
    tasks = BackgroundTasks("test", 1)
    yield tasks
    tasks.close()


def says(*words: object) -> Work:
    def work(stop: CancelToken) -> Iterator[object]:
        for word in words:
            if isinstance(word, threading.Event):
                while not word.wait(0.005) and not stop.is_set():
                    pass
            elif isinstance(word, Exception):
                raise word
            else:
                yield word

    return work


def test_work_is_done_in_the_order_it_came(one_by_one: BackgroundTasks, qtbot: QtBot) -> None:
    listener = Listener(one_by_one)
    orders = [listener.run(says(1, 2)), listener.run(says(3)), listener.run(lambda _: 4)]
    qtbot.waitUntil(lambda: listener.ended == orders)
    assert listener.told == [1, 2, 3, 4]


def test_what_was_cancelled_before_its_turn_is_never_begun(one_by_one: BackgroundTasks, qtbot: QtBot) -> None:
    listener, gate = Listener(one_by_one), threading.Event()
    orders = [listener.run(says(gate, "first")), listener.run(says("second"))]
    orders[1].set()
    gate.set()
    qtbot.waitUntil(lambda: listener.ended == orders)
    assert listener.told == ["first"]


def test_what_goes_wrong_is_one_sentence_and_the_next_work_is_done(one_by_one: BackgroundTasks, qtbot: QtBot) -> None:
    listener = Listener(one_by_one)
    orders = [
        listener.run(says(HubRefused("It is not there."))),
        listener.run(says(ValueError("odd"))),
        listener.run(says("fine")),
    ]
    qtbot.waitUntil(lambda: listener.ended == orders)
    assert listener.told == ["fine"]
    assert listener.failed == ["It is not there.", "Something went wrong (odd). Try again."]


def test_several_threads_do_not_wait_for_each_other(qapp: object, qtbot: QtBot) -> None:
    tasks, gate = BackgroundTasks("test"), threading.Event()
    listener = Listener(tasks)
    listener.run(says(gate, "slow"))
    listener.run(says("quick"))
    listener.run(says(HubRefused("No.")))
    qtbot.waitUntil(lambda: listener.told == ["quick"] and len(listener.ended) == 2)
    assert listener.failed == ["No."]
    gate.set()
    qtbot.waitUntil(lambda: listener.told == ["quick", "slow"])
    tasks.close()


def test_a_thread_is_there_only_while_there_is_work(one_by_one: BackgroundTasks, qtbot: QtBot) -> None:
    listener = Listener(one_by_one)
    for _ in range(2):
        order = listener.run(lambda _: threading.current_thread().name)
        qtbot.waitUntil(partial(listener.ended.__contains__, order))
        qtbot.waitUntil(lambda: all(thread.name != "test" for thread in threading.enumerate()))
    assert listener.told == ["test", "test"]


def test_nothing_is_told_to_who_is_gone(one_by_one: BackgroundTasks, qtbot: QtBot) -> None:
    listener, gate, owner = Listener(one_by_one), threading.Event(), QObject()
    listener.run(says(gate, "too late"), owner)
    last = listener.run(says("for another"))
    delete(owner)
    gate.set()
    qtbot.waitUntil(lambda: listener.ended == [last])
    assert listener.told == ["for another"]


def test_work_whose_window_is_deleted_ends_quietly(qapp: object, qtbot: QtBot) -> None:
    window, gate = QObject(), threading.Event()
    listener = Listener(BackgroundTasks("orphan", 1, window))
    listener.run(says("begun", gate, "too late", "later still"))
    qtbot.waitUntil(lambda: listener.told == ["begun"])
    delete(window)
    gate.set()
    qtbot.waitUntil(lambda: all(thread.name != "orphan" for thread in threading.enumerate()))
    assert listener.told == ["begun"]


def test_closing_cancels_what_is_under_way_and_tells_nothing_more(one_by_one: BackgroundTasks, qtbot: QtBot) -> None:
    listener = Listener(one_by_one)
    listener.run(says("begun", threading.Event(), "never"))
    listener.run(says("never either"))
    qtbot.waitUntil(lambda: listener.told == ["begun"])
    one_by_one.close()
    one_by_one.close()
    assert listener.run(says("too late")).is_final
    qtbot.wait(20)
    assert listener.told == ["begun"]
    assert not listener.ended


def test_work_that_cannot_be_interrupted_does_not_hold_up_closing(
    one_by_one: BackgroundTasks, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "PATIENCE", 0.05)
    begun, gate = threading.Event(), threading.Event()

    def deaf(_: CancelToken) -> Iterator[object]:
        begun.set()
        gate.wait()
        yield "too late"

    listener = Listener(one_by_one)
    listener.run(deaf)
    assert begun.wait(10)
    one_by_one.close()
    gate.set()
    qtbot.wait(50)
    assert not listener.told
