"""Where the bundle is, for the targets that pack it, and what it takes from the system."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from building.project import WORK, Trouble, output, run

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
    """On Linux, delete the libraries in `folder` that nothing in use needs any more; their names."""
    files = {file.name: file for file in _elf_files(folder)}
    passive = {file.name for file in _plain_libraries(folder)}
    reached, waiting = set[str](), [name for name in files if name not in passive]
    while waiting:
        name = _real_name(waiting.pop(), folder)
        if name in files and name not in reached:
            reached.add(name)
            waiting += _needed(files[name])
    dropped = sorted(passive - reached)
    for name in dropped:
        files[name].unlink()
    for link in [path for path in folder.rglob("*") if path.is_symlink() and not path.exists()]:
        link.unlink()
    return dropped


def strip(folder: Path) -> None:
    """On Linux, take out what only debuggers read; not of what `auditwheel` moved about, which would break."""
    for file in _elf_files(folder):
        if not file.parent.name.endswith(".libs") and file.parent != folder:
            run("strip", "--strip-unneeded", file)


def _plain_libraries(folder: Path) -> Iterator[Path]:
    """Those that are there only because others need them: no extension modules, no plugins, nothing of llama.cpp."""
    for place in (folder, folder / "PySide6" / "Qt" / "lib"):
        for file in sorted(place.glob("lib*.so*")):
            if not file.is_symlink() and not _ALWAYS_NEEDED.match(file.name):
                yield file


def _real_name(name: str, folder: Path) -> str:
    """Where the link of that name leads, if it is one."""
    return (folder / name).resolve().name


def _elf_files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink() and _magic(file) == b"\x7fELF":
            yield file


def _magic(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(4)


def _needed(file: Path) -> list[str]:
    return _NEEDED.findall(output("readelf", "--dynamic", "--wide", file))
