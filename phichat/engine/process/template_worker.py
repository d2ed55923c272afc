"""The process that runs a model's chat template: it takes orders on standard input and answers on standard output.

An order is a line with a `template`, and if it is to be rendered `turns` (of each its role, text, thinking and
documents) and `variables`; the answer has `parts` or an `error`, with `is_limit` if it takes too much of something. See
`phichat.chat.prompts.template`.
"""

import math
import sys
import time
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from pathlib import Path

from phichat.chat.conversation import Role, Turn
from phichat.chat.prompts.base import Template, TemplateError
from phichat.chat.prompts.formats import compile_here
from phichat.engine.process import protocol
from phichat.engine.process.lifeline import hold_lifeline
from phichat.i18n import set_language, tr

if sys.platform != "win32":
    import resource

MEMORY = 224 << 20  # bytes; the largest templates in use need a tenth of it
MEMORY_PER_CHARACTER = 96  # bytes more for each character of the turns, of which there are several copies
CPU_SECONDS = 2  # for one order, after which the process is ended; real templates take milliseconds
SLOW_SECONDS = 1.0  # from which on a template is not used either: a prompt is fitted in several steps
SECONDS_PER_CHARACTER = 2e-6  # more of both for each character of the turns


def main() -> None:
    """Answer orders until standard input ends."""
    hold_lifeline()
    set_language()
    _compiled("")  # imports Jinja, which counts as this process's own memory
    taken = _address_space()
    _limit_memory(taken + MEMORY)
    while (order := protocol.read_line(sys.stdin.buffer)) is not None:
        size = size_of(order)
        _limit_memory(taken + MEMORY + size * MEMORY_PER_CHARACTER)
        _limit_time(CPU_SECONDS + size * SECONDS_PER_CHARACTER)
        protocol.write_lines(sys.stdout.buffer, _answer(order, SLOW_SECONDS + size * SECONDS_PER_CHARACTER))


def size_of(order: protocol.Line) -> int:
    """Return how many characters the turns of an order have."""
    size = 0
    for _, text, thinking, given in order.get("turns", ()):
        size += len(text) + len(thinking) + sum(map(len, chain.from_iterable(given["texts"] if given else ())))
    return size


def _answer(order: protocol.Line, slow: float) -> protocol.Line:
    begun, answer = time.process_time(), protocol.Line()
    try:
        template = _compiled(order["template"])
        answer = {"parts": template.parts(_turns(order), order["variables"]) if "turns" in order else []}
    except TemplateError as error:
        answer = {"error": str(error)[:1000]}
    except MemoryError:
        return {"error": tr("the template uses too much memory"), "is_limit": True}
    if time.process_time() > begun + slow:
        return {"error": tr("the template takes too long to run"), "is_limit": True}
    return answer


def _turns(order: protocol.Line) -> list[Turn]:
    return [
        Turn(Role(role), text, thinking=thinking, documents=protocol.documents_of(documents))
        for role, text, thinking, documents in order["turns"]
    ]


@lru_cache(1)
def _compiled(source: str) -> Template:
    return compile_here(source)


def _address_space() -> int:
    """Return the bytes of address space that this process has; 0 if that is not known."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    return 0


def _limit_memory(most: int) -> None:
    """Let this process have at most `most` bytes of address space. Elsewhere its parent looks how much it takes."""
    if sys.platform == "linux":
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _limit_time(seconds: float) -> None:
    """Have the system end this process if the order takes longer, whatever it does, and without a core dump."""
    if sys.platform != "win32":
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            usage = resource.getrusage(resource.RUSAGE_SELF)
            most = resource.getrlimit(resource.RLIMIT_CPU)[1]
            resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(usage.ru_utime + usage.ru_stime + seconds), most))


if __name__ == "__main__":
    main()
