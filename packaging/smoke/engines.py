"""Real clients of `phichat serve`, and real servers for the window, each in its newest version.

The packages `openai`, `llm`, `xllamacpp`, which is llama.cpp's own server, and `ollama`, which reads what our stand-in
for Ollama answers, are installed in a fresh environment; everything else is this interpreter's. VLLM_SERVER is a
command that starts vLLM, such as `vllm serve MODEL --port {port}`; PHICHAT_TEST_SERVER is the address of any server
that is running, such as Ollama's.
"""

import os
import shlex
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from building.project import ROOT, Trouble, output

PACKAGES = ("openai", "llm", "xllamacpp", "ollama")
TESTS = (
    "tests/server/test_clients.py", "tests/engine/remote/test_real_servers.py",
    "tests/engine/remote/test_ollama_client.py", "tests/ui/window/test_programs_of_servers.py",
)  # fmt: skip
OLLAMA = "Ollama itself, as no package has it"
START = 600.0  # seconds for vLLM to start: two minutes with a tiny model, and longer with others
VARIABLE = "PHICHAT_TEST_SERVER"


def check(folder: Path) -> str:
    """Install them, run the tests, and tell what was skipped and why."""
    python = _environment(folder / "environment")
    versions = output(python, "-c", f"import importlib.metadata as m; print(*map(m.version, {PACKAGES!r}))").split()
    with _vllm(folder) as address:
        server = address or os.environ.get(VARIABLE, "")
        passed, skipped = _tested(python, folder / "report.xml", {VARIABLE: server} if server else {})
    tried = ", ".join(f"{name} {found}" for name, found in zip(PACKAGES, versions, strict=True))
    tried += f", {'vLLM' if address else server}" if server else ""
    skipped += [] if address else ["vLLM, as VLLM_SERVER has no command"]
    return f"{passed} tests with {tried}; skipped: {'; '.join([*skipped, OLLAMA])}"


def _environment(folder: Path) -> Path:
    """Make it, and return its interpreter. What it has itself goes before what this one has."""
    output(sys.executable, "-m", "venv", str(folder))
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    output(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES)
    site = output(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    (Path(site) / "phichat.pth").write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")
    return python


@contextmanager
def _vllm(folder: Path) -> Iterator[str]:
    """Run vLLM, and give its address; nothing if no command is known."""
    if not (command := os.environ.get("VLLM_SERVER")):
        yield ""
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = folder / "vllm.log"
    with log.open("wb") as words:
        arguments = shlex.split(command.replace("{port}", str(port)))
        server = subprocess.Popen(arguments, stdout=words, stderr=words, start_new_session=True)
        try:
            _await(server, f"http://127.0.0.1:{port}/v1/models", log)
            yield f"127.0.0.1:{port}"
        finally:
            if hasattr(os, "killpg"):  # vLLM is several processes
                os.killpg(server.pid, signal.SIGTERM)
            server.terminate()
            server.wait()


def _await(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - on this computer
        except OSError:
            time.sleep(1)
        else:
            return
    raise Trouble(f"vLLM has not started; {log} says why.")


def _tested(python: Path, report: Path, variables: dict[str, str]) -> tuple[int, list[str]]:
    """Run the tests; how many passed, and what was skipped. Raise Trouble if any failed."""
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *TESTS]
    environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ, **variables}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Trouble(done.stdout[-3000:] + done.stderr[-1000:])
    cases = list(ET.parse(report).iter("testcase"))  # noqa: S314 - pytest has written it
    reasons = [(case.get("name"), each.get("message")) for case in cases if (each := case.find("skipped")) is not None]
    return len(cases) - len(reasons), [f"{name}, as {reason}" for name, reason in reasons]
