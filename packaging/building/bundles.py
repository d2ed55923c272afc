"""Where the bundle is, for the targets that pack it, and what it takes from the system."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from building.project import WORK, Trouble, output

BUNDLES = WORK / "bundle"
IDENTIFIER = "io.github.phichat.Phichat"
PROGRAM = {"win32": "Phichat.exe", "darwin": "phichat"}.get(sys.platform, "phichat")

_NEEDED = re.compile(r"\(NEEDED\).*\[(.+)]")
_ALWAYS_NEEDED = re.compile(r"libpython|libcrypto|libssl")  # opened by name: by the program, by whatever speaks TLS


def bundle_folder() -> Path:
    """The folder with the program in it, as `build.py bundle` made it; on macOS the application."""
    folder = BUNDLES / ("Phichat.app" if sys.platform == "darwin" else "Phichat")
    if not folder.is_dir():
        raise Trouble("there is no bundle yet: run `python packaging/build.py bundle` first.")
    return folder


def system_libraries(folder: Path) -> list[str]:
    """On Linux, the libraries that the bundle in `folder` needs and does not have, such as libc.so.6."""
    wanted = {name for file in _elf_files(folder) for name in _needed(file)}
    return sorted(wanted - {file.name for file in folder.rglob("*.so*")})


def drop_orphans(folder: Path) -> list[str]:
    """On Linux, delete the libraries in `folder` that nothing needs any more; their names."""
    dropped: list[str] = []
    while True:
        needed = {name for file in _elf_files(folder) for name in _needed(file)}
        orphans = [file for file in _plain_libraries(folder) if not _names(file, folder) & needed]
        dangling = [file for file in folder.rglob("*") if file.is_symlink() and not file.exists()]
        for file in (*orphans, *dangling):
            file.unlink(missing_ok=True)
        dropped += sorted(file.name for file in orphans)
        if not orphans and not dangling:
            return dropped


def _plain_libraries(folder: Path) -> Iterator[Path]:
    """Those that are there only because others need them: no extension modules, no plugins, nothing of llama.cpp."""
    for place in (folder, folder / "PySide6" / "Qt" / "lib"):
        for file in sorted(place.glob("lib*.so*")):
            if not file.is_symlink() and not _ALWAYS_NEEDED.match(file.name):
                yield file


def _names(file: Path, folder: Path) -> set[str]:
    """Its name, and those of the links that lead to it."""
    links = (link for link in (*folder.glob("lib*"), *file.parent.glob("lib*")) if link.is_symlink())
    return {file.name, *(link.name for link in links if link.resolve() == file.resolve())}


def _elf_files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink() and _magic(file) == b"\x7fELF":
            yield file


def _magic(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(4)


def _needed(file: Path) -> list[str]:
    return _NEEDED.findall(output("readelf", "--dynamic", "--wide", file))
