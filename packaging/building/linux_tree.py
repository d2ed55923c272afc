"""What a Linux system gets of Phichat below /usr, or below the usr of an AppDir."""

import gzip
import os
import shutil
import struct
import time
from pathlib import Path
from string import Template

from building.changelog import metainfo
from building.project import PACKAGING, ROOT, epoch, version

LINUX = PACKAGING / "linux"
ICONS = PACKAGING / "icons"
SCREENSHOTS = PACKAGING / "screenshots"
NOWHERE = "https://phichat.example"  # Phichat has no public home yet; this name belongs to nobody, for ever
STARTER = "starter"  # the folder in the bundle that may be given to people on its own


def lay_out(usr: Path, bundle: Path) -> None:
    """Put everything into the folder `usr`: the program, and what tells the desktop of it."""
    shutil.copytree(bundle, usr / "lib" / "phichat", symlinks=True)
    share = usr / "share"
    shutil.copytree(ICONS / "hicolor", share / "icons" / "hicolor")
    _copied(ROOT / "resources" / "icons" / "phichat.svg", share / "icons" / "hicolor" / "scalable" / "apps")
    _copied(LINUX / "phichat.desktop", share / "applications")
    _copied(LINUX / "phichat-mime.xml", share / "mime" / "packages").rename(share / "mime" / "packages" / "phichat.xml")
    _written(share / "metainfo" / "io.github.phichat.Phichat.metainfo.xml", filled("phichat.metainfo.xml.in").encode())
    _written(share / "man" / "man1" / "phichat.1.gz", packed(filled("phichat.1.in")))


def filled(name: str) -> str:
    """The file of packaging/linux of that name, with what differs from one release to the next."""
    sizes = {f"{file.stem}_size": _size(file) for file in SCREENSHOTS.glob("*.png")}
    text = Template((LINUX / name).read_text("utf-8"))
    values = {"version": version(), "date": date(), "homepage": homepage(), "releases": metainfo(homepage())}
    return text.substitute(values, **sizes)


def homepage() -> str:
    """Where releases are; the release workflow says it."""
    return os.environ.get("PHICHAT_HOMEPAGE") or NOWHERE


def date() -> str:
    """The day of this release."""
    return time.strftime("%Y-%m-%d", time.gmtime(epoch()))


def packed(text: str) -> bytes:
    """It as gzip packs it, without the time at which that is done."""
    return gzip.compress(text.encode(), mtime=0)


def dated(folder: Path) -> None:
    """Give all files one time and plain rights."""
    for path in (*folder.rglob("*"), folder):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or (os.access(path, os.X_OK) and not _is_library(path)) else 0o644)
        os.utime(path, (epoch(), epoch()), follow_symlinks=False)


def _size(picture: Path) -> str:
    width, height = struct.unpack(">II", picture.read_bytes()[16:24])
    return f'width="{width}" height="{height}"'


def _is_library(path: Path) -> bool:
    return ".so" in path.suffixes


def _copied(file: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(file, folder))


def _written(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
