"""The kind of this computer's processor, and the best guess for a model that was not measured on it yet."""

import ctypes
import platform
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BUSY = 0.3  # cores used by other programs from which on they count as busy

AMD, INTEL = "AMD", "Intel"
_VENDORS = {"AuthenticAMD": AMD, "GenuineIntel": INTEL}
_FEATURES = {
    "avx2": "AVX2", "avx512f": "AVX-512", "amx_tile": "AMX", "amx_int8": "AMX",
    "asimddp": "dot products", "asimd": "NEON",
}  # fmt: skip
"""What Linux and macOS call them, and people."""

_ARM = {"arm64", "aarch64"}
_WINDOWS_FEATURES = {40: "AVX2", 41: "AVX-512"}  # PF_…_INSTRUCTIONS_AVAILABLE in winnt.h, which has none for AMX
_SYSCTL = ["/usr/sbin/sysctl", "-n", "machdep.cpu.vendor", "machdep.cpu.leaf7_features"]


@dataclass(frozen=True)
class Processor:
    """A kind of processor: its architecture, vendor if known, and the features that matter to llama.cpp."""

    machine: str
    vendor: str = ""
    features: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Guess:
    """Settings to begin with: whether to repack weights, and to use flash attention."""

    repacking: bool
    flash_attention: bool = False


def first_guess(kind: Processor) -> Guess:
    """Return what is probably fastest for a typical turn on this kind of processor.

    `phichat tune` measures it. With Phi-3-mini's shape after 1,000 tokens:

    - AMD with AVX-512, two cores: repacked weights generate 1.1 times, and read 0.8 times as fast as plain ones.
    - arm64 with dot products: llama.cpp's fast kernels need repacked weights.
    - Intel: plain weights generated 1.35 times and read 1.5 times as fast, in a third less memory.
    - Others, AMX among them, were not measured: plain weights take less memory.

    With flash attention, it generated 0.6 times as fast on AMD and 0.7 times on Intel, as AVX-512 doesn't suit heads of
    96 values (see hardware.guess_cache_type). SmolLM2, whose heads have 64, generated 1.1 times as fast.
    """
    if kind.machine in _ARM:
        return Guess(repacking="dot products" in kind.features)
    return Guess(repacking=kind.vendor == AMD and "AVX-512" in kind.features)


@cache
def this_processor() -> Processor:
    """Return the kind of this computer's processor."""
    machine = platform.machine().lower()
    if sys.platform == "win32":
        return _on_windows(machine)
    if sys.platform == "darwin":
        return _on_macos(machine)
    return described(machine, cpu_info())


def described(machine: str, info: str) -> Processor:
    """Return the processor that a file like /proc/cpuinfo describes."""
    pairs = [line.partition(":") for line in info.splitlines()]
    named = {name.strip().lower(): value.split() for name, _, value in reversed(pairs)}  # the first core's
    vendor = next(iter(named.get("vendor_id", [])), "")
    return Processor(machine, _VENDORS.get(vendor, ""), _named(named.get("flags", []) + named.get("features", [])))


def cpu_info() -> str:
    """Return what Linux says about the processor; empty elsewhere."""
    try:
        return Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return ""


def _named(words: list[str]) -> frozenset[str]:
    return frozenset(_FEATURES[word.lower()] for word in words if word.lower() in _FEATURES)


def _on_windows(machine: str) -> Processor:
    has: object = getattr(getattr(ctypes, "windll", None), "kernel32", None)
    test = getattr(has, "IsProcessorFeaturePresent", lambda _: False)
    features = frozenset(name for number, name in _WINDOWS_FEATURES.items() if test(number))
    if machine in _ARM:  # every arm64 processor that runs Windows 11 has them
        return Processor(machine, "", frozenset({"NEON", "dot products"}))
    vendor = next((name for sign, name in _VENDORS.items() if sign in platform.processor()), "")
    return Processor(machine, vendor, features)


def _on_macos(machine: str) -> Processor:
    if machine in _ARM:
        return Processor(machine, "Apple", frozenset({"NEON", "dot products"}))
    try:
        said = subprocess.run(_SYSCTL, capture_output=True, encoding="utf-8", timeout=5, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        said = ""
    return Processor(machine, INTEL if "GenuineIntel" in said else "", _named(said.split()))
