"""The access token for the Hub is entered in the preferences, and kept in the system's keyring."""

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from tests.support.keyrings import Keyring, NoKeyring, install
from tests.ui.conftest import Person

TOKEN = "hf_secret"


@pytest.fixture(autouse=True)
def keyring(monkeypatch: pytest.MonkeyPatch) -> Keyring:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example.org")
    return install(monkeypatch, Keyring())


def opened(person: Person) -> Any:
    person.window.commands.preferences.trigger()
    person.find("preferencesTabs").setCurrentIndex(3)
    return person.find("preferencesDialog")


def state(person: Person) -> str:
    return str(person.find("hubTokenState").text())


def enter(person: Person, token: str) -> None:
    field = person.find("hubTokenField")
    assert field.echoMode() is QLineEdit.EchoMode.Password
    field.insert(token)
    person.click("hubTokenSave")


def test_it_is_with_the_models(person: Person) -> None:
    opened(person)
    tabs = person.find("preferencesTabs")
    assert tabs.tabText(tabs.currentIndex()) == "Models"
    page = tabs.currentWidget()
    assert all(page.isAncestorOf(person.find(name)) for name in ("modelsFolder", "hubTokenField"))
    assert tabs.widget(0).isAncestorOf(person.find("dataFolder"))


def test_a_token_is_kept_in_the_keyring_and_nowhere_else(person: Person, keyring: Keyring, home: Path) -> None:
    opened(person)
    person.wait(lambda: "private models" in state(person))
    assert not person.find("hubTokenRemove").isVisible()
    assert not person.find("hubTokenSave").isEnabled()
    enter(person, TOKEN)
    person.wait(lambda: "saved in this computer’s keyring" in state(person))
    assert keyring.passwords == {("Phichat", "https://hub.example.org"): TOKEN}
    assert person.find("hubTokenField").text() == ""
    person.click("hubTokenRemove")
    person.wait(lambda: "private models" in state(person))
    assert keyring.passwords == {}
    enter(person, TOKEN)
    person.wait(lambda: "keyring" in state(person))
    person.window.close()
    written = [path for path in home.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert written == []


def test_without_a_keyring_it_says_that_it_is_kept_for_this_run(
    person: Person, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    install(monkeypatch, NoKeyring())
    opened(person)
    enter(person, TOKEN)
    person.wait(lambda: "no keyring" in state(person))
    assert "until you quit" in state(person)
    assert person.find("hubTokenRemove").isVisible()
    person.window.close()
    assert not [path for path in home.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


def test_what_is_no_token_stays_in_the_field_with_a_reason(person: Person) -> None:
    opened(person)
    person.wait(lambda: state(person))
    enter(person, "hf_sécret")
    person.wait(lambda: "isn’t an access token" in state(person))
    assert person.find("hubTokenField").text() == "hf_sécret"


def test_the_variable_counts_first_and_is_named(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_variable")
    opened(person)
    person.wait(lambda: "HF_TOKEN" in state(person))


def test_enter_saves_and_leaves_the_dialog_open(person: Person, keyring: Keyring) -> None:
    dialog = opened(person)
    QTest.keyClicks(person.find("hubTokenField"), TOKEN)
    QTest.keyClick(person.find("hubTokenField"), Qt.Key.Key_Return)
    person.wait(lambda: "keyring" in state(person))
    assert dialog.isVisible()
    assert keyring.passwords
