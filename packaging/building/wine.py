"""A Windows of its own, in wine: programs run in it, and its registry can be read."""

import os
import re
import subprocess
from pathlib import Path

from building.project import need

PERSON = "ada"
LONGEST = 600.0  # seconds for one program, on a busy machine
_KEY = re.compile(r"^\[(.+)] \d+", re.MULTILINE)
_VALUE = re.compile(r'^(?:"((?:[^"\\]|\\.)*)"|@)=(.+(?:\\\n.+)*)$', re.MULTILINE)


class Wine:
    """It lives in `folder`, has one person, and shows windows at `display`."""

    def __init__(self, folder: Path, display: str) -> None:
        need("wine", "apt-get install wine64 wine")
        self.folder = folder
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder.parent),
            "USER": PERSON,
            "LC_ALL": "C.UTF-8",
            "WINEPREFIX": str(folder),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml=;winemenubuilder.exe=d",  # nothing to fetch, no menus of this system
            "DISPLAY": display,
        }

    @property
    def person(self) -> Path:
        """The folder of the person."""
        return self.folder / "drive_c" / "users" / PERSON

    def begin(self, version: str) -> None:
        """Make it, with the person's folders in it, where wine would have links to those of this system."""
        self.run("wineboot", "--init")
        self.be(version)
        for link in [path for path in self.person.iterdir() if path.is_symlink()]:
            link.unlink()
            link.mkdir()

    def be(self, version: str) -> None:
        """Say to programs that this is win7, win10 or another."""
        self.run("winecfg", "-v", version)

    def run(self, program: str | Path, *words: str | Path) -> tuple[int, str]:
        """Run a program, and wait for all that it started; its exit status and what it said."""
        process = self.start(program, *words)
        said, _ = process.communicate(timeout=LONGEST)
        self.wait()
        return process.returncode, said.replace("\r\n", "\n").strip()

    def start(self, program: str | Path, *words: str | Path) -> "subprocess.Popen[str]":
        """Start a program."""
        return subprocess.Popen(
            ["wine", str(program), *map(str, words)],
            env=self._environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def wait(self) -> None:
        """Until no program runs any more and the registry is written."""
        subprocess.run(["wineserver", "--wait"], env=self._environment, check=True, timeout=LONGEST)

    def end(self) -> None:
        """End all that runs in it."""
        subprocess.run(["wineserver", "--kill"], env=self._environment, check=False, timeout=LONGEST)

    def registry(self) -> dict[str, dict[str, str]]:
        r"""The person's keys and values, as wine writes them: quoted, \ doubled. A key's own value has no name."""
        text = (self.folder / "user.reg").read_text("utf-8", "surrogateescape")
        pieces = _KEY.split(text)[1:]
        return {
            key.replace("\\\\", "\\"): {found[1] or "": found[2] for found in _VALUE.finditer(body)}
            for key, body in zip(pieces[::2], pieces[1::2], strict=True)
        }
