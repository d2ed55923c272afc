"""What is said to a screen reader while a reply is written."""

import threading

import pytest
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QWidget

from phichat.markdown import speech
from phichat.ui.a11y import screen_reader
from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that is said, in order; the pause between two is short."""
    sentences: list[str] = []

    def announce(widget: QWidget, text: str) -> None:
        assert widget.accessibleName() == "Phichat"
        sentences.extend(text.split("\n"))

    monkeypatch.setattr(screen_reader, "announce", announce)
    monkeypatch.setattr(screen_reader, "PAUSE", 1)
    monkeypatch.setattr(screen_reader, "is_screen_reader_active", lambda: True)
    return sentences


def test_sentences_are_said_as_they_are_complete(said: list[str], person: Person, engine: ScriptedEngine) -> None:
    gate = threading.Event()
    engine.enqueue("A **fer", "ry** floats. ", "It car", gate, "ries people.")
    person.ask("What is a ferry?")
    person.wait(lambda: said == ["Processing…", "A ferry floats."])
    gate.set()
    person.wait(lambda: said[2:] == ["It carries people.", "End of the answer"])


def test_what_was_stopped_goes_on_from_there(said: list[str], person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("One. Two", threading.Event(), "never")
    person.ask("Count")
    person.wait(lambda: "One." in said)
    person.click("stopButton")
    person.wait(lambda: said[-2:] == ["Two", "Stopped"])
    engine.enqueue(" and three.")
    person.click("continueButton")
    person.wait(lambda: said[-2:] == ["and three.", "End of the answer"])
    assert said.count("One.") == 1


def test_only_what_is_shown_is_said(said: list[str], person: Person, engine: ScriptedEngine) -> None:
    gate = threading.Event()
    engine.enqueue("One. Two. ", gate, "Three. Four.")
    person.ask("Count")
    person.wait(lambda: "One." in said)
    person.click("newConversationButton")
    gate.set()
    person.wait_for(GenerationState.IDLE)
    assert said == ["Processing…", "One."]


def test_nothing_is_worked_out_where_nobody_listens(
    person: Person, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not QAccessible.isActive()
    monkeypatch.setattr(speech, "SpeechSplitter", None)
    person.ask("Hello. There.")
    person.wait_for(GenerationState.IDLE)
    assert person.message(1) == "Hello. There."
