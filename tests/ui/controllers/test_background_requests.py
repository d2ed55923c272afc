"""Background requests: they make way for questions, and an idle model is unloaded."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from phichat import i18n
from phichat.chat.session import Session
from phichat.engine.base import CancelToken, Event, Loaded, Notice, PromptFit, Request
from phichat.errors import EngineDied
from phichat.ui.controllers.generation import GenerationController, GenerationState
from phichat.ui.controllers.idle import EVERY, DraftPrefill, IdleTimer
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person, unstored_conversation

SOON = 30  # milliseconds for what takes minutes elsewhere


def idle(generation: GenerationController, minutes: int = 1, power: bool = True) -> IdleTimer:
    """With minutes and seconds that pass quickly."""
    return IdleTimer(generation, lambda: minutes, lambda: power, generation, calibrate_after=SOON, minute=4 * SOON)


class TestIdling:
    def test_the_fastest_settings_are_found_once_nobody_asks(self, person: Person, engine: ScriptedEngine) -> None:
        idle(person.window.generation, minutes=0).restart()
        person.wait(lambda: engine.calibrations)

    def test_not_on_a_battery(self, person: Person, engine: ScriptedEngine, qtbot: QtBot) -> None:
        idle(person.window.generation, power=False).restart()
        person.wait(lambda: engine.unloads)
        assert not engine.calibrations

    def test_memory_is_given_back_and_one_is_told(self, person: Person, engine: ScriptedEngine) -> None:
        told: list[str] = []
        idle_timer = idle(person.window.generation)
        idle_timer.notified.connect(told.append)
        idle_timer.restart()
        person.wait(lambda: engine.unloads)
        assert told == ["The model was unloaded to free memory. It will reload when you start typing."]

    def test_never_if_one_does_not_want_that(self, person: Person, engine: ScriptedEngine, qtbot: QtBot) -> None:
        idle(person.window.generation, minutes=0).restart()
        qtbot.wait(10 * SOON)
        assert not engine.unloads

    def test_not_while_it_answers_however_long_that_takes(
        self, person: Person, engine: ScriptedEngine, qtbot: QtBot
    ) -> None:
        gate = threading.Event()
        engine.enqueue("Once ", gate, "upon")
        idle(person.window.generation)
        person.ask("Tell")
        person.wait_for(GenerationState.WRITING)
        qtbot.wait(10 * SOON)
        assert (engine.unloads, engine.calibrations) == (0, 0)
        gate.set()
        person.wait(lambda: engine.unloads)

    def test_after_it_has_read_however_long_that_takes(
        self, person: Person, engine: ScriptedEngine, qtbot: QtBot
    ) -> None:
        gate = threading.Event()
        engine.hold_drafts(gate)
        person.type("Tell me")
        person.wait(lambda: engine.drafts == ["Tell me"])
        idle(person.window.generation).restart()
        qtbot.wait(10 * SOON)
        assert (engine.unloads, engine.calibrations) == (0, 0)
        gate.set()
        person.wait(lambda: engine.unloads)

    def test_who_writes_on_is_not_interrupted(self, person: Person, engine: ScriptedEngine, qtbot: QtBot) -> None:
        idle_timer = idle(person.window.generation, minutes=10)
        for _ in range(30):
            idle_timer.restart()
            qtbot.wait(2 * SOON)
        assert not engine.unloads

    def test_a_question_brings_it_back(self, person: Person, engine: ScriptedEngine) -> None:
        idle(person.window.generation).restart()
        person.wait(lambda: engine.unloads)
        person.ask("Are you there?")
        person.wait(lambda: person.message(1) == "Are you there?")


class TestLoading:
    """The engine loads a model once more, with what it has found to be faster, or safer."""

    @pytest.fixture
    def gate(self, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
        """Opened once other settings are to be in use; what finds them does not hear that it shall stop."""
        gate = threading.Event()

        def calibrate(_: CancelToken) -> Iterator[Event]:
            engine.calibrations += 1
            gate.wait(20)
            assert engine.loaded is not None
            yield Notice("Trying again.")
            yield replace(engine.loaded, context=2048, settings=replace(engine.loaded.settings, context=2048))

        monkeypatch.setattr(engine, "calibrate", calibrate)
        return gate

    def test_a_reply_is_said_to_be_made_with_what_it_was_made_with(
        self, person: Person, engine: ScriptedEngine, gate: threading.Event
    ) -> None:
        person.window.generation.calibrate()
        person.wait(lambda: engine.calibrations)
        person.type("Hi")
        person.press(Qt.Key.Key_Return)
        gate.set()
        person.wait(lambda: person.message(1) == "Hi")
        person.wait_for(GenerationState.IDLE)
        reply = person.window.session.conversation.path()[-1].reply
        assert reply is not None
        assert reply.engine["settings"]["context"] == 2048

    def test_that_safer_settings_were_needed_is_told(
        self, person: Person, engine: ScriptedEngine, gate: threading.Event
    ) -> None:
        person.window.generation.calibrate()
        gate.set()
        person.wait(lambda: person.status() == "Trying again.")


class TestReading:
    @pytest.fixture
    def gate(self, engine: ScriptedEngine) -> threading.Event:
        """Opened once drafts may be read."""
        gate = threading.Event()
        engine.hold_drafts(gate)
        return gate

    def test_on_a_battery_it_is_only_counted(
        self, person: Person, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        current = unstored_conversation(person.window)
        DraftPrefill(person.window.generation, current, lambda: False, person.window)
        current.set_draft("Tell")
        person.wait(lambda: engine.counted == ["Tell"])
        assert not engine.drafts

    def test_where_the_plug_is_pulled_it_ends(
        self, person: Person, engine: ScriptedEngine, gate: threading.Event
    ) -> None:
        power = [True]
        current = unstored_conversation(person.window)
        DraftPrefill(person.window.generation, current, lambda: power[0], person.window, look_every=SOON)
        current.set_draft("Tell me")
        person.wait(lambda: engine.drafts == ["Tell me"])
        assert person.window.generation.background.is_prefilling()
        power[0] = False
        person.wait(lambda: engine.draft_stops and engine.draft_stops[0].is_urgent())

    def test_a_model_that_cannot_be_loaded_again_is_not_tried_with_each_letter(
        self, person: Person, engine: ScriptedEngine, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """But for a question, which tells the failure; then drafts are read again."""

        def fail(_: Request) -> PromptFit:
            raise EngineDied("It ended.")

        fits = engine.fits
        monkeypatch.setattr(engine, "fits", fail)
        for word in ("Who ", "are ", "you?"):
            person.type(word)
            qtbot.wait(2 * EVERY)
        assert len(engine.drafts) == 1
        monkeypatch.setattr(engine, "fits", fits)
        person.press(Qt.Key.Key_Return)
        person.wait(lambda: person.message(1) == "Who are you?")
        person.type("And I?")
        person.wait(lambda: engine.drafts[-1] == "And I?")

    def test_a_draft_that_is_deleted_while_it_is_read(
        self, person: Person, engine: ScriptedEngine, gate: threading.Event
    ) -> None:
        person.type("Tell me")
        person.wait(lambda: "Tell me" in engine.drafts)
        person.find("composer").clear()
        person.ask("Who are you?")
        person.wait(lambda: person.message(1) == "Who are you?")
        gate.set()

    @pytest.mark.parametrize(("question", "is_urgent"), [("Tell me more", False), ("Who are you?", True)])
    def test_the_step_under_way_is_finished_only_for_what_goes_on_from_it(
        self, person: Person, engine: ScriptedEngine, gate: threading.Event, question: str, is_urgent: bool
    ) -> None:
        generation, session = person.window.generation, Session()
        generation.prefill_draft(session, "Tell me ")
        person.wait(lambda: engine.drafts == ["Tell me "])
        generation.submit(session, question)
        assert engine.draft_stops[0].is_set()
        assert engine.draft_stops[0].is_urgent() is is_urgent
        person.wait_for(GenerationState.IDLE)

    def test_stopping_the_answer_stops_that_step_too(
        self, person: Person, engine: ScriptedEngine, gate: threading.Event
    ) -> None:
        generation, session = person.window.generation, Session()
        generation.prefill_draft(session, "Tell me")
        person.wait(lambda: engine.drafts == ["Tell me"])
        generation.submit(session, "Tell me more")
        generation.stop()
        assert engine.draft_stops[0].is_urgent()

    def test_another_conversation_is_no_reason_to_wait(
        self, person: Person, engine: ScriptedEngine, gate: threading.Event
    ) -> None:
        generation = person.window.generation
        generation.prefill_draft(Session(), "Tell me")
        person.wait(lambda: engine.drafts == ["Tell me"])
        generation.submit(Session(), "Tell me more")
        assert engine.draft_stops[0].is_urgent()


class TestForecast:
    """`forecast` beside Send."""

    def shown(self, person: Person) -> str:
        label = person.find("forecast")
        return str(label.accessibleDescription()) if label.isVisible() else ""

    @pytest.fixture
    def slow(self, person: Person, engine: ScriptedEngine) -> Person:
        """In front of a model that reads ten tokens a second, of which a question has five a character."""
        engine.fits = lambda request: PromptFit(5 * len(request.turns[-1].text), 0, 512)
        loaded = person.window.generation.loaded
        assert loaded is not None
        person.window.generation.model_loaded.emit(Loaded(**{**vars(loaded), "reads": 10.0}))
        return person

    def test_a_long_wait_is_told_before_one_sends_and_goes_with_the_question(
        self, slow: Person, engine: ScriptedEngine
    ) -> None:
        slow.type("x")
        slow.wait(lambda: "x" in engine.drafts)
        assert self.shown(slow) == "", "a short one is not worth a word"
        slow.type("x" * 17)
        slow.wait(lambda: self.shown(slow) == "about 9 s until the first word")
        slow.press(Qt.Key.Key_Return)
        assert self.shown(slow) == ""

    def test_it_is_in_french_too(self, slow: Person) -> None:
        i18n.set_language("fr")
        slow.type("x" * 18)
        slow.wait(lambda: self.shown(slow) == "environ 9\N{NO-BREAK SPACE}s avant le premier mot")

    def test_nothing_is_told_where_nothing_is_known(self, person: Person, engine: ScriptedEngine, qtbot: QtBot) -> None:
        person.type("x" * 50)
        qtbot.wait(2 * EVERY)
        assert self.shown(person) == ""
