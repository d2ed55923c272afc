"""A person's hands on each system: they find the window, click into it, type, take its picture, close it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from building.project import Trouble, need

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
def screen() -> Iterator[dict[str, str]]:
    """What the environment needs, so that there is a screen: on Linux, one of its own."""
    if not sys.platform.startswith("linux"):
        yield {}
        return
    need("Xvfb", "apt-get install xvfb")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            number = told.readline().strip()
        if not number:
            raise Trouble("Xvfb did not start.")
        yield {"DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb"}
    finally:
        server.terminate()
        server.wait()


def hands(environment: dict[str, str]) -> Hands:
    """Those for this system."""
    if sys.platform == "win32":
        return _Windows()
    return _Mac() if sys.platform == "darwin" else _Linux(environment)


class _Linux:
    """Through xdotool, on the screen that `environment` names."""

    def __init__(self, environment: dict[str, str]) -> None:
        for tool, package in (("xdotool", "xdotool"), ("import", "imagemagick")):
            need(tool, f"apt-get install {package}")
        self._environment = environment
        self._window = ""

    def find(self, process: "subprocess.Popen[bytes]") -> None:
        """There is no window manager here, which would give it the focus."""
        search = ("search", "--onlyvisible", "--name", "^Phichat$")
        self._window = _waited(process, lambda: self._do(*search).split("\n")[0])
        self._do("windowfocus", "--sync", self._window)

    def ask(self, words: str) -> None:
        told = self._do("getwindowgeometry", "--shell", self._window)
        place = dict(line.partition("=")[::2] for line in told.splitlines())
        x, y = int(int(place["WIDTH"]) * FIELD_AT[0]), int(place["HEIGHT"]) - FIELD_AT[1]
        self._do("mousemove", "--window", self._window, str(x), str(y), "click", "1")
        self._do("type", "--delay", "30", words)
        self._do("key", "Return")

    def picture(self, file: Path) -> None:
        subprocess.run(["import", "-window", "root", str(file)], env=self._environment, check=True)

    def leave(self) -> None:
        self._do("key", "ctrl+q")

    def _do(self, *words: str) -> str:
        done = subprocess.run(["xdotool", *words], env=self._environment, check=False, capture_output=True, text=True)
        return done.stdout.strip()


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
