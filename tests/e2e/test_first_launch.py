"""From an empty folder to a reply from Phi-3, which is fetched on the way by a program that is killed twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from phichat import app
from phichat.chat.conversation import Ending
from phichat.chat.sampling import Sampling
from phichat.ui.controllers.generation import GenerationState
from tests.support.hub.server import HubServer
from tests.ui.conftest import Person

REPO, FILE = "microsoft/Phi-3-mini-4k-instruct-gguf", "Phi-3-mini-4k-instruct-q4.gguf"

PROGRAM = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QWidget
from phichat import app

application = QApplication([])
window = app.create_window()
window.show()

def click():
    page = window.findChild(QWidget, "firstRun")
    button = page and page.findChild(QWidget, "downloadButton")
    if button and button.isVisible() and button.isEnabled():
        button.click()

timer = QTimer(interval=20)
timer.timeout.connect(click)
timer.start()
application.exec()
"""


@pytest.fixture
def phi(hub: HubServer, phi3_model: Path) -> HubServer:
    hub.add(REPO, FILE, phi3_model)
    return hub


@pytest.fixture
def open_window(qtbot: QtBot, phi: HubServer) -> Iterator[Callable[[], Person]]:
    windows = []

    def open_one() -> Person:
        window = app.create_window()
        windows.append(window)
        window.show()
        return Person(window, qtbot)

    yield open_one
    for window in windows:
        window.close()


def shows(person: Person, name: str) -> bool:
    widget = person.window.findChild(QWidget, name)
    return isinstance(widget, QWidget) and widget.isVisible()


def has_grown(file: Path, size: int) -> bool:
    return file.exists() and file.stat().st_size > size


def talk(person: Person) -> None:
    """A question, and what the model that was fetched says to it."""
    person.window.session.sampling = Sampling(max_tokens=8, seed=1)
    person.ask("Write a haiku about ice hockey")
    person.wait(
        lambda: (
            person.window.generation.state is GenerationState.IDLE
            and len(person.window.session.conversation.path()) > 1
        )
    )
    reply = person.window.session.conversation.path()[-1].reply
    assert reply is not None
    assert reply.model == "phi-3-mini-4k-instruct-q4"
    assert reply.ending in {Ending.STOP, Ending.LENGTH}
    assert reply.tokens


def test_the_first_launch_ends_in_a_talk_with_phi_3(
    open_window: Callable[[], Person], phi: HubServer, home: Path, phi3_model: Path
) -> None:
    person = open_window()
    person.wait(lambda: shows(person, "downloadButton"))
    person.wait_for(GenerationState.IDLE)
    person.click("downloadButton")
    person.wait(lambda: shows(person, "talkButton"))
    assert (home / "models" / FILE).read_bytes() == phi3_model.read_bytes()
    person.click("talkButton")
    person.wait(lambda: person.window.generation.loaded and "Phi-3" in person.window.generation.loaded.model.location)
    talk(person)


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_killed_twice_it_goes_on_each_time(
    open_window: Callable[[], Person], phi: HubServer, home: Path, eventually: Callable[..., None]
) -> None:
    phi.speed = 2_000_000
    part = home / "models" / f"{FILE}.part"
    held = 0
    for _ in range(2):
        program = subprocess.Popen([sys.executable, "-c", PROGRAM], stderr=subprocess.DEVNULL)
        eventually(partial(has_grown, part, held + 500_000))
        program.send_signal(signal.SIGKILL)
        program.wait()
        held = part.stat().st_size
    phi.behave()
    starts = phi.starts(FILE)
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    person = open_window()
    person.wait(lambda: shows(person, "talkButton"))
    assert phi.starts(FILE)[-1] == held
    person.click("talkButton")
    person.wait(lambda: person.window.generation.loaded and "Phi-3" in person.window.generation.loaded.model.location)
    talk(person)
