"""The advanced sampling settings, folded below the others."""

from PySide6.QtWidgets import QPlainTextEdit, QSlider, QToolButton

from phichat.chat.sampling import PRESETS
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person


def test_they_are_there_when_asked_for(person: Person) -> None:
    panel, button = person.find("settingsPanel"), person.find("advancedButton", QToolButton)
    assert button.text() == "Advanced"
    assert not panel.findChild(QSlider, "dryMultiplierSlider")
    button.click()
    slider = person.find("dryMultiplierSlider", QSlider)
    assert slider.isVisibleTo(panel)
    button.click()
    assert not slider.isVisibleTo(panel)


def test_what_is_in_use_is_told_while_folded(person: Person) -> None:
    button = person.find("advancedButton", QToolButton)
    button.click()
    person.find("presencePenaltySlider", QSlider).setValue(4)
    assert person.window.session.sampling.presence_penalty == 0.2
    button.click()
    assert button.text() == "Advanced (1 in use)"
    assert button.accessibleName() == button.text()
    person.find("resetButton").click()
    assert person.window.session.sampling == PRESETS["balanced"].sampling
    assert button.text() == "Advanced"


def test_lists_of_texts_count_for_the_next_answer(person: Person, engine: ScriptedEngine) -> None:
    person.find("advancedButton", QToolButton).click()
    stop, never = (person.find(name, QPlainTextEdit) for name in ("stopField", "forbiddenField"))
    stop.setPlainText("END\n\n\\nUser:\nEND")
    never.setPlainText("delve")
    person.ask("Hello")
    person.wait(lambda: person.message(1) == "Hello")
    sampling = engine.requests[-1].sampling
    assert (sampling.stop, sampling.forbidden) == (("END", "\nUser:"), ("delve",))
    person.find("newConversationButton").click()
    assert never.toPlainText() == ""
    person.find("conversationList").setFocus()


def test_a_list_shows_what_was_stored_as_it_was_typed(person: Person) -> None:
    person.find("advancedButton", QToolButton).click()
    stop = person.find("stopField", QPlainTextEdit)
    stop.setPlainText("a\\\\nb\n\\tc")
    assert person.window.session.sampling.stop == ("a\\nb", "\tc")
    person.find("advancedButton", QToolButton).click()
    person.find("advancedButton", QToolButton).click()
    assert stop.toPlainText() == "a\\\\nb\n\\tc"
