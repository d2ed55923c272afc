"""Presets of one's own, and what is other than in the chosen one."""

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu, QStyleOptionComboBox, QWidget

from phichat import i18n
from phichat.chat.sampling import PRESETS, Sampling
from phichat.store.preferences import Preferences, PreferencesFile
from phichat.ui.controllers.generation import GenerationState
from tests.ui.conftest import Person

BUILT_IN = ["balanced", "precise", "creative", "tutorial"]


def test_a_changed_setting_is_marked_and_there_is_a_way_back(person: Person) -> None:
    assert [action.text() for action in _menu(person).actions() if action.isVisible()] == ["Save as preset…"]
    assert _marked(person) == []
    _set(person, "temperature", 1.3)
    _set(person, "maxTokens", 200)
    assert _marked(person) == ["temperature", "maxTokens"]
    assert person.find("presetCombo").currentText() == "Balanced (changed)"
    for name in ("temperatureSlider", "temperatureSpin"):
        assert "Changed from 0.70 (Balanced)." in person.find(name).accessibleDescription()
    assert "1,024" in person.find("maxTokensReset").toolTip()
    assert "Temperature, Maximum length" in person.find("presetNote").text()
    person.click("temperatureReset")
    assert person.window.session.sampling == Sampling(max_tokens=200)
    assert _marked(person) == ["maxTokens"]
    assert "Changed" not in person.find("temperatureSlider").accessibleDescription()
    QTest.keyClick(person.find("maxTokensReset"), Qt.Key.Key_Space)
    assert person.find("presetCombo").currentText() == "Balanced"
    assert person.find("presetNote").isHidden()
    precise = PRESETS["precise"].sampling
    for name in ("temperature", "topK", "topP", "minP"):
        _set(person, name, getattr(precise, {"topK": "top_k", "topP": "top_p", "minP": "min_p"}.get(name, name)))
        assert person.find("presetCombo").currentText() == "Balanced (changed)"
    _set(person, "repeatPenalty", precise.repeat_penalty)
    assert _chosen(person) == "precise"
    assert _marked(person) == []


def test_the_slider_that_is_dragged_stays_where_it_is(person: Person) -> None:
    person.window.resize(1200, 760)
    places = []
    for value in (0.7, 1.3):
        for name in ("temperature", "topP", "minP"):
            _set(person, name, value if name == "temperature" else value / 3)
        person.settle(person.find("temperatureSlider"), person.find("presetNote"))
        places.append(person.find("temperatureSlider").mapTo(person.window, QPoint(0, 0)))
    assert person.find("presetNote").isVisible()
    _set(person, "temperature", 0.7)
    person.click("resetButton")
    person.settle(person.find("temperatureSlider"), person.find("presetNote"))
    assert person.find("presetNote").isHidden()
    places.append(person.find("temperatureSlider").mapTo(person.window, QPoint(0, 0)))
    assert len(set(map(QPoint.toTuple, places))) == 1


def test_a_preset_is_saved_chosen_again_and_kept(person: Person, open_window: Callable[[], Person], home: Path) -> None:
    _set(person, "temperature", 1.3)
    _name(person, "Save as preset…", "  Poems & \n songs ")
    assert _chosen(person) == "own:Poems & songs"
    assert _ids(person) == [*BUILT_IN, "own:Poems & songs"]
    assert _marked(person) == []
    _choose(person, "precise")
    _choose(person, "own:Poems & songs")
    assert person.window.session.sampling == Sampling(temperature=1.3)
    person.window.close()
    assert "Poems & songs" in json.loads((home / "preferences.json").read_text("utf-8"))["presets"]
    again = open_window()
    again.wait_for(GenerationState.IDLE)
    assert _ids(again)[:5] == [*BUILT_IN, "own:Poems & songs"]
    _choose(again, "own:Poems & songs")
    assert again.window.session.sampling.temperature == 1.3


def test_presets_that_could_not_be_read_at_the_start_are_there_after_the_next_is_saved(
    open_window: Callable[[], Person], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that failed for a moment. They were written over, or else by the one after that."""
    PreferencesFile(home / "preferences.json").save_preferences(Preferences(presets={"Old": {"top_k": 7}}))
    read = Path.read_bytes

    def fail(path: Path) -> bytes:
        if path.name == "preferences.json":
            raise OSError(errno.EIO, "Input/output error")
        return read(path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", fail)
        person = open_window()
    person.wait_for(GenerationState.IDLE)
    for number, name in enumerate(("First", "Second")):
        _set(person, "topK", number + 50)
        _name(person, "Save as preset…", name)
        person.wait(lambda: "own:Old" in _ids(person))
        assert _chosen(person) == f"own:{name}"
    person.window.close()
    assert set(json.loads((home / "preferences.json").read_text("utf-8"))["presets"]) == {"Old", "First", "Second"}


def test_a_preset_is_changed_renamed_and_deleted(person: Person) -> None:
    _name(person, "Save as preset…", "Mine")
    _choose(person, "own:Mine")
    _set(person, "topK", 7)
    _menu_action(person, "Update Mine with these settings").trigger()
    assert (_chosen(person), _marked(person)) == ("own:Mine", [])
    _name(person, "Rename Mine…", "Ours")
    assert (_ids(person), _chosen(person)) == ([*BUILT_IN, "own:Ours"], "own:Ours")
    _set(person, "topK", 8)
    _menu_action(person, "Delete Ours…").trigger()
    person.click("refuseButton")
    assert "own:Ours" in _ids(person)
    person.wait(lambda: person.window.findChild(QWidget, "deletePresetQuestion") is None)
    _menu_action(person, "Delete Ours…").trigger()
    person.click("agreeButton")
    assert [preset for preset in _ids(person) if preset] == BUILT_IN
    assert person.window.session.sampling == Sampling(top_k=8)


def test_a_long_name_leaves_all_of_the_settings_in_sight(open_window: Callable[[], Person], home: Path) -> None:
    name = "Careful answers to questions about very old steam locomotives"[:60]
    PreferencesFile(home / "preferences.json").save_preferences(Preferences(presets={name: {"top_k": 7}}))
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    _choose(person, f"own:{name}")
    person.window.resize(1180, 760)
    person.wait(person.find("settingsPanel").isVisible)
    person.settle(person.find("resetButton"))
    viewport = person.find("settingsPanel").viewport()
    for part in ("presetMenuButton", "temperatureSpin", "resetButton"):
        right = person.find(part).mapTo(viewport, QPoint(person.find(part).width(), 0)).x()
        assert right <= viewport.width()
    option = QStyleOptionComboBox()
    person.find("presetCombo").initStyleOption(option)
    assert option.currentText.endswith("…")


def test_no_name_is_given_twice(person: Person) -> None:
    _name(person, "Save as preset…", "Mine")
    _set(person, "topK", 7)
    _menu_action(person, "Save as preset…").trigger()
    for name in ("balanced", "MINE", "  "):
        person.find("nameField").setText(name)
        assert not person.find("agreeButton").isEnabled()
        assert person.find("nameNote").text() == (
            "A preset with this name already exists. Enter another name." if name.strip() else ""
        )
        QTest.keyClick(person.find("nameField"), Qt.Key.Key_Return)
        assert [preset for preset in _ids(person) if preset] == [*BUILT_IN, "own:Mine"]


def test_presets_that_make_no_sense_are_dropped_and_values_come_into_range(
    open_window: Callable[[], Person], home: Path
) -> None:
    home.mkdir()
    presets = {"Hot": {"temperature": 99, "top_k": "many", "seed": 4, "other": 1}, " ": {}, "List": [], "\ud800": {}}
    (home / "preferences.json").write_text(json.dumps({"presets": presets}), "utf-8")
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    assert _ids(person) == [*BUILT_IN, "own:Hot", "own:\N{REPLACEMENT CHARACTER}"]
    _choose(person, "own:Hot")
    assert person.window.session.sampling == Sampling(temperature=2.0)
    person.window.close()
    kept = json.loads((home / "preferences.json").read_text("utf-8"))["presets"]
    assert (list(kept), kept["Hot"]["temperature"]) == (["Hot", "\N{REPLACEMENT CHARACTER}"], 2.0)


def test_presets_of_another_form_are_none(open_window: Callable[[], Person], home: Path) -> None:
    home.mkdir()
    (home / "preferences.json").write_text(json.dumps({"presets": [{"name": "Mine"}]}), "utf-8")
    assert _ids(open_window()) == BUILT_IN


def test_names_of_ones_own_are_not_translated(open_window: Callable[[], Person]) -> None:
    i18n.set_language("fr")
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    _set(person, "topK", 7)
    assert person.find("presetCombo").currentText() == "Équilibré (modifié)"
    _name(person, i18n.tr("Save as preset…"), "Send")
    assert person.find("presetCombo").currentText() == "Send"


def _set(person: Person, name: str, value: float) -> None:
    person.find(f"{name}Spin").setValue(value)


def _marked(person: Person) -> list[str]:
    names = ("temperature", "topK", "topP", "minP", "repeatPenalty", "repeatLastN", "maxTokens")
    shown = {each.objectName() for each in person.find("settingsPanel").findChildren(QWidget) if not each.isHidden()}
    marked = [name for name in names if f"{name}Changed" in shown]
    assert marked == [name for name in names if f"{name}Reset" in shown]
    return marked


def _chosen(person: Person) -> str:
    return str(person.find("presetCombo").currentData())


def _ids(person: Person) -> list[str]:
    combo = person.find("presetCombo")
    return [combo.itemData(index) for index in range(combo.count())]


def _choose(person: Person, preset: str) -> None:
    combo = person.find("presetCombo")
    combo.setCurrentIndex(combo.findData(preset))
    combo.activated.emit(combo.currentIndex())


def _menu(person: Person) -> Any:
    menu = person.find("presetMenu", QMenu)
    menu.aboutToShow.emit()
    return menu


def _menu_action(person: Person, label: str) -> Any:
    found = next(action for action in _menu(person).actions() if action.text() == label.replace("&", "&&"))
    assert found.isVisible()
    assert found.isEnabled()
    return found


def _name(person: Person, label: str, name: str) -> None:
    _menu_action(person, label).trigger()
    person.find("nameField").setText(name)
    QTest.keyClick(person.find("nameField"), Qt.Key.Key_Return)
    person.wait(lambda: person.window.findChild(QWidget, "presetNameDialog") is None)
