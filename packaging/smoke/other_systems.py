"""Wheels of all that Phichat needs exist for the systems that nothing can be tried on here; needs the package index.

Each is asked for by pip, as on that system, and then what that asks for. llama-cpp-python is compiled by us; what it
needs is looked for, too, and so is what the bundle is made of.
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from building.project import PACKAGING, ROOT, Trouble
from packaging.requirements import Requirement

PYTHON = "3.12"
OURS = "llama-cpp-python"
PINS = PACKAGING / "pyinstaller" / "requirements.txt"

_WINDOWS = {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"}
_MACOS = {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"}
SYSTEMS = {
    "win_amd64": {**_WINDOWS, "platform_machine": "AMD64"},
    "win_arm64": {**_WINDOWS, "platform_machine": "ARM64"},
    "macosx_14_0_arm64": {**_MACOS, "platform_machine": "arm64"},
    "macosx_14_0_x86_64": {**_MACOS, "platform_machine": "x86_64"},
}
"""Names of systems, as wheels bear them, and what pip there says of them."""

Found = dict[str, str]


def check(folder: Path) -> str:
    """Ask for each system; a Trouble names all that does not exist."""
    missing: list[str] = []
    counts: dict[str, int] = {}
    for system in SYSTEMS:
        found, lacking = _all(system, [*_needed(), *_pinned()], folder)
        counts[system] = len(found)
        missing += [f"{requirement} for {system}" for requirement in lacking]
    if missing:
        raise Trouble(f"there is no wheel of {', '.join(missing)}")
    return f"Python {PYTHON}: " + ", ".join(f"{count} packages for {system}" for system, count in counts.items())


def _needed() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [each for each in project["dependencies"] if Requirement(each).name != OURS] + (
        metadata.requires(OURS) or []
    )


def _pinned() -> list[str]:
    lines = PINS.read_text("utf-8").splitlines() if PINS.exists() else []
    return [line for line in lines if line and not line.startswith("#")]


def _all(system: str, requirements: Iterable[str], folder: Path) -> tuple[set[str], list[str]]:
    """The files that were found, for the requirements and for what they require in turn; and what was not found."""
    asked: set[str] = set()
    found: set[str] = set()
    lacking: list[str] = []
    waiting = set(_wanted(requirements, system, {""}))
    while waiting := waiting - asked:
        asked |= waiting
        packages, failed = _found(sorted(waiting), system, folder)
        lacking += failed
        found |= {package["download_info"]["url"].rpartition("/")[2] for package in packages}
        waiting = {each for package in packages for each in _required(package, system)}
    return found, lacking


def _required(package: dict[str, Any], system: str) -> Iterator[str]:
    extras = {"", *package.get("requested_extras", [])}
    return _wanted(package["metadata"].get("requires_dist") or [], system, extras)


def _wanted(requirements: Iterable[str], system: str, extras: set[str]) -> Iterator[str]:
    """Those that count on the system, without the conditions, which pip would look at as here."""
    there = {**SYSTEMS[system], "python_version": PYTHON, "python_full_version": f"{PYTHON}.0"}
    for text in requirements:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({**there, "extra": extra}) for extra in extras):
            requirement.marker = None
            yield str(requirement)


def _found(requirements: list[str], system: str, folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """What pip would take for each, and what it has nothing for."""
    packages = _asked(requirements, system, folder)
    if packages is not None:
        return packages, []
    one_by_one = {requirement: _asked([requirement], system, folder) for requirement in requirements}
    lacking = [requirement for requirement, packages in one_by_one.items() if packages is None]
    return [package for packages in one_by_one.values() for package in packages or []], lacking


def _asked(requirements: list[str], system: str, folder: Path) -> list[dict[str, Any]] | None:
    report = folder / "report.json"
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet"]
    command += ["--target", str(folder / "nothing"), "--only-binary", ":all:", "--report", str(report)]
    command += ["--platform", system, "--python-version", PYTHON, *requirements]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        return None
    found: list[dict[str, Any]] = json.loads(report.read_text("utf-8"))["install"]
    return found
