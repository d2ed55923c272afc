"""Models of a Hub in the true window: with terms to agree to, and in several files."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QTreeWidget, QWidget
from pytestqt.qtbot import QtBot

from phichat import app
from phichat.engine import hardware
from phichat.i18n import format_size
from tests.support import tiny_models
from tests.support.fakes import ScriptedEngine
from tests.support.hub import faults
from tests.support.hub.server import HubServer
from tests.support.keyrings import Keyring, install
from tests.ui.conftest import Person


@pytest.fixture
def open_dialog(
    qtbot: QtBot, hub: HubServer, home: Path, monkeypatch: pytest.MonkeyPatch, starter: object
) -> Callable[[], Person]:
    """Opens the window with the true model manager, and its dialog of models."""
    monkeypatch.setattr(hardware, "SECONDS", 0.01)

    def open_one() -> Person:
        window = app.create_window(make_engine=ScriptedEngine)
        qtbot.addWidget(window)
        window.show()
        person = Person(window, qtbot)
        next(action for action in window.actions() if action.text() == "Models…").trigger()
        person.wait(lambda: "tokens/s" in row(person, "SmolLM2"))
        return person

    return open_one


def row(person: Person, title: str) -> str:
    table = person.find("modelTable", QTreeWidget)
    rows = [" | ".join(item.text(column) for column in range(6)) for item in table.findItems(title, STARTS)]
    return "".join(rows)


def found(person: Person) -> list[str]:
    """The files that were found."""
    tree = person.find("foundFiles", QTreeWidget)
    rows = [tree.topLevelItem(row) for row in range(tree.topLevelItemCount())]
    return [" | ".join(item.text(column) for column in range(4)) for item in rows if item]


STARTS = Qt.MatchFlag.MatchStartsWith


def list_files(person: Person, text: str) -> None:
    field = person.find("modelSearchField")
    field.clear()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


def press(person: Person, name: str) -> None:
    button = person.find("modelsDialog").findChild(QWidget, name)
    person.wait(button.isVisible)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def words(person: Person) -> str:
    labels = person.find("modelsDialog").findChildren(QLabel)
    return "\n".join(label.text() for label in labels if label.isVisible())


def test_a_model_with_terms_arrives_once_a_token_is_entered(
    open_dialog: Callable[[], Person], hub: HubServer, chatml_model: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    install(monkeypatch, Keyring())
    hub.add("owner/gated", "gated-Q4_K_M.gguf", chatml_model)
    hub.gate("owner/gated", "hf_reader")
    person = open_dialog()
    list_files(person, "hf.co/owner/gated:Q4_K_M")
    person.wait(lambda: found(person))
    press(person, "downloadButton")
    person.wait(lambda: "accept its terms" in words(person))
    press(person, "tokenButton")
    person.find("hubTokenField").insert("hf_reader")
    person.click("hubTokenSave")
    state = person.find("hubTokenState")
    person.wait(lambda: "keyring" in state.text())
    person.find("preferencesDialog").close()
    press(person, "downloadButton")
    person.wait((home / "models" / "gated-Q4_K_M.gguf").is_file)
    person.wait(lambda: row(person, "gated").endswith(("Downloaded", "In use")))
    person.window.close()


def test_a_model_in_several_files_is_one_row(
    open_dialog: Callable[[], Person], hub: HubServer, tmp_path: Path, home: Path
) -> None:
    first = tiny_models.chatml(tmp_path / "Big-Q4.gguf", parts=3)
    for part in first.parent.glob("Big-Q4-*"):
        hub.add("owner/big", part.name, part)
    person = open_dialog()
    list_files(person, f"https://huggingface.co/owner/big/blob/main/{first.name}")
    person.wait(lambda: found(person))
    size = sum(part.stat().st_size for part in first.parent.glob("Big-Q4-*"))
    assert len(found(person)) == 1
    assert format_size(size) in found(person)[0]
    press(person, "downloadButton")
    person.wait(lambda: row(person, "Big-Q4").endswith(("Downloaded", "In use")))
    assert len(list((home / "models").glob("Big-Q4-*.gguf"))) == 3
    person.window.close()


def test_a_search_survives_whatever_the_hub_answers(
    open_dialog: Callable[[], Person], hub: HubServer, chatml_model: Path
) -> None:
    hub.add("qwen/Qwen3-GGUF", "Qwen3-Q4_K_M.gguf", chatml_model, licence="apache-2.0")
    hub.add("qwen/Qwen3-GGUF", "mmproj-F16.gguf", b"GGUF")
    hub.rename("qwen/Qwen3-GGUF", "qwen/Qwen-3-GGUF")
    person = open_dialog()
    assert [asked for asked in hub.requests if "search=" in asked.path] == []
    for fault, said in (
        (faults.status(500), "having problems (error 500)"),
        (faults.status(401), "rejected the search (error 401)"),
        (faults.page("{}"), "unexpected page"),
        (faults.page(""), "unexpected page"),
        (faults.page("[]"), "Nothing on the Hub matches"),
    ):
        hub.misbehave(fault, times=1, at="api")
        list_files(person, "gguf")
        person.wait(partial(_says, person, said))
        assert person.find("modelTable").isVisible()
    busy = hub.misbehave(faults.too_many(3), at="api")
    list_files(person, "gguf")
    person.wait(lambda: "too many requests" in words(person))
    hub.behave(busy)
    person.wait(lambda: found(person))
    list_files(person, "qwen/Qwen3-GGUF")  # its old name
    person.wait(lambda: found(person) and "Q4_K_M" in found(person)[0])
    silent = hub.misbehave(faults.silence(), at="api")
    list_files(person, "gguf")
    person.wait(lambda: "Contacting the Hub" in words(person))
    QTest.keyClick(person.find("modelSearchField"), Qt.Key.Key_Escape)
    person.wait(lambda: person.find("modelTable").isVisible() and "Contacting the Hub" not in words(person))
    hub.behave(silent)
    person.window.close()


def _says(person: Person, sentence: str) -> bool:
    return sentence in words(person)
