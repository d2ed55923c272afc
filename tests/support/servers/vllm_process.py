"""vLLM itself with a small model, where the program that VLLM_SERVER names is installed."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import psutil

from tests.support.servers.vllm_model import LONGEST, write_model

VARIABLE = "VLLM_SERVER"
START = 600.0  # seconds that it may take to start: 40 on two cores that are free
_MEMORY = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}


class VllmProcess:
    """Can be killed, started again at the same port, and held up.

    Attributes:
        address: its host and port.
    """

    def __init__(self, program: str, folder: Path) -> None:
        """`folder` gets the model and the log."""
        self._log, self._model = folder / "vllm.log", write_model(folder / "model")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.address = f"127.0.0.1:{self._port}"
        self._command = [program, "serve", str(self._model), "--served-model-name", "tiny"]
        self._command += ["--host", "127.0.0.1", "--port", str(self._port), "--max-model-len", str(LONGEST)]
        self._command += ["--enforce-eager"]
        self.start()

    def start(self) -> None:
        """Return once it answers."""
        with self._log.open("ab") as words:
            self._process = subprocess.Popen(
                self._command, stdout=words, stderr=words, start_new_session=True, env={**os.environ, **_MEMORY}
            )
        until = time.monotonic() + START
        while time.monotonic() < until and self._process.poll() is None:
            with suppress(OSError):
                self._page("v1/models")
                return
            time.sleep(0.5)
        self.kill()
        raise AssertionError(f"vLLM has not started: {self._log.read_text('utf-8', 'replace')[-3000:]}")

    def kill(self) -> None:
        """End all its processes as a crash would."""
        found = self._processes()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        psutil.wait_procs(found, 60)
        self._process.wait()

    def close(self) -> None:
        """End it, and delete the model."""
        self.kill()
        shutil.rmtree(self._model)

    def hold(self) -> None:
        """Have it do nothing, as a computer that sleeps."""
        for process in self._processes():
            process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        for process in reversed(self._processes()):
            process.send_signal(signal.SIGCONT)

    def running(self) -> int:
        """How many requests it computes, by its own count."""
        return int(self._metric("vllm:num_requests_running"))

    def generated(self) -> int:
        """How many tokens it has computed since it was started."""
        return int(self._metric("vllm:generation_tokens_total"))

    def _processes(self) -> list[psutil.Process]:
        try:
            first = psutil.Process(self._process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _metric(self, name: str) -> float:
        return sum(map(float, re.findall(rf"^{name}\{{.*\}} (\S+)$", self._page("metrics"), re.MULTILINE)))

    def _page(self, name: str) -> str:
        with urllib.request.urlopen(f"http://{self.address}/{name}", timeout=30) as response:
            return str(response.read().decode())
