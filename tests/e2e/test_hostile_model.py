"""A model file that wants no good, opened in a window: a sentence says so, and the conversation goes on."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from phichat import app
from phichat.chat.sampling import Sampling
from phichat.ui.controllers.generation import GenerationState
from tests.support import tiny_models
from tests.ui.conftest import Person


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ 'x' | center(2000000000) }}", "too much memory"),
        ("{% for a in messages %}{{ a.content }}", "Unexpected end"),
    ],
)
def test_a_template_that_cannot_be_used_is_told_and_the_model_answers(
    qtbot: QtBot, tmp_path: Path, template: str, reason: str
) -> None:
    window = app.create_window(str(tiny_models.chatml(tmp_path / "hostile.gguf", template=template)))
    window.show()
    person = Person(window, qtbot)
    try:
        person.wait_for(GenerationState.IDLE)
        label = window.findChild(QLabel, "statusMessage")
        assert isinstance(label, QLabel)
        person.wait(lambda: "chat template doesn’t work" in label.text())
        assert reason in label.text()
        window.session.sampling = Sampling(temperature=0.0, max_tokens=5)
        person.ask("Hi")
        person.wait(lambda: person.message(1) and window.generation.state is GenerationState.IDLE)
        assert window.session.conversation.path()[-1].text
    finally:
        window.close()
