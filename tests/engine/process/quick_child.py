"""A model's process whose engine says one word, waits to be told to stop, and then says many at once."""

import os
import sys
from collections.abc import Iterator

from phichat.chat.conversation import Ending
from phichat.engine.base import CancelToken, Done, Event, Piece, Request
from phichat.engine.process.worker import EngineWorker

MANY = 500


class Quick:
    """As much of an engine as is asked for."""

    def generate(self, request: Request, stop: CancelToken) -> Iterator[Event]:
        yield Piece("first ", 0)
        stop.wait(60)
        for number in range(1, MANY):
            yield Piece(f"{number} ", number)
        yield Done(Ending.STOP, 0)


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    EngineWorker(sys.stdin.buffer, answers).serve(lambda order: Quick())  # type: ignore[type-var]
