"""Small Debian systems in folders, as this machine's apt knows Debian, to build and try packages in.

What runs in one has processes and mounts of its own, which end with it, so nothing stays mounted. It takes root.
"""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from building.project import WORK, Trouble, emptied, need, output, run

PERSON = "person"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PROXIES = re.compile(r"(https?|no|all)_proxy", re.IGNORECASE)
OF_PIP = re.compile(r"PIP_.+|SSL_CERT_.+|REQUESTS_CA_BUNDLE")
HOST = "/host"  # below which there is what pip needs of this machine
SCREENS = "/tmp/.X11-unix"  # noqa: S108 - where X servers listen


class Debian:
    """A system with what `debootstrap --variant=minbase` brings, in `folder`, and a person who is not root.

    Where it `has_pip`, pip finds there what it finds here.
    """

    def __init__(self, folder: Path, *, has_pip: bool = False) -> None:
        self.root, self._has_pip = folder, has_pip
        run("cp", "--archive", "--reflink=auto", f"{_plain()}/.", emptied(folder))
        if has_pip:
            (folder / "etc" / "pip.conf").write_text(_pip_conf(), "utf-8")
        self.run("apt-get", "update", "--quiet=2")

    def install(self, *packages: str) -> None:
        """With apt-get, and what they depend on, but not what they merely recommend."""
        self.output("apt-get", "install", "--yes", "--quiet=2", "--no-install-recommends", *packages)

    def run(self, *command: str | Path, user: str = "root", **variables: str) -> None:
        """Run it there, its words on our streams; a failure is a Trouble."""
        run(*self.command(*command, user=user, **variables))

    def output(self, *command: str | Path, user: str = "root", **variables: str) -> str:
        """What it prints."""
        return output(*self.command(*command, user=user, **variables))

    def start(self, *command: str | Path, user: str = PERSON, **variables: str) -> "subprocess.Popen[bytes]":
        """Let it run."""
        return subprocess.Popen(self.command(*command, user=user, **variables), stdin=subprocess.DEVNULL)

    def command(self, *command: str | Path, user: str = "root", **variables: str) -> list[str]:
        """What to run here so that `command` runs there, as `user`."""
        home = "/root" if user == "root" else f"/home/{user}"
        settings = {"PATH": PATH, "HOME": home, "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        fetching = {**(_settings(PROXIES) if user == "root" else {}), **(_of_pip() if self._has_pip else {})}
        settings = {**fetching, **settings, **variables}
        inside = ["env", "-i", "-C", home, *(f"{name}={value}" for name, value in settings.items())]
        steps = [f"mount -t proc proc {_quoted(self.root / 'proc')}", _bound("/dev", self.root)]
        if Path(SCREENS).exists():
            steps.append(_bound(SCREENS, self.root))
        if self._has_pip:
            steps += [_bound(path, self.root, HOST) for path in _folders_of_pip()]
        steps.append(f"exec chroot --userspec={user} {_quoted(self.root)} {shlex.join([*inside, *map(str, command)])}")
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", "\n".join(steps)]

    def files(self) -> set[str]:
        """All there is, as it is called there."""
        found = (str(path.relative_to(self.root)) for path in self.root.rglob("*"))
        return {f"/{name}" for name in found if not name.startswith(("proc/", "dev/", "sys/"))}

    def has(self, program: str) -> bool:
        """Whether that can be run there."""
        return any((self.root / folder.lstrip("/") / program).exists() for folder in PATH.split(":"))


def _plain() -> Path:
    """The system that all begin with, made once."""
    if os.geteuid() != 0:
        raise Trouble("it takes root to make a Debian system: run this as root.")
    need("debootstrap")
    folder = WORK / "debian"
    if not (folder / "home" / PERSON).is_dir():
        sources = _sources()
        uri, suite, _ = sources[0]
        run("debootstrap", "--variant=minbase", suite, emptied(folder), uri)
        _write_sources(folder, sources)
        run("chroot", folder, "useradd", "--create-home", "--shell", "/bin/sh", PERSON)
    return folder


def _sources() -> list[tuple[str, str, str]]:
    """Where this machine has Debian from: address, suite, component; the main suite first."""
    words = "$(ORIGIN)|$(REPO_URI)|$(CODENAME)|$(COMPONENT)"
    lines = output("apt-get", "indextargets", "--format", words, "Created-By: Packages").splitlines()
    split = [line.split("|")[1:] for line in lines if line.startswith("Debian|")]
    found = sorted({(uri, suite, component) for uri, suite, component in split}, key=lambda source: source[1])
    if not found:
        raise Trouble("apt knows no Debian here: this check needs a Debian machine, and `apt-get update` once.")
    return found


def _write_sources(folder: Path, sources: Iterable[tuple[str, str, str]]) -> None:
    lines = [f"deb {uri} {suite} {component}\n" for uri, suite, component in sources]
    (folder / "etc" / "apt" / "sources.list").write_text("".join(lines), "utf-8")
    known = output("apt-config", "dump").splitlines()
    proxies = [f"{line}\n" for line in known if re.match(r"Acquire::.*(Proxy|Check-Valid-Until)", line)]
    (folder / "etc" / "apt" / "apt.conf.d" / "90host").write_text("".join(proxies), "utf-8")


def _settings(names: re.Pattern[str]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if names.fullmatch(name)}


def _of_pip() -> dict[str, str]:
    """What leads pip there to what it finds here."""
    return _for_there(_settings(OF_PIP))


def _pip_settings() -> Mapping[str, str]:
    """What its files say."""
    if not shutil.which("pip"):
        return {}
    return dict(re.findall(r"^global\.(\S+)='(.*)'$", output("pip", "config", "list"), re.MULTILINE))


def _pip_conf() -> str:
    lines = (f"{name} = {value}\n" for name, value in _for_there(_pip_settings()).items())
    return "".join(["[global]\n", *lines])


def _for_there(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings, with each place here called as it is there."""
    return {name: re.sub(r"(^|\s|file://)/", rf"\1{HOST}/", value) for name, value in settings.items()}


def _folders_of_pip() -> list[str]:
    """The files and folders here that pip's settings name; indexes have beside them what they list."""
    words = " ".join([*_settings(OF_PIP).values(), *_pip_settings().values()]).split()
    paths = [Path(word) for word in words if word.startswith("/")]
    paths += [Path(word.removeprefix("file://")).parent for word in words if word.startswith("file://")]
    return sorted({str(path) for path in paths if path.exists()})


def _bound(path: str, root: Path, below: str = "") -> str:
    there = _quoted(root / f"{below}{path}".lstrip("/"))
    make = f"mkdir -p {there}" if Path(path).is_dir() else f"mkdir -p $(dirname {there}); touch {there}"
    return f"{make}; mount --rbind {shlex.quote(path)} {there}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
