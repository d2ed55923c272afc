"""Every field of the settings has a label beside it that can be seen, and writes numbers alike."""

from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QAbstractSpinBox, QLabel, QSlider, QSpinBox, QToolButton

from phichat import i18n
from phichat.ui.controllers.generation import GenerationState
from tests.ui.conftest import Person


def test_the_fields_of_this_computer_have_labels(person: Person) -> None:
    panel = person.find("settingsPanel")
    for name in ("statesSpin", "restSpin"):
        field = person.find(name)
        labels = [label for label in panel.findChildren(QLabel) if label.buddy() is field]
        assert [label.text() for label in labels] == [field.accessibleName()]
        assert labels[0].isVisibleTo(panel)


def test_thousands_are_written_as_elsewhere_in_the_window(person: Person) -> None:
    context = person.find("contextSpin", QSpinBox)
    context.setValue(4096)
    assert context.text().startswith("4,096"), "as in the status bar"
    limit = person.find("maxTokensSpin", QAbstractSpinBox)
    limit.setValue(4096)
    assert limit.text() == "4,096"


@pytest.mark.parametrize("language", ["en", "fr"])
def test_settings_that_are_changed_all_fit_on_the_panel(open_window: Callable[[], Person], language: str) -> None:
    i18n.set_language(language)
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    panel = person.find("settingsPanel")
    person.window.resize(1300, 760)
    person.window.commands.panel.setChecked(True)
    person.find("advancedButton", QToolButton).setChecked(True)
    for slider in panel.findChildren(QSlider):
        slider.setValue(slider.value() + (1 if slider.value() < slider.maximum() else -1))
    person.wait(lambda: len(panel.findChildren(QToolButton)) > 15)
    person.settle(panel.widget())
    assert panel.widget().width() <= panel.viewport().width()
