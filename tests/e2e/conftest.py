"""A real window around a model's process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from phichat import app
from phichat.chat.sampling import Sampling
from phichat.ui.controllers.generation import GenerationState
from tests.ui.conftest import Person


@pytest.fixture
def with_small_context(qtbot: QtBot, phi3_model: Path) -> Iterator[Person]:
    """In front of a window whose model has a context of 512 tokens and gives short answers."""
    window = app.create_window(str(phi3_model))
    window.show()
    person = Person(window, qtbot)
    try:
        person.wait_for(GenerationState.IDLE)
        window.session.sampling = Sampling(temperature=0.0, max_tokens=40)
        yield person
    finally:
        window.close()
