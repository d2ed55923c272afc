"""The installer for Windows around a stand-in for the program: compiled, signed, and used in wine in all its ways."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from building.project import PACKAGING, Trouble, need, output, run
from building.screen import Screen, eventually, screen
from building.wine import Wine
from targets.nsis import COMMAND, PROGRAM, installer

HERE = PACKAGING / "smoke"
COMPILER = "x86_64-w64-mingw32-gcc"
OLDER, NEWER = "0.0.8", "0.0.9"
STALE, THEIRS = "_internal/old/left over.dll", "notes of their own.txt"
ENTRY = r"Software\Microsoft\Windows\CurrentVersion\Uninstall\Phichat"
KIND, OPENERS = r"Software\Classes\Phichat.gguf", r"Software\Classes\.gguf\OpenWithProgids"
OTHER_KIND = "Other.Model"
SHORT_PATH = r"%USERPROFILE%\bin"  # wine's console finds nothing by long ones
LONG_PATH = ";".join([r"%USERPROFILE%\bin", *(rf"C:\tools\number {number}" for number in range(150))])
HOME = "https://phichat.example"
PASSWORD = "thrown away"  # noqa: S105 - with its certificate


def check(folder: Path) -> str:
    """All of it, in one Windows; each step goes on with what the one before has left."""
    need(COMPILER, "apt-get install gcc-mingw-w64-x86-64-win32")
    with screen() as seen, _certificate(folder / "certificate"):
        visit = _Visit(folder, Wine(folder / "wine", seen.display), seen)
        try:
            for step in visit.steps():
                begun = time.monotonic()
                print(f"        {step()} ({time.monotonic() - begun:.1f} s)", flush=True)
        finally:
            visit.wine.end()
    return f"{len(visit.steps())} things seen in wine, pictures in {folder}"


class _Visit:
    """What is done with two versions of the installer."""

    def __init__(self, folder: Path, wine: Wine, seen: Screen) -> None:
        self.wine, self._folder, self._seen = wine, folder, seen
        self._data = wine.person / "AppData" / "Local" / "Phichat"
        self._home = wine.person / "AppData" / "Local" / "Programs" / "Phichat"
        self._menu = wine.person / "AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Phichat.lnk"
        self._path = ""
        self._made: dict[str, Path] = {}

    def steps(self) -> list[Callable[[], str]]:
        """In order."""
        return [
            self.is_compiled, self.is_signed, self.refuses_an_old_windows, self.windows_begins, self.installs,
            self.console_finds_it, self.upgrades_while_open, self.stops_at_a_console, self.uninstalls, self.moves,
            self.asks,
        ]  # fmt: skip

    def is_compiled(self) -> str:
        for version in (OLDER, NEWER):
            bundle = _stand_in(self._folder / version, stale=version == OLDER)
            self._made[version] = installer(bundle, version, "x64", self._folder)
        _press(self._folder)
        before = self._made[NEWER].read_bytes()
        for path in (self._folder / NEWER).rglob("*"):
            os.utime(path, (1, 1))
        again = installer(self._folder / NEWER, NEWER, "x64", self._folder)
        _expect(again.read_bytes() == before, "two builds differ")
        installer(self._folder / NEWER, NEWER, "arm64", self._folder)
        return f"compiled without a warning, twice the same {len(before) // 1024} kB, and for arm64"

    def is_signed(self) -> str:
        for made in self._made.values():
            self._verify(made)
        return "the installers' signatures hold"

    def refuses_an_old_windows(self) -> str:
        self.wine.begin("win7")
        status, _ = self.wine.run(self._made[NEWER], "/S")
        _expect(status == 2 and not self._home.exists(), f"on Windows 7 the installer ended with {status}")
        return "on Windows 7 nothing is done; the installer ends with 2"

    def windows_begins(self) -> str:
        self.wine.be("win10")
        self._has_path(SHORT_PATH)
        self.wine.run("reg", "add", r"HKCU\Software\Classes\.gguf", "/ve", "/d", OTHER_KIND)
        (self._data / "models").mkdir(parents=True)
        (self._data / "models" / "large.gguf").write_bytes(bytes(3_000_000))
        (self._data / "history.sqlite3").write_text("conversations")
        (self._data / "states").mkdir()
        (self._data / "states" / "a.kv").write_text("remembered")
        elsewhere = self._folder / "chosen by the person"
        elsewhere.mkdir()
        (elsewhere / "dear.gguf").write_text("theirs")
        (self._data / "models" / "linked").symlink_to(elsewhere)
        return "a new Windows, with a PATH, another program for .gguf files, a model and a conversation"

    def installs(self) -> str:
        status, _ = self.wine.run(self._made[OLDER], "/S")
        _expect(status == 0, f"the silent installer ended with {status}")
        self._expect_files(OLDER, self._home)
        for name in (PROGRAM, COMMAND, "uninstall.exe"):
            self._verify(self._home / name)
        known = self.wine.registry()
        for name, value in (("DisplayVersion", OLDER), ("Publisher", "The Phichat authors"), ("URLInfoAbout", HOME)):
            _expect(known[ENTRY][name] == f'"{value}"', f"{name} is {known[ENTRY][name]}")
        _expect(int(known[ENTRY]["EstimatedSize"].removeprefix("dword:"), 16) > 50, "its size is not known")
        _expect("Phichat.exe" in known[rf"{KIND}\shell\open\command"][""], "it does not open .gguf files")
        _expect("Phichat.gguf" in known[OPENERS], "it is not offered for .gguf files")
        self._expect_others(known)
        _expect(self._menu.is_file(), "it is not in the Start menu")
        _expect(not (self.wine.person / "Desktop" / "Phichat.lnk").exists(), "it put itself on the desktop")
        return "installed silently: files, signatures, Start menu, Apps & features, .gguf offered and not taken"

    def console_finds_it(self) -> str:
        said = self.wine.run("cmd", "/c", "phichat", "ask", "a haiku")
        _expect(said == (0, "ask\na haiku"), f"`phichat ask` said {said}")
        return "`phichat ask` is found from a console, and answers there"

    def upgrades_while_open(self) -> str:
        (self._home / THEIRS).write_text("theirs")
        opened = self._open(PROGRAM)
        status, _ = self.wine.run(self._made[NEWER], "/S")
        _expect(status == 0, f"the silent upgrade ended with {status}")
        _expect(opened.wait(60) == 0, "the window was not closed in good order")
        self._expect_files(NEWER, self._home, THEIRS)
        known = self.wine.registry()
        _expect(known[ENTRY]["DisplayVersion"] == f'"{NEWER}"', "the version is not the new one")
        _expect(known["Environment"]["Path"].count("Phichat") == 1, "the PATH has it twice")
        return "upgraded while it was open: closed, what was left over is gone, a file of theirs stays"

    def stops_at_a_console(self) -> str:
        opened = self._open(COMMAND)
        process = self.wine.start(self._made[OLDER], "/S")
        status = process.wait(120)
        _expect(status == 2, f"while a console uses it, the installer ended with {status}")
        _expect(opened.poll() is None, "it ended what ran in a console")
        self.wine.end()
        self._expect_files(NEWER, self._home, THEIRS)
        return "nothing is done while a console uses it; the installer ends with 2"

    def uninstalls(self) -> str:
        status, _ = self.wine.run(self._home / "uninstall.exe", "/S")
        _expect(status == 0, f"the silent uninstaller ended with {status}")
        left = sorted(path.name for path in self._home.rglob("*"))
        _expect(left == [THEIRS], f"it left {left}")
        self._expect_data()
        self._expect_nothing_registered()
        (self._home / THEIRS).unlink()
        self._home.rmdir()
        return "uninstalled silently: nothing is left but a file of theirs, models and conversations; PATH as before"

    def moves(self) -> str:
        self._has_path(LONG_PATH)
        first, second = (self.wine.folder / "drive_c" / name / "Phichat" for name in ("my programs", "other"))
        for place in (r"C:\my programs\Phichat", r"C:\other\Phichat"):
            status, _ = self.wine.run(self._made[NEWER], "/S", f"/D={place}")
            _expect(status == 0, f"into {place} it ended with {status}")
        self._expect_files(NEWER, second)
        _expect(not first.exists(), "the first place still has it")
        _expect(r"my programs" not in self.wine.registry()["Environment"]["Path"], "the PATH leads to the first place")
        self.wine.run(second / "uninstall.exe", "/S")
        _expect(not second.exists(), "the second place still has it")
        self._expect_nothing_registered()
        return f"/D= decides where it goes, and moves it; a PATH of {len(LONG_PATH)} characters stays whole"

    def asks(self) -> str:
        """With the mouse, from the first page to a question about what is open and to both boxes ticked."""
        self.wine.start(self._made[NEWER])
        self._click("Next", picture="what.png")
        self._click("Install", picture="where.png")
        self._click("Finish", picture="done.png")  # which opens it
        eventually(lambda: self._seen.window("^Phichat$"), "it was not opened")
        self.wine.start(self._home / "uninstall.exe")
        self._click("Delete the models", "Delete the conversations", picture="data.png")
        self._click("Uninstall")
        self._click("OK", picture="open.png")  # to close it
        self._click("Close")
        self.wine.wait()
        _expect(not self._home.exists(), "the program is still there")
        left = sorted(path.name for path in self._data.rglob("*"))
        _expect(left == ["linked", "models"], f"it left {left}")  # as wine deletes no links
        _expect((self._folder / "chosen by the person" / "dear.gguf").is_file(), "it deleted what a link led to")
        self._expect_nothing_registered()
        return "asked for by mouse: installed, opened, closed when asked, removed with models and conversations"

    def _has_path(self, path: str) -> None:
        self._path = path
        self.wine.run("reg", "add", r"HKCU\Environment", "/v", "Path", "/t", "REG_EXPAND_SZ", "/d", path, "/f")

    def _open(self, name: str) -> "subprocess.Popen[str]":
        process = self.wine.start(self._home / name)
        self._seen.window("^Phichat$")
        return process

    def _click(self, *labels: str, picture: str = "") -> None:
        process = self.wine.start(self._folder / "press.exe", *labels)
        said, _ = process.communicate(timeout=120)
        _expect(process.returncode == 0, said.strip())
        if picture:
            self._seen.picture(self._folder / picture)

    def _verify(self, file: Path) -> None:
        output("osslsigncode", "verify", "-CAfile", self._folder / "certificate" / "it.pem", "-in", file)

    def _expect_files(self, version: str, home: Path, *besides: str) -> None:
        wanted = {path.relative_to(self._folder / version) for path in (self._folder / version).rglob("*")}
        wanted |= {Path(name) for name in ("installed.txt", "uninstall.exe", *besides)}
        there = {path.relative_to(home) for path in home.rglob("*")}
        _expect(there == wanted, f"files differ: {sorted(map(str, there ^ wanted))}")

    def _expect_data(self) -> None:
        kept = {path.name for path in self._data.rglob("*")}
        missing = {"large.gguf", "linked", "history.sqlite3", "a.kv"} - kept
        _expect(not missing, f"it deleted {sorted(missing)}")

    def _expect_others(self, known: dict[str, dict[str, str]]) -> None:
        _expect(known[r"Software\Classes\.gguf"][""] == f'"{OTHER_KIND}"', "another program's .gguf files were taken")
        path = known["Environment"]["Path"]
        _expect(path.startswith('str(2):"' + self._path.replace("\\", "\\\\")), f"the PATH of others has become {path}")

    def _expect_nothing_registered(self) -> None:
        known = self.wine.registry()
        self._expect_others(known)
        left = [key for key, values in known.items() if "Phichat" in key or any("Phichat" in value for value in values)]
        _expect(not [key for key in left if not _is_wines(key)], f"the registry still has {left}")
        _expect("Phichat" not in known["Environment"]["Path"], "the PATH still has it")
        _expect(not self._menu.exists(), "the Start menu still has it")


def _stand_in(bundle: Path, stale: bool) -> Path:
    (bundle / "_internal" / "PySide6" / "Qt").mkdir(parents=True)
    for name, options in ((PROGRAM, ["-mwindows"]), (COMMAND, [])):
        run(COMPILER, "-Wall", "-Wextra", "-Werror", "-O1", "-s", *options, "-o", bundle / name, HERE / "stand_in.c")
    (bundle / "_internal" / "base_library.zip").write_text("Python")
    (bundle / "_internal" / "PySide6" / "Qt" / "été $INSTDIR.dll").write_text("Qt")
    if stale:
        (bundle / STALE).parent.mkdir()
        (bundle / STALE).write_text("old")
    return bundle


def _press(folder: Path) -> None:
    run(COMPILER, "-Wall", "-Wextra", "-Werror", "-O1", "-s", "-o", folder / "press.exe", HERE / "press.c")


@contextmanager
def _certificate(folder: Path) -> Iterator[None]:
    """One that is thrown away, in the environment for a while, with what else a release would have there."""
    folder.mkdir()
    key, certificate, both = folder / "it.key", folder / "it.pem", folder / "it.pfx"
    words = ("-subj", "/CN=Throw-away", "-days", "2", "-addext", "extendedKeyUsage=codeSigning")
    output("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *words, "-keyout", key, "-out", certificate)
    output(
        "openssl", "pkcs12", "-export", "-inkey", key, "-in", certificate, "-passout", f"pass:{PASSWORD}", "-out", both
    )
    values = {"WINDOWS_CERTIFICATE": str(both), "WINDOWS_CERTIFICATE_PASSWORD": PASSWORD, "PHICHAT_HOMEPAGE": HOME}
    before = dict(os.environ)
    os.environ |= {**values, "SOURCE_DATE_EPOCH": str(int(time.time()))}  # the certificate begins today
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


def _is_wines(key: str) -> bool:
    """Whether the system notes there what it has run."""
    return "MuiCache" in key or key.startswith(r"Software\Wine")


def _expect(is_so: bool, trouble: str) -> None:
    if not is_so:
        raise Trouble(trouble)
