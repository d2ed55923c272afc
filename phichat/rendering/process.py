"""The render process as the app sees it: started with the first order, and started anew after one that it died of."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from phichat import runtime
from phichat.engine.process.lifeline import Lifeline

Order = dict[str, Any]

STARTING = 10.0  # seconds it may take to start, on top of an order's own
_CREATE_NO_WINDOW = 0x08000000
_ENVIRONMENT = {
    "PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR",
}  # fmt: skip


class OverBudget(Exception):
    """An order took too much time or memory, or crashed the process."""


class RenderProcess:
    """Carries out one order at a time. It ends when it is idle for a while, and when the app does."""

    def __init__(self, command: Sequence[str] = ()) -> None:
        self._command = list(command) or runtime.process_command("phichat.rendering.worker")
        self._lock = threading.Lock()
        self._popen: subprocess.Popen[bytes] | None = None
        self._lifeline: Lifeline
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        """The process id; None if there is none."""
        return self._popen.pid if self._popen else None

    def ask(self, order: Order, seconds: float) -> Any:
        """Return the answer to `order`, which may take that long. Raise OverBudget."""
        for _ in range(2):
            process = self._ensure()
            line = _exchange(process, {**order, "seconds": seconds}, seconds + STARTING)
            if line.endswith(b"\n"):
                return json.loads(line)
            if self._forget(process) != 0:  # not one that had ended because it was idle
                break
        raise OverBudget

    def close(self) -> None:
        """End the process, whatever it is doing, for good. Any thread may call this."""
        with self._lock:
            self._is_closed = True
            process = self._popen
        if process:
            process.kill()
            self._forget(process)

    def _ensure(self) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._is_closed:
                raise OverBudget
            if self._popen is None:
                self._popen = self._start()
            return self._popen

    def _start(self) -> "subprocess.Popen[bytes]":
        self._lifeline = Lifeline()
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**_environment(), **self._lifeline.variables},
                pass_fds=self._lifeline.inherited,
                creationflags=_CREATE_NO_WINDOW if sys.platform == "win32" else 0,
            )
        except OSError as error:
            self._lifeline.cut()
            raise OverBudget from error
        self._lifeline.keep()
        return process

    def _forget(self, process: "subprocess.Popen[bytes]") -> int:
        """Wait for the end of `process`, which is near, and return its exit status."""
        with self._lock:
            status = process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    assert pipe  # noqa: S101 - both are pipes
                    pipe.close()
            if self._popen is process:
                self._popen = None
                self._lifeline.cut()
        return status


def _exchange(process: "subprocess.Popen[bytes]", order: Order, patience: float) -> bytes:
    """Return the line that answers `order`; an incomplete one if the process ends before, or must be killed."""
    assert process.stdin  # noqa: S101 - both are pipes
    assert process.stdout  # noqa: S101
    deadline = threading.Timer(patience, process.kill)  # it watches its time itself, unless it is stopped
    deadline.start()
    try:
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        return process.stdout.readline()
    except (OSError, ValueError):
        return b""
    finally:
        deadline.cancel()
        deadline.join()


def _environment() -> dict[str, str]:
    """Return what Python needs of our environment and no more: what is drawn is not ours."""
    variables = {name: value for name, value in os.environ.items() if name.upper() in _ENVIRONMENT}
    root = Path(__file__).parents[2]
    if not runtime.is_frozen() and root.name not in {"site-packages", "dist-packages"}:
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), variables.get("PYTHONPATH")]))
    return variables
