"""Text is made larger and smaller, and the window as large as the screen."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QPushButton, QScrollArea, QTextEdit, QWidget

from phichat import i18n
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.theme.scaling import set_text_size
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture(autouse=True)
def _usual_letters(qapp: QApplication) -> Iterator[None]:
    yield
    set_text_size(qapp, 100, "")


def press(person: Person, key: Qt.Key, times: int = 1) -> None:
    for _ in range(times):
        QTest.keyClick(person.find("composer"), key, CONTROL)


def test_everything_that_is_read_and_clicked_grows_and_stays_so_the_next_time(
    person: Person, open_window: Callable[[], Person], engine: ScriptedEngine, home: Path, qapp: QApplication
) -> None:
    usual = qapp.font().pointSizeF()
    engine.enqueue("Some words\n\n```python\nprint(1)\n```")
    person.ask("Question")
    person.wait_for(GenerationState.IDLE)
    answer = person.find("message-1")
    letters = [person.find("composer"), answer.findChild(QTextEdit), answer.findChild(QPlainTextEdit)]
    letters += [person.find("newConversationButton"), person.find("statusContext"), person.find("systemPrompt")]
    before = [widget.font().pointSizeF() for widget in letters]
    pixels = person.find("sendButton").width(), person.find("sendButton").iconSize().width()
    press(person, Qt.Key.Key_Plus, 5)
    assert [widget.font().pointSizeF() for widget in letters] == pytest.approx([1.5 * size for size in before])
    assert (person.find("sendButton").width(), person.find("sendButton").iconSize().width()) == (51, 27)
    assert person.status() == "Text size: 150%"
    words = letters[1].font().pointSizeF()
    for theme in ("dark", "light"):
        person.window._theme.set_theme(theme)
        assert letters[1].font().pointSizeF() == words
    press(person, Qt.Key.Key_0)
    assert [widget.font().pointSizeF() for widget in letters] == pytest.approx(before)
    assert (person.find("sendButton").width(), person.find("sendButton").iconSize().width()) == pixels
    press(person, Qt.Key.Key_Plus, 2)
    person.window.close()
    assert json.loads((home / "preferences.json").read_text())["text_percent"] == 120
    set_text_size(qapp, 100, "")
    again = open_window()
    assert again.find("composer").font().pointSizeF() == pytest.approx(1.2 * usual)


def test_it_ends_at_both_ends_where_all_has_its_place_or_is_folded(
    person: Person, engine: ScriptedEngine, qapp: QApplication
) -> None:
    person.window.resize(1180, 760)
    assert person.find("settingsPanel").isVisible()
    usual = qapp.font().pointSizeF()
    press(person, Qt.Key.Key_Minus, 9)
    assert qapp.font().pointSizeF() == pytest.approx(0.8 * usual)
    press(person, Qt.Key.Key_Plus, 30)
    assert qapp.font().pointSizeF() == pytest.approx(2 * usual)
    assert not person.window.commands.larger.isEnabled()
    assert not person.find("settingsPanel").isVisible()
    engine.enqueue("```\nlate\n```")
    person.ask("One")
    person.wait_for(GenerationState.IDLE)
    code = person.find("message-1").findChild(QPlainTextEdit)
    assert code.font().pointSizeF() == pytest.approx(person.find("composer").font().pointSizeF(), rel=0.3)
    person.point_at(1)
    assert person.button(1, "More actions").width() == 56
    person.window.resize(640, 480)
    assert person.window.width() == 640
    for name in ("composer", "sendButton", "modelButton"):
        widget: QWidget = person.find(name)
        assert person.window.rect().contains(
            widget.rect().translated(widget.mapTo(person.window, widget.rect().topLeft()))
        )
    person.window.resize(1180, 760)
    assert not person.find("settingsPanel").isVisible()
    press(person, Qt.Key.Key_0)
    assert person.find("settingsPanel").isVisible()


def test_small_letters_cut_nothing_off_the_settings(home: Path, open_window: Callable[[], Person]) -> None:
    home.mkdir(exist_ok=True)
    (home / "preferences.json").write_text(json.dumps({"text_percent": 80}), "utf-8")
    person = open_window()
    person.window.resize(1270, 760)
    person.window.commands.panel.setChecked(True)
    area = person.find("settingsPanel").findChild(QScrollArea) or person.find("settingsPanel")
    person.wait(lambda: 0 < area.widget().width() <= area.viewport().width())


def test_full_screen_and_back(person: Person) -> None:
    QTest.keyClick(person.find("composer"), Qt.Key.Key_F11)
    assert person.window.isFullScreen()
    assert person.window.commands.full_screen.isChecked()
    QTest.keyClick(person.find("composer"), Qt.Key.Key_F11)
    assert not person.window.isFullScreen()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_buttons_beside_the_conversation_have_room_for_their_words(
    home: Path, open_window: Callable[[], Person], language: str
) -> None:
    home.mkdir(exist_ok=True)
    (home / "preferences.json").write_text(json.dumps({"text_percent": 150}), "utf-8")
    i18n.set_language(language)
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    person.window.resize(1180, 740)
    person.click("binButton")
    names = ("newConversationButton", "binBackButton", "restoreButton", "purgeButton")
    person.wait(lambda: person.window.findChild(QPushButton, "purgeButton"))
    buttons = [person.find(name, QPushButton) for name in names]
    person.wait(lambda: all(button.width() >= button.sizeHint().width() for button in buttons))
