"""What all targets share: where things are, the version, the time all files bear, and running tools."""

import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
DIST = ROOT / "dist"  # what is given to people
WORK = ROOT / "build"  # what is needed on the way, and kept to be quick the next time


class Trouble(Exception):
    """A target cannot be built; one sentence says why and what to do."""


def version() -> str:
    """The project's, from the place that pyproject.toml names."""
    found = re.search(r'^__version__ = "(.+)"', (ROOT / "phichat" / "__init__.py").read_text("utf-8"), re.MULTILINE)
    if not found:
        raise Trouble("phichat/__init__.py has no __version__.")
    return found[1]


def epoch() -> int:
    """The time that all files bear, so that two builds are alike: SOURCE_DATE_EPOCH, else that of the last commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given or output("git", "-C", str(ROOT), "log", "-1", "--format=%ct"))


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    """Run a tool, its words on our streams; a failure is a Trouble."""
    need(str(command[0]))
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=env, check=False)
    if done.returncode:
        raise Trouble(f"{command[0]} failed ({done.returncode}); see above.")


def output(*command: str | Path) -> str:
    """What a tool prints; a failure is a Trouble."""
    need(str(command[0]))
    done = subprocess.run([str(part) for part in command], check=False, capture_output=True, text=True)
    if done.returncode:
        raise Trouble(f"{command[0]} failed: {done.stderr.strip()[-500:]}")
    return done.stdout.strip()


def need(tool: str, hint: str = "") -> str:
    """Where a tool is; a Trouble that says what to install where it is not."""
    found = shutil.which(tool)
    if not found:
        raise Trouble(f"{tool} is missing: {hint or f'install it, on Debian as a rule with apt-get install {tool}'}.")
    return found


def emptied(folder: Path) -> Path:
    """The folder, made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
