"""EngineWorker in a process, through its pipes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, cast

import pytest

from phichat.chat.conversation import Role, Turn
from phichat.engine.base import Event, Piece, Request
from phichat.engine.process import protocol
from phichat.engine.process.child_process import child_environment
from tests.engine.process.quick_child import MANY


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, str(Path(__file__).with_name("quick_child.py"))]
    with subprocess.Popen(command, stdin=-1, stdout=-1, env=child_environment()) as child:
        yield child
        child.kill()


def test_a_first_word_comes_at_once_and_words_that_come_fast_come_together(child: subprocess.Popen[bytes]) -> None:
    orders, answers = cast(IO[bytes], child.stdin), cast(IO[bytes], child.stdout)
    request = asdict(Request((Turn(Role.USER, "Say."),)))
    protocol.write_lines(orders, {"do": "generate", "number": 1, "request": request})
    assert heard_in(answers) == [Piece("first ", 0)]
    protocol.write_lines(orders, {"do": "stop", "number": 1})
    heard = [os.read(answers.fileno(), 1 << 20)]
    while not heard[-1].endswith(b"\n") or b'"done"' not in heard[-1]:
        heard.append(os.read(answers.fileno(), 1 << 20))
    events = [event for line in b"".join(heard).splitlines() for event in protocol.events_of(json.loads(line))]
    assert [getattr(event, "token", None) for event in events] == [*range(1, MANY), None]
    assert len(heard) < MANY / 10


def heard_in(answers: IO[bytes]) -> list[Event]:
    """What the next line says."""
    line = protocol.read_line(answers)
    assert line is not None
    return list(protocol.events_of(line))
