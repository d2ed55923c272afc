"""A screen that nobody sees, and hands for it: Xvfb, xdotool, xclip."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from building.project import Trouble, need, run

SIZE = "1280x800"
PATIENCE = 60.0  # seconds

Found = TypeVar("Found")


class Screen:
    """What is shown at `display`, and a person in front of it."""

    def __init__(self, display: str) -> None:
        self.display = display

    def window(self, title: str) -> str:
        """Wait for the window whose title matches, and have the keyboard lead to it; which it is."""
        found = eventually(lambda: self._windows(title), f"no window called {title} has appeared")[-1]
        self._do("windowfocus", "--sync", found)
        return found

    def place(self, window: str) -> tuple[int, int, int, int]:
        """Where it is on the screen, and its width and height."""
        told = self._ask("xdotool", "getwindowgeometry", "--shell", window)
        numbers = dict(line.split("=") for line in told.split())
        left, top, width, height = (int(numbers[name]) for name in ("X", "Y", "WIDTH", "HEIGHT"))
        return left, top, width, height

    def click(self, x: int, y: int) -> None:
        """At that place of the screen."""
        self._do("mousemove", "--sync", str(x), str(y), "click", "1")

    def type(self, text: str) -> None:
        """As a quick hand would."""
        self._do("type", "--delay", "15", text)

    def press(self, *keys: str) -> None:
        """Such as Return or ctrl+q."""
        self._do("key", *keys)

    def picture(self, file: Path) -> None:
        """Save what is seen, as PNG."""
        need("import", "apt-get install imagemagick")
        run("import", "-window", "root", "-display", self.display, file)

    def clipboard(self) -> str:
        """What was copied."""
        return self._ask(need("xclip"), "-out", "-selection", "clipboard")

    def _windows(self, title: str) -> list[str]:
        return self._ask("xdotool", "search", "--onlyvisible", "--name", title).split()

    def _do(self, *words: str) -> None:
        run("xdotool", *words, env=self._environment())

    def _ask(self, *command: str) -> str:
        """What it says, nothing where it fails, as it does while there is nothing yet."""
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=self._environment())
        return "" if done.returncode else done.stdout

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "DISPLAY": self.display}


@contextmanager
def screen() -> Iterator[Screen]:
    """One that is there for a while."""
    need("xdotool")
    ours, its = os.pipe()
    command = [need("Xvfb", "apt-get install xvfb"), "-displayfd", str(its), "-screen", "0", f"{SIZE}x24", "-ac"]
    server = subprocess.Popen(command, pass_fds=[its], stderr=subprocess.DEVNULL)
    try:
        os.close(its)
        with os.fdopen(ours) as stream:
            number = stream.readline().strip()
        if not number:
            raise Trouble("Xvfb did not start.")
        yield Screen(f":{number}")
    finally:
        server.terminate()
        server.wait()


def eventually(look: Callable[[], Found], trouble: str, seconds: float = PATIENCE) -> Found:
    """What `look` finds, once it finds something."""
    until = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > until:
            raise Trouble(f"{trouble} within {seconds:.0f} s.")
        time.sleep(0.1)
    return found
