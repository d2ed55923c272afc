"""The first minute with the built program, by hands, on this system's screen: window, click, question, answer, end.

The program is the bundle's, or what PHICHAT_PROGRAM names; its small model has to be inside. Where macOS lets nobody
click, that is said, and the program shows its window and answers without.
"""

import os
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

from building.bundles import PROGRAM
from building.hands import Hands, NotAllowed, end, hands
from building.project import Trouble
from building.tried import tried_bundle

AFTER = ("bundle",)
QUESTION = "Hello there"
ANSWER_SECONDS, END_SECONDS = 180.0, 30.0


def check(folder: Path) -> str:
    """What was seen."""
    program = _program()
    if not program.is_file():
        raise Trouble(f"there is no {program}: run `python packaging/build.py bundle --starter inside` first.")
    with hands() as (person, settings):
        environment = {**os.environ, **settings, "PHICHAT_HOME": str(folder / "home"), "PHICHAT_LANGUAGE": "en"}
        try:
            return _clicked(program, person, {**environment, "HF_HUB_OFFLINE": "1"}, folder)
        except NotAllowed as trouble:
            return f"NOT CLICKED, as this system does not let us ({trouble}); instead: {_shown(program, folder)}"


def _program() -> Path:
    if given := os.environ.get("PHICHAT_PROGRAM"):
        return Path(given).absolute()
    folder = tried_bundle()
    return folder / "Contents" / "MacOS" / PROGRAM if folder.suffix == ".app" else folder / PROGRAM


def _clicked(program: Path, person: Hands, environment: dict[str, str], folder: Path) -> str:
    begun = time.monotonic()
    with (folder / "program.log").open("wb") as log:
        process = subprocess.Popen([program], env=environment, stdout=log, stderr=log)
    try:
        person.find(process)
        started = time.monotonic() - begun
        words = _talk(person, process, folder)
        person.picture(folder / "window.png")
        _leave(person, process)
    finally:
        end(process)
    return f"window after {started:.1f} s, {words}, closed by hand, status 0"


def _talk(person: Hands, process: "subprocess.Popen[bytes]", folder: Path) -> str:
    begun = time.monotonic()
    person.ask(QUESTION)
    while not (found := _answer(folder / "home" / "history.sqlite3")):
        if process.poll() is not None:
            raise Trouble(f"the program ended while it answered ({process.returncode}).")
        if time.monotonic() > begun + ANSWER_SECONDS:
            person.picture(folder / "late.png")
            raise Trouble(f"there is no answer after {ANSWER_SECONDS:.0f} s; see {folder / 'late.png'}.")
        time.sleep(0.2)
    question, answer = found
    if question != QUESTION:
        raise Trouble(f"{QUESTION!r} was typed, and {question!r} was asked.")
    return f"{len(answer)} letters of answer within {time.monotonic() - begun:.1f} s"


def _answer(history: Path) -> tuple[str, str] | None:
    """The question and its answer, once that is complete: what the program itself has stored."""
    if not history.exists():
        return None
    with closing(sqlite3.connect(f"{history.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        try:
            rows = connection.execute("SELECT role, text, ending FROM messages ORDER BY number").fetchall()
        except sqlite3.OperationalError:  # it is being made
            return None
    asked = next((text for role, text, _ in rows if role == "user"), "")
    answered = next((text for role, text, ending in rows if role == "assistant" and ending in {"stop", "length"}), "")
    return (asked, answered) if answered else None


def _leave(person: Hands, process: "subprocess.Popen[bytes]") -> None:
    person.leave()
    try:
        status = process.wait(END_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise Trouble(f"the program is still there {END_SECONDS:.0f} s after its window was closed.") from error
    if status:
        raise Trouble(f"the program ended with status {status}.")


def _shown(program: Path, folder: Path) -> str:
    """What can be seen without clicking."""
    environment = {**os.environ, "PHICHAT_HOME": str(folder / "shown"), "HF_HUB_OFFLINE": "1"}
    picture = folder / "window.png"
    for arguments in (["--screenshot", str(picture)], ["ask", "--model", "starter", QUESTION]):
        done = subprocess.run(
            [program, *arguments], env=environment, check=False, capture_output=True, text=True, timeout=300
        )
        if done.returncode:
            raise Trouble(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return f"its picture has {picture.stat().st_size} bytes, its answer {len(done.stdout.strip())} letters"
