"""What the model's process says, on its way to the window's: at once, but pieces that come faster than anyone sees."""

import os
import threading
import time
from typing import IO

from phichat.engine import wire
from phichat.engine.base import Piece

GATHERED = 0.025  # seconds in which pieces of a reply are sent together


class Sender:
    """Writes lines into a pipe, and ends the process where nobody reads them.

    Each time the window's process wakes up, it takes a processor from a thread of llama.cpp's, for which all others
    then wait: a model of 150 tokens a second lost three percent by that on two cores. What this process does between
    two tokens costs five times as much as when it does the same at once, as the model has swept it out of the cache.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self._waits = threading.Event()
        self._pieces: list[Piece] = []
        self._next = 0.0
        threading.Thread(target=self._send_late, daemon=True, name="sending").start()

    def say(self, line: wire.Line) -> None:
        """Send a line, and what waited before it."""
        with self._lock:
            self._send(line)
            self._next = 0.0

    def gather(self, piece: Piece) -> None:
        """Send a piece, and what waited; a moment later, if one has just been sent."""
        with self._lock:
            self._pieces.append(piece)
            if time.monotonic() >= self._next:
                self._send()
            elif len(self._pieces) == 1:
                self._waits.set()

    def _send_late(self) -> None:
        """Send what nothing follows. What something follows is sent with it, which spares this thread the work."""
        while self._waits.wait():
            time.sleep(2 * GATHERED)
            with self._lock:
                if not self._pieces:
                    self._waits.clear()
                elif time.monotonic() >= self._next + GATHERED:
                    self._send()

    def _send(self, *lines: wire.Line) -> None:
        pieces, self._pieces = self._pieces, []
        try:
            wire.write(self._pipe, *([wire.pieces_line(pieces)] if pieces else []), *lines)
        except OSError:
            os._exit(0)
        self._next = time.monotonic() + GATHERED
