"""What a model's makers recommend is offered when the model is chosen, and used only if the user wants it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget

from phichat.models.base import Listing
from phichat.paths import Home
from phichat.store.preferences import Preferences, PreferencesFile
from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedShelf
from tests.ui.conftest import Person

RECOMMENDED = (("temperature", 0.6), ("top_k", 20), ("top_p", 0.95), ("min_p", 0.0), ("repeat_penalty", 1.0))


@pytest.fixture
def shelf() -> ScriptedShelf:
    return ScriptedShelf(Listing("mine", "Qwen3 4B", sampling=RECOMMENDED))


@pytest.fixture
def person(home: Path, phi3_model: Path, open_window: Callable[[], Person]) -> Person:
    """In front of a window with the starter, beside a model whose makers recommend settings."""
    PreferencesFile(Home(home).preferences).save_preferences(Preferences(model="starter"))
    Home(home).models.mkdir(parents=True)
    (Home(home).models / "mine.gguf").write_bytes(phi3_model.read_bytes())
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    return person


def choose(person: Person) -> None:
    next(action for action in person.window.actions() if action.text() == "Models…").trigger()
    person.wait(lambda: person.find("modelTable").topLevelItemCount() == 2)
    person.find("modelTable").setCurrentItem(person.find("modelTable").topLevelItem(0))
    person.click("talkWithButton")
    person.wait(lambda: person.find("makersNotice").isVisible())


def test_nothing_is_offered_until_the_model_is_chosen(person: Person) -> None:
    assert not person.window.findChildren(QWidget, "makersNotice")


def test_the_makers_settings_are_used_on_a_click(person: Person) -> None:
    choose(person)
    assert person.find("temperatureSpin").value() == 0.7
    person.click("makersSettingsButton")
    assert person.find("temperatureSpin").value() == 0.6
    assert person.find("topKSpin").value() == 20
    assert person.find("minPSpin").value() == 0
    assert person.find("repeatPenaltySpin").value() == 1
    assert person.find("maxTokensSpin").value() == 1024
    assert not person.find("makersNotice").isVisible()


def test_not_now_changes_nothing(person: Person) -> None:
    choose(person)
    person.click("makersDismissButton")
    assert not person.find("makersNotice").isVisible()
    assert person.find("temperatureSpin").value() == 0.7


def test_it_looks_like_other_banners(person: Person) -> None:
    choose(person)
    person.window.conversations.undo_stack.announced.emit("Deleted it.", "")
    person.wait(lambda: person.find("undoBar").isVisible())
    notice, bar = (person.find(name).grab().toImage() for name in ("makersNotice", "undoBar"))
    assert notice.pixelColor(8, notice.height() // 2) == bar.pixelColor(8, bar.height() // 2)
