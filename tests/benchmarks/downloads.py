"""Measures downloads against a Hub on this computer: `python -m tests.benchmarks.downloads kills|speed|window`.

`kills`: 200 MB at 10 MB/s, from a server that cuts each connection after 5 MB, by `phichat models download`, which is
killed 50 times at random moments; of each request, how much it asks for again of what the disk held before its process,
or of what the request before it brought. `speed`: the same file at full speed, beside curl and sha256sum. `window`: how
late the window's main thread is while Phi-3 comes into it at full speed.
"""

import hashlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEGABYTES, KILLS, ROUNDS = 200, 50, 7
SETTLED = 0.5  # seconds after which the server has noticed that nobody listens any more, and logged it
REPO, FILE = "owner/model-GGUF", "model.gguf"
PORT, CDN_PORT = 8377, 8378
URL = f"http://127.0.0.1:{PORT}/{REPO}/resolve/main/{FILE}"


@contextmanager
def hub(folder: Path, *options: str) -> Iterator[Path]:
    """The server in a process of its own; where it logs."""
    log = folder / "requests.jsonl"
    ports = ["--port", str(PORT), "--cdn-port", str(CDN_PORT), "--log", str(log)]
    command = [sys.executable, "-m", "tests.support.hub.server", str(folder / "hub"), *ports, *options]
    server = subprocess.Popen(command)
    time.sleep(2)
    try:
        yield log
    finally:
        server.terminate()
        server.wait()


def make(folder: Path, repo: str = REPO, name: str = FILE) -> str:
    """The file to serve; its SHA-256."""
    file = folder / "hub" / repo / name
    file.parent.mkdir(parents=True)
    found = hashlib.sha256()
    with file.open("wb") as out:
        for _ in range(MEGABYTES):
            data = os.urandom(1_000_000)
            found.update(data)
            out.write(data)
    return found.hexdigest()


def environment(home: Path) -> dict[str, str]:
    names = {"PHICHAT_HOME": str(home), "HF_ENDPOINT": f"http://127.0.0.1:{PORT}", "HF_HOME": str(home / "hf")}
    return {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"} | names


def downloading(home: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "phichat", "models", "download", f"{REPO}:{FILE}"]
    return subprocess.Popen(command, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def answers(log: Path) -> list[dict[str, Any]]:
    """The answers with bytes of the file, in the order in which they ended."""
    rows = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [row for row in rows if row["method"] == "GET" and row["status"] in {200, 206} and FILE in row["path"]]


@dataclass
class Run:
    """One process: what the disk held before it, when it ran, and the answers it got, in their order."""

    held: int
    begun: float
    ended: float
    seen: list[dict[str, Any]]


def kills(folder: Path) -> dict[str, Any]:
    wanted, home, chance = make(folder), folder / "home", random.Random(7)
    final, runs, killed, said = home / "models" / FILE, list[Run](), 0, b""
    with hub(folder, "--speed", "10000000", "--cut-every", "5000000") as log:
        while not final.exists() and killed <= KILLS and not said:
            run, said, was_killed = _run(home, log, chance.uniform(0.05, 1.1) if killed < KILLS else None)
            runs.append(run)
            killed += was_killed
        rows = answers(log)
    found = hashlib.sha256(final.read_bytes()).hexdigest() if final.exists() else said.decode()
    firsts, nexts = overlaps(runs)
    return {
        "kills": killed,
        "right": found == wanted,
        "requests": len(rows),
        "bytes_sent": sum(row["sent"] for row in rows),
        "bytes_wanted": MEGABYTES * 1_000_000,
        "first_requests": len(firsts),
        "first_overlaps": [min(firsts), max(firsts)],
        "next_requests": len(nexts),
        "next_overlaps": [min(nexts), max(nexts)],
        "all_are_told": len(firsts) + len(nexts) == len(rows) and all(map(_is_of_its_time, runs)),
        "all_are_within_1_mb": all(0 <= overlap <= 1_000_000 for overlap in firsts + nexts),
    }


def _run(home: Path, log: Path, seconds: float | None) -> tuple[Run, bytes, bool]:
    """A process that is killed after so many seconds; what it said if it failed, and whether it was killed."""
    part = home / "models" / f"{FILE}.part"
    before, held, begun = len(answers(log)), part.stat().st_size if part.exists() else 0, time.time()
    process, was_killed = downloading(home), False
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        was_killed = True
    _, said = process.communicate()
    ended = time.time()
    time.sleep(SETTLED)
    return Run(held, begun, ended, answers(log)[before:]), said if process.returncode > 0 else b"", was_killed


def _is_of_its_time(run: Run) -> bool:
    """Whether all answers were asked for by that process; the log rounds to milliseconds."""
    return all(run.begun - 0.001 <= row["time"] <= run.ended + 0.001 for row in run.seen)


def overlaps(runs: list[Run]) -> tuple[list[int], list[int]]:
    """How many bytes each request asked for again: the first of a process of what the disk held, the others of what
    the one before had been sent."""
    firsts, nexts = list[int](), list[int]()
    for run in runs:
        expected, found = run.held, firsts
        for row in sorted(run.seen, key=lambda row: row["time"]):
            found.append(expected - (row["start"] or 0))
            expected, found = (row["start"] or 0) + row["sent"], nexts
    return firsts, nexts


def timed(command: list[str], env: dict[str, str] | None = None) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begun


IN_APP = """
import sys, time
from phichat.models.base import HubFile
from phichat.models.download.job import download
from phichat.paths import home
from phichat.cancellation import CancelToken
import phichat.models.hub, huggingface_hub.utils
begun = time.perf_counter()
*_, last = download(HubFile(*sys.argv[1:]), home(), CancelToken())
print(time.perf_counter() - begun)
"""


def speed(folder: Path) -> dict[str, Any]:
    make(folder)
    home, out = folder / "home", folder / "curl.gguf"
    rows: list[tuple[float, float, float]] = []
    with hub(folder):
        for _ in range(ROUNDS):
            shutil.rmtree(home, ignore_errors=True)
            out.unlink(missing_ok=True)
            curl = timed(["curl", "-sL", "-o", str(out), URL]) + timed(["sha256sum", str(out)])
            command = [sys.executable, "-c", IN_APP, REPO, FILE]
            app = float(subprocess.run(command, env=environment(home), check=True, capture_output=True).stdout)
            shutil.rmtree(home)
            whole = timed([sys.executable, "-m", "phichat", "models", "download", f"{REPO}:{FILE}"], environment(home))
            rows.append((curl, app, whole))
    curl, app, whole = (statistics.median(column) for column in zip(*rows, strict=True))
    ratio = statistics.median(app / curl for curl, app, _ in rows)
    return {"curl_and_sha256sum": curl, "app": app, "command": whole, "app_by_curl": ratio}


IN_WINDOW = """
import json, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QWidget
from phichat import app
from phichat.bench.window_app import StutterMeter

application = QApplication(["phichat", "-style", "fusion"])
window = app.create_window()
window.resize(1180, 760)
window.show()
watch = []

def look():
    button, talk = (window.findChild(QWidget, name) for name in ("downloadButton", "talkButton"))
    if not watch and button and button.isVisible() and button.isEnabled():
        watch.append(StutterMeter())
        button.click()
    elif watch and talk and talk.isVisible():
        timer.stop()
        print(json.dumps(watch[0].finish()), flush=True)
        window.close()
        application.quit()

timer = QTimer(interval=50)
timer.timeout.connect(look)
QTimer.singleShot(4000, timer.start)
application.exec()
"""


def window(folder: Path) -> dict[str, Any]:
    make(folder, "microsoft/Phi-3-mini-4k-instruct-gguf", "Phi-3-mini-4k-instruct-q4.gguf")
    rows = []
    with hub(folder):
        for _ in range(ROUNDS):
            home = folder / "home"
            shutil.rmtree(home, ignore_errors=True)
            command = [sys.executable, "-c", IN_WINDOW]
            env = environment(home) | {"QT_QPA_PLATFORM": "offscreen"}
            rows.append(json.loads(subprocess.run(command, env=env, check=True, capture_output=True).stdout))
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]} | {"rounds": rows}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps({"kills": kills, "speed": speed, "window": window}[sys.argv[1]](Path(place)), indent=1))
