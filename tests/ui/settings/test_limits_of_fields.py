"""A number that is too large or too small for its field becomes the limit, and none of its digits is lost."""

from collections.abc import Callable
from itertools import product

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractSpinBox, QLineEdit

from phichat import i18n
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.settings.panel import SettingsPanel
from tests.ui.conftest import Person

Open = Callable[[], Person]


def test_what_is_typed_goes_to_the_limit(person: Person) -> None:
    person.find("randomSeedCheck").setChecked(False)
    for name, typed, value in (
        ("maxTokensSpin", "99999", 4096),
        ("temperatureSpin", "77", 2.0),
        ("seedSpin", "99999999999", 4_294_967_294),
        ("topKSpin", "12", 12),
        ("contextSpin", "500000", 131_072),
        ("contextSpin", "10", 256),
    ):
        field = person.find(name)
        _enter(field, typed)
        assert field.value() == value


@pytest.mark.parametrize("language", ["en", "fr"])
def test_decimals_begin_and_digits_are_grouped_as_anywhere(open_window: Open, language: str) -> None:
    i18n.set_language(language)
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    for name, typed in product(("contextSpin", "maxTokensSpin"), ("2 000", "2.000", "2,000", "2'000")):
        person.find(name).setValue(1000)
        _enter(person.find(name), typed)
        assert person.find(name).value() == 2000
    field = person.find("temperatureSpin")
    for typed, value in (("0,7", 0.7), ("1.3", 1.3), ("0,45", 0.45)):
        _enter(field, typed)
        assert field.value() == value


def test_what_is_being_typed_outlives_the_load_of_a_model(person: Person) -> None:
    field = person.find("contextSpin")
    panel = person.window.findChild(SettingsPanel)
    assert panel
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "20")
    panel.show_context(3500, 131_072)
    QTest.keyClicks(field, "00")
    QTest.keyClick(field, Qt.Key.Key_Tab)
    panel.show_context(3500, 131_072)
    assert field.value() == 2000
    person.wait(lambda: (loaded := person.window.generation.loaded) and loaded.settings.context == 2000)


@pytest.mark.parametrize("typed", [[Qt.Key.Key_5, Qt.Key.Key_Backspace], [Qt.Key.Key_Delete, Qt.Key.Key_2]])
def test_the_field_follows_the_model_once_it_was_left(person: Person, typed: list[Qt.Key]) -> None:
    field, panel = person.find("contextSpin"), person.window.findChild(SettingsPanel)
    assert panel
    person.wait(lambda: person.window.generation.loaded)
    field.setFocus()
    field.findChild(QLineEdit).setCursorPosition(0)
    for key in typed:
        QTest.keyClick(field, key)
    panel.show_context(3500, 131_072)
    assert person.find("passageTokensSpin").maximum() == 3500 // 3
    assert field.value() == 4096
    QTest.keyClick(field, Qt.Key.Key_Tab)
    panel._context_timer.stop()  # nothing else was loaded for what was entered
    panel.show_context(2048, 8192)
    assert (field.value(), field.maximum()) == (2048, 8192)


def _enter(field: QAbstractSpinBox, typed: str) -> None:
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, typed)
    QTest.keyClick(field, Qt.Key.Key_Tab)
