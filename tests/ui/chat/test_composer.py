"""Input methods compose in peace: nothing half-composed is sent, stored, or lost."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QTextEdit

from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person


def compose(field: QTextEdit, text: str) -> None:
    """The input method shows `text`, which is none yet."""
    QApplication.sendEvent(field, QInputMethodEvent(text, []))


def commit(field: QTextEdit, text: str) -> None:
    """The person has chosen: it is text now."""
    event = QInputMethodEvent()
    event.setCommitString(text)
    QApplication.sendEvent(field, event)


def test_enter_is_the_input_methods_until_the_text_is_chosen(person: Person, engine: ScriptedEngine) -> None:
    field, texts = person.find("composer"), list[str]()
    for composed, chosen in (("にほん", "日本"), ("ㅎ", "한"), ("´", "é"), (":smile", "😀"), ("ni hao", "你好")):
        person.type("A ")
        compose(field, composed)
        person.press(Qt.Key.Key_Return)
        assert (person.window.session.draft, person.written()) == ("A ", "A ")
        assert [request.turns[-1].text for request in engine.requests] == texts
        commit(field, chosen)
        assert person.window.session.draft == f"A {chosen}"
        texts.append(f"A {chosen}")
        person.press(Qt.Key.Key_Return)
        person.wait(lambda: [request.turns[-1].text for request in engine.requests] == texts)
        person.wait_for(GenerationState.IDLE)


def test_what_is_composed_stays_in_its_conversation(person: Person, engine: ScriptedEngine) -> None:
    person.ask("First")
    person.wait_for(GenerationState.IDLE)
    person.click("newConversationButton")
    person.type("A ")
    compose(person.find("composer"), "にほん")
    person.open("First")
    assert person.written() == ""
    person.open("A")
    person.wait(lambda: person.written() == "A にほん")


def test_what_is_composed_is_there_after_a_restart(person: Person, open_window: object) -> None:
    compose(person.find("composer"), "にほん")
    person.window.close()
    second = open_window()  # type: ignore[operator]
    second.wait(lambda: second.written() == "にほん")


def test_what_is_composed_goes_with_a_click_on_send_unless_it_is_given_up(
    person: Person, engine: ScriptedEngine
) -> None:
    person.type("A ")
    compose(person.find("composer"), "b")
    person.click("sendButton")
    person.wait(lambda: engine.requests and engine.requests[0].turns[-1].text == "A b")
    person.wait_for(GenerationState.IDLE)
    person.click("newConversationButton")
    field = person.find("composer")
    person.type("A")
    compose(field, "にほ")
    compose(field, "")
    person.press(Qt.Key.Key_Return)
    person.wait(lambda: engine.requests[-1].turns[-1].text == "A")
    person.wait_for(GenerationState.IDLE)
    person.click("newConversationButton")
    person.ask("First")
    person.wait(lambda: len(engine.requests) == 3 and person.window.generation.state is GenerationState.IDLE)
    person.press_in(0, "Edit")
    field = person.find("editField")
    compose(field, "にほん")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert len(engine.requests) == 3
    commit(field, "日本")
    QTest.keyClick(field, Qt.Key.Key_Return)
    person.wait(lambda: len(engine.requests) == 4 and engine.requests[3].turns[-1].text == "First日本")
