"""What models may take of this computer, as the person says it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from phichat import i18n
from phichat.engine.prompt_cache import PromptCache
from phichat.engine.states import State
from tests.ui.conftest import Person


def test_what_is_chosen_is_there_the_next_time(person: Person, open_window: Callable[[], Person], home: Path) -> None:
    person.find("statesSpin").setValue(9)
    person.find("restSpin").setValue(30)
    person.window.close()
    assert json.loads((home / "preferences.json").read_text())["rest_minutes"] == 30
    again = open_window()
    assert (again.find("statesSpin").value(), again.find("restSpin").value()) == (9, 30)


def test_less_disk_is_given_back_at_once_the_oldest_first(person: Person, home: Path) -> None:
    states = PromptCache(home / "states", 10**10)
    for number in range(3):
        states.save_state("model", State([number, *range(100)], bytes(1000)))
        newest = max((home / "states").iterdir(), key=os.path.getmtime)
        os.utime(newest, (number, number))
    person.find("statesSpin").setValue(1)
    assert len(list((home / "states").glob("*.state"))) == 3
    person.find("statesSpin").setValue(0)
    person.wait(lambda: not list((home / "states").glob("*.state")))


def test_nothing_and_never_are_said_in_words(person: Person) -> None:
    for name, words in (("statesSpin", "None"), ("restSpin", "Never")):
        person.find(name).setValue(0)
        assert person.find(name).text() == words


def test_they_have_names_for_screen_readers(person: Person) -> None:
    for name in ("statesSpin", "restSpin"):
        assert person.find(name).accessibleName()
        assert person.find(name).accessibleDescription()


def test_in_french(open_window: Callable[[], Person]) -> None:
    i18n.set_language("fr")
    french = open_window()
    assert french.find("restSpin").text() == "15\N{NO-BREAK SPACE}min"
    french.find("restSpin").setValue(0)
    assert french.find("restSpin").text() == "Jamais"
