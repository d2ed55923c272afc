"""The whole path with a real model: the window, its thread, the model's process, and back."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QSignalSpy, QTest
from pytestqt.qtbot import QtBot

from phichat import app
from phichat.chat.conversation import Ending
from phichat.chat.sampling import Sampling
from phichat.ui.controllers.generation import GenerationState
from tests.ui.conftest import Person


@pytest.fixture
def person(qtbot: QtBot, starter: object) -> Iterator[Person]:
    window = app.create_window()
    window.show()
    person = Person(window, qtbot)
    try:
        person.wait_for(GenerationState.IDLE)
        yield person
    finally:
        window.close()


def model_process() -> psutil.Process:
    return next(
        child for child in psutil.Process().children() if "phichat.engine.process.worker" in " ".join(child.cmdline())
    )


def test_a_haiku_comes_word_by_word_is_stopped_and_asked_for_again(person: Person) -> None:
    seen: list[str] = []
    person.window.generation.replied.connect(lambda _, message: seen.append(message.text))
    person.window.session.sampling = Sampling(max_tokens=400)
    person.ask("Write a long story about ice hockey")
    person.wait(lambda: len(set(seen)) > 3)
    person.click("stopButton")
    person.wait_for(GenerationState.IDLE)
    stopped = person.window.session.conversation.path()[-1]
    assert stopped.reply is not None
    assert stopped.reply.ending is Ending.CANCELLED
    assert stopped.text
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))
    person.window.session.sampling = Sampling(max_tokens=12)
    person.ask("Write a haiku about ice hockey")
    person.wait(lambda: person.message(3) and person.window.generation.state is GenerationState.IDLE)


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_killing_the_model_costs_one_sentence_and_no_message(person: Person) -> None:
    person.window.session.sampling = Sampling(max_tokens=400)
    person.ask("Write a long story about ice hockey")
    person.wait(lambda: len(person.message(1)) > 10)
    read_along = QSignalSpy(person.window.generation.background.prefill_finished)
    model_process().send_signal(signal.SIGKILL)
    person.wait_for(GenerationState.IDLE)
    person.wait(read_along.count)
    assert person.status().endswith("Your conversation is safe. Try again."), "also once it is back to read along"
    assert len(person.message(1)) > 10
    person.window.session.sampling = Sampling(max_tokens=8)
    person.ask("And now?")
    person.wait(lambda: person.message(3) and person.window.generation.state is GenerationState.IDLE)


def test_the_model_goes_with_the_window(person: Person, eventually: Callable[..., None]) -> None:
    process = model_process()
    person.type("draft")
    QTest.keyClick(person.window, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    person.window.close()
    eventually(lambda: not process.is_running())


def _handles_signals(pid: int) -> bool:
    """Return whether a process handles SIGTERM, as a window does once it is painted; Linux alone tells."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
    (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_system_can_end_the_window(
    starter: object, eventually: Callable[..., None], number: signal.Signals, status: int
) -> None:
    window = subprocess.Popen([sys.executable, "-m", "phichat"], stderr=subprocess.DEVNULL)
    process = psutil.Process(window.pid)
    eventually(lambda: process.children() and _handles_signals(window.pid))
    children = process.children()
    window.send_signal(number)
    assert window.wait(20) == status
    eventually(lambda: not any(child.is_running() for child in children))
