"""The release build of llama-cpp-python, in build/wheel: for every processor, compiled once and kept.

On Linux and Windows a library for each generation of processors is in it, from 2008's x86-64 (SSE4.2) to AVX-512 and
AMX, and on Linux from arm64's v8.0 up; the program picks one when it starts. Windows on arm64 has one for all of them,
from v8.0 up. On macOS Metal is built in. OpenMP is in all of them.

It takes a quarter of an hour on two cores. `--from FILE` keeps one that was compiled elsewhere instead. Other targets
call `wheel_path()`, which compiles only what is not there. It needs a C++ compiler; on Linux for arm64 gcc 14 (`CC` and
`CXX` choose); on Windows clang 20, Ninja and 7-Zip within the compiler's command prompt; on macOS Homebrew's libomp,
with `OpenMP_ROOT` naming its folder.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

from building import llama
from building.project import WORK, Trouble, emptied, run

FOLDER = WORK / "wheel"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where it comes from, if not from a compiler."""
    parser.add_argument("--from", dest="given", type=Path, metavar="FILE", help="keep this one, compiled elsewhere")


def build(options: argparse.Namespace) -> list[Path]:
    """Have it in build/wheel."""
    return [keep(options.given) if options.given else wheel_path()]


def wheel_path() -> Path:
    """The wheel for this computer's system, compiled if there is none yet of this version, with these arguments."""
    found = sorted(_place().glob("*.whl"))
    return found[0] if found else keep(_compiled())


def last_wheel() -> Path:
    """The wheel that was made last, by whatever compiler, as that is what the bundle is made of; made if none was."""
    found = max(FOLDER.glob("*/*.whl"), key=lambda file: file.stat().st_mtime, default=None)
    return found or wheel_path()


def keep(wheel: Path) -> Path:
    """Keep `wheel` as this system's, without what nothing needs. A Trouble if it is another or lacks something."""
    if not wheel.is_file():
        raise Trouble(f"there is no file {wheel}.")
    llama.check(wheel, sys.platform, llama.machine())
    place = _place()
    place.mkdir(parents=True, exist_ok=True)
    fresh = place / "fresh"
    llama.settle(wheel, fresh)
    for old in place.glob("*.whl"):
        old.unlink()
    return fresh.replace(place / wheel.name)


def _place() -> Path:
    """A folder named after all that decides what is in it."""
    return FOLDER / llama.recipe(sys.platform, llama.machine()).fingerprint()


def _compiled() -> Path:
    """Compile it, always in the same place, as the places of sources end up in what is compiled."""
    recipe = llama.recipe(sys.platform, llama.machine())
    work = emptied(WORK / "wheel-work")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    requirement = f"llama-cpp-python=={llama.version()}"
    run(*pip, "download", "--no-deps", "--no-binary", "llama-cpp-python", "--dest", work, requirement)
    shutil.unpack_archive(next(work.glob("*.tar.gz")), work, filter="data")
    source = next(path for path in work.iterdir() if path.is_dir())
    run(*pip, "wheel", "--no-deps", "--wheel-dir", work, source, env=recipe.environment(os.environ, source))
    return next(work.glob("*.whl"))
