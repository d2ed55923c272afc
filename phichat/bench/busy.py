"""Other programs that want the processor: processes that do nothing but compute, for as long as one measures.

python -m phichat.bench.busy, which ends when its standard input does
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from phichat.engine.process.child_process import environment
from phichat.runtime import command


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many of them. They are gone afterwards, and go by themselves should this process be killed."""
    with ExitStack() as stack:
        others = [stack.enter_context(_other()) for _ in range(count)]
        for other in others:
            assert other.stdout  # noqa: S101 - for the type checker
            other.stdout.read(1)
        yield


@contextmanager
def _other() -> Iterator[subprocess.Popen[bytes]]:
    """One that may still be starting: it says so once it computes."""
    other = subprocess.Popen(
        command("phichat.bench.busy"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # Ctrl+C is for it, too, and it would show where it was
        env=environment(),
    )
    with other:
        try:
            yield other
        finally:
            other.kill()


def _leave_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Compute."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    os.write(1, b".")
    while True:
        pass


if __name__ == "__main__":
    main()
