"""How much of documents goes with a message, as the person sets it."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.ui.conftest import Person


def test_what_is_chosen_is_there_the_next_time(person: Person, open_window: Callable[[], Person], home: Path) -> None:
    assert person.find("passageTokensSlider").accessibleName() == "Tokens from documents"
    person.find("passageTokensSpin").setValue(1200)
    assert person.find("passageTokensSlider").accessibleDescription().startswith("Changed from 800 (default).")
    person.window.close()
    assert json.loads((home / "preferences.json").read_text())["passage_tokens"] == 1200
    assert open_window().find("passageTokensSpin").value() == 1200


def test_there_is_never_more_than_the_context_leaves(person: Person, home: Path) -> None:
    person.find("passageTokensSpin").setValue(1200)
    person.window.model_selection.set_context(1024)
    person.wait(lambda: person.find("passageTokensSpin").maximum() == 341)
    assert person.find("passageTokensSpin").value() == 341
    person.window.model_selection.set_context(4096)
    person.wait(lambda: person.find("passageTokensSpin").value() == 1200)
    person.find("passageTokensReset").click()
    assert person.find("passageTokensSpin").value() == 800
