"""The first start: Phi-3 is offered, fetched, and taken, whatever the person does meanwhile."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QMessageBox, QPushButton, QWidget

from phichat import i18n
from phichat.errors import EngineError, HubUnreachable
from phichat.models.base import DownloadedModel, ModelFile, Phase, Progress, Source
from phichat.ui import feedback
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.widgets import dialogs
from tests.support.fakes import PHI_3, PHI_4, ScriptedEngine, ScriptedShelf
from tests.ui.conftest import Person

SPARE = "chat with SmolLM2 135M (starter) below"
HALF = Progress(Phase.FETCHING, 1_200_000_000, 2_400_000_000, 3_100_000, 500)


@pytest.fixture
def shelf() -> ScriptedShelf:
    return ScriptedShelf(PHI_3, PHI_4)


@pytest.fixture
def newcomer(open_window: Callable[[], Person]) -> Person:
    """In front of the first page, with the starter ready."""
    person = open_window()
    person.wait(lambda: _page(person))
    person.wait_for(GenerationState.IDLE)
    person.window.resize(1100, 800)
    return person


@pytest.fixture
def alone(open_window: Callable[[], Person], monkeypatch: pytest.MonkeyPatch) -> Person:
    """As a newcomer, without any model."""
    monkeypatch.setattr("phichat.models.library.STARTER_PACKAGE", "no_such_package")
    person = open_window()
    person.wait(lambda: _page(person))
    person.window.resize(1100, 800)
    return person


@pytest.fixture
def fetched(phi3_model: Path) -> DownloadedModel:
    """What a download of Phi-3 ends with."""
    return DownloadedModel(ModelFile(PHI_3.name, PHI_3.title, phi3_model, Source.OURS), "00")


def _page(person: Person) -> QWidget | None:
    found: QWidget | None = person.window.findChild(QWidget, "firstRun")
    return found


def _words(person: Person) -> str:
    page = _page(person)
    labels: list[QLabel | QPushButton] = [*page.findChildren(QLabel), *page.findChildren(QPushButton)] if page else []
    return "\n".join(label.text() for label in labels if not label.isHidden()).replace("\u200b", "")


def _is_shown(person: Person, name: str) -> bool:
    found = person.window.findChild(QWidget, name)
    return bool(found and found.isVisible())


def _quit(person: Person) -> None:
    next(action for action in person.window.actions() if action.text() == "Quit").trigger()


def _download(person: Person, shelf: ScriptedShelf) -> None:
    person.click("downloadButton")
    person.wait(lambda: person.find("downloadProgress").value() == 50)


def test_phi_3_is_introduced_with_figures_and_so_is_its_download(newcomer: Person, shelf: ScriptedShelf) -> None:
    newcomer.wait(lambda: "100.0\u00a0GB free" in _words(newcomer))
    words = _words(newcomer)
    for said in (
        "Microsoft", "3.8 billion", "what you write never leaves", "4,096-token context", "MIT",
        "2.4\u00a0GB, one-time download",
        "huggingface.co", "/home/ada/.local/share/Phichat/models", "4.3\u00a0GB needed, 16.0\u00a0GB installed",
        SPARE,
    ):  # fmt: skip
        assert said in words
    assert newcomer.find("downloadButton").text() == "Download Phi-3 · 2.4\u00a0GB"
    assert not _is_shown(newcomer, "downloadProgress")
    shelf.enqueue(HALF, threading.Event())
    _download(newcomer, shelf)
    assert "1.2\u00a0GB of 2.4\u00a0GB · 3.1\u00a0MB/s · about 8 minutes left" in _words(newcomer)
    assert newcomer.find("downloadProgress").accessibleName() == "Phi-3 Mini download progress"
    assert not _is_shown(newcomer, "downloadButton")
    newcomer.click("cancelButton")
    question = newcomer.find("cancelQuestion", QMessageBox)
    assert "1.2\u00a0GB" in question.text()
    QTest.keyClick(question, Qt.Key.Key_Escape)
    assert newcomer.find("downloadProgress").value() == 50
    newcomer.wait(lambda: newcomer.window.findChild(QMessageBox, "cancelQuestion") is None)
    newcomer.click("cancelButton")
    newcomer.click("agreeButton")
    newcomer.wait(lambda: shelf.discarded == [PHI_3.name])
    assert newcomer.find("downloadButton").text() == "Download Phi-3 · 2.4\u00a0GB"


def test_another_hub_is_named(open_window: Callable[[], Person], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example.org:8443/mirror")
    person = open_window()
    person.wait(lambda: _page(person))
    assert "connects only to hub.example.org:8443" in _words(person)


def test_the_strip_says_that_it_waits_for_a_connection(newcomer: Person, shelf: ScriptedShelf) -> None:
    newcomer.window.resize(640, 600)
    shelf.enqueue(replace(HALF, phase=Phase.WAITING, speed=0, left=None, note="No line."), threading.Event())
    newcomer.click("downloadButton")
    newcomer.wait(lambda: "No line." in _words(newcomer))
    newcomer.ask("Hello")
    newcomer.wait(lambda: newcomer.message(1) == "Hello")
    newcomer.wait(lambda: newcomer.window.findChild(QWidget, "downloadStrip"))
    labels = newcomer.find("downloadStrip").findChildren(QLabel)
    assert any(label.text().startswith("Wait") for label in labels)
    assert any(label.toolTip() == "No line." for label in labels)


def test_the_starter_answers_meanwhile_and_the_strip_shows_the_download(newcomer: Person, shelf: ScriptedShelf) -> None:
    shelf.enqueue(HALF, threading.Event())
    _download(newcomer, shelf)
    assert not _is_shown(newcomer, "downloadStrip")
    newcomer.ask("Hello")
    newcomer.wait(lambda: newcomer.message(1) == "Hello")
    assert _is_shown(newcomer, "downloadStrip")
    assert newcomer.find("stripProgress").value() == 50
    newcomer.click("stripPauseButton")
    assert newcomer.find("stripPauseButton").text() == "Resume"
    assert newcomer.find("composer").hasFocus()
    newcomer.click("newConversationButton")
    assert not _is_shown(newcomer, "downloadStrip")
    assert newcomer.find("pauseButton").text() == "Resume"


def test_why_it_waits_is_said(newcomer: Person, shelf: ScriptedShelf) -> None:
    shelf.enqueue(HALF, replace(HALF, phase=Phase.WAITING, speed=0, left=None, note="No line."), threading.Event())
    newcomer.click("downloadButton")
    newcomer.wait(lambda: "No line." in _words(newcomer))


def test_a_failed_download_can_be_tried_again(newcomer: Person, shelf: ScriptedShelf) -> None:
    shelf.enqueue(HALF, HubUnreachable("The line is gone. Try later."))
    shelf.enqueue(HALF, threading.Event())
    newcomer.click("downloadButton")
    newcomer.wait(lambda: "The line is gone. Try later." in _words(newcomer))
    assert newcomer.find("downloadButton").text() == "Retry"
    newcomer.find("downloadButton").setFocus()
    QTest.keyClick(newcomer.find("downloadButton"), Qt.Key.Key_Return)
    newcomer.wait(lambda: _is_shown(newcomer, "pauseButton"))
    assert newcomer.find("pauseButton").hasFocus()


def test_one_that_was_paused_before_anything_came_is_resumed(newcomer: Person, shelf: ScriptedShelf) -> None:
    shelf.enqueue(Progress(Phase.WAITING, 0, 0, note="No line."), threading.Event())
    shelf.enqueue(HALF, threading.Event())
    newcomer.click("downloadButton")
    newcomer.wait(lambda: "No line." in _words(newcomer))
    newcomer.click("pauseButton")
    newcomer.wait(lambda: newcomer.find("pauseButton").text() == "Resume")
    newcomer.click("pauseButton")
    newcomer.wait(lambda: newcomer.find("downloadProgress").value() == 50)


def test_a_paused_download_stays_paused_at_the_next_start(
    newcomer: Person, shelf: ScriptedShelf, open_window: Callable[[], Person]
) -> None:
    shelf.enqueue(HALF, threading.Event())
    _download(newcomer, shelf)
    newcomer.click("pauseButton")
    newcomer.wait(lambda: shelf.rows[PHI_3.name].is_paused)
    newcomer.window.close()
    again = open_window()
    again.wait(lambda: _page(again))
    assert again.find("pauseButton").text() == "Resume"
    assert "Paused · 1.2\u00a0GB of 2.4\u00a0GB" in _words(again)
    assert len(shelf.fetches) == 1


def test_an_unfinished_download_goes_on_at_the_next_start(
    newcomer: Person, shelf: ScriptedShelf, open_window: Callable[[], Person]
) -> None:
    shelf.enqueue(HALF, threading.Event())
    shelf.enqueue(HALF, threading.Event())
    _download(newcomer, shelf)
    newcomer.window.close()
    open_window().wait(lambda: len(shelf.fetches) == 2)


def test_when_it_is_here_one_button_talks_with_it(
    newcomer: Person, shelf: ScriptedShelf, engine: ScriptedEngine, fetched: DownloadedModel
) -> None:
    shelf.enqueue(HALF, fetched)
    newcomer.click("downloadButton")
    newcomer.wait(lambda: "Phi-3 is ready" in _words(newcomer))
    assert SPARE not in _words(newcomer)
    assert len(engine.loads) == 1
    newcomer.click("talkButton")
    newcomer.wait(lambda: engine.loads[-1][0] == fetched.model.path)
    newcomer.wait(lambda: not _is_shown(newcomer, "firstRun"))
    assert "Phi-3 Mini" in newcomer.find("modelButton").text()


def test_without_another_model_it_is_taken_at_once_and_answers_what_was_asked_before(
    alone: Person, shelf: ScriptedShelf, engine: ScriptedEngine, fetched: DownloadedModel
) -> None:
    assert SPARE not in _words(alone)
    assert "Phi-3 will answer as soon as it’s ready" in _words(alone)
    assert not _is_shown(alone, "notNowButton")
    gate = threading.Event()
    shelf.enqueue(HALF, gate, fetched)
    _download(alone, shelf)
    alone.ask("Are you there?")
    assert alone.written() == "Are you there?"
    assert alone.status() == "Your message will be answered as soon as a model is ready."
    gate.set()
    alone.wait(lambda: alone.message(1) == "Are you there?")
    assert engine.loads[-1][0] == fetched.model.path


def test_a_conversation_is_kept_and_the_answer_under_way_ends_before_the_switch(
    newcomer: Person, shelf: ScriptedShelf, engine: ScriptedEngine, fetched: DownloadedModel
) -> None:
    arrival, end = threading.Event(), threading.Event()
    shelf.enqueue(HALF, arrival, fetched)
    _download(newcomer, shelf)
    engine.enqueue("Half ", end, "whole")
    newcomer.ask("Tell")
    newcomer.wait(lambda: newcomer.message(1) == "Half ")
    newcomer.type("next")
    arrival.set()
    newcomer.wait(lambda: _is_shown(newcomer, "readyNotice"))
    assert newcomer.find("composer").hasFocus()
    newcomer.click("switchButton")
    assert len(engine.loads) == 1
    end.set()
    newcomer.wait(lambda: engine.loads[-1][0] == fetched.model.path)
    assert newcomer.message(1) == "Half whole"
    newcomer.wait(lambda: not _is_shown(newcomer, "readyNotice"))
    newcomer.press(Qt.Key.Key_Return)
    newcomer.wait(lambda: newcomer.message(3) == "next")
    assert [turn.text for turn in engine.requests[-1].turns] == ["Tell", "Half whole", "next"]


def test_the_notice_can_be_put_away(newcomer: Person, shelf: ScriptedShelf, fetched: DownloadedModel) -> None:
    newcomer.ask("Hello")
    newcomer.wait(lambda: newcomer.message(1) == "Hello")
    shelf.enqueue(fetched)
    newcomer.find("downloadButton").click()
    newcomer.wait(lambda: _is_shown(newcomer, "readyNotice"))
    newcomer.click("dismissButton")
    assert not _is_shown(newcomer, "readyNotice")


def test_not_now_shows_the_ideas_and_is_remembered(newcomer: Person, open_window: Callable[[], Person]) -> None:
    newcomer.click("notNowButton")
    assert _is_shown(newcomer, "welcome")
    newcomer.window.close()
    again = open_window()
    again.wait_for(GenerationState.IDLE)
    again.wait(lambda: _is_shown(again, "getPhi3Button") and again.window._coordinator.has_listings)
    assert _page(again) is None
    again.find("getPhi3Button").click()
    again.wait(lambda: _is_shown(again, "firstRun"))


def test_a_file_that_is_here_already_is_offered_and_used(
    open_window: Callable[[], Person], shelf: ScriptedShelf, engine: ScriptedEngine, phi3_model: Path
) -> None:
    shelf.found = [phi3_model]
    person = open_window()
    person.wait(lambda: _page(person))
    person.wait(lambda: person.find("haveFileButton").menu())
    menu = person.find("haveFileButton").menu()
    assert len(menu.actions()) == 3
    assert phi3_model.name in menu.actions()[0].text()
    menu.actions()[0].trigger()
    person.wait(lambda: engine.loads and engine.loads[-1][0] == phi3_model)
    person.wait(lambda: _page(person) is None)


def test_a_button_without_a_choice_asks_for_the_file_at_once(
    newcomer: Person, engine: ScriptedEngine, phi3_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogs, "choose_model_file", lambda _: str(phi3_model))
    assert newcomer.find("haveFileButton").menu() is None
    newcomer.click("haveFileButton")
    newcomer.wait(lambda: engine.loads and engine.loads[-1][0] == phi3_model)


def test_a_file_that_is_no_model_is_refused_on_the_page(
    newcomer: Person, tmp_path: Path, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "LEAST_SHOWN", 20)
    monkeypatch.setattr(feedback, "SHOWN_PER_LETTER", 0)
    file = tmp_path / "words.gguf"
    file.write_bytes(b"GGUF\x03\0\0\0 and words")
    engine.enqueue_load(EngineError("words.gguf is not a model."))
    monkeypatch.setattr(dialogs, "choose_model_file", lambda _: str(file))
    newcomer.click("haveFileButton")
    newcomer.wait(lambda: "words.gguf" in newcomer.status())
    newcomer.wait_for(GenerationState.IDLE)  # with the model before, which is ready again
    newcomer.qtbot.wait(100)
    assert "words.gguf" in newcomer.status(), "it doesn't fade"
    assert newcomer.find("statusMessage").isVisible()
    assert newcomer.find("messageLine").property("kind") == "ERROR"
    assert _is_shown(newcomer, "firstRun")


@pytest.mark.parametrize(
    ("free", "memory", "said", "can_begin"),
    [(1_000_000, 16_000_000_000, "The disk is too full", False), (10**12, 10**9, "It needs more memory.", True)],
)
def test_what_stands_in_the_way_is_said_before_the_first_byte(
    open_window: Callable[[], Person], shelf: ScriptedShelf, free: int, memory: int, said: str, can_begin: bool
) -> None:
    shelf.room_free, shelf.room_memory = free, memory
    person = open_window()
    person.wait(lambda: said in _words(person))
    assert person.find("downloadButton").isEnabled() is can_begin


def test_leaving_in_the_middle_says_that_it_goes_on_at_the_next_start(newcomer: Person, shelf: ScriptedShelf) -> None:
    shelf.enqueue(HALF, threading.Event())
    _download(newcomer, shelf)
    _quit(newcomer)
    question = newcomer.find("quitQuestion", QMessageBox)
    assert "Phi-3 Mini is 50% downloaded" in question.text()
    QTest.keyClick(question, Qt.Key.Key_Escape)
    assert newcomer.window.isVisible()
    newcomer.wait(lambda: newcomer.window.findChild(QMessageBox, "quitQuestion") is None)
    newcomer.window.windowHandle().close()
    assert newcomer.window.isVisible()
    newcomer.click("agreeButton")
    newcomer.wait(lambda: not newcomer.window.isVisible())


def test_leaving_before_anything_came_promises_nothing(newcomer: Person, shelf: ScriptedShelf) -> None:
    shelf.enqueue(Progress(Phase.WAITING, 0, 0, note="No line."), threading.Event())
    newcomer.click("downloadButton")
    newcomer.wait(lambda: "No line." in _words(newcomer))
    _quit(newcomer)
    question = newcomer.find("quitQuestion", QMessageBox).text()
    assert question.startswith("Quit Phichat? No part of Phi-3 Mini has been downloaded yet, so you’ll have to start")
    newcomer.click("agreeButton")
    newcomer.wait(lambda: not newcomer.window.isVisible())


def test_leaving_asks_nothing_where_nothing_is_fetched(newcomer: Person) -> None:
    _quit(newcomer)
    newcomer.wait(lambda: not newcomer.window.isVisible())


def test_the_page_fits_a_small_window_in_french(open_window: Callable[[], Person], shelf: ScriptedShelf) -> None:
    i18n.set_language("fr")
    person = open_window()
    person.wait(lambda: _page(person))
    person.window.resize(640, 480)
    assert person.find("downloadButton").text() == "Télécharger Phi-3 · 2,4\u00a0Go"
    person.wait(lambda: (person.window.width(), person.window.height()) == (640, 480))
    page, button = _page(person), person.find("downloadButton")
    assert page is not None
    assert page.rect().contains(button.rect().translated(button.mapTo(page, button.rect().topLeft())))


def test_the_settings_stay_folded_on_the_first_page_when_there_is_room_for_them_again(newcomer: Person) -> None:
    """As there is after Ctrl+0, or in a wider window."""
    newcomer.window.resize(1200, 800)
    newcomer.ask("Hello")
    newcomer.wait_for(GenerationState.IDLE)
    assert _is_shown(newcomer, "settingsPanel")
    newcomer.window.resize(800, 800)
    newcomer.window.commands.new.trigger()
    newcomer.wait(lambda: _page(newcomer) is not None)
    newcomer.window.resize(1200, 800)
    assert not _is_shown(newcomer, "settingsPanel")
    newcomer.ask("Hello again")
    newcomer.wait(lambda: _is_shown(newcomer, "settingsPanel"))
    newcomer.wait_for(GenerationState.IDLE)
