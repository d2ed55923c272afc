"""What the engine yields is heard in the window's thread: all of it, in order, whatever one listener does."""

import threading
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QObject, Slot
from pytestqt.qtbot import QtBot

from phichat.chat.conversation import Ending
from phichat.engine.base import CancelToken, Done, Event, Piece, Request
from phichat.errors import EngineError
from phichat.ui.threads.engine_thread import EngineThread

PIECES = 200


class Talkative:
    """As much of an engine as is asked for: says a lot at once, and ends with an error if it is told to."""

    def __init__(self, *, fails: bool = False) -> None:
        self._fails = fails

    def generate(self, request: Request, stop: CancelToken) -> Iterator[Event]:
        yield from (Piece(f"{number} ", number) for number in range(PIECES))
        if self._fails:
            raise EngineError("It is over.")
        yield Done(Ending.STOP, 0)

    def close(self) -> None:
        pass


class Listener(QObject):
    """Notes what it hears, and where; may stumble over a piece."""

    def __init__(self, stumbles_over: int = -1) -> None:
        super().__init__()
        self.heard: list[Event | str] = []
        self.threads: set[int] = set()
        self._stumbles_over = stumbles_over

    @Slot(object, object)
    def hear(self, _: CancelToken, event: Event) -> None:
        self.heard.append(event)
        self.threads.add(threading.get_ident())
        if isinstance(event, Piece) and event.token == self._stumbles_over:
            raise ValueError

    @Slot(object, str)
    def fail(self, _: CancelToken, sentence: str) -> None:
        self.heard.append(sentence)


Start = Callable[[Talkative, Listener], None]


@pytest.fixture
def start() -> Iterator[Start]:
    """Asks such an engine in a thread of its own, which is closed at the end."""
    opened: list[EngineThread] = []

    def ask(engine: Talkative, listener: Listener) -> None:
        thread = EngineThread(lambda: engine)  # type: ignore[arg-type, return-value]
        opened.append(thread)
        thread.happened.connect(listener.hear)
        thread.failed.connect(listener.fail)
        thread.generate(Request(()))

    yield ask
    for thread in opened:
        thread.close()


def test_all_comes_in_order_in_this_thread(start: Start, qtbot: QtBot) -> None:
    listener = Listener()
    start(Talkative(), listener)
    qtbot.waitUntil(lambda: len(listener.heard) == PIECES + 1)
    assert [event.token for event in listener.heard if isinstance(event, Piece)] == list(range(PIECES))
    assert isinstance(listener.heard[-1], Done)
    assert listener.threads == {threading.get_ident()}


def test_an_error_comes_after_what_was_said_before_it(start: Start, qtbot: QtBot) -> None:
    listener = Listener()
    start(Talkative(fails=True), listener)
    qtbot.waitUntil(lambda: len(listener.heard) == PIECES + 1)
    assert listener.heard[-1] == "It is over."


def test_who_stumbles_over_one_piece_hears_the_others(start: Start, qtbot: QtBot) -> None:
    listener = Listener(stumbles_over=50)
    with qtbot.captureExceptions() as exceptions:
        start(Talkative(), listener)
        qtbot.waitUntil(lambda: len(listener.heard) == PIECES + 1)
    assert len(exceptions) == 1
