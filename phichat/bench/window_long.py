"""The real window with a very long conversation: opening, resizing, paging, and a long reply."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from PySide6.QtCore import QEvent, QEventLoop, QModelIndex, QObject, QPointF, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QListView, QScrollArea, QWidget

from phichat import paths
from phichat.app import create_window
from phichat.bench.runs import Figures, print_figures, rounded
from phichat.bench.window_app import ScriptedUser, StutterMeter, memory_mib
from phichat.chat.conversation import Ending, Message, Reply, Role, new_id
from phichat.engine.base import (
    CancelToken,
    Done,
    EngineSettings,
    Event,
    Loaded,
    ModelRef,
    Piece,
    PromptFit,
    PromptReady,
    Request,
)
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.store.history import History

LETTERS = 5  # of a token

_PROSE = (
    "The old ferry goes over the river **every morning** and carries bread, letters and people to the town. It is "
    "slow, *friendly* and a little late, and `nobody` minds."
)
_LIST = "- bread from the mill\n- letters for the [town](https://example.org)\n- people who\n  - sit\n  - stand"
_CODE = "```python\ndef cross(river, people):\n    for one in people:\n        river.carry(one)\n    return river\n```"
_TABLE = "| day | people |\n|---|---|\n| Monday | 12 |\n| Tuesday | 9 |"
_ANSWERS = (
    _PROSE,
    f"{_PROSE}\n\n{_LIST}",
    f"## The river\n\n{_PROSE} {_PROSE}",
    f"{_PROSE}\n\n{_CODE}\n\n{_PROSE}",
    f"{_PROSE}\n\n{_TABLE}\n\n{_PROSE}",
)


class PacedEngine:
    """Implements Engine: each reply has so many `letters` and comes at `speed` tokens per second."""

    def __init__(self, letters: int, speed: float) -> None:
        self._text, self._speed = long_text(letters), speed

    def load(
        self,
        model: ModelRef,
        settings: EngineSettings,
        stop: CancelToken,  # noqa: ARG002 - the protocol's
        report: Callable[[Event], None],  # noqa: ARG002
    ) -> Loaded:
        """Load nothing."""
        return Loaded(model, "phi3", settings.context, "narrator", settings)

    def generate(self, request: Request, stop: CancelToken) -> Iterator[Event]:
        """Yield the reply; a token that is late does not delay the others."""
        yield PromptFit(1, 0, 4096)
        if not request.is_draft:
            yield PromptReady((1,), "")
            yield from self._tell(stop)
        yield Done(Ending.STOP, 0)

    def score(self, text: str, stop: CancelToken) -> Iterator[Event]:  # noqa: ARG002 - the protocol's
        """Do nothing."""
        yield from ()

    def calibrate(self, stop: CancelToken, report: object = None) -> Iterator[Event]:  # noqa: ARG002 - the protocol's
        """Do nothing."""
        yield from ()

    def unload(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def _tell(self, stop: CancelToken) -> Iterator[Event]:
        begun = time.perf_counter()
        for number, at in enumerate(range(0, len(self._text), LETTERS)):
            if stop.wait(max(0.0, begun + number / self._speed - time.perf_counter())):
                return
            yield Piece(self._text[at : at + LETTERS], 1000 + number)


def long_text(letters: int) -> str:
    """Return Markdown of that length, with all kinds of blocks."""
    text = "\n\n".join(_ANSWERS)
    return "\n\n".join([text] * (letters // len(text) + 1))[:letters]


def long_record(messages: int) -> ConversationRecord:
    """Return a conversation of so many messages."""
    path: list[Message] = []
    for number in range(messages):
        parent = path[-1].id if path else None
        created = 1_700_000_000.0 + number
        if number % 2:
            text = _ANSWERS[number // 2 % len(_ANSWERS)]
            reply = Reply("narrator", number, tuple(range(1000, 1000 + len(text) // LETTERS)), Ending.STOP)
            path.append(Message(Role.ASSISTANT, text, parent, reply=reply, created=created))
        else:
            path.append(Message(Role.USER, f"And what about the ferry, the {number}th time?", parent, created=created))
    heading = ConversationSummary(new_id(), "A long conversation", path[0].created, path[-1].created)
    return ConversationRecord(heading, path[-1].id, messages=tuple(path))


WIDTHS = (1180, 700, 1500)  # pixels, between which the window's edge is dragged
HEIGHT = 760
BETWEEN = 0.016  # seconds between two steps of dragging, and two repeats of a key


class PaintClock(QObject):
    """Records when `widget` was last painted, children included."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__()
        self.at = 0.0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: ARG002, N802 - Qt's
        """Record paint events."""
        if event.type() is QEvent.Type.Paint:
            QTimer.singleShot(0, self._note)
        return False

    def _note(self) -> None:
        self.at = time.perf_counter()


class TranscriptUser:
    """Opens, resizes and pages a long conversation as a user would."""

    def __init__(self, window: QWidget, user: ScriptedUser, settling: float) -> None:
        """Wait `settling` seconds for what the window prepares when idle, before and after something is measured."""
        self._window, self._user, self._settling = window, user, settling
        self._area = user.part(QScrollArea, "transcript")
        self._list = user.part(QListView, "conversationList")
        self._painted = PaintClock(user.part(QWidget, "transcriptContent"))

    def open(self, title: str, last: str) -> float:
        """Click on the conversation `title`; return the milliseconds until the message named `last` is painted."""
        while not (index := self._row(title)).isValid():
            self._user.pause(0.05)
        self._user.pause(self._settling)
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

    def resize(self, drag: int) -> list[float]:
        """Drag the window's edge in steps of `drag` pixels; return the milliseconds of each until it is painted."""
        frames, (first, narrow, wide) = list[float](), WIDTHS
        for width in (*range(first, narrow, -drag), *range(narrow, wide, drag)):
            started = time.perf_counter()
            self._window.resize(width, HEIGHT)
            QApplication.processEvents()
            frames.append(1000 * (time.perf_counter() - started))
            self._user.pause(BETWEEN)
        return frames

    def page_up(self, pages: int) -> list[float]:
        """Page up from the end, that often at most; return the milliseconds of each page until it is painted."""
        frames = list[float]()
        bar = self._area.verticalScrollBar()
        while len(frames) < pages and (bar.value() > 0 or self._window.findChild(QWidget, "message-0") is None):
            started = time.perf_counter()
            self._press(Qt.Key.Key_PageUp)
            QApplication.processEvents()
            frames.append(1000 * (time.perf_counter() - started))
            self._user.pause(BETWEEN)
        return frames

    def go_to_end(self) -> None:
        """Press End."""
        self._press(Qt.Key.Key_End)
        self._user.pause(self._settling)

    def _press(self, key: Qt.Key) -> None:
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.sendEvent(self._area, QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier))

    def _row(self, title: str) -> QModelIndex:
        model = self._list.model()
        rows = [model.index(row, 0) for row in range(model.rowCount())]
        return next((index for index in rows if index.data() == title), QModelIndex())


def measure(order: dict[str, Any]) -> Figures:
    """Measure a conversation of `messages`, `pages` of it, and a reply of `letters` at `speed` tokens per second in it.

    The window's edge is dragged in steps of `drag` pixels. The window is left alone for `settling` seconds between what
    is measured.
    """
    record = long_record(order["messages"])
    _store(record)
    application = QApplication(sys.argv[:1])
    window = create_window(order["model"], make_engine=lambda: PacedEngine(order["letters"], order["speed"]))
    window.show()
    user = ScriptedUser(window)
    user.wait(Loaded)
    reader = TranscriptUser(window, user, order["settling"])
    figures: Figures = {}
    opened = reader.open(record.summary.title, f"message-{len(record.messages) - 1}")
    figures["opening_first_paint_ms"] = rounded(opened)
    user.pause(order["settling"])
    figures["opening_memory_mib"] = memory_mib()
    frames = reader.resize(order["drag"])
    pages = sorted(reader.page_up(order["pages"]))
    figures["scroll_ms_p99"] = rounded(pages[int(len(pages) * 0.99)])
    figures["resize_ms_max"] = rounded(max(*frames, *reader.resize(order["drag"])))  # once more messages are there
    reader.go_to_end()
    figures["streaming"] = _streaming(user)
    window.close()
    application.processEvents()
    return figures


def _streaming(user: ScriptedUser) -> Figures:
    """Return the stutter while a reply comes."""
    user.go_on_asking("Tell me all of it.")
    lateness = StutterMeter()
    user.wait(Done)
    return lateness.finish()


def _store(record: ConversationRecord) -> None:
    """Store `record` in the history that the window will open."""
    with closing(History(paths.home().history)) as history:
        history.save_conversation(record).result()


if __name__ == "__main__":
    print_figures(measure)
