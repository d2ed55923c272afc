"""Which packages of Debian, or of a system made from it, files come from."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from building.project import output


@dataclass(frozen=True)
class Package:
    """One of them. `system` is who made it, such as debian."""

    name: str
    version: str
    architecture: str
    system: str

    @property
    def copyright(self) -> Path:
        """What it says about its licence."""
        return Path("/usr/share/doc", self.name, "copyright")

    def texts(self) -> tuple[Path, ...]:
        """That, and the long texts which every Debian has once and it refers to; none where there are no papers."""
        if not self.copyright.is_file():
            return ()
        names = set(re.findall(r"/usr/share/common-licenses/([\w.-]*\w)", self.copyright.read_text("utf-8", "replace")))
        long = {file.resolve() for name in names if (file := Path("/usr/share/common-licenses", name)).is_file()}
        return (self.copyright, *sorted(long))

    def licence(self) -> str:
        """The name of its licence, where all of it has the same, and it says so in a way for programs."""
        if not self.copyright.is_file():
            return ""
        text = self.copyright.read_text("utf-8", "replace")
        names = {name.strip() for name in re.findall(r"^License:[ \t]*(\S.*)$", text, re.MULTILINE)}
        return names.pop().replace("Expat", "MIT") if len(names) == 1 else ""

    def address(self) -> str:
        """Its package URL."""
        version = self.version.replace("+", "%2B").replace(":", "%3A")
        return f"pkg:deb/{self.system}/{self.name}@{version}?arch={self.architecture}"


def owners(files: Iterable[Path]) -> dict[Path, Package]:
    """The package of each of these files that is in one; none on other systems."""
    wanted = sorted(files)
    if not wanted or not shutil.which("dpkg-query"):
        return {}
    names = _names(wanted)
    if not names:
        return {}
    form = "${Package}\t${Version}\t${Architecture}\n"
    lines = output("dpkg-query", "--show", f"--showformat={form}", *set(names.values())).splitlines()
    found = [line.split("\t") for line in lines]
    known = {name: Package(name, version, machine, _system()) for name, version, machine in found}
    return {file: known[name.partition(":")[0]] for file, name in names.items()}


def _names(files: list[Path]) -> dict[Path, str]:
    """The names of the packages. Packages may list files below /lib that lie below /usr/lib."""
    asked = {str(file): file for file in files}
    asked |= {str(file).removeprefix("/usr"): file for file in files}
    # It fails where a single one is in no package, and still says where the others are.
    done = subprocess.run(["dpkg-query", "--search", *asked], capture_output=True, text=True, check=False)
    found = {}
    for line in done.stdout.splitlines():
        names, _, path = line.partition(": ")
        if path in asked and not names.startswith("diversion "):
            found[asked[path]] = names.split(", ")[0]
    return found


def _system() -> str:
    text = Path("/etc/os-release").read_text("utf-8")
    found = re.search(r"^ID=\"?(\w+)", text, re.MULTILINE)
    return found[1] if found else "debian"
