"""llama.cpp's own server in another process, and the variable that names any other server to be tested."""

import subprocess
import sys
from pathlib import Path

VARIABLE = "PHICHAT_TEST_SERVER"


class LlamaProcess:
    """Can be killed, and started again at the same port."""

    def __init__(self, model: Path) -> None:
        self._model = str(model)
        self.address = self._start("0")

    def restart(self) -> None:
        self.kill()
        self._start(self.address.rpartition(":")[2])

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _start(self, port: str) -> str:
        command = [sys.executable, "-m", "tests.support.servers.llama_server", self._model, port]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout
        return self._process.stdout.readline().strip()
