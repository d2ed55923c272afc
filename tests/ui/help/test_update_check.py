"""New versions: nobody is asked unless the person wants it, and what there is, is said quietly."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtWidgets import QLabel, QTextBrowser, QWidget
from pytestqt.qtbot import QtBot

from phichat.ui.help import update_check
from tests.support.servers.releases import PAGE, ReleasesServer
from tests.ui.conftest import Person, record_opened


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update_check, "FIRST_CHECK", 20)
    monkeypatch.setattr(update_check, "CHECK_INTERVAL", 20)


def switch(person: Person, *, on: bool) -> None:
    person.window.commands.preferences.trigger()
    person.find("versionsCheck").setChecked(on)
    person.find("preferencesDialog").reject()
    person.wait(lambda: not person.window.findChildren(QWidget, "preferencesDialog"))


def notice(person: Person) -> str:
    """What it says; nothing if there is none."""
    found: Any = person.window.findChild(QWidget, "versionNotice")
    return str(found.findChild(QLabel).text()) if found and found.isVisible() else ""


@pytest.fixture
def told(releases: ReleasesServer, person: Person) -> Person:
    """In front of a window that has found a new version."""
    switch(person, on=True)
    person.wait(lambda: notice(person))
    return person


def test_nobody_is_asked_unless_it_is_wanted(
    releases: ReleasesServer, person: Person, qtbot: QtBot, home: Path
) -> None:
    person.window.commands.preferences.trigger()
    assert not person.find("versionsCheck").isChecked()
    qtbot.wait(300)
    assert not releases.requests
    assert not (home / "versions.json").exists()


def test_a_new_version_is_told_as_soon_as_that_is_wanted(told: Person, releases: ReleasesServer, qtbot: QtBot) -> None:
    assert notice(told) == "Phichat 9.1.0 is available."
    qtbot.wait(200)
    assert len(releases.requests) == 1


def test_its_notes_are_shown_as_an_answer_would_be(
    releases: ReleasesServer, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = record_opened(monkeypatch)
    releases.publish("9.1.0", "## Faster\n\n- <img src='http://127.0.0.1:9/a.png'> [there](file:///etc/passwd)\n")
    switch(person, on=True)
    person.wait(lambda: notice(person))
    person.click("versionNotesButton")
    dialog = person.find("versionDialog")

    def shown() -> str:
        return "\n".join(field.toPlainText() for field in dialog.findChildren(QTextBrowser))

    person.wait(lambda: "there" in shown())  # a busy machine shows one block after the other
    assert "Faster" in shown()
    assert "<img src='http://127.0.0.1:9/a.png'> [there](file:///etc/passwd)" in shown()
    person.click("versionPageButton")
    assert dialog.findChild(QWidget, "linkAddress").toPlainText() == PAGE
    assert not opened
    dialog.findChild(QWidget, "openLink").click()
    assert opened == [QUrl(PAGE)]
    assert len(releases.requests) == 1


def test_it_is_told_at_the_next_start_too_and_nobody_is_asked_for_that(
    told: Person, releases: ReleasesServer, open_window: Callable[[], Person]
) -> None:
    told.window.close()
    again = open_window()
    again.wait(lambda: notice(again) == "Phichat 9.1.0 is available.")
    assert len(releases.requests) == 1


def test_not_now_is_until_the_next_start(told: Person, qtbot: QtBot, open_window: Callable[[], Person]) -> None:
    told.click("versionDismissButton")
    qtbot.wait(200)
    assert not notice(told)
    told.window.close()
    again = open_window()
    again.wait(lambda: notice(again))


def test_a_version_can_be_skipped(told: Person, home: Path, qtbot: QtBot, open_window: Callable[[], Person]) -> None:
    told.click("versionNotesButton")
    told.click("versionSkipButton")
    assert not notice(told)
    told.wait(lambda: json.loads((home / "versions.json").read_text()).get("skipped") == "9.1.0")
    told.window.close()
    again = open_window()
    qtbot.wait(300)
    assert not notice(again)


def test_who_wants_no_news_any_more_sees_none(told: Person, qtbot: QtBot) -> None:
    switch(told, on=False)
    qtbot.wait(100)
    assert not notice(told)
    switch(told, on=True)
    told.wait(lambda: notice(told))


def test_a_failure_is_not_told(releases: ReleasesServer, person: Person) -> None:
    releases.status = 500
    before = person.status()
    switch(person, on=True)
    person.wait(lambda: releases.requests)
    person.qtbot.wait(200)
    assert (notice(person), person.status()) == ("", before)


def test_the_window_closes_though_nobody_answers(releases: ReleasesServer, person: Person) -> None:
    releases.is_silent = True
    switch(person, on=True)
    person.wait(lambda: releases.requests)
    person.window.close()
    assert not [thread for thread in person.window.findChildren(update_check.UpdateCheck) if thread._tasks._threads]


def test_where_no_page_is_known_it_is_said_and_cannot_be_chosen(person: Person) -> None:
    person.window.commands.preferences.trigger()
    assert not person.find("versionsCheck").isEnabled()
    words = [label.text() for label in person.find("preferencesDialog").findChildren(QLabel)]
    assert "This build of Phichat can’t check for new versions." in words
