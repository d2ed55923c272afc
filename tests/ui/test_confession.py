"""What a window says of the one before it."""

from phichat.ui.confession import Confession
from tests.ui.conftest import Person


def test_a_crash_is_told_once(person: Person) -> None:
    confession = Confession(person.window, "It ended unexpectedly.")
    confession.make()
    assert "ended unexpectedly" in person.status()
    person.ask("Why?")
    confession.make()
    assert "ended unexpectedly" not in person.status()
