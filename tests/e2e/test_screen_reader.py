"""The whole path through AT-SPI, as screen readers go it: a real window on an X display, and what it says."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).parents[2]
PYTHON = "/usr/bin/python3"  # the system's, for which there are AT-SPI's libraries
LAUNCHER = next(
    (path for path in (Path("/usr/libexec/at-spi-bus-launcher"), Path("/usr/lib/at-spi2-core/at-spi-bus-launcher"))
     if path.exists()), None,
)  # fmt: skip
SCREEN = "1280x800x24"
PRESSED = 0.5  # seconds until a button that is pressed has been clicked: Qt shows it pressed for a tenth
PACKAGES = "xvfb dbus-daemon at-spi2-core python3-gi gir1.2-atspi-2.0"

PROGRAM = """
import os
import time
from pathlib import Path
from PySide6.QtWidgets import QApplication
from phichat import app
from phichat.models.base import FoundRepository, HubFile, Listing, Waiting
from phichat.ui.a11y import screen_reader
from tests.support.fakes import ScriptedEngine, ScriptedShelf

screen_reader.PAUSE = 50

class Slow(ScriptedEngine):
    def generate(self, request, stop):
        for event in super().generate(request, stop):
            time.sleep(0.02)
            yield event

engine = Slow()
engine.enqueue("A **fer", "ry** is a bo", "at, e", ".g. a small", " one. It car", "ries\\n\\n", "- peo", "ple\\n- car",
               "s\\n\\n```py", "thon\\nrow()\\nr", "ow()\\n``", "`\\nAho", "y!")
engine.enqueue(*(f"Word {number} is here. " for number in range(2000)))
shelf = ScriptedShelf()
waits = [Waiting("The Hub is busy.", seconds) for seconds in (3, 2, 1)]
found = [FoundRepository("sea/ferry-GGUF", 12_000, "mit"), FoundRepository("sea/tug-GGUF", 7)]
shelf.answers["ferry"] = [*waits, found]
file = HubFile("sea/ferry-GGUF", "ferry-Q4_K_M.gguf")
size = {"bytes": 2_000_000, "memory": 3_000_000, "speed": 9.0}
shelf.repos["sea/ferry-GGUF"] = [Listing("sea/ferry-GGUF:ferry-Q4_K_M.gguf", "ferry", file, **size)]
application = QApplication([])
application.setApplicationName("Phichat")
window = app.create_window(make_engine=lambda: engine, make_shelf=shelf.over)
window.show()
if folder := os.environ.get("TEST_FOLDER"):
    window.documents._documents.add("Ships", [Path(folder)])
    documents = window.documents._documents
    while not ((ships := documents._library().collection("Ships")) and ships.passages):
        application.processEvents()
        time.sleep(0.02)
    documents.use(window.session, "Ships", is_used=True)
application.exec()
"""
FIRST = ["Processing…", "A ferry is a boat, e.g. a small one.", "It carries", "people", "cars", "Code, 2 lines",
         "Ahoy!", "End of the answer"]  # fmt: skip


def lacking() -> str:
    """Why this cannot be tried here."""
    missing = [program for program in ("Xvfb", "dbus-daemon", PYTHON) if not shutil.which(program)]
    if missing or not LAUNCHER:
        return f"needs {PACKAGES}"
    probe = "import gi; gi.require_version('Atspi', '2.0')"
    tried = subprocess.run([PYTHON, "-c", probe], capture_output=True, check=False)
    return f"needs {PACKAGES}" if tried.returncode else ""


class Reader:
    """A screen reader's part: each method is one of `tests/support/screen_reader.py`."""

    def __init__(self, environment: dict[str, str], run: Callable[..., Any]) -> None:
        script = str(ROOT / "tests" / "support" / "screen_reader.py")
        self._process = run([PYTHON, script], environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert json.loads(self._process.stdout.readline()) == "ready"

    def __getattr__(self, order: str) -> Callable[..., Any]:
        def give(*arguments: Any) -> Any:
            self._process.stdin.write(json.dumps([order, *arguments]) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

        return give

    def sentences(self) -> list[str]:
        return [sentence for announcement in self.said() for sentence in announcement.split("\n")]


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """As elsewhere, but with pauses: a look goes through the whole window, in three processes."""

    def wait(condition: Callable[[], object]) -> None:
        until = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < until, "this did not come true"
            time.sleep(0.1)

    return wait


@pytest.fixture
def ships(tmp_path: Path) -> None:
    """A folder that the conversation uses, if it is made before the window."""
    (tmp_path / "ships").mkdir()
    (tmp_path / "ships" / "ferry.txt").write_text("A ferry is a boat, mostly a small one, for people.\n", "utf-8")


@pytest.fixture
def reader(home: Path, starter: object, tmp_path: Path) -> Iterator[Reader]:
    """In front of an empty window whose model is ready."""
    if reason := lacking():
        pytest.skip(reason)
    with ExitStack() as stack:

        def run(command: list[str], environment: dict[str, str], **pipes: Any) -> subprocess.Popen[str]:
            process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL, **pipes)
            stack.callback(end, process)
            return process

        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AT_SPI", "DBUS"))}
        environment |= {"XDG_RUNTIME_DIR": str(tmp_path), "QT_QPA_PLATFORM": "xcb", "LANG": "C.UTF-8"}
        environment |= {"QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1", "GSETTINGS_BACKEND": "memory"}
        environment |= {"TEST_FOLDER": str(folder) if (folder := tmp_path / "ships").is_dir() else ""}
        told: dict[str, Any] = {"stdout": subprocess.PIPE, "text": True}
        display = run(["Xvfb", "-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp"], environment, **told)
        assert display.stdout
        environment["DISPLAY"] = ":" + display.stdout.readline().strip()
        bus = run(["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1"], environment, **told)
        assert bus.stdout
        environment["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().strip()
        run([str(LAUNCHER), "--launch-immediately"], environment)
        reader = Reader(environment, run)
        run([sys.executable, "-c", PROGRAM], environment)
        yield reader


def end(process: subprocess.Popen[str]) -> None:
    """With what it has started."""
    with process:
        children: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):  # it has ended by itself
            children = psutil.Process(process.pid).children(recursive=True)
        for one in (process, *children):
            with suppress(psutil.NoSuchProcess):
                one.terminate()
        psutil.wait_procs(children, timeout=5)
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()


def test_a_conversation_is_held_through_a_screen_reader(
    reader: Reader, eventually: Callable[[Callable[[], object]], None]
) -> None:
    eventually(lambda: "ready" in str(reader.told("Status")))
    eventually(lambda: reader.press("New conversation") is True)
    time.sleep(PRESSED)
    assert reader.write("Your message", "What is a ferry?")
    eventually(lambda: reader.press("Send") is True)
    eventually(lambda: "End of the answer" in reader.sentences())
    said = reader.sentences()
    said = said[said.index(FIRST[0]) :]  # before that, the model is loaded
    assert said == FIRST
    assert reader.read("You") == ["What is a ferry?"]
    assert reader.read("Answer")[0].startswith("A ferry is a boat, e.g. a small one. It carries")
    assert reader.read("python code") == ["row()\nrow()"]
    everything_says_what_it_is(reader)
    assert reader.change("Temperature", "slider", 28)
    assert reader.value("Temperature", "spin button") == pytest.approx(1.4)
    assert reader.write("Your message", "Tell me a story")
    eventually(lambda: reader.press("Send") is True)
    eventually(lambda: "Word 3 is here." in reader.sentences())
    assert reader.press("Stop")
    eventually(lambda: reader.sentences()[-1] == "Stopped")
    words = [sentence for sentence in reader.sentences() if sentence.startswith("Word")]
    assert words[:-1] == [f"Word {number} is here." for number in range(len(words) - 1)]


def everything_says_what_it_is(reader: Reader) -> None:
    """All that does something, in a window with one answer."""
    rows = reader.sweep()
    assert len(rows) > 40
    rows = [row for row in rows if row["role"] not in {"scroll bar", "list"} or row["name"]]  # Qt's, within others
    assert [row for row in rows if not row["name"].strip()] == []
    assert {row["name"] for row in rows if row["role"] in {"unknown", "invalid", "filler", "panel"}} == {"Conversation"}
    assert [row["label"] for row in rows if row["role"] == "combo box"] == ["Sampling", "Thinking"]
    with_value = [row for row in rows if row["role"] in {"slider", "spin button"}]
    assert len(with_value) >= 18
    assert [row for row in with_value if row["value"] is None or not row["most"]] == []
    assert [row for row in rows if row["role"] in {"text", "entry"} and not row["text"]] == []


@pytest.mark.usefixtures("ships")
def test_sources_and_collections_are_reached_through_a_screen_reader(
    request: pytest.FixtureRequest, eventually: Callable[[Callable[[], object]], None]
) -> None:
    reader: Reader = request.getfixturevalue("reader")  # after the folder
    eventually(lambda: "ready" in str(reader.told("Status")))
    eventually(lambda: reader.told("Ships") == ["collection"])  # the chip in the message
    eventually(lambda: reader.write("Your message", "What is a ferry?") is True)
    eventually(lambda: reader.press("Send") is True)
    eventually(lambda: "End of the answer" in reader.sentences())
    eventually(lambda: reader.told("Source 1: ferry.txt, line 1") == ["Opens the document at this passage."])
    assert reader.press("Source 1: ferry.txt, line 1")
    eventually(lambda: "for people" in str(reader.read("Text of ferry.txt, line 1")))
    assert [row for row in reader.sweep() if row["role"] in {"push button", "text"} and not row["name"].strip()] == []
    close(reader, "Text of ferry.txt, line 1", eventually)
    assert reader.press("1 passage read")
    eventually(lambda: "for people" in str(reader.told("[1] ferry.txt, line 1, 100% match")))
    close(reader, "[1] ferry.txt, line 1, 100% match", eventually)
    assert reader.press("Ships")
    eventually(lambda: reader.told("Files in the collection"))
    assert reader.told("Embedding model: built in")
    eventually(lambda: reader.told("ferry.txt"))
    close(reader, "Files in the collection", eventually)


def close(reader: Reader, name: str, eventually: Callable[[Callable[[], object]], None]) -> None:
    """Close the dialog that has what is called `name`."""
    eventually(lambda: reader.press("Close") is True)
    eventually(lambda: reader.told(name) == [])


def test_the_hub_is_searched_through_a_screen_reader(
    reader: Reader, eventually: Callable[[Callable[[], object]], None]
) -> None:
    eventually(lambda: "ready" in str(reader.told("Status")))
    eventually(lambda: reader.press("File") is True)
    eventually(lambda: reader.press("Models…") is True)
    eventually(lambda: reader.write("Search the Hub for models", "ferry") is True)
    eventually(lambda: "1 file found." in reader.sentences())
    said = reader.sentences()
    assert [said.count(each) for each in ("Contacting the Hub…", "2 models found.", "1 file found.")] == [2, 1, 1]
    assert [each for each in said if "Hub is busy" in each] == [], "shown, but not read out each second"
    assert reader.cells("Models found")[::4] == ["ferry-GGUF, sea, 12,000, mit", "tug-GGUF, sea, 7, –"]
    assert reader.cells("Files")[0] == "Balanced, Q4_K_M, 2.0\u00a0MB, Fits · about 9 tokens/s"
