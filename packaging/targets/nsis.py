"""An installer for Windows, for one person and without an administrator, around the bundle."""

import argparse
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from building import signing
from building.bundles import BUNDLES
from building.project import DIST, PACKAGING, WORK, Trouble, emptied, need, run, version

SCRIPT = PACKAGING / "windows" / "installer.nsi"
ICON = PACKAGING / "icons" / "phichat.ico"
SIDE = PACKAGING / "icons" / "phichat-side.bmp"
PROGRAM, COMMAND = "Phichat.exe", "phichat.com"  # a console finds .com before .exe
STUBS = {"x64": "amd64-unicode", "arm64": "x86-unicode"}  # there is none for arm64, where Windows 10 runs x86 alone
ARCHITECTURES = {"amd64": "x64", "x86_64": "x64", "arm64": "arm64", "aarch64": "arm64"}

File = tuple[PurePosixPath, Path]
"""Where a file goes, below the folder of the program, and where it is now."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What goes into it, and whom it is for."""
    here = ARCHITECTURES.get(platform.machine().lower(), "x64")
    parser.add_argument("--bundle", type=Path, default=BUNDLES / "Phichat", help="the folder of the program")
    parser.add_argument("--architecture", choices=STUBS, default=here, help="the program's; else this computer's")


def build(options: argparse.Namespace) -> list[Path]:
    """Sign the programs, where that can be done, and compile the installer around them."""
    if not signing.can_sign():
        print("nsis: not signed, as WINDOWS_CERTIFICATE is not set.")
    DIST.mkdir(exist_ok=True)
    return [installer(options.bundle, version(), options.architecture, DIST)]


def installer(bundle: Path, version: str, architecture: str, folder: Path) -> Path:
    """Make the installer of that version of the program in `bundle`, and put it into `folder`."""
    for name in (PROGRAM, COMMAND):
        if not (bundle / name).is_file():
            raise Trouble(f"{bundle} has no {name}: build the bundle on Windows first.")
    work = emptied(WORK / "nsis")
    files = _signed(sorted(_files(bundle.absolute())), work / "signed")
    result = folder.absolute() / f"Phichat-{version}-windows-{architecture}-setup.exe"
    _compile(files, work, {"VERSION": version, "RESULT": str(result), **_kind(architecture)})
    if signing.can_sign():
        signing.sign(result)
    return result


def commands(files: Sequence[File]) -> str:
    """What installs `files`, as NSIS's script has it."""
    lines, folder = [], None
    for name, source in files:
        if name.parent != folder:
            folder = name.parent
            lines.append(f'  SetOutPath "$INSTDIR{_quoted(_below(folder))}"')
        lines.append(f'  File "/oname={_quoted(name.name)}" "{source}"')
    return "\n".join(["!macro INSTALL_FILES", *lines, "!macroend", ""])


def listing(names: Sequence[PurePosixPath]) -> str:
    r"""What the uninstaller removes: files, then folders (ending in \) once they are empty, inner ones first."""
    folders = sorted({parent for name in names for parent in name.parents if parent.name}, reverse=True)
    return "".join(f"{line}\r\n" for line in (*map(_windows, names), *(f"{_windows(folder)}\\" for folder in folders)))


def numbers(text: str) -> str:
    """A version as Windows has them, four numbers: 1.2 is 1.2.0.0, and so is 1.2rc1."""
    found = re.split(r"[^\d.]", text)[0].strip(".").split(".")
    return ".".join([*found, "0", "0", "0", "0"][:4])


def _files(bundle: Path) -> Iterator[File]:
    for path in bundle.rglob("*"):
        if path.is_file():
            yield PurePosixPath(path.relative_to(bundle).as_posix()), path


def _signed(files: Sequence[File], folder: Path) -> list[File]:
    """The files, with signed copies in place of the programs; libraries have their makers' signatures or none."""
    return [(name, _signed_copy(path, folder) if _is_program(name) else path) for name, path in files]


def _is_program(name: PurePosixPath) -> bool:
    return signing.can_sign() and name.suffix.lower() in {".exe", ".com"}


def _signed_copy(path: Path, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    copy = Path(shutil.copy2(path, folder))
    signing.sign(copy)
    return copy


def _kind(architecture: str) -> dict[str, str]:
    return {"STUB": STUBS[architecture], **({"ARM64": ""} if architecture == "arm64" else {})}


def _compile(files: Sequence[File], work: Path, values: dict[str, str]) -> None:
    program, listed = work / "program.nsh", work / "installed.txt"
    program.write_text(commands(files), "utf-8")
    listed.write_text("\ufeff" + listing([name for name, _ in files]), "utf-16-le", newline="")
    values |= {
        "NUMBERS": numbers(values["VERSION"]),
        "COMMAND": COMMAND,
        "FILES": str(program),
        "LISTED": str(listed),
        "SIZE": str(sum(path.stat().st_size for _, path in files) // 1024),
        "ICON": str(ICON),
        "SIDE": str(SIDE),
    }
    if home := os.environ.get("PHICHAT_HOMEPAGE"):
        values["HOMEPAGE"] = home
    if signing.can_sign():
        values["SIGN"] = f'"{sys.executable}" -m building.signing'
    need("makensis", "apt-get install nsis")
    defined = [f"-D{name}={value}" if value else f"-D{name}" for name, value in values.items()]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGING)}
    run("makensis", "-WX", "-V2", "-INPUTCHARSET", "UTF8", *defined, SCRIPT, env=environment)


def _windows(path: PurePosixPath) -> str:
    return str(path).replace("/", "\\")


def _below(folder: PurePosixPath) -> str:
    return f"\\{_windows(folder)}" if folder.name else ""


def _quoted(text: str) -> str:
    """As NSIS has it inside quotes: `$` begins a variable."""
    return text.replace("$", "$$")
