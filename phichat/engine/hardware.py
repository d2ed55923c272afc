"""Memory and memory bandwidth of this computer, and whether a model fits."""

import ctypes
import math
import mmap
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from phichat.engine.engine_settings import EXACT, SHORT, SHORT_KEYS
from phichat.engine.processors import this_processor
from phichat.engine.settings import threads
from phichat.errors import ModelTooLarge
from phichat.gguf import Head
from phichat.i18n import format_number, format_size, format_sizes, tr

OVERHEAD = 300_000_000  # the process itself, compute buffers; Phi-3-mini's measured at 270 MB by `phichat doctor`

MOST_SCORES = 300_000_000  # bytes; Phi-3-mini's are 67 million for 4,096 tokens, and 2 billion for 131,072
_SCORE = 4  # bytes, of a float
_AT_ONCE = 64  # values of f16
_BLOCK = 32  # values in a block of q8_0, which takes 34 bytes: ggml-common.h
_SHARES = {EXACT: 1.0, SHORT_KEYS: 49 / 64, SHORT: 17 / 32}  # of two bytes a value

_MEMORY = "/proc/meminfo"
_CGROUP = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory_needed(head: Head, context: int, *, repacking: bool = False, cache_type: str = EXACT) -> int:
    """Return the bytes that a model needs with a context of `context` tokens; repacking holds its weights twice."""
    return head.bytes * (2 if repacking else 1) + kv_bytes(head, context, cache_type) + OVERHEAD


def kv_bytes(head: Head, context: int, cache_type: str = EXACT) -> int:
    """Return the size of the KV cache in bytes."""
    return int(head.kv_bytes(context) * _SHARES[cache_type])


def choose_cache_type(head: Head, context: int, wanted: str = EXACT) -> str:
    """Return the type of the KV cache: the `wanted` one, or "q8_0" if there is only memory for that.

    With "q8_0", SmolLM2's most likely token was another one in 4 of 100 places (a mean KL divergence of 0.004), and
    prompt processing ran at less than half the speed. It needs flash attention.
    """
    for limit in (available_memory(), installed_memory()):
        for kind in (wanted, SHORT):
            if memory_needed(head, context, cache_type=kind) <= limit:
                return kind
    return wanted


def may_shorten_keys(head: Head) -> bool:
    """Return whether keys can be stored in q8_0 and values in f16.

    SmolLM2's most likely token was another one in 4.8 of 100 places then (a mean KL divergence of 0.0045, a perplexity
    0.12% higher). Flash attention, which most programs use, changed as much: 4.2 of 100 places, 0.0040 and 0.29%.
    """
    return head.key_length > 0 and head.key_length % _BLOCK == 0 and not head.has_latent_attention


def guess_cache_type(head: Head) -> str:
    """Return the type that is probably fastest here, of those that are as exact as flash attention.

    AVX-512 takes 64 values of f16 at once, and llama.cpp does the rest of a head one by one. Phi-3-mini, whose heads
    have 96, generated 1.2 times as fast after 1,000 tokens with keys in q8_0, on AMD.
    """
    has_rest = "AVX-512" in this_processor().features and head.key_length % _AT_ONCE != 0
    return SHORT_KEYS if has_rest and may_shorten_keys(head) else EXACT


def needs_flash(head: Head, context: int, batch: int, kind: str) -> bool:
    """Return whether flash attention is needed: without it, the matrix of attention scores may be too large."""
    return kind == SHORT or head.heads * batch * context * _SCORE > MOST_SCORES


def installed_memory() -> int:
    """Return the bytes of memory this process may use: all of the computer's, or the limit of a cgroup or rlimit."""
    return min([_computers_memory(), *_limits()])


@cache
def _computers_memory() -> int:
    return _system_memory()[0]


def available_memory() -> int:
    """Return the bytes that are available now without swapping."""
    return min([_system_memory()[1], *_limits()])


def _system_memory() -> tuple[int, int]:
    """Return the bytes of memory that the system has, and those that are available now."""
    try:
        lines = (line.split() for line in Path(_MEMORY).read_text("ascii").splitlines())
        kilobytes = {words[0]: int(words[1]) for words in lines if len(words) > 1}
        return kilobytes["MemTotal:"] << 10, kilobytes["MemAvailable:"] << 10
    except (OSError, ValueError, KeyError):  # not Linux
        import psutil  # noqa: PLC0415 - a tenth of the start of a model's process

        memory = psutil.virtual_memory()
        return int(memory.total), int(memory.available)


def free_memory() -> int:
    """Return the bytes a model could have now: those that are available, and what this process's children hold.

    The model in use runs in one of them, and is unloaded before another is loaded. Mapped files count as available.
    """
    return available_memory() + _held_by_children()


def _held_by_children() -> int:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)  # before every process there is is asked
    except AttributeError:  # Windows, and macOS before Python 3.13
        pass
    except ChildProcessError:
        return 0
    import psutil  # noqa: PLC0415 - as above

    held = 0
    with suppress(psutil.Error, OSError):
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                memory = child.memory_info()
                held += max(0, int(memory.rss - getattr(memory, "shared", memory.rss)))
    return held


def check_memory(head: Head, context: int, kind: str = EXACT) -> str:
    """Return a warning if memory will be tight, else "". Raise ModelTooLarge if the model cannot fit."""
    need, total, free = memory_needed(head, context, cache_type=kind), installed_memory(), available_memory()
    is_too_large = need > total
    need_text, there = format_sizes(need, total if is_too_large else free)
    figures = {
        "name": head.name,
        "need": need_text,
        "context": format_number(context),
        "kv": format_size(kv_bytes(head, context, kind)),
        "total": there,
        "free": there,
    }
    if is_too_large:
        raise ModelTooLarge(
            tr(
                "{name} is too large for this computer. It needs {need} of memory (including {kv} for a "
                "context of {context} tokens), but this computer only has {total}. Choose a smaller model "
                "or a smaller context."
            ).format(**figures)
        )
    if need > free:
        return tr(
            "Memory is low: {name} needs {need}, but only {free} is free. If answers are slow, close other apps."
        ).format(**figures)
    if kind == SHORT:
        return tr(
            "Memory is low, so the context of {name} is compressed. Answers may be slightly less accurate."
        ).format(**figures)
    return ""


def _limits() -> list[int]:
    limits = []
    for place in _CGROUP:
        try:
            limits.append(int(Path(place).read_text("ascii")))
        except (OSError, ValueError):  # no such limit, or "max"
            continue
    try:
        import resource  # noqa: PLC0415 - not on Windows

        limits.append(resource.getrlimit(resource.RLIMIT_AS)[0])
    except ImportError:
        pass
    return [limit for limit in limits if limit > 0]


USED = 0.75
"""Share of the memory bandwidth that generation uses, which reads the whole file for each token.

Phi-3-mini q4 (2.39 GB) generated 4.9 to 6.9 tokens a second on two cores that read 18 GB a second, and 7.8 to 10.4
where they read 24 to 27. To measure again: `phichat bench --parts speed`, against `phichat models list --json`.
"""

EACH_TOKEN = 0.006
"""Seconds of overhead a token: SmolLM2 (98 MB) generated 66 tokens a second on the first computer, 95 on the other."""

CLOSE = 4  # times larger or smaller: up to that, a measured speed says more than the bandwidth

SECONDS = 0.2
LARGEST, SMALLEST = 128_000_000, 32_000_000  # bytes read repeatedly; less would fit into the processor's caches
SHARE = 20  # at most one part in so many of the available memory
STEP = 1 << 20  # bytes a call copies; with smaller ones, the calls would be measured


def measure_bandwidth() -> float | None:
    """Return the memory bandwidth of all threads together in bytes per second; None if it cannot be measured."""
    count = threads()
    room = min(LARGEST, _system_memory()[1] // SHARE)
    if room < max(SMALLEST, 2 * STEP * count):
        return None
    return _read(count, room // count)


def tokens_per_second(file_bytes: int, bandwidth: float) -> float:
    """Return about how many tokens a second a model of that size generates."""
    return 1 / (EACH_TOKEN + file_bytes / (USED * bandwidth))


def bandwidth_of(file_bytes: int, speed: float) -> float | None:
    """Return the bandwidth with which `tokens_per_second` gives that `speed`; None if it cannot be so fast."""
    seconds = 1 / speed - EACH_TOKEN
    return file_bytes / (USED * seconds) if seconds > 0 else None


class SpeedEstimator:
    """Estimates speed from that of the model closest in size that was measured, else from the memory's bandwidth.

    `rates` returns what was measured: bytes of a file, and tokens a second. `best` gets a bandwidth that was measured,
    and returns the best one that any process knows: other programs can only lower it. It is measured at the first
    call, and again when that is asked for. Thread-safe.
    """

    def __init__(
        self,
        measure: Callable[[], float | None] = measure_bandwidth,
        rates: Callable[[], Sequence[tuple[int, float]]] = tuple,
        best: Callable[[float | None], float | None] = lambda found: found,
    ) -> None:
        self._measure, self._rates, self._best = measure, rates, best
        self._lock = threading.Lock()
        self._bandwidth: float | None = None
        self._is_measured = False

    def measure(self) -> None:
        """Measure the bandwidth again, which takes all cores for a moment; the best one counts."""
        with self._lock:
            self._measure_now()

    def speed(self, file_bytes: int) -> float | None:
        """Return about how many tokens a second a model of that size generates here; None if unknown."""
        if not self._is_measured:  # later nobody waits for a measurement
            with self._lock:
                if not self._is_measured:
                    self._measure_now()
        found = self._known(file_bytes) or self._bandwidth
        return tokens_per_second(file_bytes, found) if found else None

    def _measure_now(self) -> None:
        found = self._best(self._measure())
        self._bandwidth = max(filter(None, (self._bandwidth, found)), default=None)
        self._is_measured = True

    def _known(self, file_bytes: int) -> float | None:
        """Return the bandwidth by the measured model closest in size, if it is close enough."""
        near = [rate for rate in self._rates() if 1 / CLOSE <= rate[0] / max(file_bytes, 1) <= CLOSE]
        if not near:
            return None
        return bandwidth_of(*min(near, key=lambda rate: abs(math.log(rate[0] / file_bytes))))


def _read(count: int, length: int) -> float | None:
    """Return the bytes a second that `count` threads read together, each from a buffer of its own."""
    rates: list[float] = []
    barrier = threading.Barrier(count)
    workers = [threading.Thread(target=_reader, args=(length, barrier, rates), daemon=True) for _ in range(count)]
    try:
        for worker in workers:
            worker.start()
    except RuntimeError:  # no more threads
        barrier.abort()
    for worker in workers:
        if worker.ident:
            worker.join()
    return sum(rates) if len(rates) == count else None


def _reader(length: int, barrier: threading.Barrier, rates: list[float]) -> None:
    """Copy a large buffer, part by part, into one that stays in the cache. Calls of ctypes release the GIL."""
    try:
        far, near = (ctypes.c_char.from_buffer(mmap.mmap(-1, size)) for size in (length, STEP))
        ctypes.memset(ctypes.byref(far), 1, length)  # pages never written to all map to one page of zeros
        barrier.wait(timeout=5)
    except (OSError, ValueError, threading.BrokenBarrierError):  # no room for a buffer, here or in another thread
        barrier.abort()
        return
    place, done, begin = 0, 0, time.perf_counter()
    while (passed := time.perf_counter() - begin) < SECONDS:
        ctypes.memmove(ctypes.byref(near), ctypes.byref(far, place), STEP)
        place, done = (place + STEP) % (length - STEP), done + STEP
    rates.append(done / passed)
