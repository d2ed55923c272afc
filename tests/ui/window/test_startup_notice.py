"""What a window says of the one before it."""

from collections.abc import Callable
from pathlib import Path

from phichat.app.notices import StartupNotice
from phichat.engine.remote.base import Server
from phichat.engine.remote.servers import make_server_list
from phichat.paths import Home
from phichat.ui.controllers.generation import GenerationState
from tests.support.history_child import history_file
from tests.ui.conftest import Person


def test_a_crash_is_told_once_and_until_it_is_dismissed(person: Person) -> None:
    notice = StartupNotice(person.window, "It ended unexpectedly.")
    notice.show()
    assert "ended unexpectedly" in person.status()
    person.ask("Why?")
    person.wait_for(GenerationState.IDLE)
    assert "ended unexpectedly" in person.status()
    person.click("statusMessageDismiss")
    notice.show()
    assert "ended unexpectedly" not in person.status()


def test_damaged_files_are_told_and_kept(home: Path, open_window: Callable[[], Person]) -> None:
    home.mkdir()
    for name in ("preferences", "servers"):
        (home / f"{name}.json").write_text("{ half")
    person = open_window()
    person.wait(lambda: "servers" in person.status())
    preferences, servers = person.status().splitlines()
    assert preferences.endswith(
        "preferences.json was damaged, so Phichat is using the default settings. "
        "The damaged file was kept as preferences.damaged."
    )
    assert servers.endswith("servers.json is damaged, so your servers couldn’t be loaded. Add them again.")
    assert (home / "preferences.damaged").read_text() == "{ half"
    make_server_list(Home(home)).add(Server("gaming", "http://localhost:8080/v1"))
    assert (home / "servers.damaged").read_text() == "{ half"


def test_damage_of_several_files_is_told_together(home: Path, open_window: Callable[[], Person]) -> None:
    history_file(home, 3, 4)
    file = home / "history.sqlite3"
    file.write_bytes(file.read_bytes()[:-8192])
    for name in ("preferences", "servers"):
        (home / f"{name}.json").write_text("{ half")
    person = open_window()
    parts = ("servers.json is damaged", "preferences.json was damaged", "The history was damaged")
    person.wait(lambda: all(part in person.status() for part in parts))
    person.wait_for(GenerationState.IDLE)
    assert len(person.status().splitlines()) == 3
    person.click("statusMessageDismiss")
    assert person.status() == ""
