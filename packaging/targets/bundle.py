"""The program as a folder that needs no Python: PyInstaller's, pruned, in build/bundle/Phichat.

Other targets pack that folder (`building.bundles.bundle_folder`); on macOS it is build/bundle/Phichat.app.
`--starter inside` puts the small model into it, `beside` into a folder `starter` next to the program, which can be
given to people on its own. llama.cpp is that of `build.py wheel`, which is compiled where there is none yet.
"""

import argparse
import os
import re
import shutil
import sys
from pathlib import Path

from building import freezer, licences
from building.bundles import BUNDLES, IDENTIFIER, bundle_folder, drop_orphans, strip, system_libraries
from building.inventory import parts
from building.project import ROOT, WORK, Trouble, emptied, epoch, version
from building.pruning import is_left_out

from targets.wheel import keep, wheel_path

# What every desktop of the last years has, besides what is left out for that reason.
SYSTEM = re.compile(
    r"lib(c|m|dl|rt|pthread|util|resolv|EGL|GL|GLX|OpenGL|GLESv2|drm|xcb|wayland-(client|cursor|egl|server))\.so\.|ld-linux"
)
OPENMP = {"linux": ("libgomp*.so*",), "win32": ("vcomp*.dll", "libomp*.dll"), "darwin": ("libomp*.dylib",)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Whether the small model comes with it, and which llama.cpp."""
    parser.add_argument("--starter", choices=["none", "inside", "beside"], default="none", help="the small model")
    parser.add_argument("--llama-wheel", type=Path, metavar="FILE", help="take this one, compiled elsewhere")


def build(options: argparse.Namespace) -> list[Path]:
    """Make the folder; nothing that PyInstaller could not find is let pass."""
    freezer.furnish(keep(options.llama_wheel) if options.llama_wheel else wheel_path())
    starter = freezer.starter_package() if options.starter != "none" else None
    words = ["--version", version(), "--copyright", _copyright(), "--identifier", IDENTIFIER]
    if starter and options.starter == "inside":
        words += ["--starter", str(starter)]
    complaints = [line for line in freezer.freeze(emptied(BUNDLES), *words) if not _is_about_pruned(line)]
    if complaints:
        raise Trouble("PyInstaller did not find everything:\n" + "\n".join(complaints))
    folder = bundle_folder()
    _finish(folder)
    if starter and options.starter == "beside":
        _put_beside(starter, folder)
    licences.write(folder, parts(folder, freezer.ENVIRONMENT, WORK / "bundle-work"))
    _date(BUNDLES)
    return [folder]


def _copyright() -> str:
    found = re.search(r"^Copyright .*", (ROOT / "LICENSE").read_text("utf-8"), re.MULTILINE)
    return found[0] if found else "Phichat"


def _is_about_pruned(complaint: str) -> bool:
    """Whether it is a library that only something needs which is left out."""
    found = re.search(r"dependency of '(.+)'", complaint)
    return found is not None and is_left_out("/".join(Path(found[1]).parts[-4:]))


def _finish(folder: Path) -> None:
    """What can be done once all files are there."""
    if sys.platform == "win32":
        (folder / "phichat-console.exe").rename(folder / "phichat.com")
    if sys.platform == "linux":
        drop_orphans(folder / "_internal")
        strip(folder)
        if strangers := [name for name in system_libraries(folder) if not _is_of_system(name)]:
            raise Trouble(f"the bundle lacks {', '.join(strangers)}: install them here, or leave out what needs them.")
    if not any(list(folder.rglob(name)) for name in OPENMP[sys.platform]):
        raise Trouble("the bundle lacks OpenMP's runtime, without which llama.cpp does not load, or is slow.")


def _is_of_system(library: str) -> bool:
    return bool(SYSTEM.match(library)) or is_left_out(library)


def _put_beside(starter: Path, folder: Path) -> None:
    """As a package, where the program looks for it: phichat/runtime.py."""
    shutil.copytree(starter, (folder.parent if folder.suffix == ".app" else folder) / "starter")


def _date(folder: Path) -> None:
    """Give all files one time and plain rights, so that what is packed of them is the same twice."""
    for path in (*folder.rglob("*"), folder):
        if not path.is_symlink():
            is_program = path.is_dir() or os.access(path, os.X_OK)
            path.chmod(0o755 if is_program else 0o644)
        os.utime(path, (epoch(), epoch()), follow_symlinks=os.utime not in os.supports_follow_symlinks)
