"""Which computer a benchmark ran on."""

import os
import platform
from typing import Any

import psutil

from phichat.engine import memory, tuning


def describe() -> dict[str, Any]:
    """What one needs to know to compare two benchmarks; `load` is how busy it was, as processes waiting to run."""
    return {
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "library": tuning.build(),
        "processor": tuning.processor(),
        "cores": tuning.threads(),
        "threads": os.cpu_count() or 1,
        "memory_bytes": memory.installed(),
        "load": round(psutil.getloadavg()[0], 2),
    }
