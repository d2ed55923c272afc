"""How many of a model's layers fit on the graphics processor, as llama.cpp's own devices say."""

import ctypes
from collections.abc import Callable

import llama_cpp.llama_cpp as lib

from phichat import gguf

RESERVE = 800_000_000  # bytes of its memory for what is computed, and for the screen

_GRAPHICS = {1, 2}  # GGML_BACKEND_DEVICE_TYPE_GPU and _IGPU in ggml-backend.h
_ALL = -1


def layers(head: gguf.Head, context: int, free: Callable[[], int | None] | None = None) -> int:
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
