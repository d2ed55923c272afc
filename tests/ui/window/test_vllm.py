"""The window, and `phichat ask`, with vLLM itself, where the program that VLLM_SERVER names is installed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from phichat import app
from phichat.chat.conversation import Ending
from tests.support.fakes import ScriptedShelf
from tests.support.servers.vllm_process import VllmProcess
from tests.ui.conftest import Person
from tests.ui.window.true_server import TrueServer, context

pytestmark = pytest.mark.usefixtures("no_proxies", "keyring")

LONG = 900  # tokens of an answer, some twenty seconds on two cores


@pytest.fixture
def talk(qtbot: QtBot, vllm: VllmProcess) -> Iterator[TrueServer]:
    """A window that knows the server, with its model chosen."""
    window = app.create_window(make_shelf=ScriptedShelf().over)
    window.show()
    qtbot.waitExposed(window)
    yield TrueServer(Person(window, qtbot), vllm.address)
    window.close()


def test_a_conversation(talk: TrueServer, vllm: VllmProcess) -> None:
    """One test, as starting vLLM takes most of a minute."""
    assert "gaming was added (vLLM, 1 model)." in talk.added
    assert "tiny started answering after" in talk.added
    assert context(talk.person) == 4096
    talk.show_probabilities()
    talk.person.find("maxTokensSpin").setValue(LONG)
    _stop_and_continue(talk, vllm)
    _stop_while_held(talk, vllm)
    talk.ask_for_three()
    talk.person.find("maxTokensSpin").setValue(LONG)
    _kill_and_continue(talk, vllm)
    _ask_in_a_terminal(talk, vllm)


def _stop_and_continue(talk: TrueServer, vllm: VllmProcess) -> None:
    """The answer comes bit by bit; once it is stopped, vLLM computes no more of it; Continue writes on."""
    before = vllm.generated()
    talk.begun()
    _grows(talk, steps=5)
    assert vllm.running() == 1
    talk.person.click("stopButton")
    talk.idle()
    came = talk.answer()
    talk.person.wait(lambda: vllm.running() == 0)
    computed = vllm.generated()
    assert computed - before < LONG
    time.sleep(1)
    assert (vllm.running(), vllm.generated()) == (0, computed)
    assert talk.answer() == came
    talk.write_on()


def _stop_while_held(talk: TrueServer, vllm: VllmProcess) -> None:
    """A server that hangs doesn't keep the window from stopping, and learns of it as soon as it goes on."""
    talk.begun()
    vllm.hold()
    talk.person.click("stopButton")
    talk.idle()
    assert talk.ending() is Ending.CANCELLED
    vllm.go_on()
    talk.person.wait(lambda: vllm.running() == 0)


def _kill_and_continue(talk: TrueServer, vllm: VllmProcess) -> None:
    """What came stays when vLLM dies. When it is back, Continue and the next message work in the same window."""
    talk.begun()
    _grows(talk, steps=3)
    vllm.kill()
    talk.idle()
    came = talk.answer()
    assert came
    assert talk.ending() is Ending.ERROR
    assert talk.person.status() == (
        f"The connection to {vllm.address} was lost. Check that the server is running, then try again."
    )
    QTest.mouseClick(talk.continue_button(), Qt.MouseButton.LeftButton)
    talk.person.wait(lambda: "couldn’t connect" in talk.person.status())
    talk.idle()
    assert talk.answer() == came
    vllm.start()
    talk.write_on()
    talk.person.find("maxTokensSpin").setValue(12)
    talk.begun("Are you back?")
    talk.idle()
    assert talk.ending() is Ending.LENGTH
    assert not talk.person.status()


def _ask_in_a_terminal(talk: TrueServer, vllm: VllmProcess) -> None:
    """An answer as in the window; Ctrl+C stops vLLM, too."""
    alone = {**os.environ, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    command = [sys.executable, "-m", "phichat", "ask", "--model", "gaming/tiny", "Name a color.", "--max-tokens"]
    done = subprocess.run([*command, "8"], env=alone, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "8 tokens, " in done.stderr
    assert done.stdout.strip()
    quiet, pipe = subprocess.DEVNULL, subprocess.PIPE
    with subprocess.Popen([*command, str(LONG)], env=alone, stdin=quiet, stdout=pipe, stderr=quiet) as asked:
        assert asked.stdout
        assert asked.stdout.read(1)
        assert vllm.running() == 1
        asked.send_signal(signal.SIGINT)
        assert asked.wait(60) == 130
    talk.person.wait(lambda: vllm.running() == 0)


def _grows(talk: TrueServer, steps: int) -> None:
    """Wait until the message on the screen has had so many lengths."""
    lengths, number = set[int](), len(talk.person.window.session.conversation.path()) - 1

    def has_grown() -> bool:
        lengths.add(len(talk.person.message(number)))
        return len(lengths) >= steps

    talk.person.wait(has_grown)
