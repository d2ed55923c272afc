"""The process that runs a model's chat template: it takes orders on standard input and answers on standard output.

An order is a line with a `template`, and `roles` and `names` if it is to be rendered; the answer has `parts` or an
`error`, with `is_limit` if it takes too much of something. See `phichat.chat.prompts.template`.
"""

import signal
import sys
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from phichat.chat.conversation import Role
from phichat.chat.prompts.template import ChatTemplate, TemplateError
from phichat.engine.process import protocol
from phichat.engine.process.lifeline import hold_lifeline
from phichat.i18n import set_language, tr

if sys.platform != "win32":
    import resource

MEMORY = 224 << 20  # bytes; the largest templates in use need a tenth of it
CPU_SECONDS = 2  # for one order, after which the process is ended; real templates take milliseconds
SLOW_SECONDS = 1.0  # from which on a template is not used either: a prompt is fitted in several steps


def main() -> None:
    """Answer orders until standard input ends."""
    hold_lifeline()
    if hasattr(signal, "SIGINT"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the app handles Ctrl+C
    set_language()
    _limit_memory()
    while (order := protocol.read_line(sys.stdin.buffer)) is not None:
        _limit_time()
        protocol.write_lines(sys.stdout.buffer, _answer(order))


def _answer(order: protocol.Line) -> protocol.Line:
    begun, answer = time.process_time(), protocol.Line()
    try:
        template = _compiled(order["template"])
        answer = {"parts": template.parts(list(map(Role, order["roles"])), order["names"]) if "roles" in order else []}
    except TemplateError as error:
        answer = {"error": str(error)[:1000]}
    except MemoryError:
        return {"error": tr("the template uses too much memory"), "is_limit": True}
    if time.process_time() > begun + SLOW_SECONDS:
        return {"error": tr("the template takes too long"), "is_limit": True}
    return answer


@lru_cache(1)
def _compiled(source: str) -> ChatTemplate:
    return ChatTemplate(source)


def _limit_memory() -> None:
    """Let this process take at most `MEMORY` more than it has. Elsewhere its parent looks how much it takes."""
    if sys.platform == "linux":
        with suppress(ValueError, OSError):
            taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))


def _limit_time() -> None:
    """Have the system end this process if the order takes longer, whatever it does, and without a core dump."""
    if sys.platform != "win32":
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            usage = resource.getrusage(resource.RUSAGE_SELF)
            most = resource.getrlimit(resource.RLIMIT_CPU)[1]
            resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + 1 + CPU_SECONDS, most))


if __name__ == "__main__":
    main()
