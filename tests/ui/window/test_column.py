"""Messages, banners and the message field stand in one column, and nothing in it moves by itself."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QApplication, QWidget

from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person

LONG = "\n\n".join(["A paragraph of an answer."] * 80)


def place(widget: QWidget) -> QRect:
    """Where a widget is in its window."""
    return QRect(widget.mapTo(widget.window(), QPoint()), widget.size())


def edges(widget: QWidget) -> tuple[int, int]:
    return place(widget).left(), place(widget).right()


def ask(person: Person, engine: ScriptedEngine, answer: str) -> None:
    engine.enqueue(answer)
    person.ask("And this?")
    person.wait_for(GenerationState.IDLE)


def test_everything_has_the_edges_of_the_messages(person: Person, engine: ScriptedEngine) -> None:
    for width in (640, 801, 1180, 1500, 2100):
        _look_at_edges(person, engine, width)


def _look_at_edges(person: Person, engine: ScriptedEngine, width: int) -> None:
    person.window.resize(width, 700)
    person.window.commands.temporary.trigger()
    ask(person, engine, "Short.")
    person.window.conversations.undo_stack.announced.emit("Deleted it.", "")
    person.wait(person.find("undoBar").isVisible)
    for answer in ("Short.", LONG):  # without and with something to scroll
        ask(person, engine, answer)
        column = edges(person.find("message-1"))
        names = ("composerBox", "undoBar", "temporaryNote")
        assert {name: edges(person.find(name)) for name in names} == dict.fromkeys(names, column)


def test_nothing_moves_sideways_when_there_is_more_to_scroll(person: Person, engine: ScriptedEngine) -> None:
    ask(person, engine, "Short.")
    bar = person.find("transcript").verticalScrollBar()
    assert not bar.isEnabled(), "its handle is hidden"
    before = edges(person.find("message-1"))
    ask(person, engine, LONG)
    person.wait(bar.isEnabled)
    assert edges(person.find("message-3")) == before


def test_the_button_to_the_end_hides_no_words(person: Person, engine: ScriptedEngine) -> None:
    for width in (640, 1180, 2100):
        person.click("newConversationButton")
        _look_at_button(person, engine, width)


def _look_at_button(person: Person, engine: ScriptedEngine, width: int) -> None:
    person.window.resize(width, 700)
    ask(person, engine, LONG)
    transcript = person.find("transcript")
    person.wait(transcript.verticalScrollBar().isEnabled)
    transcript.verticalScrollBar().setValue(0)
    button = person.find("downButton")
    person.wait(button.isVisible)
    assert not place(button).intersects(place(person.find("message-1")))
    assert not place(button).intersects(place(transcript.verticalScrollBar()))
    assert place(transcript).contains(place(button))


def test_so_it_is_from_right_to_left(
    open_window: Callable[[], Person], engine: ScriptedEngine, qapp: QApplication, request: pytest.FixtureRequest
) -> None:
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    request.addfinalizer(lambda: qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight))
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    ask(person, engine, LONG)
    bar, button = person.find("transcript").verticalScrollBar(), person.find("downButton")
    person.wait(bar.isEnabled)
    assert edges(person.find("message-1")) == edges(person.find("composerBox"))
    bar.setValue(0)
    person.wait(button.isVisible)
    assert not place(button).intersects(place(person.find("message-1")))
    assert not place(button).intersects(place(bar))


def test_an_answer_is_nearer_to_its_question_than_to_the_next_and_pointing_moves_nothing(
    person: Person, engine: ScriptedEngine
) -> None:
    for _ in range(2):
        ask(person, engine, "Short.")
    person.wait(lambda: all(person.find(f"message-{number}").height() < 100 for number in range(4)))
    places = [place(person.find(f"message-{number}")) for number in range(4)]
    bubbles = [place(next(iter(person.find(f"message-{number}").text_edits()))) for number in range(4)]
    to_answer = bubbles[1].top() - bubbles[0].bottom()
    to_next = bubbles[2].top() - places[1].bottom()
    assert to_answer < to_next
    assert to_answer < 40, "no room is kept between them for buttons"
    before = [place(person.find(f"message-{number}")) for number in range(4)]
    texts = [edges(person.find(f"message-{number}").text_edits()[0]) for number in range(4)]
    for number in range(4):
        person.point_at(number)
        assert person.button(number, "More actions")
    assert [place(person.find(f"message-{number}")) for number in range(4)] == before
    assert [edges(person.find(f"message-{number}").text_edits()[0]) for number in range(4)] == texts


def test_a_question_gives_way_when_the_column_gets_narrower(person: Person, engine: ScriptedEngine) -> None:
    person.window.resize(1300, 700)
    engine.enqueue("Yes.")
    person.ask("Tell me all there is to know about whales, and about the seas in which they live. " * 3)
    person.wait(lambda: person.message(1) == "Yes." and person.window.generation.state is GenerationState.IDLE)
    person.window.resize(700, 700)
    view, content = person.find("transcript"), person.find("transcriptContent")
    person.wait(lambda: view.viewport().width() < 600)
    person.wait(lambda: content.width() == view.viewport().width())
