"""Which computer a benchmark ran on."""

import os
import platform
from pathlib import Path
from typing import Any

import psutil

from phichat.engine import memory, tuning


def describe() -> dict[str, Any]:
    """What one needs to know to compare two benchmarks; `load` is how busy it was, as processes waiting to run."""
    return {
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "library": tuning.build(),
        "processor": _processor(),
        "cores": tuning.threads(),
        "threads": os.cpu_count() or 1,
        "memory_bytes": memory.installed(),
        "load": round(psutil.getloadavg()[0], 2),
    }


def _processor() -> str:
    """The processor's name: Linux tells it in a file alone."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
