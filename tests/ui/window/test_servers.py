"""Models on servers in the window, with a server on this computer: what goes there, what shows that, what fails."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QMenu, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from phichat import app
from phichat.chat.conversation import Conversation, Role
from phichat.chat.session import Session
from phichat.engine.base import PromptFit
from phichat.engine.remote.base import Server, ServerKind
from phichat.engine.remote.servers import ServerList, make_server_list
from phichat.paths import Home
from phichat.store.preferences import Preferences, PreferencesFile
from phichat.ui.controllers import idle
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.lens.lens_text import LensText
from tests.support.fakes import ScriptedShelf
from tests.support.servers.chat import BREAK, ChatServer, logprobs
from tests.support.stored_history import put
from tests.ui.conftest import Person

pytestmark = pytest.mark.usefixtures("no_proxies", "keyring")


@pytest.fixture
def servers(home: Path) -> ServerList:
    return make_server_list(Home(home))


@pytest.fixture
def begin(qtbot: QtBot, home: Path, server: ChatServer, servers: ServerList) -> Iterator[Callable[..., Person]]:
    """Opens a window whose model is the server's, of a program of some kind."""
    windows = []

    def open_one(kind: ServerKind = ServerKind.LLAMA_CPP, *, agrees: bool = True, waits: bool = True) -> Person:
        server.owner = {ServerKind.LLAMA_CPP: "llamacpp", ServerKind.OLLAMA: "library"}.get(kind, "")
        hosts = [server.host] if agrees else []
        PreferencesFile(Home(home).preferences).save_preferences(Preferences(agreed_hosts=hosts))
        known = servers.add(Server("gaming", server.url, kind, ("tiny",)))
        window = app.create_window(known.model("tiny").location, make_shelf=ScriptedShelf().over)
        windows.append(window)
        window.show()
        qtbot.waitExposed(window)
        person = Person(window, qtbot)
        if waits:
            person.wait(lambda: window.generation.loaded)
            person.wait_for(GenerationState.IDLE)
        return person

    yield open_one
    for window in windows:
        window.close()


def question(person: Person) -> Any:
    person.wait(lambda: person.window.findChild(QMessageBox, "consentQuestion"))
    return person.find("consentQuestion", QMessageBox)


def press(person: Person, name: str) -> None:
    button = question(person).findChild(QWidget, name)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    person.wait(lambda: not person.window.findChild(QMessageBox, "consentQuestion"))


def test_the_host_is_seen_before_anything_is_written_and_a_draft_stays_here(
    begin: Callable[..., Person], server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "EVERY", 20)
    person = begin()
    assert person.find("privacyBadge").isVisible()
    assert person.find("privacyBadge").text() == server.host
    assert person.find("composerHost").text() == f"Messages go to {server.host}"
    said = f"tiny runs on a server. What you write is sent to {server.host}."
    person.wait(lambda: said in [each.text() for each in person.find("welcome").findChildren(QLabel)])
    before = len(server.asked)
    person.type("what nobody is told yet")
    person.qtbot.wait(10 * idle.EVERY)
    assert len(server.asked) == before
    assert not person.find("forecast").isVisible()


def test_a_model_here_has_no_badge(person: Person) -> None:
    assert not person.find("privacyBadge").isVisible()
    assert not person.find("composerHost").isVisible()


def test_an_edit_that_is_not_sent_stays_in_its_editor(
    begin: Callable[..., Person], server: ChatServer, home: Path
) -> None:
    put(home, ("Seas", 1.0))
    person = begin(agrees=False)
    person.wait(person.titles)
    person.open("Seas")
    person.wait(lambda: person.window.findChild(QWidget, "message-0"))
    person.press_in(0, "Edit")
    QTest.keyClicks(person.find("editField"), " and lakes")
    QTest.keyClick(person.find("editField"), Qt.Key.Key_Return)
    press(person, "refuseButton")
    assert person.find("editField").toPlainText() == "Tell me of Seas and lakes"
    assert server.chats == []
    QTest.keyClick(person.find("editField"), Qt.Key.Key_Return)
    press(person, "agreeButton")
    person.wait(lambda: server.chats)
    person.wait_for(GenerationState.IDLE)
    assert person.message(0) == "Tell me of Seas and lakes"
    assert not person.window.findChild(QWidget, "editBox")
    person.press_in(0, "Previous version")
    assert person.message(0) == "Tell me of Seas"
    assert not person.window.findChild(QWidget, "editBox"), "it was sent"


def test_a_conversation_that_was_held_here_says_that_it_leaves(
    begin: Callable[..., Person], server: ChatServer
) -> None:
    person, session = begin(), Session(Conversation("Seas"))
    session.model = "tiny"
    session.conversation.add_message(Role.USER, "Tell me of seas")
    person.window.conversations.current.cache_session(session)
    person.window.conversations.current.open_conversation(session.conversation.id)
    assert person.status() == f"This conversation used tiny. It now uses tiny on {server.host}."


def test_nothing_is_sent_before_the_user_agrees(begin: Callable[..., Person], server: ChatServer) -> None:
    person = begin(agrees=False)
    person.window.commands.temporary.trigger()
    person.ask("hush")
    question(person)
    press(person, "refuseButton")
    assert server.chats == []
    person.click("newConversationButton")
    person.ask("a secret")
    assert f"Send messages to {server.host}?" in question(person).text()
    press(person, "refuseButton")
    assert server.chats == []
    assert person.written() == "a secret"
    person.press(Qt.Key.Key_Return)
    press(person, "agreeButton")
    person.wait(lambda: server.chats)
    person.wait_for(GenerationState.IDLE)
    assert person.message(1) == "secret"
    person.ask("another one")
    person.wait(lambda: len(server.chats) == 2)
    assert not person.window.findChild(QMessageBox, "consentQuestion")


def test_an_idea_of_the_first_page_asks_too(begin: Callable[..., Person], server: ChatServer) -> None:
    person = begin(agrees=False)
    person.window.submit("Write a haiku")
    press(person, "agreeButton")
    person.wait(lambda: server.chats)
    person.wait_for(GenerationState.IDLE)


def test_what_is_written_fast_is_sent(begin: Callable[..., Person], server: ChatServer) -> None:
    """Although the empty field was the last that was counted."""
    person = begin()
    empty = PromptFit(0, 0, 512, trouble="There’s nothing to answer yet.", is_estimate=True)
    person.window.generation.fitted.emit(person.window.session, empty)
    person.ask("Count")
    person.wait(lambda: server.chats)
    person.wait_for(GenerationState.IDLE)


def test_what_a_server_of_an_unknown_kind_does_not_tell_or_do_is_said(
    begin: Callable[..., Person], server: ChatServer
) -> None:
    person = begin(ServerKind.UNKNOWN)
    server.stream("One", " two")
    person.ask("Count")
    person.wait(lambda: person.find("statusContext").text())
    assert person.find("statusContext").text().startswith("Context: about ")
    assert person.find("statusContext").text().endswith(" tokens")
    assert person.find("statusSpeed").text().startswith("about ")
    assert person.find("contextSpin").text() == "Unknown"
    assert not person.find("contextSpin").isEnabled()
    person.wait_for(GenerationState.IDLE)
    server.stream("One", BREAK)
    person.ask("Count")
    person.wait_for(GenerationState.IDLE)
    button = person.find("continueButton")
    assert not button.isEnabled()
    assert button.toolTip() == f"{server.host} doesn’t support continuing answers. Regenerate the answer instead."
    person.click("newConversationButton")
    person.window.commands.lens.setChecked(True)
    person.ask("Sure?")
    person.wait_for(GenerationState.IDLE)
    assert person.find("lensSummary").text() == f"{server.host} doesn’t report how sure the model is."
    assert not person.find("lensRead").isVisible()


def test_settings_that_are_not_taken_are_gray(begin: Callable[..., Person], server: ChatServer) -> None:
    person = begin(ServerKind.OLLAMA)
    assert person.find("temperatureSlider").isEnabled()
    for name in ("topKSlider", "minPSpin", "repeatPenaltySlider"):
        assert not person.find(name).isEnabled()
        assert person.find(name).toolTip() == f"{server.host} doesn’t support this setting."


def test_a_lost_line_keeps_what_came_and_what_failed_at_once_is_tried_again(
    begin: Callable[..., Person], server: ChatServer
) -> None:
    person = begin()
    server.stream("One", " two", BREAK)
    person.ask("Count")
    person.wait_for(GenerationState.IDLE)
    assert person.message(1) == "One two"
    server.stream(" three")
    person.click("continueButton")
    person.wait(lambda: person.message(1) == "One two three")
    assert server.chats[-1]["continue_final_message"] is True
    person.wait_for(GenerationState.IDLE)
    person.click("newConversationButton")
    server.answer(500, {"error": {"message": "out of memory"}})
    person.ask("Count")
    person.wait_for(GenerationState.IDLE)
    assert not person.window.findChild(QWidget, "continueButton")
    server.stream("One")
    person.click("retryButton")
    person.wait(lambda: person.message(1) == "One")


def test_a_message_that_waited_does_not_go_elsewhere(
    begin: Callable[..., Person], server: ChatServer, servers: ServerList
) -> None:
    """It was written to one server, and another was chosen while it waited."""
    person = begin()
    gate = threading.Event()
    server.stream("One", gate)
    person.ask("First")
    person.wait(lambda: person.window.findChild(QWidget, "message-1") and person.message(1) == "One")
    person.ask("Second")
    assert person.written() == "Second"
    with ChatServer() as other:
        model = servers.add(Server("other", other.url, ServerKind.LLAMA_CPP)).model("tiny")
        person.window.model_selection.choose_after_reply(model)
        gate.set()
        person.wait(lambda: person.window.generation.model == model)
        person.wait(lambda: "wasn’t sent" in person.status())
        assert other.chats == []
        assert person.written() == "Second"


def opened_page(person: Person) -> None:
    person.window.commands.preferences.trigger()
    person.find("preferencesTabs").setCurrentWidget(person.find("serversPage"))


def test_nothing_goes_to_a_server_that_was_removed(
    begin: Callable[..., Person], server: ChatServer, home: Path
) -> None:
    person = begin()
    opened_page(person)
    person.click("serverRemove")
    box = person.find("removeServerQuestion", QMessageBox)
    QTest.mouseClick(box.findChild(QWidget, "agreeButton"), Qt.MouseButton.LeftButton)
    person.wait(lambda: not person.find("serverList").count())
    person.wait(lambda: "is no longer one of your servers" in person.status())
    person.find("preferencesDialog").close()
    assert person.find("privacyBadge").isHidden()
    labels = [each.text() for each in person.find("welcome").findChildren(QLabel) if each.isVisible()]
    assert labels == ["No model chosen", "Choose a model from the menu above."]
    assert person.find("getPhi3Button").isHidden()
    person.ask("a secret")
    person.qtbot.wait(100)
    assert server.chats == []
    assert "is no longer one of your servers" in person.status(), "it stays"
    person.window.feedback.dismiss()
    assert person.status() == "Your message will be answered once you choose a model."
    person.window.close()
    assert PreferencesFile(Home(home).preferences).load_preferences().agreed_hosts == []


def test_another_key_is_used_at_once(begin: Callable[..., Person], server: ChatServer) -> None:
    person = begin()
    server.key = "sk-new"
    person.ask("Count")
    person.wait(lambda: person.window.findChild(QWidget, "retryButton"))
    opened_page(person)
    person.click("serverSetKey")
    dialog = person.find("serverKeyDialog")
    dialog.findChild(QWidget, "newServerKey").setText("sk-new")
    QTest.mouseClick(dialog.findChild(QWidget, "agreeButton"), Qt.MouseButton.LeftButton)
    person.wait(lambda: "key" in person.find("serversStatus").text())
    person.wait(lambda: person.window.generation.loaded)
    person.find("preferencesDialog").close()
    person.wait_for(GenerationState.IDLE)
    person.click("retryButton")
    person.wait(lambda: person.message(1) == "Count")


def test_without_its_server_the_window_says_so(begin: Callable[..., Person], server: ChatServer) -> None:
    server.close()
    person = begin(waits=False)
    person.wait(lambda: "couldn’t connect" in person.status())


def test_stop_closes_the_connection(begin: Callable[..., Person], server: ChatServer) -> None:
    person = begin()
    server.stream("One", threading.Event(), "never")
    person.ask("Count")
    person.wait(lambda: person.window.findChild(QWidget, "message-1") and person.message(1) == "One")
    person.click("stopButton")
    person.wait(server.client_left.is_set)
    person.wait_for(GenerationState.IDLE)
    assert person.message(1) == "One"


def test_the_lens_shows_what_the_server_tells(begin: Callable[..., Person], server: ChatServer) -> None:
    person = begin()
    person.window.commands.lens.setChecked(True)
    server.stream(logprobs("Yes", ("Yes", -0.5), ("No", -1.5)))
    person.ask("Sure?")
    person.wait_for(GenerationState.IDLE)
    assert server.chats[-1]["logprobs"] is True
    assert person.find("lensSummary").isVisible()
    assert not person.find("lensRead").isVisible()
    text = person.find("message-1").findChild(LensText)
    text.point_at(QPointF(text.word_rect(0).center()))
    popup = person.find("lensPopup")
    assert popup.isVisible()
    shown = [each.text() for each in popup.findChildren(QLabel) if each.isVisible()]
    assert not [each for each in shown if "sampling settings" in each], "which the server doesn't tell"
    assert [each for each in shown if each.startswith("You can’t choose a word here, because servers")]


def test_models_of_servers_are_in_the_menu(begin: Callable[..., Person], server: ChatServer) -> None:
    person = begin()
    server.models += [{"id": "vectors", "type": "embeddings"}, {"id": "other"}]
    menu = person.find("modelButton").menu()
    menu.aboutToShow.emit()
    assert "tiny" in texts(menu)
    menu.popup(person.window.pos())
    person.wait(lambda: "other" in texts(menu))
    assert "gaming" in texts(menu)
    assert "vectors" not in texts(menu), "one can't chat with it"
    server.close()
    menu.aboutToShow.emit()
    person.wait(lambda: "Not available" in texts(menu))
    assert "other" in texts(menu)
    menu.close()


def texts(menu: QMenu) -> list[str]:
    return [action.text() for action in menu.actions()]


def test_the_first_enter_sends_whatever_came_before(begin: Callable[..., Person], server: ChatServer) -> None:
    person = begin()
    fits: list[Any] = []
    person.ask("one")
    person.wait_for(GenerationState.IDLE)
    for text in ("two", "three"):  # answered, then not: the server is gone
        fits.clear()
        person.window.generation.background.fitted.connect(lambda _, fit: fits.append(fit))
        person.wait(lambda: fits)  # what there is without a draft was looked at
        person.ask(text)
        assert person.written() == ""
        person.wait_for(GenerationState.IDLE)
        server.close()
    said = [message.text for message in person.window.session.conversation.path()]
    assert said == ["one", "one", "two", "two", "three", ""]
