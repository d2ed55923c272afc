"""The AppDir as one file that runs anywhere: an AppImage, which is a runtime with the packed folder behind it.

The runtime is AppImage's type2-runtime, release 20251108, which the release workflow fetches; packaging/linux/
appimage-runtime.sha256 says which bytes it has, and no other runtime is taken.
"""

import argparse
import hashlib
import os
import platform
from pathlib import Path

from building.project import DIST, PACKAGING, WORK, Trouble, epoch, need, run, version

SUMS = PACKAGING / "linux" / "appimage-runtime.sha256"
APPDIR = WORK / "appdir" / "Phichat.AppDir"


def add_options(parser: argparse.ArgumentParser) -> None:
    """What it is made of."""
    parser.add_argument("--runtime", type=Path, required=True, help="type2-runtime's runtime-x86_64 or -aarch64")
    parser.add_argument("--appdir", type=Path, default=APPDIR, help="the folder; of `build.py appdir` if not given")


def build(options: argparse.Namespace) -> list[Path]:
    """Pack the folder, and put it behind the runtime."""
    runtime = runtime_of(options.runtime)
    need("mksquashfs", "apt-get install squashfs-tools")
    if not (options.appdir / "AppRun").exists():
        raise Trouble(f"there is no AppDir in {options.appdir}: run `python packaging/build.py appdir` first.")
    packed = WORK / "appdir" / "Phichat.squashfs"
    packed.unlink(missing_ok=True)
    plain = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}  # the options say it
    times = ("-mkfs-time", str(epoch()), "-all-time", str(epoch()))
    how = ("-root-owned", "-noappend", "-no-progress", "-quiet", "-comp", "zstd", "-Xcompression-level", "19")
    run("mksquashfs", options.appdir, packed, *how, *times, env=plain)
    DIST.mkdir(exist_ok=True)
    file = DIST / f"Phichat-{version()}-{platform.machine()}.AppImage"
    file.write_bytes(runtime + packed.read_bytes())
    file.chmod(0o755)
    return [file]


def runtime_of(file: Path) -> bytes:
    """Its bytes, if they are those of the runtime of this kind of processor."""
    name = f"runtime-{platform.machine()}"
    sums = {name: checksum for checksum, name in map(str.split, SUMS.read_text("utf-8").splitlines())}
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != sums.get(name):
        raise Trouble(f"{file} is not the {name} that {SUMS.name} names.")
    return content
