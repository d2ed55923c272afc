"""The bundle is the same program as that from pip: certificates, documents, what it starts, crashes, languages.

It has a Hub of its own on this computer, and opens its window without a display. Needs openssl's command.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from building.bundles import PROGRAM, bundle_folder
from building.project import ROOT, Trouble

MODEL = ROOT / "resources" / "self-test.gguf"
PATIENCE = 60.0  # seconds for a window to stand, or to be gone

FAKE = """#!/bin/sh
env > "$0.env"
"""


def check(folder: Path) -> str:
    """Try all of it."""
    program = _Program(folder)
    _expect(json.loads(program.says("--self-test"))["ok"], "the self-test fails")
    _fetch(program)
    _find(program, folder)
    _start_others(program, folder)
    _crash(program)
    _expect("modèle" in program.says("--help", PHICHAT_LANGUAGE="fr", LC_ALL="C"), "it speaks no French")
    return "certificates, documents, what it starts, crashes and languages are as they should be"


class _Program:
    """The bundle's, with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.path = str(bundle_folder() / PROGRAM)

    def run(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self.path, *arguments], env=self.variables(**variables), capture_output=True, encoding="utf-8", check=False
        )

    def says(self, *arguments: str, **variables: str) -> str:
        done = self.run(*arguments, **variables)
        _expect(done.returncode == 0, f"phichat {arguments[0]} failed: {done.stderr[-300:]}")
        return done.stdout

    def variables(self, **more: str) -> dict[str, str]:
        ours = {"PHICHAT_HOME": str(self.home), "HF_HOME": str(self.home / "hub"), "QT_QPA_PLATFORM": "offscreen"}
        dropped = {"HF_HUB_OFFLINE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "LD_LIBRARY_PATH"}
        return {**{name: value for name, value in os.environ.items() if name not in dropped}, **ours, **more}


def _fetch(program: _Program) -> None:
    """A model from a Hub that proves who it is by an authority of ours, and an answer from it."""
    sys.path.append(str(ROOT))
    from tests.support.hub.server import HubServer  # noqa: PLC0415 - of this checkout, which the path now leads to

    with HubServer(tls=True) as hub:
        hub.add("owner/repo", "tiny.gguf", MODEL)
        command = ("models", "download", "owner/repo:tiny.gguf")
        refused = program.run(*command, HF_ENDPOINT=hub.endpoint)
        _expect("isn’t trusted" in refused.stderr, "it trusts anybody")
        program.says(*command, HF_ENDPOINT=hub.endpoint, SSL_CERT_FILE=str(hub.authority))
    answer = program.says("ask", "--model", "tiny", "Does it work?", LC_ALL="C")
    _expect(answer == "Everything works.\n", f"it answers {answer!r}")


def _find(program: _Program, folder: Path) -> None:
    """A passage by its meaning, in other words than the question's."""
    (folder / "pets.txt").write_text("The dog sleeps under the table.\n\nBread is baked at five.\n", "utf-8")
    program.says("docs", "add", "pets", str(folder / "pets.txt"))
    found = program.says("docs", "search", "pets", "Where does the puppy nap?")
    _expect("under the table" in found, f"of the documents, it finds {found!r}")


def _start_others(program: _Program, folder: Path) -> None:
    """What it starts, here to ask for the proxies of the desktop, finds its own libraries."""
    fake = folder / "bin" / "gsettings"
    fake.parent.mkdir()
    fake.write_text(FAKE)
    fake.chmod(0o755)
    path = f"{fake.parent}{os.pathsep}{os.environ['PATH']}"
    program.run(
        "models", "files", "owner/repo", HF_ENDPOINT="https://hub.invalid", PATH=path, LD_LIBRARY_PATH="/theirs"
    )
    found = fake.with_name("gsettings.env").read_text()
    _expect("LD_LIBRARY_PATH=/theirs\n" in found, "others get its libraries")
    _expect("_PYI_" not in found and "QT_PLUGIN_PATH" not in found, "others get its variables")


def _crash(program: _Program) -> None:
    """A window that crashes; the next one has it in its log, and ends when it is asked to."""
    ended = [_ended(program, number) for number in (signal.SIGSEGV, signal.SIGTERM)]
    _expect(ended == [-signal.SIGSEGV, 128 + signal.SIGTERM], f"its windows ended with {ended}")
    _expect(
        "Segmentation fault" in (program.home / "logs" / "phichat.log").read_text("utf-8"), "crashes are not logged"
    )


def _ended(program: _Program, number: int) -> int:
    lock = program.home / "window.lock"
    window = subprocess.Popen([program.path], env=program.variables(HF_HUB_OFFLINE="1"), stderr=subprocess.DEVNULL)
    _await(lambda: lock.exists() and f"-{window.pid}-" in lock.read_text("utf-8"))
    window.send_signal(number)
    return window.wait(PATIENCE)


def _await(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        _expect(time.monotonic() < until, "its window does not stand")
        time.sleep(0.1)


def _expect(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise Trouble(otherwise)
