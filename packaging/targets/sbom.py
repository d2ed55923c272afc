"""What the bundle is made of, for programs: a software bill of materials, as CycloneDX wants it.

It needs the bundle and what PyInstaller left of making it. The library that writes it is fetched once, into build/.
"""

import argparse
import json
import platform
import site
import sys
import venv
from pathlib import Path

from building.bundles import bundle_folder
from building.freezer import ENVIRONMENT
from building.inventory import parts
from building.project import DIST, WORK, Trouble, emptied, run, version

LIBRARY = "cyclonedx-python-lib[json-validation]==11.12.0"
SYSTEMS = {"win32": "windows", "darwin": "macos"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """What it is about."""
    parser.add_argument("--bundle", type=Path, help="the folder; build/bundle/Phichat if not given")


def build(options: argparse.Namespace) -> list[Path]:
    """Write it, and hold it against CycloneDX's schema."""
    found = parts(options.bundle or bundle_folder(), ENVIRONMENT, WORK / "bundle-work")
    _furnish()
    from building import materials  # noqa: PLC0415 - its library is only here now

    text = materials.bill(found)
    if trouble := materials.trouble(text):
        raise Trouble(f"the bill of materials is not as CycloneDX wants it: {trouble}")
    system = SYSTEMS.get(sys.platform, sys.platform)
    file = DIST / f"Phichat-{version()}-{system}-{platform.machine().lower()}.cdx.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, "utf-8", newline="\n")
    print(f"sbom: {len(json.loads(text)['components'])} components.")
    return [file]


def _furnish() -> None:
    """Let this Python import the library, which no other target needs."""
    home = WORK / "sbom-environment"
    if not (home / "made").exists():
        venv.create(emptied(home), with_pip=True)
        program = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        run(program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", LIBRARY)
        (home / "made").touch()
    for folder in (*home.glob("lib/python*/site-packages"), *home.glob("Lib/site-packages")):
        site.addsitedir(str(folder))
