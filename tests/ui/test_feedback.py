"""What is told stays where it belongs: failures until they are dismissed, results for some seconds."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QPalette
from PySide6.QtWidgets import QProgressBar, QWidget
from pytestqt.qtbot import QtBot

from phichat.chat.conversation import Ending
from phichat.engine.base import Done, Reading
from phichat.errors import EngineDied, EngineError
from phichat.store.base import ConversationRecord
from phichat.store.history import History
from phichat.ui import feedback
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.feedback import Feedback, FeedbackController, Kind
from tests.support.fakes import ScriptedEngine
from tests.support.labels import unbroken
from tests.support.stored_history import put
from tests.ui.conftest import Person


@pytest.fixture
def board(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> "Board":
    monkeypatch.setattr(feedback, "LEAST_SHOWN", 60)
    monkeypatch.setattr(feedback, "SHOWN_PER_LETTER", 0)
    return Board()


class Board:
    """What is shown and what was announced, oldest first."""

    def __init__(self) -> None:
        self.said = FeedbackController()
        self.said.show_conversation("one")
        self.now, self.announced = feedback.NOTHING, list[str]()
        self.said.shown.connect(self._show)
        self.said.announced.connect(self.announced.append)

    def _show(self, shown: Feedback) -> None:
        self.now = shown

    @property
    def text(self) -> str:
        return self.now.text


def test_a_result_fades_and_a_failure_stays(qtbot: QtBot, board: Board) -> None:
    board.said.fail("Refused.")
    board.said.succeed("Copied.")
    assert board.text == "Copied."
    qtbot.waitUntil(lambda: board.text == "Refused.")
    qtbot.wait(150)
    assert board.now == Feedback("Refused.", Kind.ERROR)
    board.said.dismiss()
    assert board.text == ""
    assert board.announced == ["Refused.", "Copied."]


def test_what_happens_by_itself_hides_no_failure(board: Board) -> None:
    board.said.fail("Refused.")
    board.said.mention("Tiny is ready.")
    board.said.progress("model", "Loading… 3 %", 0.03, waits=True)
    assert board.text == "Refused."
    assert board.announced == ["Refused."]


def test_a_failure_belongs_to_its_conversation(board: Board) -> None:
    board.said.fail("Refused.")
    board.said.fail_in("two", "Ended.")
    assert board.text == "Refused."
    board.said.show_conversation("two")
    assert board.text == "Ended."
    board.said.show_conversation("three")
    assert board.text == ""
    board.said.fail_everywhere("The disk is full.")
    board.said.clear("three")
    board.said.show_conversation("one")
    assert board.text == "The disk is full."
    board.said.dismiss()
    assert board.text == "Refused."
    board.said.clear("one")
    assert board.text == ""
    assert board.announced == ["Refused.", "Ended.", "The disk is full."]


def test_warnings_of_the_start_are_shown_together_until_dismissed(board: Board) -> None:
    board.said.warn_everywhere("The settings were damaged.")
    board.said.warn_everywhere("The history was damaged.")
    board.said.warn_everywhere("The settings were damaged.")
    assert board.now == Feedback("The history was damaged.\nThe settings were damaged.", Kind.WARNING)
    board.said.fail_everywhere("The model could not be loaded.")
    assert board.text == "The model could not be loaded."
    board.said.dismiss()
    assert board.text == "The history was damaged.\nThe settings were damaged."
    board.said.dismiss()
    assert board.text == ""
    assert board.announced == [
        "The settings were damaged.",
        "The history was damaged.",
        "The settings were damaged.",
        "The model could not be loaded.",
    ]


def test_no_other_failure_hides_that_nothing_is_saved(qtbot: QtBot, board: Board) -> None:
    board.said.fail_saving("Messages are only kept in memory.")
    board.said.fail("The documents could not be read.")
    board.said.fail_everywhere("The disk is full.")
    board.said.warn_everywhere("A newer version is there.")
    assert board.now == Feedback("Messages are only kept in memory.\nA newer version is there.", Kind.ERROR)
    board.said.fail_beside("one", "The answer ended.")
    assert board.now == Feedback("Messages are only kept in memory.\nThe answer ended.", Kind.ERROR)
    board.said.fail_unexpectedly("Something went wrong.")
    assert board.now.is_in_log
    board.said.fail("The model could not be loaded.")
    both = "Messages are only kept in memory.\nThe model could not be loaded."
    assert board.text == both
    board.said.succeed("Copied.")
    assert board.text == "Copied."
    qtbot.waitUntil(lambda: board.text == both)
    board.said.dismiss()
    assert "kept in memory" not in board.text


def test_what_else_is_done_is_shown_beside_files_that_were_refused(qtbot: QtBot, board: Board) -> None:
    board.said.fail_attaching("one", "a.png isn’t a text file.", "a.png isn’t a text file.")
    board.said.tell_attached("one", "b.txt is attached.")
    assert board.text == "a.png isn’t a text file.", "it has to be read first"
    board.said.succeed("Conversation copied.")
    assert board.text == "Conversation copied."
    qtbot.waitUntil(lambda: board.text == "a.png isn’t a text file.")
    assert board.announced == ["a.png isn’t a text file.", "Conversation copied."]


def test_a_result_stays_while_the_mouse_is_over_it(qtbot: QtBot, board: Board) -> None:
    board.said.hold(is_held=True)
    board.said.succeed("Copied.")
    qtbot.wait(200)
    assert board.text == "Copied."
    board.said.hold(is_held=False)
    qtbot.waitUntil(lambda: board.text == "")


def test_progress_is_announced_once_and_hides_an_older_failure(board: Board) -> None:
    board.said.fail("Refused.")
    for percent in range(0, 100, 10):
        board.said.progress("import", f"Importing… {percent} %", percent / 100)
    assert board.now == Feedback("Importing… 90 %", Kind.PROGRESS, 0.9)
    board.said.progress("import", "")
    assert board.text == "Refused."
    assert board.announced == ["Refused.", "Importing… 0 %"]


def test_work_that_is_over_soon_is_not_told(qtbot: QtBot, board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback, "SLOW_AFTER", 30)
    board.said.progress_if_slow("quick", "Opening…")
    board.said.progress_if_slow("quick", "")
    board.said.progress_if_slow("slow", "Searching…")
    assert board.text == ""
    qtbot.waitUntil(lambda: board.text == "Searching…")
    board.said.progress_if_slow("slow", "")
    assert board.text == ""
    assert board.announced == ["Searching…"]


def test_a_sentence_is_bounded(board: Board) -> None:
    board.said.fail(f"{'x' * 5_000_000}.gguf is not a model.")
    assert len(board.text) < 3000
    assert board.text.endswith(".gguf is not a model.")


def test_a_refused_file_is_an_error_on_the_page_until_it_is_dismissed(
    person: Person, engine: ScriptedEngine, tmp_path: Path
) -> None:
    (tmp_path / "words.gguf").write_text("no model")
    engine.enqueue_load(EngineError("words.gguf is not a model."))
    person.window.model_selection.open_file(str(tmp_path / "words.gguf"))
    person.wait(lambda: "words.gguf" in person.status())
    person.wait_for(GenerationState.IDLE)  # the model before is there again
    label, line = person.find("statusMessage"), person.find("messageLine")
    assert "words.gguf" in label.text()
    assert label.isVisible()
    assert line.property("kind") == "ERROR"
    assert line.mapTo(person.window, line.rect().bottomLeft()).y() < _top(person, "composerBox")
    assert label.palette().color(label.foregroundRole()) == label.palette().color(QPalette.ColorRole.WindowText)
    person.click("statusMessageDismiss")
    assert "words.gguf" not in person.status()
    assert line.mapTo(person.window, line.rect().topLeft()).y() > _top(person, "composerBox")


def test_a_failed_reply_is_told_in_its_conversation_until_one_asks_again(
    person: Person, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    monkeypatch.setattr(QAccessible, "updateAccessibility", lambda event: heard.append(_said(event)))
    engine.enqueue(EngineDied("The model ended."))
    person.ask("Hello")
    person.wait(lambda: person.status() == "The model ended.")
    line = person.find("messageLine")
    assert (line.property("kind"), line.property("framed")) == ("ERROR", False)  # the reply has it, too
    assert "The model ended." in _words(person.find("message-1"))
    person.click("newConversationButton")
    assert person.status() == ""
    person.open("Hello")
    assert person.status() == "The model ended."
    assert heard.count("The model ended.") == 1
    person.ask("Again")
    assert "The model ended." not in person.status()
    person.wait_for(GenerationState.IDLE)


def test_the_progress_of_reading_ends_with_stop(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue(Reading(18, 100), threading.Event())
    person.ask("Hello")
    person.wait(lambda: "18" in person.status())
    assert person.find("messageLine").findChild(QProgressBar).value() == 180
    person.click("newConversationButton")
    person.wait(lambda: "18" not in person.status())
    person.open("Hello")
    person.click("stopButton")
    person.wait_for(GenerationState.IDLE)
    assert "18" not in person.status()
    assert _figure(person, "statusSpeed") == ""  # there was none


def test_a_conversation_that_takes_long_to_read_is_announced(
    home: Path, open_window: Callable[[], Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home, ("Ships", 1))
    load, gate = History.load_conversation, threading.Event()

    def load_late(history: History, name: str) -> ConversationRecord:
        gate.wait(20)
        return load(history, name)

    person = open_window()
    person.wait_for(GenerationState.IDLE)
    person.wait(person.titles)
    monkeypatch.setattr(History, "load_conversation", load_late)
    person.open("Ships")
    person.wait(lambda: person.status() == "Opening the conversation…")
    gate.set()
    person.wait(lambda: person.window.findChild(QWidget, "message-0"))
    person.wait(lambda: person.message(0) == "Tell me of Ships")
    assert "Opening" not in person.status()


def test_figures_are_those_of_what_is_shown_or_hidden(person: Person, engine: ScriptedEngine) -> None:
    gate = threading.Event()
    engine.enqueue("One", _done())
    person.ask("Hello")
    person.wait(lambda: _figure(person, "statusContext"))
    engine.enqueue("Two", gate, _done())
    person.ask("More")
    person.wait(lambda: person.message(3) == "Two")
    assert (_figure(person, "statusSpeed"), _figure(person, "statusContext")) == ("", "")
    person.click("newConversationButton")
    gate.set()
    person.wait_for(GenerationState.IDLE)
    assert (_figure(person, "statusSpeed"), _figure(person, "statusContext")) == ("", "")
    person.open("Hello")
    engine.enqueue("Three", _done())
    person.ask("Even more")
    person.wait(lambda: _figure(person, "statusContext"))
    person.choose_in(5, "Delete this and later messages")
    assert (_figure(person, "statusSpeed"), _figure(person, "statusContext")) == ("", "")


def test_a_reply_says_which_limit_it_reached(person: Person, engine: ScriptedEngine) -> None:
    most = person.window.session.sampling.max_tokens
    for written, said in ((most, "Reached the maximum length"), (most - 1, "Reached the context limit")):
        engine.enqueue("Long", Done(Ending.LENGTH, 7, 5, 0, written))
        person.click("newConversationButton")
        person.ask("Hello")
        person.wait_for(GenerationState.IDLE)
        assert said in _words(person.find("message-1"))


def _done() -> Done:
    return Done(Ending.STOP, 7, 30, 0, 10, 0.1, 0.1, 1.0, 5.0)


def _figure(person: Person, name: str) -> str:
    return str(person.find(name).text())


def _words(widget: QWidget) -> str:
    return unbroken("\n".join(str(part.property("text") or "") for part in widget.findChildren(QWidget)))


def _top(person: Person, name: str) -> int:
    widget = person.find(name)
    return int(widget.mapTo(person.window, widget.rect().topLeft()).y())


def _said(event: object) -> str:
    return event.message() if isinstance(event, QAccessibleAnnouncementEvent) else ""
