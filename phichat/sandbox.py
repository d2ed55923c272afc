"""Child processes for content that isn't trusted: little of our environment, limits, and an end with the app."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from phichat import runtime
from phichat.engine.process.lifeline import Lifeline, hold_lifeline

WATCHED = 0.05  # seconds between two looks at the memory taken

_CREATE_NO_WINDOW = 0x08000000
_ENVIRONMENT = {
    "PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR",
}  # fmt: skip
_EFFECTS = (
    "socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile", "os.system",
    "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown",
    "shutil.", "ftplib.", "http.", "smtplib.", "urllib.", "webbrowser.",
)  # fmt: skip
"""Beginnings of the names of Python's audit events for what a reader of files has no reason to do."""


class Sandbox:
    """A child process, with pipes to it, and the end of the lifeline that ends it with this process. Raise OSError."""

    def __init__(self, command: Sequence[str]) -> None:
        self._lifeline = Lifeline()
        try:
            self.popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**_environment(), **self._lifeline.variables},
                pass_fds=self._lifeline.inherited,
                creationflags=_CREATE_NO_WINDOW if sys.platform == "win32" else 0,
            )
        except OSError:
            self._lifeline.cut()
            raise
        self._lifeline.keep()

    def wait(self) -> int:
        """Wait for its end, which is near, and return its exit status."""
        status = self.popen.wait()
        for pipe in (self.popen.stdin, self.popen.stdout):
            with suppress(OSError):
                assert pipe  # noqa: S101 - both are pipes
                pipe.close()
        self._lifeline.cut()
        return status


def begin(memory: int) -> None:
    """Have this process, a child that a Sandbox started, end with the app, and when it takes that many bytes."""
    hold_lifeline()
    if sys.platform == "linux":
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    else:  # no such limit, or none that the system keeps
        threading.Thread(target=_watch_memory, args=(memory,), daemon=True, name="memory").start()


def forbid_effects() -> None:
    """Refuse what would write a file, open a connection or start a program, in Python and, for files, in all code."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
    if writes or event.startswith(_EFFECTS):
        raise PermissionError(f"a reader of files may not do this: {event}")


_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _watch_memory(most: int) -> None:
    import psutil  # noqa: PLC0415 - not needed on Linux

    ours = psutil.Process()
    while ours.memory_info().rss < most:
        time.sleep(WATCHED)
    os._exit(1)


def _environment() -> dict[str, str]:
    """Return what Python needs of our environment and no more: what is read there is not ours."""
    variables = {name: value for name, value in os.environ.items() if name.upper() in _ENVIRONMENT}
    root = Path(__file__).parents[1]
    if not runtime.is_frozen() and root.name not in {"site-packages", "dist-packages"}:
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), variables.get("PYTHONPATH")]))
    return variables
