"""The child process as its parent sees it: start it, exchange lines, and explain how it ended."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from phichat import runtime
from phichat.engine.process import protocol
from phichat.engine.process.lifeline import Lifeline
from phichat.i18n import current_language, tr

LEAVING = 2.0  # seconds a child may take to exit after its pipe is closed
MOST_WORDS = 20_000  # bytes kept of standard error, from its end

# What Python, llama.cpp, its drivers and temporary files need. The file that is loaded there is not trusted: what this
# list leaves out, such as HF_TOKEN or a proxy with its password, cannot leak from there.
NEEDED = {
    "PATH", "HOME", "USER", "TMPDIR", "TMP", "TEMP", "TZ", "LANG", "LANGUAGE", "VIRTUAL_ENV", "CONDA_PREFIX",
    "LD_LIBRARY_PATH", "LD_PRELOAD", "PHICHAT_LANGUAGE", "PHICHAT_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME",
    "XDG_CONFIG_DIRS", "XDG_DATA_HOME", "XDG_DATA_DIRS", "XDG_RUNTIME_DIR", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR",
    "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA",
    "PROGRAMFILES", "PROGRAMW6432", "DRI_PRIME", "NODEVICE_SELECT",
}  # fmt: skip
FAMILIES = (
    "LC_", "PYTHON", "DYLD_", "MALLOC_", "PROCESSOR_", "GGML_", "LLAMA_", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_",
    "BLIS_", "CUDA_", "NVIDIA_", "GPU_", "HIP_", "ROCR_", "ROCM_", "ROCBLAS_", "HSA_", "AMD_", "RADV_", "VK_", "MESA_",
    "MTL_", "METAL_", "ONEAPI_", "SYCL_", "ZE_", "UR_", "OCL_", "OPENCL_", "__NV_",
)  # fmt: skip

_SECRET = re.compile("TOKEN|SECRET|PASS|KEY|CREDENTIAL|AUTH|COOKIE")
_CREATE_NO_WINDOW = 0x08000000
_CRASHES = {"SIGILL", "SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGTRAP"}
_WINDOWS_ENDINGS = {0xC000001D: "SIGILL", 0xC0000005: "SIGSEGV", 0xC0000409: "SIGABRT", 0xC0000017: "SIGKILL"}


class ChildProcess:
    """A child that ends with this process, and its pipes.

    Its standard error goes to a temporary file, so that writing it never blocks.
    """

    def __init__(self, command: list[str]) -> None:
        self._stderr = cast(IO[bytes], tempfile.TemporaryFile())  # noqa: SIM115 - closed by `end`
        self._lifeline = Lifeline()
        try:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env={**engine_environment(), **self._lifeline.variables},
                pass_fds=self._lifeline.inherited,
                creationflags=_CREATE_NO_WINDOW if sys.platform == "win32" else 0,
            )
        except OSError:
            self._stderr.close()
            self._lifeline.cut()
            raise
        self._lifeline.keep()
        self._orders = cast(IO[bytes], self._popen.stdin)
        self._answers = cast(IO[bytes], self._popen.stdout)
        self._lock = threading.Lock()
        self.last_words = ""
        """The end of its standard error, once it has ended."""

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._popen.poll() is None

    def send(self, order: protocol.Line, *, wait: bool = True) -> None:
        """Send an order, from any thread. If the child is gone, nothing happens here and `receive` returns None.

        Sending blocks while the child reads another order; without `wait`, this one is dropped instead.
        """
        if self._lock.acquire(blocking=wait):
            try:
                with suppress(OSError, ValueError):
                    protocol.write_lines(self._orders, order)
            finally:
                self._lock.release()

    def receive(self) -> protocol.Line | None:
        """Return its next line; None once it is gone."""
        return protocol.read_line(self._answers)

    def wait(self, seconds: float) -> None:
        """Wait until it has exited by itself, at most `seconds`."""
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(seconds)

    def kill(self) -> None:
        """Kill it, from any thread."""
        self._popen.kill()

    def end(self) -> str:
        """Close the pipe, kill it if need be, and return what ended it, such as SIGSEGV; "" for a normal exit."""
        with self._lock, suppress(OSError):
            self._orders.close()
        try:
            self._popen.wait(LEAVING)
        except subprocess.TimeoutExpired:
            self._popen.kill()
        code = self._popen.wait()
        self._lifeline.cut()
        self._answers.close()
        self._stderr.seek(0)
        self.last_words = self._stderr.read()[-MOST_WORDS:].decode("utf-8", "replace")
        self._stderr.close()
        return _name_of(code)


def explain_ending(ending: str) -> str:
    """Return a sentence about what ended the child."""
    sentences = {
        "SIGILL": tr("This computer’s processor doesn’t support an instruction that the engine uses."),
        "SIGKILL": tr("The system stopped the model’s process, most likely because the computer ran out of memory."),
    }
    return sentences.get(ending) or tr("The model’s process stopped unexpectedly ({reason}).").format(
        reason=ending or tr("unknown reason")
    )


def is_crash(ending: str) -> bool:
    """Return whether the child crashed by itself rather than was killed."""
    return ending in _CRASHES


def crash_location(words: str) -> str:
    """Return the traceback of a crash in `words`, the end of standard error; empty without one."""
    found = re.search(r"^(Fatal Python error|Windows fatal exception): .*", words, re.MULTILINE | re.DOTALL)
    return found[0].strip() if found else ""


def _name_of(code: int) -> str:
    if code < 0:
        with suppress(ValueError):
            return signal.Signals(-code).name
    return _WINDOWS_ENDINGS.get(code & 0xFFFFFFFF, "" if code == 0 else f"{code}")


def child_environment() -> dict[str, str]:
    """Return our environment with the language, in a checkout the package's path, and without ggml's backtraces."""
    variables = {**os.environ, "PHICHAT_LANGUAGE": current_language(), "GGML_NO_BACKTRACE": "1"}
    root = Path(__file__).parents[3]
    if not runtime.is_frozen() and root.name not in {"site-packages", "dist-packages"}:
        earlier = variables.get("PYTHONPATH")
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), earlier]))
    return variables


def engine_environment() -> dict[str, str]:
    """Return what a process that runs models gets of `child_environment`: what it needs, and no secrets."""
    return {name: value for name, value in child_environment().items() if _is_needed(name.upper())}


def _is_needed(name: str) -> bool:
    return (name in NEEDED or name.startswith(FAMILIES)) and not _SECRET.search(name)
