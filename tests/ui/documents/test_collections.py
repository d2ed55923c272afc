"""A collection is made, filled and asked about in any conversation; what could not be read says why."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu, QToolButton

from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person


def test_a_collection_is_made_filled_and_used(person: Person, engine: ScriptedEngine, tmp_path: Path) -> None:
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    (tmp_path / "broken.docx").write_bytes(b"PK\x03\x04nothing")
    person.window.documents.open_collections()
    QTest.keyClicks(person.find("collectionName"), "Work")
    QTest.keyClick(person.find("collectionName"), Qt.Key.Key_Return)
    person.find("collectionsDialog")._on_folders([str(tmp_path)])  # chosen in the system's dialog
    person.wait(lambda: _files(person).keys() == {"broken.docx", "pump.txt"} and "1 passage" in _files(person).values())
    assert _files(person)["broken.docx"].startswith("broken.docx is damaged and can’t be read.")
    QTest.keyClick(person.find("collectionsDialog"), Qt.Key.Key_Escape)
    QTest.mouseClick(person.find("documentsButton"), Qt.MouseButton.LeftButton)
    person.wait(lambda: person.window.findChild(QMenu, "documentsMenu"))
    action = person.find("documentsMenu", QMenu).actions()[0]
    assert action.text() == "Work"
    action.trigger()
    person.close_menu()
    person.wait(lambda: [each.accessibleName() for each in _all(person, "documentChip")] == ["Work"])
    person.ask("With what is the pump oiled?")
    person.wait(lambda: engine.requests)
    assert "linseed oil" in engine.requests[0].turns[-1].text


def test_nothing_found_is_told_before_the_answer(person: Person, engine: ScriptedEngine, tmp_path: Path) -> None:
    (tmp_path / "pump.txt").write_text("The pump is oiled with linseed oil every spring.", "utf-8")
    person.window.documents._documents.attach(person.window.session, tmp_path / "pump.txt")
    person.ask("Who won the galactic championship of 1987 on Neptune?")
    person.wait(lambda: engine.requests and not person.window.generation.is_answering())
    assert engine.requests[0].turns[-1].text.startswith("Who won")
    assert person.find("nothingFound").text() == "Nothing about this was found in pump.txt."


def _files(person: Person) -> dict[str, str]:
    tree = person.find("collectionFiles")
    items = [tree.topLevelItem(at) for at in range(tree.topLevelItemCount())]
    return {item.text(0): item.text(1) for item in items}


def _all(person: Person, name: str) -> list[QToolButton]:
    return person.window.findChildren(QToolButton, name)
