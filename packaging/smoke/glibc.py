"""What is built here runs with the glibc of Debian 12 (2.36), or an older one that GLIBC_LIMIT names, such as 2.35."""

import os
import zipfile
from pathlib import Path

from building import libraries
from building.project import WORK, Trouble
from targets.wheel import last_wheel

LIMIT = os.environ.get("GLIBC_LIMIT", "2.36")


def check(folder: Path) -> str:
    """Look into all libraries of the wheel and, where there is one, of the bundle."""
    zipfile.ZipFile(last_wheel()).extractall(folder)
    places = {"llama.cpp": folder, "the bundle": WORK / "bundle"}
    return ", ".join(_checked(name, place) for name, place in places.items() if place.is_dir())


def _checked(name: str, folder: Path) -> str:
    newest, users = libraries.newest_glibc(folder)
    limit = tuple(map(int, LIMIT.split(".")))
    told = f"{name} asks for {'.'.join(map(str, newest))}"
    if newest == (0, 0):
        raise Trouble(f"in {folder} nothing asks for any glibc: is that the right folder?")
    if newest > limit:
        raise Trouble(f"{told}, not {LIMIT} at most: {', '.join(str(path.relative_to(folder)) for path in users)}")
    return f"{told} ({users[0].name})"
