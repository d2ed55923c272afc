"""Choose one of llama.cpp's CPU variants, and how many layers to offload to the graphics processor.

A build may have a variant for each generation of processors. Left to choose by itself, llama.cpp would look for them in
the program's folder and in the current one.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from phichat import gguf
from phichat.engine.base import VariantChosen
from phichat.engine.llama.bindings import lib
from phichat.errors import EngineError
from phichat.i18n import tr

STEPS = ("zen4", "haswell", "sse42", "x64", "armv8.2_2", "armv8.0_1")
"""Variants to try after one that crashed, the fastest first. Each lacks a family of instructions that others have: AMX,
AVX-512, AVX and SSE4.2, or SVE and the dot products of arm64. Variants between them would crash in the same way."""

_FILES = "*ggml-cpu*.dll" if sys.platform == "win32" else "*ggml-cpu*.so"
_UNTOLD = 1  # score of a variant without one, the only one of its build

_loaded: VariantChosen | None = None


def choose_variant(wanted: str = "") -> VariantChosen:
    """Return the variant `wanted`, or else the best for this processor; an empty one if the build has only one.

    Once a variant is loaded, return that. Raise EngineError.
    """
    if _loaded is not None:
        return _loaded
    return VariantChosen() if _count() else best_variant(dict(_worths(library_folder())), wanted)


def load_variant(chosen: VariantChosen) -> None:
    """Load a variant into llama.cpp, before any other call; a process keeps the first. Raise EngineError."""
    global _loaded
    if not _count():
        _ggml().ggml_backend_load(os.fsencode(_files(library_folder())[chosen.variant]))
    if not _count():
        raise _none_runs()
    _loaded = _loaded or chosen


def best_variant(worths: dict[str, int], wanted: str = "") -> VariantChosen:
    """Choose among variants by their scores; one with 0 does not run here. Raise EngineError."""
    usable = {name: worth for name, worth in worths.items() if worth > 0}
    if not usable:
        raise _none_runs()
    name = wanted if wanted in usable else max(usable, key=lambda each: usable[each])
    below = (step for step in STEPS if 0 < usable.get(step, 0) < usable[name])
    return VariantChosen(name, next(below, ""))


def library_folder() -> Path:
    """Return the folder of the library and its variants."""
    return Path(lib._lib._name).absolute().parent


def _files(place: Path) -> dict[str, Path]:
    """Return the variants' files by name: `libggml-cpu-haswell.so` is "haswell"."""
    return {file.stem.partition("ggml-cpu")[2].lstrip("-"): file for file in sorted(place.glob(_FILES))}


def _worths(place: Path) -> Iterator[tuple[str, int]]:
    for name, file in _files(place).items():
        with suppress(OSError):  # it does not load here
            yield name, _worth(file)


def _worth(file: Path) -> int:
    """Return a variant's score. It stays loaded: Windows then looks nowhere else for the libraries it needs."""
    score = getattr(_library(file), "ggml_backend_score", None)
    return int(score()) if score else _UNTOLD


@cache
def _library(file: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(file))


def _ggml() -> ctypes.CDLL:
    """Return the library that loads variants; Windows finds a function only in the very library that exports it."""
    if sys.platform == "win32":
        return _library(library_folder() / "ggml.dll")
    found: ctypes.CDLL = lib._lib
    return found


def _count() -> int:
    """Return how many backends are registered: none in a build with variants until one is loaded."""
    try:
        return int(_ggml().ggml_backend_reg_count())
    except (AttributeError, OSError):  # a build in one piece, which does not export the function
        return 1


def _none_runs() -> EngineError:
    return EngineError(
        tr("None of the engines in {folder} support this computer’s processor. Reinstall Phichat.").format(
            folder=library_folder()
        )
    )


RESERVE = 800_000_000  # bytes of graphics memory for compute buffers and the screen

_GRAPHICS = {1, 2}  # GGML_BACKEND_DEVICE_TYPE_GPU and _IGPU in ggml-backend.h
_ALL = -1


def gpu_layers(head: gguf.Head, context: int, free: Callable[[], int | None] | None = None) -> int:
    """Return how many layers to offload: -1 for all, 0 if this build of llama.cpp supports no offload.

    `free` returns the free bytes of graphics memory; None if unknown, and all layers are to be tried.
    """
    if free is None:
        if not lib.llama_supports_gpu_offload():
            return 0
        free = _free
    count, room = head.layers, free()
    if room is None or not count:
        return _ALL
    each = head.bytes / (count + 1) + head.kv_bytes(context) / count
    fitting = int(max(room - RESERVE, 0) // each)
    return _ALL if fitting > count else fitting


def _free() -> int | None:
    """Return the free bytes of all graphics processors together; None if unknown."""
    try:
        return sum(_free_on(device) for device in _devices())
    except (AttributeError, OSError):  # a build that does not export these functions
        return None


def _devices() -> list[int]:
    count, get, kind = (_function(name) for name in ("count", "get", "type"))
    get.restype, get.argtypes, kind.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
    found = [get(index) for index in range(count())]
    return [device for device in found if kind(device) in _GRAPHICS]


def _free_on(device: int) -> int:
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    _function("memory")(ctypes.c_void_p(device), ctypes.byref(free), ctypes.byref(total))
    return free.value


def _function(name: str) -> "ctypes._NamedFuncPointer":
    function: ctypes._NamedFuncPointer = getattr(lib._lib, f"ggml_backend_dev_{name}")
    return function
