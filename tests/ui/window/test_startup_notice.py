"""What a window says of the one before it."""

from phichat.app.wiring import StartupNotice
from tests.ui.conftest import Person


def test_a_crash_is_told_once(person: Person) -> None:
    notice = StartupNotice(person.window, "It ended unexpectedly.")
    notice.show()
    assert "ended unexpectedly" in person.status()
    person.ask("Why?")
    notice.show()
    assert "ended unexpectedly" not in person.status()
