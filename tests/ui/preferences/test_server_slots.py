"""Several other apps use the window's model at the same time."""

import threading
from collections.abc import Callable

import pytest
from PySide6.QtTest import QTest

from phichat.engine.base import CancelToken, Piece, Request, Scored
from phichat.engine.slots import Tell, cancelled
from phichat.ui.controllers import idle
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.controllers.idle import IdleTimer
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person
from tests.ui.preferences.test_server import Client, asking, asking_from, ended, turned_on

pytestmark = pytest.mark.usefixtures("keyring")


class ThreadSlots:
    """Answers each request in a thread of its own. What comes while it closes ends as cancelled at once.

    Notes in `told` the text of each piece once it was passed on.
    """

    def __init__(self, engine: ScriptedEngine, told: list[str]) -> None:
        self._engine, self._told = engine, told
        self._stops: list[CancelToken] = []
        self._is_closing = False
        self._threads: list[threading.Thread] = []

    def submit(self, request: Request, stop: CancelToken, tell: Tell, *, is_urgent: bool = False) -> None:
        if self._is_closing:
            tell(cancelled(request))
            return

        def answer() -> None:
            for event in self._engine.generate(request, stop):
                tell(event)
                if isinstance(event, Piece):
                    self._told.append(event.text)

        self._stops.append(stop)
        self._threads.append(threading.Thread(target=answer, name="slot"))
        self._threads[-1].start()

    def close(self) -> None:
        self._is_closing = True
        for stop in self._stops:
            stop.set()
        for thread in self._threads:
            thread.join()


class SlottedEngine(ScriptedEngine):
    """Notes how many slots were wanted, each time, and what they told."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[int] = []
        self.told: list[str] = []

    def open_slots(self, count: int) -> ThreadSlots:
        self.opened.append(count)
        return ThreadSlots(self, self.told)


@pytest.fixture
def engine() -> SlottedEngine:
    return SlottedEngine()


def two_asking(person: Person, engine: SlottedEngine, gate: threading.Event) -> list[Client]:
    """Two apps, whose answers have begun."""
    for _ in range(2):
        engine.enqueue("One", " two", gate, " three")
    clients = [asking(person, "Count", max_tokens=10) for _ in range(2)]
    person.wait(lambda: engine.told.count(" two") == 2)
    return clients


def test_apps_are_answered_at_the_same_time(person: Person, engine: SlottedEngine) -> None:
    turned_on(person)
    gate = threading.Event()
    clients = two_asking(person, engine, gate)
    gate.set()
    assert [ended(person, client).text for client in clients] == ["One two three"] * 2
    assert engine.opened == [4]
    engine.enqueue("Again")
    assert ended(person, asking(person, "More")).text == "Again"
    assert engine.opened == [4], "they stay open, with what was read"


def test_all_of_them_pause_for_the_windows_message(person: Person, engine: SlottedEngine) -> None:
    turned_on(person)
    clients = two_asking(person, engine, threading.Event())
    person.find("preferencesDialog").close()
    engine.enqueue("Mine")
    for _ in clients:
        engine.enqueue(" four")
    person.ask("First")
    assert [ended(person, client).text for client in clients] == ["One two four"] * 2
    assert person.message(1) == "Mine"
    assert [request.turns[-1].text for request in engine.requests] == ["Count", "Count", "First", "Count", "Count"]


def test_they_go_on_after_anything_else_that_the_window_asks(person: Person, engine: SlottedEngine) -> None:
    """Here a calibration: what is started while the slots are being closed would be cancelled again and again."""
    turned_on(person)
    clients = two_asking(person, engine, threading.Event())
    for _ in clients:
        engine.enqueue(" four")
    person.window.generation.calibrate()
    assert [ended(person, client).text for client in clients] == ["One two four"] * 2
    assert engine.calibrations == 1


def test_a_text_that_is_scored_goes_before_them(person: Person, engine: SlottedEngine) -> None:
    turned_on(person)
    gate = threading.Event()
    clients = two_asking(person, engine, threading.Event())
    person.find("preferencesDialog").close()
    engine.scores = [Scored("one", 1, -1.0, 2, 3.0), gate, Scored(" two", 2, -1.0, 2, 3.0)]
    for text in (" four", " four", "Late"):
        engine.enqueue(text)
    person.window.commands.score.trigger()
    QTest.keyClicks(person.find("scoreField"), "one two")
    person.click("scoreButton")
    person.wait(lambda: engine.scored)
    clients.append(asking_from(person, "While it is scored"))
    person.find("preferencesDialog").close()
    person.qtbot.wait(100)
    assert len(engine.requests) == 2, "all wait"
    gate.set()
    person.wait(lambda: person.find("scoreResult").isVisible())
    said = [ended(person, client).text.removeprefix("One two") for client in clients]
    assert sorted(said) == [" four", " four", "Late"], "in whatever order they go on"
    person.find("scoreDialog").close()


def test_they_are_not_interrupted_by_what_an_idle_model_does(person: Person, engine: SlottedEngine) -> None:
    turned_on(person)
    gate = threading.Event()
    clients = two_asking(person, engine, gate)
    generation = person.window.generation
    timer = IdleTimer(generation, lambda: 1, lambda: True, generation, calibrate_after=20, minute=30)
    timer.restart()
    person.qtbot.wait(150)
    assert (engine.calibrations, engine.unloads) == (0, 0)
    gate.set()
    assert [ended(person, client).text for client in clients] == ["One two three"] * 2
    person.wait(lambda: engine.calibrations and engine.unloads)
    timer.close()


def test_a_draft_is_read_once_the_apps_are_done(
    open_window: Callable[[], Person], engine: SlottedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "EVERY", 20)
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    turned_on(person)
    gate = threading.Event()
    clients = two_asking(person, engine, gate)
    person.find("preferencesDialog").close()
    person.type("A draft")
    person.qtbot.wait(10 * idle.EVERY)
    assert engine.drafts == []
    gate.set()
    person.wait(lambda: engine.drafts)
    assert [ended(person, client).text for client in clients] == ["One two three"] * 2


def test_how_many_is_a_preference(person: Person, engine: SlottedEngine) -> None:
    turned_on(person)
    person.find("serverSlotsSpin").setValue(2)
    person.wait(lambda: person.find("serverAddress").text())
    engine.enqueue("Hi")
    assert ended(person, asking(person, "Hello")).text == "Hi"
    assert engine.opened == [2]
    person.wait_for(GenerationState.IDLE)
