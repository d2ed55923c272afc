"""What is chosen in the preferences holds at once, and at the next start."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QFontDatabase, QImage
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QMessageBox, QWidget

from phichat import i18n, paths
from phichat.store.preferences import PreferencesFile
from phichat.ui.theme.scaling import set_text_size
from phichat.ui.theme.theme import Theme
from tests.ui.conftest import Person, record_opened


@pytest.fixture(autouse=True)
def _usual_looks(qapp: QApplication) -> Iterator[None]:
    yield
    set_text_size(qapp, 100, "")
    qapp.setStyleSheet("")
    qapp.setCursorFlashTime(1000)


def opened(person: Person) -> Any:
    person.window.commands.preferences.trigger()
    return person.find("preferencesDialog")


def choose(person: Person, name: str, value: str) -> None:
    combo = person.find(name)
    combo.setCurrentIndex(combo.findData(value))
    combo.activated.emit(combo.currentIndex())


def saved(person: Person, home: Path) -> dict[str, Any]:
    person.window.close()
    found: dict[str, Any] = json.loads((home / "preferences.json").read_text())
    return found


def test_looks_change_at_once_and_stay(person: Person, home: Path, qapp: QApplication) -> None:
    usual = qapp.font().pointSizeF()
    opened(person)
    choose(person, "themeCombo", "dark-contrast")
    choose(person, "accentCombo", "rose")
    person.find("textSizeSpin").setValue(130)
    [theme] = person.window.findChildren(Theme)
    assert theme.colors.is_dark
    assert theme.colors.is_plain
    assert qapp.font().pointSizeF() == pytest.approx(1.3 * usual)
    family = QFontDatabase.families()[0]
    choose(person, "fontCombo", family)
    assert qapp.font().families()[0] == family
    found = saved(person, home)
    assert (found["theme"], found["accent"], found["text_percent"], found["font"]) == (
        "dark-contrast", "rose", 130, family,
    )  # fmt: skip


def _notes(person: Person) -> list[str]:
    labels = person.find("preferencesDialog").findChildren(QLabel)
    return [label.text() for label in labels if not label.isHidden()]


def test_new_conversations_begin_as_is_said_there(person: Person, engine: Any) -> None:
    opened(person)
    field, said = person.find("defaultSystemPrompt"), "Phichat can’t read images. Paste text instead."
    QApplication.clipboard().setImage(QImage(4, 4, QImage.Format.Format_RGB32))
    field.paste()
    person.wait(lambda: said in _notes(person))
    field.setPlainText("Be brief.")
    assert said not in _notes(person)
    combo = person.find("defaultPresetCombo")
    combo.setCurrentIndex(combo.findData("precise"))
    combo.activated.emit(combo.currentIndex())
    assert person.window.session.system == ""
    person.find("preferencesDialog").reject()
    person.ask("One")
    person.wait(lambda: person.message(1) == "One")
    person.click("newConversationButton")
    assert person.window.session.system == "Be brief."
    assert person.find("presetCombo").currentData() == "precise"


def test_a_folder_that_no_app_shows_is_named(person: Person, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record_opened(monkeypatch, works=False)
    opened(person)
    person.find("dataFolderOpen").click()
    box = person.find("folderNotOpened", QMessageBox)
    assert box.isVisible()
    assert box.text() == f"Phichat couldn’t open a file manager. The folder’s location:\n\n{home}"
    box.reject()


def test_another_folder_for_models_is_chosen_shown_and_given_up(
    person: Person, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    shown = record_opened(monkeypatch)
    opened(person)
    assert person.find("dataFolder").accessibleDescription() == str(home)
    person.find("modelsFolderChange").click()
    assert person.find("modelsFolder").accessibleDescription() == str(tmp_path)
    person.find("modelsFolderOpen").click()
    assert shown == [QUrl.fromLocalFile(str(tmp_path))]
    person.find("modelsFolderOwn").click()
    assert person.find("modelsFolder").accessibleDescription() == str(home / "models")
    person.find("modelsFolderChange").click()
    assert saved(person, home)["models_folder"] == str(tmp_path)


def test_the_language_is_chosen_for_the_next_start(person: Person, home: Path) -> None:
    opened(person)
    combo = person.find("languageCombo")
    assert [combo.itemData(number) for number in range(combo.count())] == ["", *i18n.available_languages()]
    assert combo.itemText(combo.findData("en_GB")) == "British English"
    assert combo.itemText(combo.findData("fr")) == "Français"
    choose(person, "languageCombo", "fr")
    assert i18n.current_language() == "en"
    assert saved(person, home)["language"] == "fr"


def test_less_motion_stills_the_cursor(person: Person, qapp: QApplication) -> None:
    opened(person)
    before = qapp.cursorFlashTime()
    person.find("lessMotionCheck").setChecked(True)
    assert qapp.cursorFlashTime() == 0
    person.find("lessMotionCheck").setChecked(False)
    assert qapp.cursorFlashTime() == before


def test_all_of_it_has_names_and_fits_a_small_window(open_window: Callable[[], Person]) -> None:
    i18n.set_language("fr")
    person = open_window()
    dialog = opened(person)
    assert dialog.minimumSizeHint().width() <= 640
    assert dialog.minimumSizeHint().height() <= 480
    nameless = [
        widget.objectName()
        for widget in dialog.findChildren(QWidget)
        if widget.objectName().endswith(("Combo", "Spin", "Check", "Prompt")) and not widget.accessibleName()
    ]
    assert not nameless


def test_the_model_at_the_start_is_chosen(
    open_window: Callable[[], Person], home: Path, chatml_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home / "models" / "mine.gguf"
    file.parent.mkdir(parents=True)
    file.write_bytes(chatml_model.read_bytes())
    person = open_window()
    person.window.commands.preferences.trigger()
    combo = person.find("defaultModelCombo")
    person.wait(lambda: combo.findText("mine") > 0)
    assert combo.currentText() == "Last used model"
    combo.setCurrentIndex(combo.findText("mine"))
    combo.activated.emit(combo.currentIndex())
    person.window.close()
    assert json.loads((home / "preferences.json").read_text())["default_model"] == str(file)
    assert paths.preferred_models(paths.home())[0] == str(file)
    person = open_window()
    person.window.commands.preferences.trigger()
    person.wait(lambda: person.find("defaultModelCombo").currentText() == "mine")
    person.find("preferencesDialog").close()
    terminal = PreferencesFile(home / "preferences.json")
    terminal.save_preferences(replace(terminal.load_preferences(), default_model=""))
    person.window.commands.preferences.trigger()
    person.wait(lambda: person.find("defaultModelCombo").currentText() == "Last used model")
    person.window.close()
    assert json.loads((home / "preferences.json").read_text())["default_model"] == ""


def test_no_button_is_squeezed_on_a_small_screen(person: Person) -> None:
    """There are 640 × 400 pixels where 1280 × 800 are shown at 200%."""
    dialog = opened(person)
    dialog.resize(600, 300)
    person.wait(lambda: dialog.height() == 300)
    button = person.find("dataFolderOpen")
    assert button.height() >= button.sizeHint().height()
