"""A person's hands on each system: they find the window, click into it, type, take its picture, close it."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from building import screen
from building.project import Trouble

FIELD = "Your message"  # what screen readers call it
FIELD_AT = 0.45, 56  # of the window's width from the left, pixels from its lower edge
START_SECONDS = 90.0


class NotAllowed(Trouble):
    """This system lets no program click."""


class Hands(Protocol):
    """What they do with the window of one process."""

    def find(self, process: "subprocess.Popen[bytes]") -> None:
        """Wait for its window."""

    def ask(self, words: str) -> None:
        """Click into the message field, type, and press Enter."""

    def picture(self, file: Path) -> None:
        """Take one of what is on the screen."""

    def leave(self) -> None:
        """Close the window as a person would."""


@contextmanager
def hands() -> Iterator[tuple[Hands, dict[str, str]]]:
    """Those for this system, and what the environment needs so that there is a screen: on Linux, one of its own."""
    if sys.platform == "win32":
        yield _Windows(), {}
    elif sys.platform == "darwin":
        yield _Mac(), {}
    else:
        with screen.screen() as seen:
            yield _Linux(seen), {"DISPLAY": seen.display, "QT_QPA_PLATFORM": "xcb"}


class _Linux:
    """Through xdotool, on a screen that nobody sees."""

    def __init__(self, seen: screen.Screen) -> None:
        self._screen, self._window = seen, ""

    def find(self, process: "subprocess.Popen[bytes]") -> None:
        self._window = self._screen.window("^Phichat$")
        if process.poll() is not None:
            raise Trouble(f"the program ended by itself ({process.returncode}).")

    def ask(self, words: str) -> None:
        left, top, width, height = self._screen.place(self._window)
        self._screen.click(left + int(width * FIELD_AT[0]), top + height - FIELD_AT[1])
        self._screen.type(words)
        self._screen.press("Return")

    def picture(self, file: Path) -> None:
        self._screen.picture(file)

    def leave(self) -> None:
        self._screen.press("ctrl+q")


class _Windows:
    """Through UI Automation, as screen readers do; by pywinauto."""

    def __init__(self) -> None:
        self._automation: Any = import_module("pywinauto")
        self._window: Any = None

    def find(self, process: "subprocess.Popen[bytes]") -> None:
        application = self._automation.Application(backend="uia").connect(process=process.pid, timeout=START_SECONDS)
        self._window = application.window(title="Phichat")
        self._window.wait("visible ready", timeout=START_SECONDS)
        self._window.set_focus()

    def ask(self, words: str) -> None:
        self._window.child_window(title=FIELD, control_type="Edit").click_input()
        self._automation.keyboard.send_keys(words, with_spaces=True, pause=0.03)
        self._automation.keyboard.send_keys("{ENTER}")

    def picture(self, file: Path) -> None:
        self._window.capture_as_image().save(file)

    def leave(self) -> None:
        self._window.close()


class _Mac:
    """Through System Events, which has to be allowed to whoever runs this."""

    def __init__(self) -> None:
        self._process = ""

    def find(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = f"(first process whose unix id is {process.pid})"
        _waited(process, lambda: int(self._do(f"count of windows of {self._process}") or 0) > 0)
        self._do(f"set frontmost of {self._process} to true")

    def ask(self, words: str) -> None:
        left, top, width, height = self._numbers(f"{{position, size}} of window 1 of {self._process}")
        self._do(f"click at {{{left + int(width * FIELD_AT[0])}, {top + height - FIELD_AT[1]}}}")
        self._do(f'keystroke "{words}"')
        self._do("key code 36")

    def picture(self, file: Path) -> None:
        subprocess.run(["screencapture", "-x", str(file)], check=True)

    def leave(self) -> None:
        self._do('keystroke "q" using command down')

    def _numbers(self, what: str) -> tuple[int, ...]:
        return tuple(int(number) for number in self._do(f"get {what}").split(", "))

    def _do(self, words: str) -> str:
        command = ["osascript", "-e", f'tell application "System Events" to {words}']
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        except subprocess.TimeoutExpired as error:  # it asks whether that is allowed, and nobody is there
            raise NotAllowed("System Events does not answer.") from error
        if "assistive" in done.stderr or "-1743" in done.stderr or "-25211" in done.stderr:
            raise NotAllowed(done.stderr.strip())
        return done.stdout.strip()


def _waited(process: "subprocess.Popen[bytes]", look: Callable[[], Any]) -> Any:
    """What `look` finds, once it does."""
    until = time.monotonic() + START_SECONDS
    while not (found := look()):
        if process.poll() is not None:
            raise Trouble(f"the program ended by itself ({process.returncode}).")
        if time.monotonic() > until:
            raise Trouble(f"there is no window after {START_SECONDS:.0f} s.")
        time.sleep(0.1)
    return found


def end(process: "subprocess.Popen[bytes]") -> None:
    """Have it gone, whatever it does."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
