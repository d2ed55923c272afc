"""The real window at work: it loads, reads, writes and is stopped, while its main thread and memory are watched.

So they are while a person writes the next question; and so is the processor while nothing happens at all.
"""

import statistics
import sys
import time
from itertools import pairwise
from typing import Any

import psutil
from PySide6.QtCore import QObject, Qt, QTimer, Slot
from PySide6.QtWidgets import QApplication

from phichat.app import create_window
from phichat.bench.processes import Figures, answer, rounded
from phichat.bench.runs import story
from phichat.bench.window_visitor import Visitor
from phichat.engine.base import Done, Loaded, Piece, Reading

TICK = 0.004  # seconds
SHORT = 20  # words of a question whose answer is stopped
WRITTEN = 5  # tokens after which a reply is stopped


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


def measure(order: dict[str, Any]) -> Figures:
    """Open the window with `model`, ask `words`, hear a `reply`; write, rest; stop answers to long and short questions.

    `typed` characters are written; at rest, `idle` seconds are watched after some for settling.
    """
    application = QApplication(sys.argv[:1])
    lateness = Lateness()
    window = create_window(order["model"])
    window.show()
    visitor = Visitor(window)
    visitor.wait(Loaded)
    visitor.limit_replies(order["reply"])
    visitor.ask(story(order["words"]))
    visitor.wait(Done)
    figures = lateness.finish() | {"memory_mib": memory()}
    figures["typing"] = _typing(visitor, order["typed"])
    figures["idle_cpu"] = _idle(visitor, order["settling"], order["idle"])
    figures["stop"] = {
        "reading_ms": _stops(visitor, order["rounds"], order["long"], Reading, 1),
        "writing_ms": _stops(visitor, order["rounds"], SHORT, Piece, WRITTEN),
    }
    window.close()
    application.processEvents()
    return figures


def _typing(visitor: Visitor, characters: int) -> Figures:
    """Stutter while so many are written, which the model reads along: in how many steps is told, too."""
    text = story(characters)[:characters]
    visitor.read_ahead, lateness = 0, Lateness()
    visitor.write(text)
    figures = lateness.finish() | {"characters": characters, "steps_read_ahead": visitor.read_ahead}
    visitor.take_back()
    return figures


def _idle(visitor: Visitor, settling: float, seconds: float) -> float:
    """The share of all of the processor, in percent, that window and model take where nothing is asked of them."""
    visitor.pause(settling)
    used, begun = _processor_seconds(), time.perf_counter()
    visitor.pause(seconds)
    used, passed = _processor_seconds() - used, time.perf_counter() - begun
    return rounded(100 * used / passed / (psutil.cpu_count() or 1))


def _processor_seconds() -> float:
    own = psutil.Process()
    times = [process.cpu_times() for process in (own, *own.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))


def _stops(visitor: Visitor, rounds: int, words: int, kind: type, count: int) -> float | None:
    """The median milliseconds from Stop to rest, where Stop comes after `count` events of a kind."""
    times = []
    for number in range(rounds):
        visitor.ask(f"{number}. {story(words)}")  # begins differently each time, so that nothing is kept
        if visitor.wait(kind, count):
            times.append(visitor.stop())
    return rounded(statistics.median(times)) if times else None


def memory() -> float:
    """This process's share of memory in MiB: PSS, or what is its alone where the system does not tell."""
    memory = psutil.Process().memory_full_info()
    return rounded(getattr(memory, "pss", memory.uss) / 2**20)


if __name__ == "__main__":
    answer(measure)
