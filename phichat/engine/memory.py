"""Whether a model fits into this computer's memory, said before it is loaded."""

from pathlib import Path

import psutil

from phichat.errors import ModelTooLarge
from phichat.gguf import Head
from phichat.i18n import format_number, format_size, tr

OVERHEAD = 300_000_000  # the process itself, compute buffers; Phi-3-mini's measured at 270 MB by `phichat doctor`

EXACT, SHORT = "f16", "q8_0"
MOST_SCORES = 300_000_000  # bytes; Phi-3-mini's are 67 million for 4,096 tokens, and 2 billion for 131,072
_SCORE = 4  # bytes, of a float
_SHARES = {EXACT: 1.0, SHORT: 17 / 32}  # of two bytes a value; ggml-common.h has q8_0's blocks

_CGROUP = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def needed(head: Head, context: int, *, repacking: bool = False, cache_type: str = EXACT) -> int:
    """Bytes that `head`'s model takes with `context` tokens; repacked weights are held twice while loading."""
    return head.bytes * (2 if repacking else 1) + kv_bytes(head, context, cache_type) + OVERHEAD


def kv_bytes(head: Head, context: int, cache_type: str = EXACT) -> int:
    """Bytes of keys and values."""
    return int(head.kv_bytes(context) * _SHARES[cache_type])


def cache_type(head: Head, context: int) -> str:
    """How to hold keys and values: exactly, unless there is memory only for less.

    With "q8_0" SmolLM2's likeliest next word was another one in 4 of 100 places (a mean divergence of 0.004), and a
    long prompt was read at less than half the speed: so it is for need alone. It takes flash attention.
    """
    for limit in (available(), installed()):
        for kind in (EXACT, SHORT):
            if needed(head, context, cache_type=kind) <= limit:
                return kind
    return EXACT


def needs_flash(head: Head, context: int, batch: int, kind: str) -> bool:
    """Whether attention must be computed the flash way: it does without a table of all scores, which can be large."""
    return kind != EXACT or head.heads * batch * context * _SCORE > MOST_SCORES


def installed() -> int:
    """Bytes of memory this process may use at most: the computer's, or what limits it to less."""
    return min([int(psutil.virtual_memory().total), *_limits()])


def available() -> int:
    """Bytes that are free now, without pushing others out."""
    return min([int(psutil.virtual_memory().available), *_limits()])


def check(head: Head, context: int, kind: str = EXACT) -> str:
    """A warning if it will be tight, else nothing. Raises ModelTooLarge if it cannot fit at all."""
    need = needed(head, context, cache_type=kind)
    figures = {
        "name": head.name,
        "need": format_size(need),
        "context": format_number(context),
        "kv": format_size(kv_bytes(head, context, kind)),
        "total": format_size(installed()),
        "free": format_size(available()),
    }
    if need > installed():
        raise ModelTooLarge(
            tr(
                "{name} is too big for this computer: it needs {need} of memory ({kv} of it for a context of "
                "{context} tokens), and there are {total}. Choose a smaller model or a smaller context."
            ).format(**figures)
        )
    if need > available():
        return tr(
            "Memory is tight: {name} needs {need}, and {free} are free. If it is slow, close other programs."
        ).format(**figures)
    if kind != EXACT:
        return tr(
            "Memory is tight: {name} remembers the conversation in a shorter form, a little less exactly."
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
