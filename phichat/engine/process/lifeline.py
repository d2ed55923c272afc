"""What ends a child process with its parent at once, even while native code holds Python's lock.

A thread that waits for the end of a pipe cannot run then. On Linux the kernel kills the child when the other end of a
pipe is closed; on Windows the system calls TerminateProcess when the parent ends. Elsewhere the thread has to do.
"""

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress

VARIABLE = "PHICHAT_LIFELINE"  # the pipe's descriptor in the child
_TO_ALL = ("SIGINT", "SIGTERM", "SIGHUP")


class Lifeline:
    """The parent's end: the child dies when it is closed, or its process ends.

    Attributes:
        inherited: descriptors that the child inherits.
        variables: environment variables that the child needs.
    """

    def __init__(self) -> None:
        self._ends = list(os.pipe()) if sys.platform == "linux" else []
        self.inherited = tuple(self._ends[:1])
        self.variables: Mapping[str, str] = {VARIABLE: str(self._ends[0])} if self._ends else {}

    def keep(self) -> None:
        """Close the child's end here, once the child has it."""
        for end in self.inherited:
            os.close(end)
            self._ends.remove(end)

    def cut(self) -> None:
        """Close all ends."""
        while self._ends:
            os.close(self._ends.pop())


def hold_lifeline() -> None:
    """Have this process end with its parent, which started it with a Lifeline, and not before.

    Ctrl+C, the end of a terminal, and logging out reach all processes of the app: the parent handles them.
    """
    for name in _TO_ALL:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    if sys.platform == "linux":
        _die_at_end_of_pipe(os.environ.pop(VARIABLE, ""))
    elif sys.platform == "win32":
        _die_with_parent()


if sys.platform == "linux":

    def _die_at_end_of_pipe(descriptor: str) -> None:
        import fcntl  # noqa: PLC0415 - not on Windows
        import select  # noqa: PLC0415

        if not descriptor.isdecimal():
            return
        end = int(descriptor)
        with suppress(OSError):
            os.set_inheritable(end, False)
            fcntl.fcntl(end, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(end, fcntl.F_SETSIG, signal.SIGKILL)
            fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) | os.O_ASYNC)
            if select.select([end], [], [], 0)[0]:  # it ended before this was set up
                os._exit(0)

elif sys.platform == "win32":

    def _die_with_parent() -> None:
        import ctypes  # noqa: PLC0415 - only here

        synchronize, once = 0x00100000, 0x00000008  # SYNCHRONIZE, WT_EXECUTEONLYONCE
        system = ctypes.windll.kernel32
        system.OpenProcess.restype = ctypes.c_void_p
        if parent := system.OpenProcess(synchronize, False, os.getppid()):
            # The callback gets this process's pseudo handle, and False, which becomes the exit code.
            call = ctypes.cast(system.TerminateProcess, ctypes.c_void_p)
            this, waiter = ctypes.c_void_p(-1), ctypes.c_void_p()
            for_ever = ctypes.c_ulong(0xFFFFFFFF)
            system.RegisterWaitForSingleObject(
                ctypes.byref(waiter), ctypes.c_void_p(parent), call, this, for_ever, ctypes.c_ulong(once)
            )
