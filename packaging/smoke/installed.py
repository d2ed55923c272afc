"""The packages, installed in a clean Debian without Python or compiler, used with mouse and keys, and purged."""

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from building.debian_system import PERSON, Debian
from building.project import DIST, Trouble, output, version
from building.screen import Screen, eventually, screen

AFTER = ("deb",)
DESKTOP = ("shared-mime-info", "desktop-file-utils")  # any desktop has them; they read what packages bring
QUESTION = "Write one sentence about the sea."
COMPOSER, SEND = (545, 687), (829, 687)  # where they are in a window that is as large as it likes to be
LOADED = 120.0  # seconds for the starter to be loaded and to answer, on a busy machine
HOME = f"/home/{PERSON}"
KEPT = f"{HOME}/.local/share/Phichat/history.sqlite3"
OF_APT = ("/var/lib/apt/", "/var/lib/dpkg/", "/var/cache/", "/var/log/", "/etc/ld.so.cache", f"{HOME}/")
MIME = {
    "mime/globs2": ":application/x-gguf:*.gguf",
    "applications/mimeinfo.cache": "application/x-gguf=phichat.desktop",
}


def check(folder: Path) -> str:
    """Install, use, purge."""
    system = Debian(folder / "system")
    packages = _packages()
    system.install(*DESKTOP)
    # First what it depends on, as that leaves things of its own.
    needs = output("dpkg-deb", "--field", str(packages[-1]), "Depends")
    system.output("apt-get", "satisfy", "--yes", "--quiet=2", "--no-install-recommends", needs)
    if found := [name for name in ("python3", "gcc", "cc", "c++") if system.has(name)]:
        raise Trouble(f"the system is not clean, it has {', '.join(found)}.")
    before = system.files()
    _install(system, packages)
    variant = _self_test(system)["cpu_variant"]
    with screen() as seen:
        seconds, answer = _use(system, seen, folder)
    _purge(system, before)
    return f"window after {seconds:.1f} s; {variant} says “{answer:.60}”; purged; pictures in {folder}"


def _packages() -> list[Path]:
    """The starter's, the program's."""
    packages = sorted(DIST.glob(f"phichat*_{version()}_*.deb"))
    if len(packages) != 2:
        raise Trouble(f"two packages were expected in {DIST}, of Phichat and of its starter.")
    return packages


def _install(system: Debian, packages: list[Path]) -> None:
    copies = [Path(shutil.copy(package, system.root)) for package in packages]
    system.install(*(f"/{copy.name}" for copy in copies))
    for copy in copies:
        copy.unlink()
    if not _knows_files(system):
        raise Trouble("the desktop does not know what opens .gguf files.")


def _knows_files(system: Debian) -> bool:
    share = system.root / "usr" / "share"
    return all(words in (share / name).read_text("utf-8") for name, words in MIME.items())


def _self_test(system: Debian) -> dict[str, Any]:
    system.output("phichat", "--version")  # as root, who could write into the program's folder
    said: dict[str, Any] = json.loads(system.output("phichat", "--self-test", user=PERSON).splitlines()[-1])
    return said


def _use(system: Debian, seen: Screen, folder: Path) -> tuple[float, str]:
    """Ask, read, open a file, quit; how long the window took to come, and what it answered."""
    begun = time.monotonic()
    program = system.start("phichat", DISPLAY=seen.display)
    try:
        seen.window("^Phichat$")
        seconds = time.monotonic() - begun
        seen.click(*COMPOSER)
        seen.type(QUESTION)
        seen.click(*SEND)
        answer = eventually(lambda: _answer(seen), "no answer has come", LOADED)
        seen.picture(folder / "answer.png")
        _open_file(system, seen)
        seen.picture(folder / "file.png")
        seen.press("ctrl+q")
        if status := program.wait(LOADED):
            raise Trouble(f"the window ended with {status}.")
    except subprocess.TimeoutExpired as error:
        raise Trouble("the window does not close.") from error
    finally:
        program.terminate()
        program.wait()
    return seconds, answer


def _answer(seen: Screen) -> str:
    """What the window shows below the question, once nothing is added to it."""
    before, now = _copied(seen), _copied(seen)
    return now if now == before else ""


def _copied(seen: Screen) -> str:
    """It as a person would copy it, without the heading, which says whose words they are."""
    seen.press("ctrl+shift+c")
    time.sleep(0.5)
    _, _, below = seen.clipboard().partition(QUESTION)
    return " ".join(line for line in below.splitlines() if line and not line.startswith("#"))


def _open_file(system: Debian, seen: Screen) -> None:
    """A second start with a file gives it to the window."""
    (starter,) = (system.root / "usr/lib/phichat/starter").rglob("*.gguf")
    shutil.copy(starter, system.root / HOME[1:] / "my model.gguf")
    system.output("phichat", f"{HOME}/my model.gguf", user=PERSON, DISPLAY=seen.display)
    listed = ("phichat", "models", "list", "--json")
    eventually(lambda: "my model" in system.output(*listed, user=PERSON), "the file has not been opened", LOADED)


def _purge(system: Debian, before: set[str]) -> None:
    said = system.output("apt-get", "purge", "--yes", "phichat", "phichat-starter")
    if ".local/share/Phichat" not in said or not (system.root / KEPT[1:]).is_file():
        raise Trouble("what is the person's own is gone, or nobody said where it lies.")
    left = {path for path in system.files() - before if not path.startswith(OF_APT)}
    if left or _knows_files(system):
        raise Trouble(f"the package has left something: {', '.join(sorted(left)[:9]) or 'its file type'}.")
