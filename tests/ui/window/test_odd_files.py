"""Files that are no chat models, dropped on the true window: each is named in one sentence, and all stays as it is."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QTreeWidget, QWidget

from phichat.paths import Home
from phichat.ui.controllers.generation import GenerationState
from tests.support import odd_files, tiny_models
from tests.support.fakes import PHI_3, ScriptedEngine, ScriptedShelf
from tests.support.labels import unbroken
from tests.ui.conftest import Person

COPY, LEFT, NONE = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def drop(target: QWidget, file: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    QApplication.sendEvent(target, QDragEnterEvent(QPoint(9, 9), COPY, data, LEFT, NONE))
    QApplication.sendEvent(target, QDropEvent(QPointF(9, 9), COPY, data, LEFT, NONE))


def wait_for_sentence(person: Person, file: Path, words: str) -> None:
    person.wait(partial(_says, person.find("statusMessage"), file.name, words))
    assert "\n" not in person.status()


def choose_next(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """Have the system's dialog return `file`."""
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(file), ""))


def test_each_kind_dropped_on_the_window_is_named_and_the_model_stays(
    person: Person, engine: ScriptedEngine, tmp_path: Path
) -> None:
    loads = len(engine.loads)
    for file, words in odd_files.write_all(tmp_path / "odd").items():
        drop(person.window, file)
        wait_for_sentence(person, file, words)
    assert len(engine.loads) == loads
    engine.enqueue("Still here.")
    person.ask("Are you?")
    person.wait(lambda: person.message(1) == "Still here.")


def test_any_part_of_a_split_model_opens_it_and_a_missing_one_is_named(
    person: Person, engine: ScriptedEngine, tmp_path: Path
) -> None:
    first = tiny_models.chatml(tmp_path / "tiny.gguf", parts=3)
    second, third = (first.with_name(f"tiny-0000{number}-of-00003.gguf") for number in (2, 3))
    drop(person.window, second)
    person.wait(lambda: engine.loads[-1][0] == first)
    person.wait_for(GenerationState.IDLE)
    third.unlink()
    drop(person.window, second)
    person.wait(lambda: f"{third.name} is missing" in person.status())


def test_what_lies_in_the_models_folder_is_neither_loaded_nor_offered(
    home: Path, open_window: Callable[[], Person], engine: ScriptedEngine
) -> None:
    odd_files.write_all(Home(home).models)
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    assert [load[0].name for load in engine.loads if "odd" in str(load[0])] == []
    assert engine.loads[-1][0].parent != Home(home).models
    menu = person.find("modelButton").menu()
    menu.aboutToShow.emit()
    person.wait(lambda: any("SmolLM2" in action.text() for action in menu.actions()))
    assert not [action.text() for action in menu.actions() if "embed" in action.text() or "lora" in action.text()]


class TestFirstPage:
    @pytest.fixture
    def shelf(self) -> ScriptedShelf:
        return ScriptedShelf(PHI_3)

    def test_each_kind_is_named_there(
        self, person: Person, engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        person.wait(lambda: person.window.findChild(QWidget, "haveFileButton"))
        for file, words in list(odd_files.write_all(tmp_path / "odd").items())[:4]:
            choose_next(monkeypatch, file)
            QTest.mouseClick(person.find("haveFileButton"), LEFT)
            wait_for_sentence(person, file, words)
        assert person.find("firstRun").isVisible()


def _says(message: QWidget, name: str, words: str) -> bool:
    text = unbroken(str(message.property("text")))
    return text.startswith(name) and words in text


def test_the_dialog_names_what_is_added(person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    next(action for action in person.window.actions() if action.text() == "Models…").trigger()
    message = person.find("modelsMessage")
    for file, words in odd_files.write_all(tmp_path / "odd").items():
        choose_next(monkeypatch, file)
        person.click("addFileButton")
        person.wait(partial(_says, message, file.name, words))
    assert person.find("modelTable", QTreeWidget).topLevelItemCount() == 1
