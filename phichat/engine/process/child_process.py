"""The model's process, from outside: starting it, talking over its pipe, and saying why it ended."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from phichat import runtime
from phichat.engine.process import protocol
from phichat.i18n import language, tr

LEAVING = 2.0  # seconds a child may take to go after its pipe is closed
MOST_WORDS = 20_000  # of its last ones, in bytes

_CREATE_NO_WINDOW = 0x08000000
_CRASHES = {"SIGILL", "SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGTRAP"}
_WINDOWS_ENDINGS = {0xC000001D: "SIGILL", 0xC0000005: "SIGSEGV", 0xC0000409: "SIGABRT", 0xC0000017: "SIGKILL"}


class ChildProcess:
    """One child and its pipe. Its standard error goes to a nameless file, so that it never has to wait for us."""

    def __init__(self, command: list[str]) -> None:
        self._stderr = cast(IO[bytes], tempfile.TemporaryFile())  # noqa: SIM115 - closed by `end`
        try:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env=child_environment(),
                creationflags=_CREATE_NO_WINDOW if sys.platform == "win32" else 0,
            )
        except OSError:
            self._stderr.close()
            raise
        self._orders = cast(IO[bytes], self._popen.stdin)
        self._answers = cast(IO[bytes], self._popen.stdout)
        self._lock = threading.Lock()
        self.last_words = ""
        """The end of what it wrote to standard error, once it has ended."""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._popen.poll() is None

    def send(self, order: protocol.Line, *, wait: bool = True) -> None:
        """Give an order, from any thread. A child that is gone is noticed by `receive`.

        A child that does not read lets a long order wait; without `wait`, another one is then dropped instead.
        """
        if self._lock.acquire(blocking=wait):
            try:
                with suppress(OSError, ValueError):
                    protocol.write_lines(self._orders, order)
            finally:
                self._lock.release()

    def receive(self) -> protocol.Line | None:
        """What it says next; None once it is gone."""
        return protocol.read_line(self._answers)

    def wait(self, seconds: float) -> None:
        """Until it has gone by itself, or for so long."""
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(seconds)

    def kill(self) -> None:
        """End it now, from any thread."""
        self._popen.kill()

    def end(self) -> str:
        """Let it go or make it; the name of what ended it, such as SIGSEGV, or "" where it went by itself."""
        with self._lock, suppress(OSError):
            self._orders.close()
        try:
            self._popen.wait(LEAVING)
        except subprocess.TimeoutExpired:
            self._popen.kill()
        code = self._popen.wait()
        self._answers.close()
        self._stderr.seek(0)
        self.last_words = self._stderr.read()[-MOST_WORDS:].decode("utf-8", "replace")
        self._stderr.close()
        return _name_of(code)


def explain_ending(ending: str) -> str:
    """One sentence for people about what ended the child."""
    sentences = {
        "SIGILL": tr("This computer's processor cannot run an instruction that the model's engine was built for."),
        "SIGKILL": tr("The system ended the model's process, most often because memory ran out."),
    }
    return sentences.get(ending) or tr("The model's process ended unexpectedly ({reason}).").format(
        reason=ending or tr("no reason given")
    )


def is_crash(ending: str) -> bool:
    """Whether it died of what it did, rather than of what was done to it."""
    return ending in _CRASHES


def crash_location(words: str) -> str:
    """Where it was in the program when it crashed, from its last words; nothing else that it said."""
    found = re.search(r"^(Fatal Python error|Windows fatal exception): .*", words, re.MULTILINE | re.DOTALL)
    return found[0].strip() if found else ""


def _name_of(code: int) -> str:
    if code < 0:
        with suppress(ValueError):
            return signal.Signals(-code).name
    return _WINDOWS_ENDINGS.get(code & 0xFFFFFFFF, "" if code == 0 else f"{code}")


def child_environment() -> dict[str, str]:
    """Ours, with the language and, in a checkout, the way to this package; and no debugger at llama.cpp's death."""
    variables = {**os.environ, "PHICHAT_LANGUAGE": language(), "GGML_NO_BACKTRACE": "1"}
    root = Path(__file__).parents[3]
    if not runtime.is_frozen() and root.name not in {"site-packages", "dist-packages"}:
        earlier = variables.get("PYTHONPATH")
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), earlier]))
    return variables
