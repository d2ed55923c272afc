"""Measures the longest steps of the window with heavy answers: formulas, tables, code, lists, links, long paragraphs.

    QT_QPA_PLATFORM=offscreen python -m tests.benchmarks.transcript [NAME…]

Each answer is opened and shown to its end, then clicked into, selected, copied, scrolled, resized and searched; a table
is also written token by token. A step is what the event loop does before it can take the next key or click. Prints the
longest one in milliseconds, in all and of the main thread's processor, and how long it took until nothing was left
to do.
"""

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import cast

from PySide6.QtCore import QAbstractEventDispatcher, QCoreApplication, QEvent, QEventLoop, QPoint, QSize, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QMainWindow, QPushButton

from phichat.chat.conversation import Ending, Message, Reply, Role
from phichat.ui.a11y.focus import FocusRings
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript.find_bar import FindBar
from phichat.ui.transcript.keyboard import TranscriptKeyboard
from phichat.ui.transcript.transcript import Transcript

SIZE = QSize(900, 700)
QUIET = 0.3  # seconds in which nothing happens, after which all is done
PATIENCE = 120.0  # seconds
CLICKS = 5
TOKENS = 4_000

GREEK = ("alpha", "beta", "gamma", "delta", "epsilon", "theta", "lambda", "mu", "sigma", "phi")


def formulas() -> str:
    """Return 1,500 different formulas, five in a paragraph."""

    def formula(number: int) -> str:
        letter = GREEK[number % len(GREEK)]
        return rf"$\frac{{\{letter}_{{{number}}}}}{{\sqrt{{x^{{{number % 7}}} + {number}}}}}$"

    rows = (" and ".join(formula(5 * row + at) for at in range(5)) for row in range(300))
    return "\n\n".join(f"In step {number} there are {row}." for number, row in enumerate(rows))


def table(rows: int, columns: int) -> str:
    """Return a table of small numbers."""
    lines = (" | ".join(str(row * column % 97) for column in range(columns)) for row in range(rows))
    head = " | ".join(f"c{column}" for column in range(columns))
    return "\n".join([f"| {head} |", "|" + "---|" * columns, *(f"| {line} |" for line in lines)])


def nested() -> str:
    """Return 2,000 list items, up to five lists deep."""
    return "\n".join("   " * (number % 5) + f"- item {number} with a few words" for number in range(2_000))


HEAVY: dict[str, Callable[[], str]] = {
    "formulas": formulas,
    "rows": lambda: table(5_000, 4),
    "columns": lambda: table(60, 300),
    "codes": lambda: "\n\n".join(f"```python\nx = {number}\n```" for number in range(3_000)),
    "items": nested,
    "links": lambda: " ".join(f"[page {number}](https://one.example/{number})" for number in range(10_000)),
    "paragraph": lambda: "some words of a paragraph that has no end " * 4_800,
    "growing": lambda: table(TOKENS // 25, 4),
}


class Steps:
    """Runs the event loop, and keeps how long its longest step took."""

    def __init__(self) -> None:
        self.longest = self.processor = self.seconds = self.total = 0.0
        self._begun, self._used = time.perf_counter(), time.process_time()

    def take(self, step: Callable[[], object]) -> float:
        """Take a step; return how long it took."""
        begun, used = time.perf_counter(), time.thread_time()
        step()
        seconds = time.perf_counter() - begun
        self.longest = max(self.longest, seconds)
        self.processor = max(self.processor, time.thread_time() - used)
        return seconds

    def run_loop(self) -> float:
        """Run the event loop once; return how long that took."""
        dispatcher = QAbstractEventDispatcher.instance()
        assert dispatcher
        return self.take(partial(dispatcher.processEvents, QEventLoop.ProcessEventsFlag.AllEvents))

    def settle(self) -> None:
        """Run the event loop until nothing is left to do."""
        until = time.perf_counter() + PATIENCE
        last = time.perf_counter()
        while time.perf_counter() < min(until, last + QUIET):
            if self.run_loop() > 0.0005:
                last = time.perf_counter()
            else:
                time.sleep(0.0005)
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        self.seconds = last - self._begun
        self.total = time.process_time() - self._used


def tell(name: str, what: str, steps: Steps) -> None:
    """Print a line."""
    print(
        f"{name:10} {what:14} longest {1000 * steps.longest:7.1f} ms, of the processor {1000 * steps.processor:7.1f}"
        f" ms; done after {steps.seconds:5.2f} s, processor {steps.total:5.2f} s",
        flush=True,
    )


class Bench:
    """A window with a transcript."""

    def __init__(self, theme: Theme) -> None:
        self.window = QMainWindow()
        self.transcript = Transcript(theme)
        self.keyboard = TranscriptKeyboard(self.transcript)
        self.find_bar = FindBar(theme, self.transcript)
        self.find_bar.hide()
        FocusRings(theme, self.window)
        self.window.setCentralWidget(self.transcript)
        self.window.resize(SIZE)
        self.window.show()
        QTest.qWaitForWindowExposed(self.window)
        Steps().settle()

    def measure(self, name: str, source: str) -> None:
        """Print a line for all that is done with an answer."""
        for what, act in self._writing(source) if name == "growing" else self._reading(source):
            steps = Steps()
            for each in act:
                steps.take(each)
                steps.settle()
            if act:
                tell(name, what, steps)

    def _show(self, source: str, *, is_growing: bool = False) -> None:
        reply = Reply(ending=Ending.ANSWERING if is_growing else Ending.STOP)
        answer = Message(Role.ASSISTANT, source, reply=reply, id="answer")
        self.transcript.show_path([Message(Role.USER, "Question", id="question"), answer])

    def _reading(self, source: str) -> Iterator[tuple[str, list[Callable[[], object]]]]:
        bar = self.transcript.verticalScrollBar()
        yield "open", [lambda: self._show(source)]
        yield "show more", [self._show_more] if self._more_button() else []
        while self._more_button():
            yield "show more", [self._show_more]
        yield "click", [lambda: self._click(0), lambda: self._click(1)]
        self.transcript.scroll_to_start()
        Steps().settle()
        yield "click on top", [lambda: self._click(2), lambda: self._click(3)]
        yield "scroll", [lambda: bar.setValue((bar.value() + bar.maximum() // 8) % bar.maximum())] * 9
        yield "select all", [lambda: self._key(Qt.Key.Key_A)]
        yield "copy", [lambda: self._key(Qt.Key.Key_C)]
        yield "extend", [lambda: self._key(Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)]
        yield "resize", [lambda: self.window.resize(SIZE.width() - 300, SIZE.height())]
        yield "resize back", [lambda: self.window.resize(SIZE)]
        yield "find", [self.find_bar.open, lambda: self.find_bar.field.setText("9")]
        yield "find next", [self.find_bar.find_next] * CLICKS
        yield "close find", [self.find_bar.dismiss]
        yield "go away", [lambda: self.transcript.show_path([])]

    def _writing(self, source: str) -> Iterator[tuple[str, list[Callable[[], object]]]]:
        size = max(1, len(source) // TOKENS)
        self._show(source[:size], is_growing=True)
        steps = Steps()
        path = self.transcript.path()
        for end in range(size, len(source), size):
            message = Message(Role.ASSISTANT, source[:end], reply=Reply(ending=Ending.ANSWERING), id="answer")
            steps.take(partial(self.transcript.update_last_message, message))
            for _ in range(3):
                steps.run_loop()
        steps.settle()
        tell("growing", "write", steps)
        yield "end", [lambda: self._show(source)]
        yield "click", [lambda: self._click(0), lambda: self._click(1)]
        yield "go away", [lambda: self.transcript.show_path(path[:0])]

    def _more_button(self) -> QPushButton | None:
        found = self.transcript.findChild(QPushButton, "moreButton")
        return found if found and not found.isHidden() else None

    def _show_more(self) -> None:
        if button := self._more_button():
            button.click()

    def _click(self, number: int) -> None:
        viewport = self.transcript.viewport()
        place = QPoint(viewport.width() // 2 - 40 * number, viewport.height() // 3 + 20 * number)
        target = self.transcript.childAt(self.transcript.viewport().mapTo(self.transcript, place))
        if target:
            QTest.mouseClick(target, Qt.MouseButton.LeftButton, pos=target.mapFromGlobal(viewport.mapToGlobal(place)))
        for dialog in self.window.findChildren(QDialog):  # of a link
            dialog.close()

    def _key(self, key: Qt.Key, more: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        modifier = more or Qt.KeyboardModifier.ControlModifier
        QTest.keyClick(QApplication.focusWidget() or self.transcript, key, modifier)


def main() -> None:
    """Measure the answers that are named, or all."""
    application = QApplication.instance() or QApplication(["transcript", "-style", "fusion"])
    theme = Theme(cast(QApplication, application))
    bench = Bench(theme)
    for name in sys.argv[1:] or HEAVY:
        bench.measure(name, HEAVY[name]())
    bench.transcript.context.render.close()


if __name__ == "__main__":
    main()
