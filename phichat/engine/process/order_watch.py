"""Watches over one order to the child: has it stopped if it is asked to, and notices a load that stalls."""

import threading
from collections.abc import Callable
from pathlib import Path

from phichat import gguf
from phichat.engine.base import CancelToken
from phichat.engine.process import protocol
from phichat.engine.process.child_process import ChildProcess

PATIENCE = 1.0  # seconds between asking the child to stop and killing it

# A load without progress for so long has failed: some invalid headers make llama.cpp compute for ever. After the last
# progress, all of the file may have to be read once more, on a slow disk.
STALLED = 60.0  # seconds
SLOWEST_DISK = 10e6  # bytes a second


class StopRequest:
    """Asks a child to stop or hurry its order, and kills it if it does not stop in time."""

    def __init__(
        self, process: ChildProcess, number: int, stop: CancelToken, kill: Callable[[ChildProcess], None]
    ) -> None:
        self._process, self._number, self._stop, self._kill = process, number, stop, kill
        self._deadline = threading.Timer(PATIENCE, kill, [process])

    def ask(self) -> None:
        """Send the request, in the thread that set the CancelToken, which must not block."""
        if self._stop.is_final:
            self._kill(self._process)
            return
        if self._stop.is_urgent() and not self._deadline.is_alive():
            self._deadline.start()
        self._process.send(self.line(), wait=False)

    def line(self) -> protocol.Line:
        """Return what to send: to stop, or to end thinking and answer."""
        if not self._stop.is_set():
            return {"do": "hurry", "number": self._number}
        return {"do": "stop", "number": self._number, "gently": not self._stop.is_urgent()}

    def end(self) -> None:
        """Cancel the deadline: the order has ended."""
        self._deadline.cancel()
        if self._deadline.is_alive():
            self._deadline.join()


class StallWatch:
    """Kills a child that sends nothing for `patience` seconds; 0 for never."""

    LOOKS = 50  # within that time: counted, as both processes may be stopped, or the computer asleep

    def __init__(self, process: ChildProcess, patience: float) -> None:
        self._process, self._pause = process, patience / self.LOOKS
        self._over = threading.Event()
        self._silent = 0
        self.has_fired = False
        self._thread = threading.Thread(target=self._watch, name="stall watch") if patience else None
        if self._thread:
            self._thread.start()

    def feed(self) -> None:
        """Note that the child sent something."""
        self._silent = 0

    def end(self) -> None:
        """Stop watching."""
        self._over.set()
        if self._thread:
            self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._pause):
            self._silent += 1
            if self._silent > self.LOOKS:
                self.has_fired = True
                self._process.kill()
                return


def load_patience(path: Path) -> float:
    """Return after how many seconds without progress loading the model at `path` has failed."""
    try:
        return STALLED + sum(part.stat().st_size for part in gguf.part_paths(path)) / SLOWEST_DISK
    except OSError:
        return STALLED
