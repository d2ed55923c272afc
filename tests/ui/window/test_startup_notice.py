"""What a window says of the one before it."""

from phichat.app.wiring import StartupNotice
from phichat.ui.controllers.generation import GenerationState
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
