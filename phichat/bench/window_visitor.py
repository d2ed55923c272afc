"""Uses the real window as a person would: asks, writes, waits and stops."""

import sys
import time
from typing import TypeVar

from PySide6.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QApplication, QTextEdit, QWidget

from phichat.engine.base import CancelToken, Done, Event, Loaded, PromptReady, Reading
from phichat.ui.workers import EngineThread

KEYS_PER_SECOND = 40

Part = TypeVar("Part", bound=QObject)


class Visitor(QObject):
    """A person at a window.

    Attributes:
        read_ahead: how many steps of what was being written the model has read.
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
        thread.failed.connect(self._give_up)

    def wait(self, kind: type, count: int = 1) -> bool:
        """Until so many events of a kind have come; False if the reply is over before."""
        self._kind, self._left = kind, count
        self._loop.exec()
        return self._left == 0

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        pause = QEventLoop()
        QTimer.singleShot(round(1000 * seconds), pause.quit)
        pause.exec()

    def ask(self, text: str) -> None:
        """Ask in a new conversation."""
        self.part(QAbstractButton, "newConversationButton").click()
        self.go_on_asking(text)

    def go_on_asking(self, text: str) -> None:
        """Ask in the conversation that is shown."""
        self._reply = None
        self.part(QTextEdit, "composer").setPlainText(text)
        self.part(QAbstractButton, "sendButton").click()

    def write(self, text: str) -> None:
        """Write `text` in the conversation, key by key."""
        typing = Typing(self.part(QTextEdit, "composer"), text)
        typing.run()

    def take_back(self) -> None:
        """Delete what is written."""
        self.part(QTextEdit, "composer").clear()

    def stop(self) -> float:
        """Click Stop; the milliseconds until the window is idle."""
        button = self.part(QAbstractButton, "stopButton")
        started = time.perf_counter()
        button.click()
        while not button.isHidden():
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        return 1000 * (time.perf_counter() - started)

    def limit_replies(self, tokens: int) -> None:
        """No reply longer than that, so that slow models are done in time."""
        self.part(QAbstractSpinBox, "maxTokensSpin").setProperty("value", tokens)

    def part(self, kind: type[Part], name: str) -> Part:
        """What is called that in the window."""
        found = self._window.findChild(kind, name)
        if found is None:
            sys.exit(f"the window has no {name}")
        return found

    @Slot(object, object)
    def _on_event(self, stop: CancelToken, event: Event) -> None:
        if isinstance(event, PromptReady):  # which nothing has that is read ahead
            self._reply = stop
        if stop is not self._reply and not isinstance(event, Loaded):
            self.read_ahead += isinstance(event, Reading)
            return
        if self._left and isinstance(event, self._kind):  # more may come before the loop ends
            self._left -= 1
        if not self._left or isinstance(event, Done):
            self._loop.quit()

    @Slot(object, str)
    def _give_up(self, _: CancelToken, sentence: str) -> None:
        sys.exit(sentence)


class Typing(QObject):
    """Presses the keys of `text`, one after the other."""

    def __init__(self, field: QTextEdit, text: str) -> None:
        super().__init__()
        self._field, self._left = field, list(reversed(text))
        self._loop = QEventLoop(self)
        self._timer = QTimer(self, interval=1000 // KEYS_PER_SECOND, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._press)

    def run(self) -> None:
        """Until all is written."""
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
