"""The bundle starts nearly as fast as Phichat installed with pip: from an empty disk cache, and from a full one.

Both open the window without a display and quit once it takes input, taking turns. Emptying the cache needs root, Linux.
"""

import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from building import freezer
from building.bundles import PROGRAM, bundle_folder
from building.project import Trouble

COLD, WARM = 1.6, 1.2  # times as long, at most
ROUNDS = {"cold": 9, "warm": 21}
CACHES = Path("/proc/sys/vm/drop_caches")


def check(folder: Path) -> str:
    """Compare the medians of pairs."""
    python = freezer.ENVIRONMENT / "bin" / "python"
    if not python.exists():
        raise Trouble("what the bundle was made of is gone: run `python packaging/build.py bundle` again.")
    programs = [str(bundle_folder() / PROGRAM)], [str(python), "-m", "phichat"]
    warm, cold = _compared(folder, programs, "warm"), _compared(folder, programs, "cold")
    told = f"cold {cold[1]}, warm {warm[1]}; load {os.getloadavg()[0]:.1f}"
    if cold[0] > COLD or warm[0] > WARM:
        raise Trouble(told)
    return told


def _compared(folder: Path, programs: tuple[list[str], list[str]], kind: str) -> tuple[float, str]:
    """How many times as long the first of `programs` takes, and words on it."""
    pairs = [_pair(folder / f"{kind}-{turn}", programs, turn, is_cold=kind == "cold") for turn in range(ROUNDS[kind])]
    times = statistics.median(first / second for first, second in pairs)
    first, second = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
    return times, f"{times:.2f} times ({first:.2f} s, pip's {second:.2f} s)"


def _pair(folder: Path, programs: tuple[list[str], list[str]], turn: int, *, is_cold: bool) -> list[float]:
    found = [0.0, 0.0]
    for index in (0, 1) if turn % 2 else (1, 0):
        if is_cold:
            _empty_caches()
        found[index] = _seconds(programs[index], folder / str(index))
    return found


def _seconds(program: Sequence[str], home: Path) -> float:
    variables = {"QT_QPA_PLATFORM": "offscreen", "HF_HUB_OFFLINE": "1", "PHICHAT_HOME": str(home)}
    begun = time.perf_counter()
    done = subprocess.run(
        [*program, "--quit-when-ready"], env={**os.environ, **variables}, cwd="/", capture_output=True, check=False
    )
    if done.returncode:
        raise Trouble(f"{program[0]} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-300:]}")
    return time.perf_counter() - begun


def _empty_caches() -> None:
    try:
        os.sync()
        CACHES.write_text("3")
    except OSError as error:
        raise Trouble(f"the disk's cache cannot be emptied ({error.strerror}); be root on Linux.") from error
