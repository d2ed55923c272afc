"""Other apps use the window's model, behind the window's own messages."""

import json
import socket
import stat
import threading
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PySide6.QtWidgets import QApplication

from phichat.chat.conversation import Role, Turn
from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedEngine
from tests.support.keyrings import Keyring, LockedKeyring, NoKeyring, install
from tests.ui.conftest import Person

pytestmark = pytest.mark.usefixtures("keyring")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def turned_on(person: Person) -> None:
    """Open the page and turn it on at a free port."""
    person.wait_for(GenerationState.IDLE)
    opened(person)
    person.find("serverPortSpin").setValue(free_port())
    person.find("serveSwitch").click()
    person.wait(lambda: person.find("serverAddress").text())


def opened(person: Person) -> None:
    person.window.commands.preferences.trigger()
    tabs = person.find("preferencesTabs")
    tabs.setCurrentIndex(tabs.count() - 1)


class Client(threading.Thread):
    """Asks in a thread of its own, as the window's has to go on."""

    def __init__(self, person: Person, path: str = "/chat/completions", body: Any = None, key: str = "") -> None:
        super().__init__(name="client")
        self._url, self._path = urlsplit(person.find("serverAddress").text()), path
        self._key, self._body = key or person.find("serverKey").text(), body
        self.status = 0
        self.answer: dict[str, Any] = {}
        self.start()

    def run(self) -> None:
        connection = HTTPConnection(self._url.hostname or "", self._url.port, timeout=60)
        data = json.dumps(self._body) if self._body else None
        headers = {"Authorization": f"Bearer {self._key}"}
        connection.request("POST" if data else "GET", self._url.path + self._path, data, headers)
        response = connection.getresponse()
        self.status, self.answer = response.status, json.loads(response.read())
        connection.close()

    @property
    def text(self) -> str:
        return str(self.answer["choices"][0]["message"]["content"])


def asking(person: Person, text: str, **parameters: Any) -> Client:
    return Client(person, body={"messages": [{"role": "user", "content": text}], **parameters})


def ended(person: Person, client: Client) -> Client:
    person.wait(lambda: not client.is_alive())
    return client


def test_it_is_off_at_first_and_turned_on_gives_apps_an_answer_until_it_is_off_again(
    person: Person, engine: ScriptedEngine, keyring: Keyring
) -> None:
    opened(person)
    assert not person.find("serveSwitch").isChecked()
    assert not person.find("serverAddress").text()
    assert not person.find("serverAddressCopy").isEnabled()
    person.find("preferencesDialog").close()
    turned_on(person)
    engine.enqueue("Hel", "lo")
    client = ended(person, asking(person, "Hi"))
    assert (client.status, client.text) == (200, "Hello")
    assert engine.requests[-1].is_temporary
    person.wait(lambda: "POST /v1/chat/completions 200" in person.find("serverStatus").text())
    assert list(keyring.passwords) == [("Phichat", "phichat serve")]
    models = ended(person, Client(person, "/models"))
    assert len(models.answer["data"]) == 1
    assert ended(person, Client(person, "/models", key="wrong")).status == 401
    for name in ("serverAddress", "serverKey"):
        person.click(f"{name}Copy")
        assert QApplication.clipboard().text() == person.find(name).text() != ""
    key = person.find("serverKey").text()
    person.find("serveSwitch").click()
    person.find("serveSwitch").click()
    person.wait(lambda: person.find("serverKey").text())
    assert person.find("serverKey").text() == key
    url = urlsplit(person.find("serverAddress").text())
    person.find("serveSwitch").click()
    assert not person.find("serverAddress").text()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((url.hostname or "", url.port or 0), timeout=10)


def test_the_key_stays_the_same_without_a_keyring(
    person: Person, open_window: Callable[[], Person], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, NoKeyring())
    turned_on(person)
    key = person.find("serverKey").text()
    assert stat.S_IMODE((home / "server-key.json").stat().st_mode) == 0o600
    person.window.close()
    keyring = install(monkeypatch, Keyring())  # there is one from now on
    again = open_window()
    opened(again)
    again.wait(lambda: again.find("serverKey").text())
    assert again.find("serverKey").text() == key
    assert list(keyring.passwords.values()) == [key]
    assert not (home / "server-key.json").exists()


def test_the_key_stays_the_same_though_the_keyring_was_not_unlocked_once(
    person: Person, open_window: Callable[[], Person], home: Path, monkeypatch: pytest.MonkeyPatch, keyring: Keyring
) -> None:
    """It was replaced by another one, which no app knew."""
    turned_on(person)
    key, port = person.find("serverKey").text(), person.find("serverPortSpin").value()
    person.window.close()
    locked = LockedKeyring()
    locked.passwords = keyring.passwords
    install(monkeypatch, locked)
    again = open_window()
    opened(again)
    said = "Other apps can’t use the model, because the keyring that stores their key wasn’t unlocked."
    again.wait(lambda: again.find("serverStatus").text().startswith(said))
    assert not again.find("serverAddress").text()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)
    locked.is_locked = False
    for _ in range(2):
        again.find("serveSwitch").click()
    again.wait(lambda: again.find("serverKey").text())
    assert again.find("serverKey").text() == key
    assert not (home / "server-key.json").exists()


def test_a_port_that_is_taken(person: Person) -> None:
    person.wait_for(GenerationState.IDLE)
    opened(person)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        person.find("serverPortSpin").setValue(port)
        person.find("serveSwitch").click()
        person.wait(lambda: person.find("serverStatus").text() != "Starting…")
        assert person.find("serverStatus").text() == f"Port {port} is in use by another app. Choose another port."
    person.find("serverPortSpin").setValue(free_port())
    person.wait(lambda: person.find("serverAddress").text())


def test_the_windows_message_goes_first(person: Person, engine: ScriptedEngine) -> None:
    """The app's answer pauses, and goes on from what there is."""
    turned_on(person)
    gate = threading.Event()  # which opens for nobody: it is stopped
    engine.enqueue("One", " two", gate, " never")
    client = asking(person, "Count", max_tokens=10)
    person.wait(lambda: len(engine.requests) == 1)
    person.find("preferencesDialog").close()
    engine.enqueue("Mine")
    engine.enqueue(" three")
    person.ask("First")
    person.wait(lambda: len(engine.requests) == 3)
    assert ended(person, client).text == "One two three"
    assert person.message(1) == "Mine"
    assert [request.turns[-1].text for request in engine.requests] == ["Count", "First", "Count"]
    last = engine.requests[-1]
    assert last.begun == Turn(Role.ASSISTANT, "One two", (1000, 1001))
    assert last.sampling.max_tokens == 8
    assert client.answer["usage"]["completion_tokens"] == 3


def test_apps_wait_for_the_window(person: Person, engine: ScriptedEngine) -> None:
    turned_on(person)
    gate = threading.Event()
    engine.enqueue(gate, "Mine")
    engine.enqueue("Theirs")
    person.find("preferencesDialog").close()
    person.ask("First")
    person.wait(lambda: engine.requests)
    client = asking_from(person, "Second")
    person.qtbot.wait(100)
    assert len(engine.requests) == 1
    gate.set()
    assert ended(person, client).text == "Theirs"


def asking_from(person: Person, text: str) -> Client:
    """Ask while the dialog is closed."""
    opened(person)
    person.wait(lambda: person.find("serverAddress").text())
    return asking(person, text)


def test_closing_the_window_ends_it(person: Person, engine: ScriptedEngine) -> None:
    turned_on(person)
    engine.enqueue("One", threading.Event())
    client = asking(person, "Hi")
    person.wait(lambda: engine.requests)
    person.window.close()
    client.join(20)
    assert client.status == 503


def test_another_model_ends_what_was_begun(person: Person, engine: ScriptedEngine) -> None:
    turned_on(person)
    engine.enqueue("One", threading.Event())
    client = asking(person, "Hi")
    person.wait(lambda: engine.requests)
    generation = person.window.generation
    assert generation.model
    other = generation.model.__class__.of_file(generation.model.path, "other")
    generation.load_model(other, 512)
    assert ended(person, client).status == 500
    person.wait_for(GenerationState.IDLE)
    assert ended(person, Client(person, "/models")).answer["data"][0]["id"] == "other"
