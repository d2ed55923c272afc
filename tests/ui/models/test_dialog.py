"""The dialog of all models: what it says of each, and what can be done with them."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QLabel,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QTreeWidget,
    QWidget,
)

from phichat.errors import HubForbidden, HubMissing, HubRefused, HubUnreachable
from phichat.models.base import FoundRepository, HubFile, Listing, Phase, Progress, Waiting
from phichat.models.library import Library
from phichat.paths import Home
from phichat.store.preferences import Preferences, PreferencesFile
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.models import search
from tests.support import tiny_models
from tests.support.fakes import PHI_3, PHI_4, ScriptedEngine, ScriptedShelf
from tests.ui.conftest import Person, record_opened

HALF = Progress(Phase.FETCHING, 1_250_000_000, 2_500_000_000, 3_100_000, 500)
OTHER = Listing(
    "ada/tiny-GGUF:tiny-Q4.gguf",
    "tiny-Q4",
    HubFile("ada/tiny-GGUF", "tiny-Q4.gguf"),
    bytes=5_000_000,
    is_official=False,
)


@pytest.fixture
def shelf() -> ScriptedShelf:
    return ScriptedShelf(PHI_3, replace(PHI_4, fits=False))


@pytest.fixture
def own_model(home: Path, phi3_model: Path) -> Path:
    """A model in the application's own folder, beside the starter, which was used last."""
    PreferencesFile(Home(home).preferences).save_preferences(Preferences(model="starter"))
    folder = Home(home).models
    folder.mkdir(parents=True)
    file = folder / "mine.gguf"
    file.write_bytes(phi3_model.read_bytes())
    return file


@pytest.fixture
def reader(open_window: Callable[[], Person]) -> Person:
    """In front of the dialog."""
    return _open(open_window())


def _open(person: Person) -> Person:
    person.wait_for(GenerationState.IDLE)
    next(action for action in person.window.actions() if action.text() == "Models…").trigger()
    person.wait(lambda: "tokens/s" in " ".join(_rows(person)))
    return person


def _table(person: Person) -> QTreeWidget:
    table: QTreeWidget = person.find("modelTable", QTreeWidget)
    return table


def _rows(person: Person) -> list[str]:
    table = _table(person)
    rows = [table.topLevelItem(row) for row in range(table.topLevelItemCount())]
    return [" | ".join(item.text(column) for column in range(6)) for item in rows if item]


def _found(person: Person, name: str) -> list[str]:
    tree = person.find(name, QTreeWidget)
    rows = [tree.topLevelItem(row) for row in range(tree.topLevelItemCount())]
    return [" | ".join(item.text(column) for column in range(4)) for item in rows if item]


def _choose(person: Person, title: str) -> None:
    [found] = _table(person).findItems(title, Qt.MatchFlag.MatchStartsWith)
    _table(person).setCurrentItem(found)


def _words(person: Person) -> str:
    labels = person.find("modelsDialog").findChildren(QLabel)
    return "\n".join(label.text() for label in labels if label.isVisible())


def _read_of_every_model(reader: Person) -> None:
    assert (
        _rows(reader)
        == [
            "Phi-3 Mini | 2.4\u00a0GB | 4.3\u00a0GB | ~5 tokens/s | MIT | not here",
            "Phi-4 Mini (community) | ~2.5\u00a0GB | 3.3\u00a0GB | ~5 tokens/s | MIT | not here",
            "SmolLM2 135M (starter) | 101\u00a0MB | 300\u00a0MB | ~5 tokens/s | Apache-2.0 | in use",
        ]
        or "In use" in _rows(reader)[2]
    )
    assert "From the model’s developer: microsoft/Phi-3-mini-4k-instruct-gguf" in _words(reader)
    assert "about 5 tokens/s on this computer" in _words(reader)
    _choose(reader, "Phi-4")
    assert "From the community: bartowski/" in _words(reader)
    assert "more than this computer has" in _words(reader)


def test_until_there_is_a_list_the_dialog_says_that_it_is_loading(
    open_window: Callable[[], Person], shelf: ScriptedShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, gate, listed = open_window(), threading.Event(), shelf.list_models
    person.wait_for(GenerationState.IDLE)

    def list_late() -> list[Listing]:
        gate.wait(20)
        return listed()

    monkeypatch.setattr(shelf, "list_models", list_late)
    next(action for action in person.window.actions() if action.text() == "Models…").trigger()
    dialog = person.find("modelsDialog")
    person.wait(lambda: person.find("modelsMessage").text() == "Loading the list of models…")
    assert not [
        each.text() for each in dialog.findChildren(QPushButton) if each.isVisible() and "ownload" in each.text()
    ]
    gate.set()
    person.wait(lambda: _rows(person))
    person.wait(lambda: person.find("modelsMessage").text() == "")


def _shown_columns(table: QTreeWidget) -> list[int]:
    """The columns that are shown once all names are whole; none before."""
    is_whole = table.columnWidth(0) >= table.sizeHintForColumn(0)
    return [column for column in range(6) if not table.isColumnHidden(column)] if is_whole else []


def _look_at_names_in_a_narrow_dialog(reader: Person) -> None:
    dialog, table = reader.find("modelsDialog"), _table(reader)
    dialog.resize(1000, 500)
    reader.wait(lambda: _shown_columns(table) == [0, 1, 2, 3, 4, 5])
    dialog.resize(dialog.minimumSizeHint().width(), 500)
    reader.wait(lambda: _shown_columns(table)[:2] == [0, 1] and 5 in _shown_columns(table))
    assert table.isColumnHidden(4)
    dialog.resize(1000, 500)
    reader.wait(lambda: _shown_columns(table) == [0, 1, 2, 3, 4, 5])


def _go_through_it_by_keyboard(reader: Person) -> None:
    """Everything has a name for screen readers, too."""
    dialog = reader.find("modelsDialog")
    focusable = [
        child for child in dialog.findChildren(QWidget)
        if child.isVisible() and child.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not child.metaObject().className().startswith("QTextB")
    ]  # fmt: skip
    assert len(focusable) >= 6
    for child in focusable:
        assert child.accessibleName() or child.property("text"), child


def test_the_network_is_asked_only_when_the_person_asks(reader: Person, shelf: ScriptedShelf) -> None:
    assert shelf.asked == 0
    shelf.unknown = {PHI_4.name}
    reader.click("askHubButton")
    reader.wait(lambda: "1 model wasn’t found on the Hub." in _words(reader))
    assert _rows(reader)[1].endswith("Not on the Hub")
    _choose(reader, "Phi-4")
    assert "moved or deleted" in _words(reader)
    assert shelf.asked == 1


def test_a_model_is_fetched_and_paused_here(reader: Person, shelf: ScriptedShelf) -> None:
    _choose(reader, "Phi-4")
    shelf.enqueue(HALF, threading.Event())
    dialog = reader.find("modelsDialog")
    start = dialog.findChild(QWidget, "downloadButton")
    assert start.property("text") == "Download · about 2.5\u00a0GB"
    QTest.mouseClick(start, Qt.MouseButton.LeftButton)
    reader.wait(lambda: _rows(reader)[1].endswith("50% downloaded"))
    pause = dialog.findChild(QWidget, "pauseButton")
    QTest.keyClick(pause, Qt.Key.Key_Space)
    assert pause.property("text") == "Resume"
    reader.wait(lambda: shelf.rows[PHI_4.name].is_paused)


def test_any_other_model_on_the_hub(reader: Person, shelf: ScriptedShelf) -> None:
    shelf.repos["ada/tiny-GGUF"] = [OTHER]
    field = reader.find("modelSearchField")
    QTest.keyClicks(field, "nobody/nothing")
    QTest.keyClick(field, Qt.Key.Key_Return)
    reader.wait(lambda: "The Hub does not know nobody/nothing." in _words(reader))
    field.clear()
    QTest.keyClicks(field, "ada/tiny-GGUF")
    QTest.keyClick(field, Qt.Key.Key_Return)
    reader.wait(lambda: "1 file found." in _words(reader))
    assert _found(reader, "foundFiles") == ["Balanced | Q4 | 5.0\u00a0MB | "]
    assert "ada/tiny-GGUF" in _words(reader)
    QTest.mouseClick(reader.find("modelsDialog").findChild(QWidget, "downloadButton"), Qt.MouseButton.LeftButton)
    reader.wait(lambda: shelf.fetches == [OTHER.name])


def test_talking_with_another_model_which_stays_and_back_with_the_one_that_is_included(
    open_window: Callable[[], Person], own_model: Path, engine: ScriptedEngine
) -> None:
    person = _open(open_window())
    assert any(row.startswith("mine |") for row in _rows(person)), "and nothing of a community"
    _choose(person, "mine")
    assert person.find("removeButton").isVisible()
    person.click("talkWithButton")
    assert not person.find("modelsDialog").isVisible()
    person.wait(lambda: engine.loads[-1][0] == own_model)
    _open(person)
    person.wait(lambda: person.find("talkWithButton").text() == "In use")
    assert any(row.startswith("mine") and row.endswith("In use") for row in _rows(person))
    _choose(person, "mine")
    assert person.find("talkWithButton").text() == "In use"
    person.click("removeButton")
    assert "Switch to another model" in _words(person)
    assert own_model.exists()
    _choose(person, "SmolLM2")
    person.wait(lambda: any(row.startswith("SmolLM2") and row.endswith("Included") for row in _rows(person)))
    assert not person.find("removeButton").isVisible()


def test_verifying_says_what_was_found(open_window: Callable[[], Person], own_model: Path) -> None:
    person = _open(open_window())
    _choose(person, "mine")
    person.click("verifyButton")
    person.wait(lambda: "mine looks intact" in _words(person))
    own_model.write_bytes(b"GGUF, but damaged")
    person.click("verifyButton")
    person.wait(lambda: "mine" in _words(person) and "looks intact" not in _words(person))


def test_removing_asks_and_frees_the_disk(
    open_window: Callable[[], Person], own_model: Path, shelf: ScriptedShelf
) -> None:
    person = _open(open_window())
    _choose(person, "mine")
    person.click("removeButton")
    question = person.find("removeQuestion", QMessageBox)
    assert "This will free up" in question.text()
    QTest.keyClick(question, Qt.Key.Key_Escape)
    person.wait(lambda: person.window.findChild(QMessageBox, "removeQuestion") is None)
    assert own_model.exists()
    person.click("removeButton")
    person.click("agreeButton")
    person.wait(lambda: not own_model.exists() and "mine was deleted." in _words(person))
    person.wait(lambda: not any(row.startswith("mine") for row in _rows(person)))
    assert "tokens/s" in " ".join(_rows(person))
    assert shelf.measurements == 1, "it takes all cores for a moment"


def test_a_file_is_added_and_forgotten_and_stays_where_it_is(reader: Person, phi3_model: Path) -> None:
    reader.find("modelsDialog").add_file(str(phi3_model))
    reader.wait(lambda: any(row.startswith(phi3_model.stem) for row in _rows(reader)))
    _choose(reader, phi3_model.stem)
    assert reader.find("removeButton").text() == "Remove from list…"
    reader.click("removeButton")
    reader.wait(lambda: not any(row.startswith(phi3_model.stem) for row in _rows(reader)))
    assert phi3_model.exists()


def test_a_model_whose_disk_is_away_is_listed_and_says_so(
    open_window: Callable[[], Person], home: Path, tmp_path: Path, phi3_model: Path
) -> None:
    (tmp_path / "disk").mkdir()
    file = tmp_path / "disk" / "far.gguf"
    file.write_bytes(phi3_model.read_bytes())
    Library(Home(home)).add_file(file)
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    person = _open(open_window())
    assert any(row.startswith("far |") and row.endswith("File not found") for row in _rows(person))
    _choose(person, "far")
    assert f"{file} couldn’t be found. If it’s on an external disk" in _words(person)
    assert not person.find("talkWithButton").isEnabled()
    assert not person.find("verifyButton").isEnabled()
    assert person.find("removeButton").text() == "Remove from list…"
    (tmp_path / "unplugged").rename(tmp_path / "disk")
    person.find("modelsDialog").load_listings()
    person.wait(lambda: person.find("talkWithButton").isEnabled())
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    person.find("modelsDialog").load_listings()
    person.wait(lambda: not person.find("talkWithButton").isEnabled())
    person.click("removeButton")
    person.wait(lambda: not any(row.startswith("far") for row in _rows(person)))


def test_what_arrived_damaged_is_not_here(reader: Person, shelf: ScriptedShelf) -> None:
    done = Progress(Phase.CHECKING, 2_490_000_000, 2_490_000_000)
    gate = threading.Event()
    shelf.enqueue(done, gate, HubRefused("It arrived damaged."))
    _choose(reader, "Phi-4")
    QTest.mouseClick(reader.find("modelsDialog").findChild(QWidget, "downloadButton"), Qt.MouseButton.LeftButton)
    reader.wait(lambda: _rows(reader)[1].endswith("100% downloaded"))
    shelf.rows[PHI_4.name] = PHI_4
    gate.set()
    reader.wait(lambda: "It arrived damaged." in _words(reader))
    reader.wait(lambda: _rows(reader)[1].endswith("Not downloaded"))
    assert reader.find("modelsDialog").findChild(QProgressBar, "downloadProgress").value() == 0


def test_the_list_stays_where_it_is_whichever_model_is_chosen(
    open_window: Callable[[], Person], own_model: Path, home: Path
) -> None:
    tiny_models.chatml(home / "models" / "style.gguf", metadata={"general.type": "adapter"})
    person = _open(open_window())
    table, heights = _table(person), set()
    for row in range(table.topLevelItemCount()):
        table.setCurrentIndex(table.model().index(row, 0))
        QTest.qWait(10)
        heights.add(table.height())
    assert len(heights) == 1


def test_every_model_is_told_of_in_whatever_size_the_dialog_has(
    reader: Person, starter: Path, shelf: ScriptedShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    _read_of_every_model(reader)
    _go_through_it_by_keyboard(reader)
    _look_at_names_in_a_narrow_dialog(reader)
    _look_at_it_on_a_small_screen(reader)
    opened = record_opened(monkeypatch)
    _choose(reader, "SmolLM2")
    reader.click("folderButton")
    assert opened == [QUrl.fromLocalFile(str(starter.parent))]
    reader.find("modelsDialog").close()
    shelf.speed = 9.1
    next(action for action in reader.window.actions() if action.text() == "Models…").trigger()
    reader.wait(lambda: "~9 tokens/s" in " ".join(_rows(reader)))


def test_the_strip_opens_it_at_the_download(open_window: Callable[[], Person], shelf: ScriptedShelf) -> None:
    shelf.rows[PHI_4.name] = replace(PHI_4, bytes_on_disk=1_250_000_000, is_paused=True)
    person = open_window()
    person.wait(lambda: person.window.findChild(QWidget, "stripOpenButton"))
    person.click("stripOpenButton")
    person.wait(lambda: "bartowski/microsoft_Phi-4" in _words(person))
    assert _rows(person)[1].endswith("50% downloaded")


def _look_at_it_on_a_small_screen(reader: Person) -> None:
    """At 200 %, there are 640 × 400 pixels where 1280 × 800 are shown, some of them for the window's frame."""
    dialog = reader.find("modelsDialog")
    dialog.resize(620, 430)
    assert (dialog.width(), dialog.height()) == (620, 430)
    dialog.resize(600, 340)
    reader.wait(lambda: dialog.height() == 340)
    for name in ("closeButton", "downloadButton"):
        button = dialog.findChild(QPushButton, name)
        assert button.height() >= button.sizeHint().height()
    assert dialog.rect().contains(dialog.findChild(QPushButton, "closeButton").geometry())


def test_a_model_with_terms_offers_what_helps(reader: Person, shelf: ScriptedShelf) -> None:
    page = "https://huggingface.co/owner/gated"
    shelf.enqueue(HubForbidden("owner/gated is only available to people who agreed.", wants_token=True, page=page))
    _choose(reader, "Phi-4")
    dialog = reader.find("modelsDialog")
    assert not dialog.findChild(QWidget, "tokenButton").isVisible()
    QTest.mouseClick(dialog.findChild(QWidget, "downloadButton"), Qt.MouseButton.LeftButton)
    reader.wait(lambda: "people who agreed" in _words(reader))
    QTest.mouseClick(dialog.findChild(QWidget, "termsButton"), Qt.MouseButton.LeftButton)
    link = dialog.findChild(QWidget, "linkDialog")
    assert link.findChild(QPlainTextEdit, "linkAddress").toPlainText() == page
    link.reject()
    QTest.mouseClick(dialog.findChild(QWidget, "tokenButton"), Qt.MouseButton.LeftButton)
    assert reader.find("hubTokenField").isVisible()
    reader.find("preferencesDialog").close()
    _choose(reader, "Phi-3 Mini")
    assert not dialog.findChild(QWidget, "tokenButton").isVisible()


def test_a_repository_that_is_not_shown_to_all_offers_a_token(reader: Person, shelf: ScriptedShelf) -> None:
    shelf.errors["owner/private"] = HubMissing("huggingface.co knows no owner/private.", wants_token=True)
    field = reader.find("modelSearchField")
    assert not reader.find("hubTokenButton").isVisible()
    QTest.keyClicks(field, "owner/private")
    QTest.keyClick(field, Qt.Key.Key_Return)
    reader.wait(lambda: "knows no owner/private" in _words(reader))
    reader.click("hubTokenButton")
    assert reader.find("preferencesDialog").isVisible()
    field.clear()
    QTest.keyClicks(field, "nobody/nothing")
    QTest.keyClick(field, Qt.Key.Key_Return)
    reader.wait(lambda: "The Hub does not know nobody/nothing." in _words(reader))
    assert not reader.find("hubTokenButton").isVisible()


class TestSearch:
    """The search field and what it finds."""

    FOUND = (
        FoundRepository("qwen/Qwen3-GGUF", 184_220, "apache-2.0"),
        FoundRepository("ada/other-GGUF", 7, "mit"),
        FoundRepository("ada/embed-GGUF", 3, problem="ada/embed-GGUF isn’t a chat model: it’s an embedding model."),
    )

    @pytest.fixture
    def filled(self, shelf: ScriptedShelf) -> ScriptedShelf:
        shelf.answers["qwen"] = [list(self.FOUND)]
        small = replace(OTHER, memory=900_000_000, speed=9.2)
        shelf.repos["qwen/Qwen3-GGUF"] = [
            _file(small, "Q8_0", bytes=4_300_000_000, speed=2.4),
            _file(small, "Q4_K_M", bytes=2_500_000_000),
            _file(small, "F16", bytes=8_000_000_000, fits=False),
        ]
        shelf.repos["ada/other-GGUF"] = [_file(small, "Q2_K", bytes=1_000_000_000)]
        return shelf

    @pytest.fixture
    def pause(self, monkeypatch: pytest.MonkeyPatch) -> int:
        """The milliseconds without a key after which words are searched for: fewer than in the app."""
        monkeypatch.setattr(search, "PAUSE", 50)
        return search.PAUSE

    def search(self, person: Person, words: str, key: Qt.Key = Qt.Key.Key_Return) -> QLineEdit:
        field: QLineEdit = person.find("modelSearchField")
        QTest.keyClicks(field, words)
        QTest.keyClick(field, key)
        return field

    def test_each_result_has_its_files_and_how_they_would_run_here(self, reader: Person, filled: ScriptedShelf) -> None:
        self.search(reader, "qwen")
        reader.wait(lambda: _found(reader, "foundFiles"))
        assert _found(reader, "foundList")[0] == "Qwen3-GGUF | qwen | 184,220 | apache-2.0"
        assert _found(reader, "foundFiles") == [
            "Balanced | Q4_K_M | 2.5\u00a0GB | Fits · about 9 tokens/s",
            "Large | Q8_0 | 4.3\u00a0GB | Slow · about 2.4 tokens/s",
            "Large | F16 | 8.0\u00a0GB | Too large",
        ]
        assert "Q4_K_M" in _words(reader)

    def test_a_pause_searches_too_but_neither_for_a_letter_nor_for_an_address(
        self, pause: int, reader: Person, filled: ScriptedShelf
    ) -> None:
        field = reader.find("modelSearchField")
        field.setFocus()
        QTest.keyClick(field, Qt.Key.Key_Return)
        QTest.keyClicks(field, "q")
        QTest.qWait(4 * pause)
        assert filled.searches == []
        field.clear()
        QTest.keyClicks(field, "qwen")
        reader.wait(lambda: filled.searches == ["qwen"])
        field.clear()
        QTest.keyClicks(field, "qwen/Qwen3-GGUF")
        QTest.qWait(4 * pause)
        assert filled.searches == ["qwen"]

    def test_the_keyboard_goes_through_the_results_and_back(self, reader: Person, filled: ScriptedShelf) -> None:
        field = self.search(reader, "qwen")
        reader.wait(lambda: _found(reader, "foundFiles"))
        QTest.keyClick(field, Qt.Key.Key_Down)
        repositories, files = reader.find("foundList"), reader.find("foundFiles")
        assert repositories.hasFocus()
        QTest.keyClick(repositories, Qt.Key.Key_Down)
        reader.wait(lambda: _found(reader, "foundFiles") == ["Small | Q2_K | 1.0\u00a0GB | Fits · about 9 tokens/s"])
        QTest.keyClick(repositories, Qt.Key.Key_Return)
        assert files.hasFocus()
        QTest.keyClick(files, Qt.Key.Key_Return)
        assert reader.find("modelsDialog").focusWidget().objectName() == "downloadButton"
        QTest.keyClick(reader.find("modelsDialog").focusWidget(), Qt.Key.Key_Escape)
        assert _table(reader).isVisible()
        assert field.hasFocus()
        QTest.keyClick(field, Qt.Key.Key_Escape)
        assert not reader.find("modelsDialog").isVisible()

    def test_what_is_no_chat_model_says_so_and_trouble_loses_nothing(
        self, reader: Person, filled: ScriptedShelf
    ) -> None:
        field = self.search(reader, "qwen")
        reader.wait(lambda: _found(reader, "foundFiles"))
        QTest.keyClick(reader.find("foundList"), Qt.Key.Key_End)
        reader.wait(lambda: "it’s an embedding model" in _words(reader))
        assert _found(reader, "foundFiles") == []
        field.clear()
        never = threading.Event()
        filled.answers["slow"] = [Waiting("The Hub received too many requests.", 40), never]
        self.search(reader, "slow")
        reader.wait(lambda: "too many requests. Trying again in 40" in _words(reader))
        field.clear()
        self.search(reader, "qwen")  # takes its place
        reader.wait(lambda: _found(reader, "foundFiles"))
        field.clear()
        self.search(reader, "nothing")
        reader.wait(lambda: "Nothing on the Hub matches “nothing”." in _words(reader))

    def test_an_error_is_one_sentence_and_loses_nothing(self, reader: Person, filled: ScriptedShelf) -> None:
        filled.answers["broken"] = [HubUnreachable("The Hub is having problems (error 500).")]
        self.search(reader, "broken")
        reader.wait(lambda: "having problems (error 500)" in _words(reader))
        assert _table(reader).isVisible()
        assert reader.find("modelSearchField").text() == "broken"


def _file(listing: Listing, quantisation: str, **changes: Any) -> Listing:
    remote = HubFile("qwen/Qwen3-GGUF", f"Qwen3-{quantisation}.gguf")
    return replace(listing, name=remote.name, title=f"Qwen3-{quantisation}", remote=remote, **changes)


def test_a_long_name_hides_no_columns_and_widens_no_menu(
    home: Path, phi3_model: Path, open_window: Callable[[], Person]
) -> None:
    folder = Home(home).models
    folder.mkdir(parents=True)
    (folder / f"{'long' * 50}.gguf").write_bytes(phi3_model.read_bytes())
    reader = _open(open_window())
    table = _table(reader)
    assert len(_rows(reader)) > 1
    assert not any(table.isColumnHidden(column) for column in range(table.columnCount()))
    menu = reader.find("modelButton").menu()
    menu.aboutToShow.emit()
    assert menu.sizeHint().width() < 600
