"""Servers are added, tested, renamed and removed in the preferences; their keys go into the keyring."""

import re
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox, QWidget

from phichat.engine.remote import probe
from phichat.engine.remote.servers import make_server_list
from phichat.paths import Home
from tests.support.keyrings import Keyring, NoKeyring, install
from tests.support.servers.chat import ChatServer, Scripted
from tests.ui.conftest import Person

KEY = "sk-secret"


pytestmark = pytest.mark.usefixtures("no_proxies", "keyring")


@pytest.fixture
def server(server: ChatServer) -> ChatServer:
    server.owner = "llamacpp"
    return server


@pytest.fixture
def page(person: Person) -> Person:
    """In front of the page."""
    person.find("modelButton").menu().aboutToShow.emit()
    actions = person.find("modelButton").menu().actions()
    next(action for action in actions if action.text() == "Servers…").trigger()
    assert person.find("serversPage").isVisible()
    return person


def add(page: Person, address: str, name: str = "", key: str = "") -> None:
    for field, text in (("serverAddressField", address), ("serverNameField", name), ("serverKeyField", key)):
        page.find(field).setText(text)
    QTest.keyClick(page.find("serverAddressField"), Qt.Key.Key_Return)
    page.wait(lambda: page.find("serverCancel").isHidden())


def lines(page: Person) -> list[str]:
    shown = page.find("serverList")
    return [shown.item(row).text().replace("\N{NO-BREAK SPACE}", " ") for row in range(shown.count())]


def status(page: Person) -> str:
    return str(page.find("serversStatus").text())


def pressed(page: Person, name: str) -> None:
    page.click(name)
    page.wait(lambda: page.find("serverCancel").isHidden())


def answered(page: Person, dialog: str, button: str) -> None:
    box: Any = page.find(dialog)
    QTest.mouseClick(box.findChild(QWidget, button), Qt.MouseButton.LeftButton)


def test_a_server_is_added_tested_renamed_and_removed(page: Person, server: ChatServer, home: Path) -> None:
    dialog = page.find("preferencesDialog")
    assert dialog.focusWidget() is page.find("serverAddressField")
    assert page.find("noServers").isVisible()
    add(page, server.host, "gaming")
    assert status(page) == "gaming was added (llama.cpp, 1 model)."
    assert lines(page) == [f"gaming\nllama.cpp · {server.host} · 1 model"]
    assert not page.find("serverAddressField").text()
    assert not server.chats
    page.find("serverTest").setFocus()
    QTest.keyClick(page.find("serverTest"), Qt.Key.Key_Return)
    assert page.find("serverCancel").hasFocus()
    page.wait(lambda: page.find("serverCancel").isHidden())
    assert page.find("serverTest").hasFocus()
    assert "gaming is working (llama.cpp, 1 model). It answered in " in status(page)
    assert "tiny started answering after " in status(page)
    assert [chat["messages"] for chat in server.chats] == [[{"role": "user", "content": "Hi"}]]
    page.click("serverRename")
    page.find("nameField").setText("two words")
    assert not page.find("renameServerDialog").findChild(QWidget, "agreeButton").isEnabled()
    page.find("nameField").setText("den")
    answered(page, "renameServerDialog", "agreeButton")
    page.wait(lambda: status(page) == "The server was renamed to den.")
    page.wait(lambda: lines(page)[0].startswith("den\n"))
    server.pages["/v1/models"] = waiting()
    page.click("serverTest")
    page.click("serverCancel")
    assert status(page) == "Canceled."
    assert page.find("serverTest").isEnabled()
    for button, left in (("refuseButton", 1), ("agreeButton", 0)):
        page.click("serverRemove")
        answered(page, "removeServerQuestion", button)
        page.wait(partial(has_lines, page, left))
        page.wait(lambda: not page.window.findChild(QMessageBox, "removeServerQuestion"))
    assert make_server_list(Home(home)).servers() == []


@pytest.mark.parametrize(
    ("owner", "pages", "asked"),
    [
        ("vllm", {}, "one"),
        ("library", {"/api/ps": {"models": [{"name": "two", "model": "two"}]}}, "two"),
        ("organization_owner", {"/api/v0/models": {"data": [{"id": "two", "state": "loaded"}]}}, "two"),
    ],
)
def test_of_several_models_the_one_that_is_loaded_is_tested(
    page: Person, server: ChatServer, owner: str, pages: dict[str, Any], asked: str
) -> None:
    server.owner, server.pages = owner, pages
    server.models = [{"id": "nomic-embed"}, {"id": "one"}, {"id": "two"}]
    add(page, server.host, "gaming")
    pressed(page, "serverTest")
    assert re.search(rf"3 models\)\. It answered in [\d.]+\ss\. {asked} started answering after ", status(page))
    assert [chat["model"] for chat in server.chats] == [asked]


def test_the_usual_ports_of_a_host_are_tried(page: Person, server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PORTS", (1, server.port))
    add(page, "127.0.0.1")
    assert lines(page) == [f"127.0.0.1\nllama.cpp · {server.host} · 1 model"]


def test_where_nothing_answers_the_page_says_so(page: Person) -> None:
    add(page, "127.0.0.1:1")
    assert (
        status(page)
        == "Phichat couldn’t connect to 127.0.0.1:1. Check its address, and make sure the server is running."
    )
    assert lines(page) == []
    assert page.find("serverAdd").text() == "Add anyway"
    pressed(page, "serverAdd")
    assert lines(page) == ["127.0.0.1\nOpenAI-compatible · 127.0.0.1:1 · 0 models"]
    pressed(page, "serverTest")
    assert "couldn’t connect" in status(page)


def test_the_key_goes_into_the_keyring(page: Person, server: ChatServer, keyring: Keyring, home: Path) -> None:
    server.key = KEY
    add(page, server.host, "gaming")
    assert "key" in status(page)
    assert lines(page) == []
    add(page, server.host, "gaming", KEY)
    assert lines(page) == [f"gaming\nllama.cpp · {server.host} · 1 model · with a key"]
    assert list(keyring.passwords.values()) == [KEY]
    stored = [file.read_bytes() for file in home.rglob("*") if file.is_file()]
    assert not any(KEY.encode() in content for content in stored)
    page.click("serverSetKey")
    answered(page, "serverKeyDialog", "agreeButton")
    page.wait(lambda: status(page) == "The key was deleted.")
    assert keyring.passwords == {}


def test_without_a_keyring_the_page_says_so(page: Person, server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, NoKeyring())
    server.key = KEY
    add(page, server.host, "gaming", KEY)
    assert "This computer has no keyring, so Phichat keeps the key only until you quit." in status(page)
    pressed(page, "serverTest")
    assert "gaming is working" in status(page)


def has_lines(page: Person, count: int) -> bool:
    return len(lines(page)) == count


def waiting() -> Any:
    """An answer that never comes."""
    return Scripted(200, {"Content-Type": "application/json"}, [Event()])
