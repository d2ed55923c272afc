"""Which of llama.cpp's variants runs, and how many of a model's layers fit on the graphics processor.

A build may bring a variant for each generation of processors, and which one is ours to choose: left alone, it would
look for them in the program's folder and in the current one.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import llama_cpp.llama_cpp as lib

from phichat import gguf
from phichat.engine.base import VariantChosen
from phichat.errors import EngineError
from phichat.i18n import tr

STEPS = ("zen4", "haswell", "sse42", "x64", "armv8.2_2", "armv8.0_1")
"""Where to go from one that dies, the fastest first: each lacks a whole family of instructions that others have, which
are AMX, AVX-512, AVX and SSE4.2, or SVE and the dot products of arm64. All between them would die of the same."""

_FILES = "*ggml-cpu*.dll" if sys.platform == "win32" else "*ggml-cpu*.so"
_UNTOLD = 1  # what one is worth that does not say: the only one of its build

_loaded: VariantChosen | None = None


def choose_variant(wanted: str = "") -> VariantChosen:
    """The best variant for this processor, or the one that is `wanted`; without a name where the build has but one.

    Once one is loaded it is that. Raises EngineError.
    """
    if _loaded is not None:
        return _loaded
    return VariantChosen() if _count() else best_variant(dict(_worths(library_folder())), wanted)


def load_variant(chosen: VariantChosen) -> None:
    """Have llama.cpp use it, before it is asked for anything else; a process keeps the first. Raises EngineError."""
    global _loaded
    if not _count():
        _ggml().ggml_backend_load(os.fsencode(_files(library_folder())[chosen.variant]))
    if not _count():
        raise _none_runs()
    _loaded = _loaded or chosen


def best_variant(worths: dict[str, int], wanted: str = "") -> VariantChosen:
    """The choice among variants by what they are worth here; 0 is one that does not run. Raises EngineError."""
    usable = {name: worth for name, worth in worths.items() if worth > 0}
    if not usable:
        raise _none_runs()
    name = wanted if wanted in usable else max(usable, key=lambda each: usable[each])
    below = (step for step in STEPS if 0 < usable.get(step, 0) < usable[name])
    return VariantChosen(name, next(below, ""))


def library_folder() -> Path:
    """Where the library is, and the variants beside it."""
    return Path(lib._lib._name).absolute().parent


def _files(place: Path) -> dict[str, Path]:
    """The variants by their names: `libggml-cpu-haswell.so` is "haswell"."""
    return {file.stem.partition("ggml-cpu")[2].lstrip("-"): file for file in sorted(place.glob(_FILES))}


def _worths(place: Path) -> Iterator[tuple[str, int]]:
    for name, file in _files(place).items():
        with suppress(OSError):  # it lacks something here
            yield name, _worth(file)


def _worth(file: Path) -> int:
    """What a variant says of itself; those stay loaded, as Windows then looks nowhere else for what they need."""
    score = getattr(_library(file), "ggml_backend_score", None)
    return int(score()) if score else _UNTOLD


@cache
def _library(file: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(file))


def _ggml() -> ctypes.CDLL:
    """What loads variants. Windows finds a function only in the library that has it, others in those it needs, too."""
    if sys.platform == "win32":
        return _library(library_folder() / "ggml.dll")
    found: ctypes.CDLL = lib._lib
    return found


def _count() -> int:
    """How many parts of it compute already: none in such a build, until one is loaded."""
    try:
        return int(_ggml().ggml_backend_reg_count())
    except (AttributeError, OSError):  # built such that this cannot be asked, and so in one piece
        return 1


def _none_runs() -> EngineError:
    return EngineError(
        tr("Nothing in {folder} runs a model on this computer's processor. Install Phichat again.").format(
            folder=library_folder()
        )
    )


RESERVE = 800_000_000  # bytes of its memory for what is computed, and for the screen

_GRAPHICS = {1, 2}  # GGML_BACKEND_DEVICE_TYPE_GPU and _IGPU in ggml-backend.h
_ALL = -1


def gpu_layers(head: gguf.Head, context: int, free: Callable[[], int | None] | None = None) -> int:
    """How many layers to put there: all of them as -1, none where this build of llama.cpp uses no such processor.

    `free` is how many bytes are free there; None where that cannot be told, and llama.cpp is to try.
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
    """Free bytes of all graphics processors together."""
    try:
        return sum(_free_on(device) for device in _devices())
    except (AttributeError, OSError):  # built such that these functions are not to be reached from here
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
