"""The real window with a very long conversation: it is opened, resized, paged through, and a long reply comes."""

import sys
import time
from contextlib import closing
from typing import Any

from PySide6.QtCore import QEvent, QEventLoop, QModelIndex, QObject, QPointF, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QListView, QScrollArea, QWidget

from phichat import paths
from phichat.app import create_window
from phichat.bench.narrator import Narrator, long_record
from phichat.bench.processes import Figures, answer, rounded
from phichat.bench.window_app import Lateness, memory
from phichat.bench.window_visitor import Visitor
from phichat.engine.base import Done, Loaded
from phichat.store.base import ConversationRecord
from phichat.store.history import History

SIZES = [*range(1180, 700, -16), *range(700, 1500, 16)]  # pixels of width, as somebody pulls the window's edge
HEIGHT = 760
SETTLING = 2.0  # seconds until all is there that is made when there is time
BETWEEN = 0.016  # seconds between two steps of what is pulled, and two repeats of a key


class Painted(QObject):
    """Notes when `widget` was last painted: once what is painted with it is, too."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__()
        self.at = 0.0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: ARG002, N802 - Qt's
        """Hear of it."""
        if event.type() is QEvent.Type.Paint:
            QTimer.singleShot(0, self._note)
        return False

    def _note(self) -> None:
        self.at = time.perf_counter()


class Reader:
    """A person at a window with a long conversation in its list."""

    def __init__(self, window: QWidget, visitor: Visitor) -> None:
        self._window, self._visitor = window, visitor
        self._area = visitor.part(QScrollArea, "transcript")
        self._list = visitor.part(QListView, "conversationList")
        self._painted = Painted(visitor.part(QWidget, "transcriptContent"))

    def open(self, title: str, last: str) -> float:
        """Click on the conversation called that; the milliseconds until the message named `last` is painted."""
        while not (index := self._row(title)).isValid():
            self._visitor.pause(0.05)
        self._visitor.pause(SETTLING)  # what the window prepares once it is shown
        place = QPointF(self._list.visualRect(index).center())
        started = time.perf_counter()
        for kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease):
            left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
            there = self._list.viewport().mapToGlobal(place)
            QApplication.sendEvent(self._list.viewport(), QMouseEvent(kind, place, there, left, left, none))
        while self._window.findChild(QWidget, last) is None:
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        shown = time.perf_counter()
        while self._painted.at < shown:
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        return 1000 * (self._painted.at - started)

    def resize(self) -> list[float]:
        """Pull the window's edge; the milliseconds that each step takes until it is painted."""
        frames = []
        for width in SIZES:
            started = time.perf_counter()
            self._window.resize(width, HEIGHT)
            QApplication.processEvents()
            frames.append(1000 * (time.perf_counter() - started))
            self._visitor.pause(BETWEEN)
        return frames

    def page_up(self) -> list[float]:
        """Page from the end to the beginning; the milliseconds that each page takes until it is painted."""
        frames = []
        bar = self._area.verticalScrollBar()
        while bar.value() > 0 or self._window.findChild(QWidget, "message-0") is None:
            started = time.perf_counter()
            self._press(Qt.Key.Key_PageUp)
            QApplication.processEvents()
            frames.append(1000 * (time.perf_counter() - started))
            self._visitor.pause(BETWEEN)
        return frames

    def go_to_end(self) -> None:
        """Press End."""
        self._press(Qt.Key.Key_End)
        self._visitor.pause(SETTLING)

    def _press(self, key: Qt.Key) -> None:
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.sendEvent(self._area, QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier))

    def _row(self, title: str) -> QModelIndex:
        model = self._list.model()
        rows = [model.index(row, 0) for row in range(model.rowCount())]
        return next((index for index in rows if index.data() == title), QModelIndex())


def measure(order: dict[str, Any]) -> Figures:
    """Open the window, with `messages` in a conversation; go through it; hear `letters` at `speed` tokens a second."""
    record = long_record(order["messages"])
    _store(record)
    application = QApplication(sys.argv[:1])
    window = create_window(order["model"], make_engine=lambda: Narrator(order["letters"], order["speed"]))
    window.show()
    visitor = Visitor(window)
    visitor.wait(Loaded)
    reader = Reader(window, visitor)
    figures: Figures = {}
    opened = reader.open(record.heading.title, f"message-{len(record.messages) - 1}")
    figures["opening_first_paint_ms"] = rounded(opened)
    visitor.pause(SETTLING)
    figures["opening_memory_mib"] = memory()
    frames = reader.resize()
    figures["scroll_ms_p99"] = rounded(_p99(reader.page_up()))
    figures["resize_ms_max"] = rounded(max(*frames, *reader.resize()))  # where more messages are there
    reader.go_to_end()
    figures["streaming"] = _streaming(visitor)
    window.close()
    application.processEvents()
    return figures


def _streaming(visitor: Visitor) -> Figures:
    """Stutter while the reply comes."""
    visitor.go_on_asking("Tell me all of it.")
    lateness = Lateness()
    visitor.wait(Done)
    return lateness.finish()


def _store(record: ConversationRecord) -> None:
    """Have it in the history that the window will open."""
    with closing(History(paths.home().history)) as history:
        history.put(record).result()


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


if __name__ == "__main__":
    answer(measure)
