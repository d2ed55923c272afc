"""Which computer a benchmark ran on."""

import os
import platform
from typing import Any

import psutil

from phichat.engine import hardware, settings


def describe() -> dict[str, Any]:
    """What one needs to know to compare two benchmarks; `load` is how busy it was, as processes waiting to run."""
    return {
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "library": settings.build(),
        "processor": settings.processor(),
        "cores": settings.threads(),
        "threads": os.cpu_count() or 1,
        "memory_bytes": hardware.installed(),
        "load": round(psutil.getloadavg()[0], 2),
    }
