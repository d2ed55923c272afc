"""The real window at work, driven by a scripted user: stutter, memory, idle CPU, and the time to stop a reply."""

import statistics
import sys
import time
from itertools import pairwise
from typing import Any, TypeVar

import psutil
from PySide6.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QApplication, QTextEdit, QWidget

from phichat.app import create_window
from phichat.bench.runs import Figures, long_question, print_figures, rounded
from phichat.engine.base import CancelToken, Done, Event, Loaded, Piece, PromptReady, Reading
from phichat.ui.threads.engine_thread import EngineThread

KEYS_PER_SECOND = 40

Part = TypeVar("Part", bound=QObject)


class ScriptedUser(QObject):
    """Drives a window as a user would.

    Attributes:
        read_ahead: how many steps of drafts have been prefilled.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__()
        self._window = window
        self._loop = QEventLoop(self)
        self._kind: type = Loaded
        self._left = 0
        self._reply: CancelToken | None = None
        self.read_ahead = 0
        [thread] = window.findChildren(EngineThread)
        thread.happened.connect(self._on_event)
        thread.failed.connect(self._on_failure)

    def wait(self, kind: type, count: int = 1) -> bool:
        """Wait for so many events of `kind`; return False if the reply ends before."""
        self._kind, self._left = kind, count
        self._loop.exec()
        return self._left == 0

    def pause(self, seconds: float) -> None:
        """Run the event loop for so long."""
        pause = QEventLoop()
        QTimer.singleShot(round(1000 * seconds), pause.quit)
        pause.exec()

    def ask(self, text: str) -> None:
        """Send `text` in a new conversation."""
        self.part(QAbstractButton, "newConversationButton").click()
        self.go_on_asking(text)

    def go_on_asking(self, text: str) -> None:
        """Send `text` in the current conversation."""
        self._reply = None
        self.part(QTextEdit, "composer").setPlainText(text)
        self.part(QAbstractButton, "sendButton").click()

    def write(self, text: str) -> None:
        """Type `text` into the composer, key by key."""
        typing = KeyTyper(self.part(QTextEdit, "composer"), text)
        typing.run()

    def take_back(self) -> None:
        """Clear the composer."""
        self.part(QTextEdit, "composer").clear()

    def stop(self) -> float:
        """Click Stop; return the milliseconds until the window is idle."""
        button = self.part(QAbstractButton, "stopButton")
        started = time.perf_counter()
        button.click()
        while not button.isHidden():
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        return 1000 * (time.perf_counter() - started)

    def limit_replies(self, tokens: int) -> None:
        """Set the longest reply, so that slow models end in time."""
        self.part(QAbstractSpinBox, "maxTokensSpin").setProperty("value", tokens)

    def part(self, kind: type[Part], name: str) -> Part:
        """Return the object called `name`."""
        found = self._window.findChild(kind, name)
        if found is None:
            sys.exit(f"the window has no {name}")
        return found

    @Slot(object, object)
    def _on_event(self, stop: CancelToken, event: Event) -> None:
        if isinstance(event, PromptReady):  # which a draft has not
            self._reply = stop
        if stop is not self._reply and not isinstance(event, Loaded):
            self.read_ahead += isinstance(event, Reading)
            return
        if self._left and isinstance(event, self._kind):  # more may come before the event loop ends
            self._left -= 1
        if not self._left or isinstance(event, Done):
            self._loop.quit()

    @Slot(object, str)
    def _on_failure(self, _: CancelToken, sentence: str) -> None:
        sys.exit(sentence)


class KeyTyper(QObject):
    """Sends the key events of `text`, `KEYS_PER_SECOND`."""

    def __init__(self, field: QTextEdit, text: str) -> None:
        super().__init__()
        self._field, self._left = field, list(reversed(text))
        self._loop = QEventLoop(self)
        self._timer = QTimer(self, interval=1000 // KEYS_PER_SECOND, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._press)

    def run(self) -> None:
        """Type all of it."""
        self._field.setFocus()
        self._timer.start()
        self._loop.exec()
        self._timer.stop()

    @Slot()
    def _press(self) -> None:
        if not self._left:
            self._loop.quit()
            return
        key = self._left.pop()
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            event = QKeyEvent(kind, Qt.Key.Key_unknown, Qt.KeyboardModifier.NoModifier, key)
            QApplication.sendEvent(self._field, event)


TICK = 0.004  # seconds
SHORT = 20  # words of a question whose reply is stopped
WRITTEN = 5  # tokens after which a reply is stopped


class StutterMeter(QObject):
    """Measures how late a timer fires on the main thread, in milliseconds: what a user feels as stutter."""

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
        """Stop the timer; return the 99th percentile and the maximum."""
        self._timer.stop()
        late = sorted(1000 * max(0.0, after - before - TICK) for before, after in pairwise(self._times))
        return {"stall_ms_p99": rounded(late[int(len(late) * 0.99)]), "stall_ms_max": rounded(late[-1])}


def measure(order: dict[str, Any]) -> Figures:
    """Open the window with `model`, request a reply, type, be idle, and stop replies to long and short questions.

    The order has the `words` of the question, the tokens of its `reply`, the characters `typed`, the seconds `settling`
    and `idle`, the `rounds`, and the words of the `long` question.
    """
    application = QApplication(sys.argv[:1])
    lateness = StutterMeter()
    window = create_window(order["model"])
    window.show()
    user = ScriptedUser(window)
    user.wait(Loaded)
    user.limit_replies(order["reply"])
    user.ask(long_question(order["words"]))
    user.wait(Done)
    figures = lateness.finish() | {"memory_mib": memory_mib()}
    figures["typing"] = _typing(user, order["typed"])
    figures["idle_cpu"] = _idle(user, order["settling"], order["idle"])
    figures["stop"] = {
        "reading_ms": _stops(user, order["rounds"], order["long"], Reading, 1),
        "writing_ms": _stops(user, order["rounds"], SHORT, Piece, WRITTEN),
    }
    window.close()
    application.processEvents()
    return figures


def _typing(user: ScriptedUser, characters: int) -> Figures:
    """Return the stutter while typing so many characters, which are prefilled, and in how many steps that was."""
    text = long_question(characters)[:characters]
    user.read_ahead, lateness = 0, StutterMeter()
    user.write(text)
    figures = lateness.finish() | {"characters": characters, "steps_read_ahead": user.read_ahead}
    user.take_back()
    return figures


def _idle(user: ScriptedUser, settling: float, seconds: float) -> float:
    """Return the percentage of all cores that window and engine use when idle."""
    user.pause(settling)
    used, begun = _processor_seconds(), time.perf_counter()
    user.pause(seconds)
    used, passed = _processor_seconds() - used, time.perf_counter() - begun
    return rounded(100 * used / passed / (psutil.cpu_count() or 1))


def _processor_seconds() -> float:
    own = psutil.Process()
    times = [process.cpu_times() for process in (own, *own.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))


def _stops(user: ScriptedUser, rounds: int, words: int, kind: type, count: int) -> float | None:
    """Return the median milliseconds to stop a reply after `count` events of `kind`; None if they ended before."""
    times = []
    for number in range(rounds):
        user.ask(f"{number}. {long_question(words)}")  # a new beginning, not in the KV cache
        if user.wait(kind, count):
            times.append(user.stop())
    return rounded(statistics.median(times)) if times else None


def memory_mib() -> float:
    """Return the memory of this process in MiB: PSS, or USS if the system does not tell."""
    memory = psutil.Process().memory_full_info()
    return rounded(getattr(memory, "pss", memory.uss) / 2**20)


if __name__ == "__main__":
    print_figures(measure)
