"""Times a model in a process of its own, as often as it is told to: `python -m building.decoding SETTINGS MODEL`.

A line on standard input is an order; the answer is a line of JSON: seconds for each token, as they passed and of work.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from building.replying import environment

DEPTH, STEP, COUNT = 256, 128, 32  # tokens that are remembered, that are read at once, and that are made each time


class Decoder:
    """One such process, with the llama.cpp in `llama`, or the one that is installed where that is None."""

    def __init__(self, llama: Path | None, model: Path, settings: dict[str, Any]) -> None:
        places = [llama] if llama else []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "building.decoding", json.dumps(settings), str(model)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(*places),
        )  # fmt: skip
        self.variant: str = self._said()["variant"]

    def measure(self) -> dict[str, float]:
        """Seconds for a token: `passed` is their median, `work` the processors' time."""
        assert self._process.stdin  # noqa: S101 - for the type checker
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._said()

    def _said(self) -> dict[str, Any]:
        assert self._process.stdout  # noqa: S101 - for the type checker
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def _serve(settings: dict[str, Any], model: Path) -> None:
    from phichat import gguf  # noqa: PLC0415 - whoever starts it needs none of it
    from phichat.engine.base import EngineSettings  # noqa: PLC0415
    from phichat.engine.llama.context import LlamaContext  # noqa: PLC0415
    from phichat.engine.llama.hardware import choose_variant  # noqa: PLC0415

    llama = LlamaContext(gguf.read_head(model), EngineSettings(**settings), lambda _: True)
    llama.warm_up(0, 4)
    for start in range(0, DEPTH, STEP):
        llama.decode([index % llama.token_count for index in range(start, start + STEP)])
    print(json.dumps({"variant": choose_variant().variant}), flush=True)
    for _ in sys.stdin:
        llama.forget_from(DEPTH)
        times, begun = [time.perf_counter()], time.process_time()
        for index in range(COUNT):
            llama.decode([index])
            times.append(time.perf_counter())
        work = (time.process_time() - begun) / COUNT
        passed = statistics.median(after - before for before, after in pairwise(times))
        print(json.dumps({"passed": passed, "work": work}), flush=True)
    llama.close()
    os._exit(0)


if __name__ == "__main__":
    _serve(json.loads(sys.argv[1]), Path(sys.argv[2]))
