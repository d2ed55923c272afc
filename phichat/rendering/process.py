"""The render process as the app sees it: started with the first order, and started anew after one that it died of."""

import json
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from phichat import runtime
from phichat.sandbox import Sandbox

Order = dict[str, Any]

STARTING = 10.0  # seconds it may take to start, on top of an order's own


class OverBudget(Exception):
    """An order took too much time or memory, or crashed the process."""


class RenderProcess:
    """Carries out orders one after the other. It ends when it is idle for a while, and when the app does."""

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
        (answer,) = self.ask_all([order], seconds)
        return answer

    def ask_all(self, orders: Sequence[Order], seconds: float) -> Iterator[Any]:
        """Yield the answers to `orders`, each of which may take that long. Raise OverBudget for the first without one.

        All are sent at once: the process goes on with the next while nobody has read what it made of the one before.
        """
        count = 0
        for _ in range(2):
            sandbox = self._ensure()
            for line in _exchange(sandbox.popen, [{**order, "seconds": seconds} for order in orders[count:]]):
                yield json.loads(line)
                count += 1
            if count == len(orders):
                return
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


def _exchange(process: "subprocess.Popen[bytes]", orders: Sequence[Order]) -> Iterator[bytes]:
    """Yield the line that answers each of `orders`; no more once the process ends, or must be killed."""
    assert process.stdin  # noqa: S101 - both are pipes
    assert process.stdout  # noqa: S101
    patience = sum(order["seconds"] for order in orders) + STARTING
    deadline = threading.Timer(patience, process.kill)  # it watches its time itself, unless it is stopped
    deadline.start()
    try:
        with suppress(OSError):  # it may have ended at one of them: what it made of those before can still be read
            process.stdin.write(b"".join(json.dumps(order).encode() + b"\n" for order in orders))
            process.stdin.flush()
        for _ in orders:
            line = process.stdout.readline()
            if not line.endswith(b"\n"):
                return
            yield line
    except (OSError, ValueError):  # it was closed
        return
    finally:
        deadline.cancel()
        deadline.join()
