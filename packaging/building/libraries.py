"""What compiled files need of a computer: the processor's instructions, and the version of glibc."""

import re
import subprocess
from collections import Counter
from pathlib import Path

from building.project import Trouble, need

FAMILIES = {
    "AVX": re.compile(rb":\t(?:c[45]|62) "),  # the bytes that VEX and EVEX begin with
    "AVX-512": re.compile(rb":\t62 |%k[0-7]\b"),
    "AMX": re.compile(rb"%tmm|\tldtilecfg|\tsttilecfg|\ttilerelease"),
}
"""Families of x86-64's instructions, as objdump shows them: an address, the bytes, the words."""

_GLIBC = re.compile(rb"\bGLIBC_(\d+)\.(\d+)")

Version = tuple[int, int]


def instructions(file: Path) -> Counter[str]:
    """How many instructions of each family are in a library."""
    need("objdump", "apt-get install binutils")
    done = subprocess.run(["objdump", "-d", "--wide", str(file)], capture_output=True, check=False)
    if done.returncode:
        raise Trouble(f"objdump cannot read {file}: {done.stderr.decode(errors='replace').strip()}")
    return Counter({family: len(pattern.findall(done.stdout)) for family, pattern in FAMILIES.items()})


def glibc(file: Path) -> Version:
    """The newest version of glibc that a library or program asks for; (0, 0) if it asks for none."""
    need("readelf", "apt-get install binutils")
    done = subprocess.run(["readelf", "--version-info", "--wide", str(file)], capture_output=True, check=False)
    found = _GLIBC.findall(done.stdout)
    return max(((int(major), int(minor)) for major, minor in found), default=(0, 0))


def newest_glibc(folder: Path) -> tuple[Version, list[Path]]:
    """The newest version that anything below a folder asks for, and what does."""
    found = {path: glibc(path) for path in sorted(folder.rglob("*")) if _is_compiled(path)}
    newest = max(found.values(), default=(0, 0))
    return newest, [path for path, version in found.items() if version == newest]


def _is_compiled(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"
