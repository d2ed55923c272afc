"""The real window at work: it loads, reads, writes and is stopped, while its main thread and memory are watched."""

import statistics
import sys
import time
from itertools import pairwise
from typing import Any, TypeVar

import psutil
from PySide6.QtCore import QEventLoop, QObject, Qt, QTimer, Slot
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QApplication, QTextEdit, QWidget

from phichat.app import create_window
from phichat.bench.processes import Figures, answer, rounded
from phichat.bench.speed import story
from phichat.engine.base import Done, Event, Loaded, Piece, Reading, Stop
from phichat.ui.workers import EngineThread

TICK = 0.004  # seconds
SHORT = 20  # words of a question whose answer is stopped
WRITTEN = 5  # tokens after which a reply is stopped

Part = TypeVar("Part", bound=QObject)


class Lateness(QObject):
    """How late a timer's ticks come on this thread, in milliseconds: what a person feels as stutter."""

    def __init__(self) -> None:
        super().__init__()
        self._times: list[float] = []
        self._timer = QTimer(self, interval=round(TICK * 1000), timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    @Slot()
    def _tick(self) -> None:
        self._times.append(time.perf_counter())

    def finish(self) -> Figures:
        """Stop ticking; the worst, and what all but one in a hundred stay under."""
        self._timer.stop()
        late = sorted(1000 * max(0.0, after - before - TICK) for before, after in pairwise(self._times))
        return {"stall_ms_p99": rounded(late[int(len(late) * 0.99)]), "stall_ms_max": rounded(late[-1])}


class Visitor(QObject):
    """Uses a window as a person would."""

    def __init__(self, window: QWidget) -> None:
        super().__init__()
        self._window = window
        self._loop = QEventLoop(self)
        self._kind: type = Loaded
        self._left = 0
        [thread] = window.findChildren(EngineThread)
        thread.happened.connect(self._on_event)
        thread.failed.connect(self._give_up)

    def wait(self, kind: type, count: int = 1) -> bool:
        """Until so many events of a kind have come; False if the reply is over before."""
        self._kind, self._left = kind, count
        self._loop.exec()
        return self._left == 0

    def ask(self, text: str) -> None:
        """Ask in a new conversation."""
        self._part(QAbstractButton, "newConversationButton").click()
        self._part(QTextEdit, "composer").setPlainText(text)
        self._part(QAbstractButton, "sendButton").click()

    def stop(self) -> float:
        """Click Stop; the milliseconds until the window is idle."""
        button = self._part(QAbstractButton, "stopButton")
        started = time.perf_counter()
        button.click()
        while not button.isHidden():
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        return 1000 * (time.perf_counter() - started)

    def limit_replies(self, tokens: int) -> None:
        """No reply longer than that, so that slow models are done in time."""
        self._part(QAbstractSpinBox, "maxTokensSpin").setProperty("value", tokens)

    def _part(self, kind: type[Part], name: str) -> Part:
        found = self._window.findChild(kind, name)
        if found is None:
            sys.exit(f"the window has no {name}")
        return found

    @Slot(object, object)
    def _on_event(self, _: Stop, event: Event) -> None:
        self._left -= isinstance(event, self._kind)
        if self._left == 0 or isinstance(event, Done):
            self._loop.quit()

    @Slot(object, str)
    def _give_up(self, _: Stop, sentence: str) -> None:
        sys.exit(sentence)


def measure(order: dict[str, Any]) -> Figures:
    """Open the window with `model`, ask `words`, hear a `reply`; then stop answers to a `long` question and a short."""
    application = QApplication(sys.argv[:1])
    lateness = Lateness()
    window = create_window(order["model"])
    window.show()
    visitor = Visitor(window)
    visitor.wait(Loaded)
    visitor.limit_replies(order["reply"])
    visitor.ask(story(order["words"]))
    visitor.wait(Done)
    figures = lateness.finish() | {"memory_mib": _memory()}
    figures["stop"] = {
        "reading_ms": _stops(visitor, order["rounds"], order["long"], Reading, 1),
        "writing_ms": _stops(visitor, order["rounds"], SHORT, Piece, WRITTEN),
    }
    window.close()
    application.processEvents()
    return figures


def _stops(visitor: Visitor, rounds: int, words: int, kind: type, count: int) -> float | None:
    """The median milliseconds from Stop to rest, where Stop comes after `count` events of a kind."""
    times = []
    for number in range(rounds):
        visitor.ask(f"{number}. {story(words)}")  # begins differently each time, so that nothing is kept
        if visitor.wait(kind, count):
            times.append(visitor.stop())
    return rounded(statistics.median(times)) if times else None


def _memory() -> float:
    """This process's share of memory in MiB: PSS, or what is its alone where the system does not tell."""
    memory = psutil.Process().memory_full_info()
    return rounded(getattr(memory, "pss", memory.uss) / 2**20)


if __name__ == "__main__":
    answer(measure)
