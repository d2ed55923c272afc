"""Jobs in threads: their order, their ends, and closing while one is stuck."""

import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject, Slot
from pytestqt.qtbot import QtBot

from phichat.cancellation import CancelToken
from phichat.errors import HubRefused
from phichat.ui.threads import background
from phichat.ui.threads.background import BackgroundTasks, Job, JobPool, single_result


class Listener(QObject):
    """Notes what jobs tell."""

    def __init__(self, worker: JobPool) -> None:
        super().__init__()
        self.told: list[object] = []
        self.ended: list[CancelToken] = []
        self.failed: list[str] = []
        worker.happened.connect(self._on_event)
        worker.ended.connect(self._on_end)
        worker.failed.connect(self._on_failure)

    @Slot(object, object)
    def _on_event(self, _: CancelToken, event: object) -> None:
        self.told.append(event)

    @Slot(object)
    def _on_end(self, stop: CancelToken) -> None:
        self.ended.append(stop)

    @Slot(object, str)
    def _on_failure(self, _: CancelToken, sentence: str) -> None:
        self.failed.append(sentence)


@pytest.fixture
def worker(qapp: object) -> Iterator[JobPool]:
    worker = JobPool("test")
    yield worker
    worker.close()


def says(*words: object) -> Job:
    def job(stop: CancelToken) -> Iterator[object]:
        for word in words:
            if isinstance(word, threading.Event):
                while not word.wait(0.005) and not stop.is_set():
                    pass
            elif isinstance(word, Exception):
                raise word
            else:
                yield word

    return job


def test_jobs_are_done_one_after_the_other(worker: JobPool, qtbot: QtBot) -> None:
    listener = Listener(worker)
    orders = [worker.submit(says(1, 2)), worker.submit(says(3)), worker.submit(single_result(lambda _: 4))]
    qtbot.waitUntil(lambda: listener.ended == orders)
    assert listener.told == [1, 2, 3, 4]


def test_a_job_that_was_stopped_before_its_turn_is_never_begun(worker: JobPool, qtbot: QtBot) -> None:
    listener, gate = Listener(worker), threading.Event()
    orders = [worker.submit(says(gate, "first")), worker.submit(says("second"))]
    orders[1].set()
    gate.set()
    qtbot.waitUntil(lambda: listener.ended == orders)
    assert listener.told == ["first"]


def test_what_goes_wrong_is_one_sentence_and_the_next_job_is_done(worker: JobPool, qtbot: QtBot) -> None:
    listener = Listener(worker)
    worker.submit(says(HubRefused("It is not there.")))
    worker.submit(says(ValueError("odd")))
    worker.submit(says("fine"))
    qtbot.waitUntil(lambda: listener.told == ["fine"])
    assert listener.failed == ["It is not there.", "Something unexpected went wrong: odd"]


def test_errands_do_not_wait_for_each_other_and_answer_who_asked(qapp: object, qtbot: QtBot) -> None:
    tasks, gate = BackgroundTasks("test"), threading.Event()
    told: list[object] = []
    ends: list[str] = []
    tasks.run(says(gate, "slow"), told.append, ends.append)
    tasks.run(says("quick"), told.append, ends.append)
    tasks.run(says(HubRefused("No.")), told.append, ends.append)
    qtbot.waitUntil(lambda: told == ["quick"] and sorted(ends) == ["", "No."])
    gate.set()
    qtbot.waitUntil(lambda: told == ["quick", "slow"])
    tasks.close()


def test_closing_stops_what_is_under_way_and_tells_nothing_more(worker: JobPool, qtbot: QtBot) -> None:
    listener = Listener(worker)
    worker.submit(says("begun", threading.Event(), "never"))
    worker.submit(says("never either"))
    qtbot.waitUntil(lambda: listener.told == ["begun"])
    worker.close()
    worker.close()
    assert worker.submit(says("too late")).is_final
    qtbot.wait(20)
    assert listener.told == ["begun"]
    assert not listener.ended


def test_a_job_that_hears_nothing_does_not_hold_up_closing(
    worker: JobPool, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "PATIENCE", 0.05)
    begun, gate = threading.Event(), threading.Event()

    def deaf(_: CancelToken) -> Iterator[object]:
        begun.set()
        gate.wait()
        yield "too late"

    listener = Listener(worker)
    worker.submit(deaf)
    assert begun.wait(10)
    worker.close()
    gate.set()
    qtbot.wait(50)
    assert not listener.told
