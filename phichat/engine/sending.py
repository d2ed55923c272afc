"""What the model's process says, on its way to the window's: at once, but pieces that come faster than anyone sees."""

import os
import threading
import time
from typing import IO

from phichat.engine import wire

GATHERED = 0.025  # seconds in which pieces of a reply are sent together


class Sender:
    """Writes lines into a pipe, and ends the process where nobody reads them.

    Each time the window's process wakes up, it takes a processor from a thread of llama.cpp's, for which all others
    then wait: a model of 150 tokens a second lost three percent by that on two cores.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self._waits = threading.Event()
        self._lines: list[wire.Line] = []
        self._next = 0.0
        threading.Thread(target=self._send_late, daemon=True, name="sending").start()

    def say(self, line: wire.Line, *, can_wait: bool = False) -> None:
        """Send a line, and what waited; one that `can_wait` a moment later, if one has just been sent."""
        with self._lock:
            self._lines.append(line)
            if can_wait and time.monotonic() < self._next:
                self._waits.set()
            else:
                self._send()
                self._next = time.monotonic() + GATHERED if can_wait else 0.0

    def _send_late(self) -> None:
        while self._waits.wait():
            time.sleep(max(0.0, self._next - time.monotonic()))
            with self._lock:
                self._waits.clear()
                if self._lines:
                    self._send()
                    self._next = time.monotonic() + GATHERED

    def _send(self) -> None:
        lines, self._lines = self._lines, []
        try:
            wire.write(self._pipe, *lines)
        except OSError:
            os._exit(0)
