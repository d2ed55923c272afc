"""The installer for Windows around a stand-in of the program: compiled, signed, and used in wine in all its ways."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from building.project import PACKAGING, Trouble, output, run
from building.screen import eventually, screen
from building.wine import Wine
from targets.nsis import COMMAND, PROGRAM, installer

HERE = PACKAGING / "smoke"
COMPILER = "x86_64-w64-mingw32-gcc"
OLDER, NEWER = "0.0.8", "0.0.9"
ENTRY = r"Software\Microsoft\Windows\CurrentVersion\Uninstall\Phichat"
OTHERS = ("%USERPROFILE%\\bin;" + "C:\\a folder;" * 300).rstrip(";")  # longer than NSIS's own strings
PASSWORD = "throw away"  # noqa: S105 - of a certificate that is thrown away


def check(folder: Path) -> str:
    """All of it, in one Windows, each step on what the one before has left."""
    with screen() as seen, _certificate(folder / "certificate"):
        visit = _Visit(folder, Wine(folder / "wine", seen.display))
        try:
            count = sum(1 for _ in map(_timed, visit.steps()))
        finally:
            visit.wine.end()
    return f"{count} things seen in wine"
