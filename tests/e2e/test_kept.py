"""What was said survives the program being killed in the middle of a reply."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from phichat import app
from tests.support.fakes import ScriptedEngine, ScriptedShelf
from tests.ui.conftest import Person

LOST = 0.5  # seconds of streamed text, at most
EVERY = 0.02  # seconds between pieces

PROGRAM = f"""
import time
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QTextEdit
from phichat import app
from tests.support.fakes import ScriptedEngine, ScriptedShelf

class Slow(ScriptedEngine):
    def generate(self, request, stop):
        events = super().generate(request, stop)
        for event in events:
            time.sleep({EVERY})
            yield event

engine = Slow()
engine.enqueue(*(f"word{{number}} " for number in range(5000)))
application = QApplication([])
window = app.create_window(make_engine=lambda: engine, make_shelf=ScriptedShelf().over)
window.show()
field = window.findChild(QTextEdit, "composer")

def told(session, message):
    if message.text:
        print(message.text.split()[-1], time.time(), flush=True)
    else:
        field.setPlainText("and then?")

window.generation.replied.connect(told)

def ask():
    if window.generation.loaded:
        window.submit("Tell me a story")
        timer.stop()

timer = QTimer(interval=20)
timer.timeout.connect(ask)
timer.start()
application.exec()
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_killed_in_the_middle_of_a_reply(
    qtbot: QtBot, home: Path, starter: object, eventually: Callable[..., None]
) -> None:
    program = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert program.stdout
    seen: list[tuple[int, float]] = []
    begun = time.monotonic()
    while time.monotonic() - begun < 60 and len(seen) < 120:
        word, when = program.stdout.readline().split()
        seen.append((int(word.removeprefix(b"word")), float(when)))
    killed = time.time()
    program.send_signal(signal.SIGKILL)
    program.wait()
    program.stdout.close()
    window = app.create_window(make_engine=ScriptedEngine, make_shelf=ScriptedShelf().over)
    window.show()
    person = Person(window, qtbot)
    person.wait(lambda: person.titles() == ["Tell me a story"])
    person.open("Tell me a story")
    person.wait(lambda: "word" in person.message(1))
    kept = person.message(1).split()
    assert kept == [f"word{number}" for number in range(len(kept))]
    missing = [when for number, when in seen if number >= len(kept)]
    assert not missing or killed - missing[0] <= LOST + EVERY
    assert person.written() == "and then?"
    assert person.message(0) == "Tell me a story"
    reply = person.window.session.conversation.path()[-1].reply
    assert reply is not None
    assert reply.statistics["interrupted"] is True
    window.close()
