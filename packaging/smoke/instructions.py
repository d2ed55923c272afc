"""No instruction in llama.cpp's libraries that a processor may lack, but in the variants that are chosen for having it.

They are disassembled; that the variants do have what their names promise shows that the counting works.
"""

import zipfile
from collections import Counter
from pathlib import Path

from building import libraries, llama
from building.project import Trouble
from targets.wheel import last_wheel

WIDE = ("skylakex", "cannonlake", "cascadelake", "icelake", "cooperlake", "zen4", "sapphirerapids")
NARROW = ("sandybridge", "ivybridge", "piledriver", "haswell", "alderlake")

HAVE = {"AVX": {*NARROW, *WIDE}, "AVX-512": {*WIDE}, "AMX": {"sapphirerapids"}}


def check(folder: Path) -> str:
    """Count in the wheel's libraries."""
    if llama.machine() != "x86_64":
        raise Trouble("these instructions are x86-64's: look there.")
    zipfile.ZipFile(last_wheel()).extractall(folder)
    found = {file: libraries.instructions(file) for file in sorted((folder / llama.LIBRARIES).glob("*.so*"))}
    if wrong := [line for file, counts in found.items() for line in _wrong(file, counts)]:
        raise Trouble("; ".join(wrong))
    total = sum(found.values(), Counter())
    figures = ", ".join(f"{total[family]:,} of {family} in {len(HAVE[family])} variants" for family in HAVE)
    return f"{len(found)} libraries: {figures}, none elsewhere"


def _wrong(file: Path, counts: Counter[str]) -> list[str]:
    """What is there and should not be, or the other way round."""
    variant = file.name.partition("ggml-cpu-")[2].partition(".so")[0]
    return [
        f"{file.name} has {counts[family]} instructions of {family}"
        for family, having in HAVE.items()
        if bool(counts[family]) != (variant in having)
    ]
