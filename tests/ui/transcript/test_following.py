"""The view goes with a reply that grows, unless the user is busy elsewhere."""

import threading

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person

LINES = "A line of the reply.\n\n" * 12


@pytest.fixture
def gates() -> list[threading.Event]:
    return [threading.Event() for _ in range(6)]


@pytest.fixture
def growing(person: Person, engine: ScriptedEngine, gates: list[threading.Event]) -> Person:
    """In front of a reply that grows by twelve lines with each gate that is opened."""
    person.window.resize(1000, 600)
    person.ask("First")
    person.wait_for(GenerationState.IDLE)
    engine.enqueue(LINES, *(part for gate in gates for part in (gate, LINES)))
    person.ask("Second")
    person.wait(lambda: person.message(3) == LINES)
    return person


def bottom(person: Person, widget: QWidget) -> int:
    """How far the lower edge of `widget` is above that of the viewport."""
    viewport = person.find("transcript").viewport()
    return int(viewport.height() - widget.mapTo(viewport, QPoint(0, widget.height())).y())


def is_in_sight(person: Person, widget: QWidget) -> bool:
    top = widget.mapTo(person.find("transcript").viewport(), QPoint(0, 0)).y()
    return top >= 0 and bottom(person, widget) >= 0


def grow(person: Person, gate: threading.Event) -> None:
    length = len(person.message(3))
    gate.set()
    person.wait(lambda: len(person.message(3)) > length)
    person.wait_until_still()


def settle(person: Person, widget: QWidget) -> None:
    """Wait until everything is laid out."""
    places: list[int] = []

    def is_still() -> bool:
        places.append(bottom(person, widget))
        return len(places) > 5 and len(set(places[-5:])) == 1

    person.wait_until_still()
    person.wait(is_still)


def is_at_end(person: Person) -> bool:
    bar = person.find("transcript").verticalScrollBar()
    return bool(bar.value() >= bar.maximum() - 1)


def test_the_view_goes_with_the_reply(growing: Person, gates: list[threading.Event]) -> None:
    for gate in gates:
        grow(growing, gate)
        growing.wait(lambda: is_at_end(growing))
    growing.wait_for(GenerationState.IDLE)


@pytest.mark.parametrize("number", [0, 2])
def test_an_open_edit_stays_in_sight(growing: Person, gates: list[threading.Event], number: int) -> None:
    growing.find("transcript").scroll_to_start() if number == 0 else None
    growing.press_in(number, "Edit")
    growing.wait(lambda: is_in_sight(growing, growing.find("editBox")))
    field = growing.find("editField")
    for gate in gates[:3]:
        settle(growing, field)
        before = bottom(growing, field)
        grow(growing, gate)
        assert bottom(growing, field) == before
        QTest.keyClicks(field, "anew ")
    assert is_in_sight(growing, growing.find("editBox"))
    bar = growing.find("transcript").verticalScrollBar()
    bar.setValue(bar.maximum())
    value = bar.value()
    grow(growing, gates[3])
    assert bar.value() == value, "not even from the end"
    QTest.keyClick(field, Qt.Key.Key_Escape)
    growing.wait(lambda: growing.window.findChild(QWidget, "editBox") is None)
    growing.click("downButton")
    for gate in gates[4:]:
        grow(growing, gate)
        growing.wait(lambda: is_at_end(growing))
    growing.wait_for(GenerationState.IDLE)


def test_cancelling_at_the_end_follows_again(growing: Person, gates: list[threading.Event]) -> None:
    growing.press_in(2, "Edit")
    field = growing.find("editField")
    growing.find("transcript").follow()
    QTest.keyClick(field, Qt.Key.Key_Escape)
    growing.wait(lambda: growing.window.findChild(QWidget, "editBox") is None)
    growing.find("transcript").follow()
    for gate in gates:
        grow(growing, gate)
        growing.wait(lambda: is_at_end(growing))
    growing.wait_for(GenerationState.IDLE)
