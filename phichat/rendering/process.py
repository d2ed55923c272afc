"""The render process as the app sees it: started with the first order, and started anew after one that it died of."""

import json
import subprocess
import threading
from collections.abc import Sequence
from typing import Any

from phichat import runtime
from phichat.sandbox import Sandbox

Order = dict[str, Any]

STARTING = 10.0  # seconds it may take to start, on top of an order's own


class OverBudget(Exception):
    """An order took too much time or memory, or crashed the process."""


class RenderProcess:
    """Carries out one order at a time. It ends when it is idle for a while, and when the app does."""

    def __init__(self, command: Sequence[str] = ()) -> None:
        self._command = list(command) or runtime.process_command("phichat.rendering.worker")
        self._lock = threading.Lock()
        self._sandbox: Sandbox | None = None
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        """The process id; None if there is none."""
        return self._sandbox.popen.pid if self._sandbox else None

    def ask(self, order: Order, seconds: float) -> Any:
        """Return the answer to `order`, which may take that long. Raise OverBudget."""
        for _ in range(2):
            sandbox = self._ensure()
            line = _exchange(sandbox.popen, {**order, "seconds": seconds}, seconds + STARTING)
            if line.endswith(b"\n"):
                return json.loads(line)
            if self._forget(sandbox) != 0:  # not one that had ended because it was idle
                break
        raise OverBudget

    def close(self) -> None:
        """End the process, whatever it is doing, for good. Any thread may call this."""
        with self._lock:
            self._is_closed = True
            sandbox = self._sandbox
        if sandbox:
            sandbox.popen.kill()
            self._forget(sandbox)

    def _ensure(self) -> Sandbox:
        with self._lock:
            if self._is_closed:
                raise OverBudget
            try:
                self._sandbox = self._sandbox or Sandbox(self._command)
            except OSError as error:
                raise OverBudget from error
            return self._sandbox

    def _forget(self, sandbox: Sandbox) -> int:
        """Wait for the end of the process, which is near, and return its exit status."""
        with self._lock:
            status = sandbox.wait()
            if self._sandbox is sandbox:
                self._sandbox = None
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
