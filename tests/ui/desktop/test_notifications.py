"""What the desktop is asked to tell when something long is over."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from phichat.errors import EngineDied
from phichat.models.base import ModelFile, Source
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.desktop.notifications import LONG, DesktopNotifications
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person


class Tray(QObject):
    """Stands in for the desktop's: remembers what it was to show."""

    messageClicked = Signal()  # noqa: N815 - Qt's name
    activated = Signal(object)
    shown: list["Tray"]
    is_there = True

    def __init__(self, icon: QIcon, parent: QObject) -> None:
        super().__init__(parent)
        self.is_visible, self.messages = False, list[str]()

    @classmethod
    def isSystemTrayAvailable(cls) -> bool:  # noqa: N802
        return cls.is_there

    @classmethod
    def supportsMessages(cls) -> bool:  # noqa: N802
        return cls.is_there

    def setToolTip(self, _: str) -> None:  # noqa: N802
        pass

    def show(self) -> None:
        self.is_visible = True
        self.shown.append(self)

    def hide(self) -> None:
        self.is_visible = False

    def showMessage(self, title: str, sentence: str, icon: QIcon, milliseconds: int) -> None:  # noqa: N802
        assert self.is_visible
        self.messages += [title, sentence]


@pytest.fixture
def trays(monkeypatch: pytest.MonkeyPatch) -> list[Tray]:
    """The icons that were shown."""
    monkeypatch.setattr("phichat.ui.desktop.notifications.QSystemTrayIcon", Tray)
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(Tray, "shown", [], raising=False)
    return Tray.shown


@pytest.fixture
def alerts(monkeypatch: pytest.MonkeyPatch) -> list[QWidget]:
    """The windows that asked to be looked at."""
    found: list[QWidget] = []
    monkeypatch.setattr(QApplication, "alert", lambda widget, *_: found.append(widget))
    return found


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time pass for whoever measures answers."""
    passed = [0.0]
    monkeypatch.setattr("phichat.ui.desktop.notifications.time.monotonic", lambda: passed[0])
    return lambda seconds: passed.append(passed.pop() + seconds)


Answered = Callable[..., Person]


@pytest.fixture
def answered(
    open_window: Callable[[], Person], engine: ScriptedEngine, later: Callable[[float], None]
) -> Callable[..., Person]:
    """A window in which a question was answered after some seconds, while it was as `leave` makes it."""

    def run(leave: Callable[[Person], object], seconds: float = LONG + 1, *, ends_with: Any = " home.") -> Person:
        person = open_window()
        person.wait_for(GenerationState.IDLE)
        gate = threading.Event()
        engine.enqueue("Puck slides", gate, ends_with)
        person.ask("Where to?")
        person.wait(lambda: person.message(1) == "Puck slides")
        leave(person)
        later(seconds)
        gate.set()
        person.wait_for(GenerationState.IDLE)
        return person

    return run


def minimise(person: Person) -> None:
    person.window.showMinimized()


def hide(person: Person) -> None:
    person.window.hide()


def stay(person: Person) -> None:
    person.wait(lambda: QApplication.focusWindow() is not None)


@pytest.mark.parametrize("leave", [minimise, hide])
def test_a_long_answer_is_told_and_a_click_brings_the_window_forward(
    answered: Answered, trays: list[Tray], alerts: list[QWidget], leave: Callable[[Person], None]
) -> None:
    person = answered(leave)
    assert [tray.messages for tray in trays] == [["Phichat", "Your answer is ready."]]
    assert alerts == [person.window]
    tray = trays[0]
    tray.messageClicked.emit()
    assert not tray.is_visible
    assert person.window.isVisible()
    assert not person.window.isMinimized()


def test_an_answer_that_fails_is_told_too(answered: Answered, trays: list[Tray]) -> None:
    answered(hide, ends_with=EngineDied("It ended while it wrote of pucks."))
    assert [tray.messages[1] for tray in trays] == ["The answer couldn’t be completed."]


@pytest.mark.parametrize(("leave", "seconds"), [(stay, LONG + 1), (hide, LONG - 1)])
def test_who_looks_or_waited_only_shortly_is_told_nothing(
    answered: Answered, trays: list[Tray], alerts: list[QWidget], leave: Callable[[Person], None], seconds: float
) -> None:
    answered(leave, seconds)
    assert (trays, alerts) == ([], [])


def test_who_does_not_want_to_be_told_is_not(
    answered: Answered, trays: list[Tray], alerts: list[QWidget], home: Path
) -> None:
    home.mkdir()
    (home / "preferences.json").write_text(json.dumps({"notifies": False}), "utf-8")
    answered(hide)
    assert (trays, alerts) == ([], [])


def test_without_a_tray_the_window_only_asks_to_be_looked_at(
    answered: Answered, trays: list[Tray], alerts: list[QWidget], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tray, "is_there", False)
    person = answered(hide)
    assert (trays, alerts) == ([], [person.window])


def test_no_icon_is_left(qtbot: QtBot, trays: list[Tray], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phichat.ui.desktop.notifications.SHOWN_FOR", 30)
    parent = QObject()
    notifications = DesktopNotifications(QIcon(), parent)
    notifications.show("First.")
    notifications.show("Second.")
    tray = trays[0]
    assert tray.messages == ["Phichat", "First.", "Phichat", "Second."]
    qtbot.waitUntil(lambda: not tray.is_visible)


@pytest.mark.parametrize("stops", ["Escape", "close"])
def test_stopping_an_answer_is_no_news(
    person: Person, engine: ScriptedEngine, trays: list[Tray], later: Callable[[float], None], stops: str
) -> None:
    engine.enqueue("Half", threading.Event())
    person.ask("Long")
    person.wait(lambda: person.message(1) == "Half")
    later(LONG + 1)
    if stops == "close":
        person.window.close()
    else:
        hide(person)
        person.window.generation.stop()
        person.wait_for(GenerationState.IDLE)
    assert trays == []


def test_the_end_of_a_download_is_told(person: Person, trays: list[Tray]) -> None:
    downloads = person.window._coordinator._download_manager()
    downloads.failed.emit("phi", "Seen.")
    hide(person)
    downloads.failed.emit("phi", "The line is down.")
    downloads.fetched.emit(ModelFile("starter", "SmolLM2 135M (starter)", Path("s.gguf"), Source.STARTER))
    assert [tray.messages for tray in trays[:1]] == [
        ["Phichat", "A download was interrupted.", "Phichat", "SmolLM2 135M (starter) is ready."]
    ]
