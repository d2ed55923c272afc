"""The papers of a Debian package: who it is, what it needs, what it holds."""

import hashlib
import re
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from building.linux_tree import NOWHERE, homepage
from building.project import Trouble, epoch, need

MAINTAINER = "The Phichat authors <authors@phichat.example>"
FIELDS = (
    "Package", "Version", "Architecture", "Maintainer", "Installed-Size", "Depends", "Recommends", "Suggests",
    "Section", "Priority", "Homepage", "Description",
)  # fmt: skip


def control(fields: Mapping[str, str], root: Path) -> str:
    """The control file of the package whose files are in `root`."""
    home = homepage() if homepage() != NOWHERE else ""
    known = {"Maintainer": MAINTAINER, "Installed-Size": str(size(root)), "Priority": "optional", "Homepage": home}
    values = {**known, **fields}
    return "".join(f"{name}: {values[name]}\n" for name in FIELDS if values.get(name))


def size(root: Path) -> int:
    """In KiB, as Debian counts: a file takes whole ones, whatever is no file takes one."""
    paths = [path for path in root.rglob("*") if "DEBIAN" not in path.relative_to(root).parts]
    return sum(-(-path.stat().st_size // 1024) if path.is_file() and not path.is_symlink() else 1 for path in paths)


def md5sums(root: Path) -> str:
    """What dpkg compares files with when asked to verify them."""
    files = sorted(path for path in (root / "usr").rglob("*") if path.is_file() and not path.is_symlink())
    return "".join(f"{_md5(file)}  {file.relative_to(root)}\n" for file in files)


def dependencies(folder: Path) -> str:
    """The packages whose libraries the programs in `folder` need and do not find in it."""
    files = [path for path in sorted(folder.rglob("*")) if not path.is_symlink() and is_elf(path)]
    homes = sorted({str(path.parent) for path in files})
    with tempfile.TemporaryDirectory() as place:
        papers = Path(place) / "debian"
        papers.mkdir()
        (papers / "control").write_text("Source: phichat\n\nPackage: phichat\nArchitecture: any\n", "utf-8")
        (papers / "shlibs.local").write_text("".join(_of_our_own(files)), "utf-8")
        places = [f"-l{home}" for home in homes]
        elves = [f"-e{file}" for file in files]
        command = [need("dpkg-shlibdeps", "apt-get install dpkg-dev"), "-O", "--ignore-missing-info", *places, *elves]
        done = subprocess.run(command, cwd=place, check=False, capture_output=True, text=True)
    if missing := sorted(set(re.findall(r"cannot find library (\S+)", done.stderr))):
        raise Trouble(f"it cannot be said which packages have {', '.join(missing)}: install those, and try again.")
    if done.returncode:
        raise Trouble(f"dpkg-shlibdeps failed: {done.stderr[-500:]}")
    return done.stdout.strip().removeprefix("shlibs:Depends=")


def is_elf(path: Path) -> bool:
    """Whether it is a program or a library."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"


def changelog(package: str, version: str) -> str:
    """The one entry that Debian wants."""
    when = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(epoch()))
    return f"{package} ({version}) unstable; urgency=medium\n\n  * Version {version}.\n\n -- {MAINTAINER}  {when}\n"


def _of_our_own(files: Iterable[Path]) -> Iterator[str]:
    """Lines which say that these libraries, though others have them, too, need no package."""
    for name in sorted({path.name for path in files}):
        if found := re.match(r"(.+)\.so\.(.+)$", name) or re.match(r"(.+)-(\d.*)\.so$", name):
            yield f"{found[1]} {found[2]}\n"


def _md5(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
