"""How long "Generate three answers" takes beside three single answers, as a person meets both.

    python -m tests.benchmarks.answers MODEL.gguf [PROMPTS] [WRITTEN] [SECONDS]

PROMPTS and WRITTEN are numbers of tokens, separated by commas; 60,300,1000 and 100,300 if not given. Each prompt is
new, so it has to be read: once for the three answers; once for each of three that are asked in conversations of their
own; and once for the first of three that are asked one after the other in the same conversation, as with Regenerate.
All begin by turns, with the default sampling and the settings that `phichat tune` found before (in PHICHAT_HOME).
Prints median seconds and their ratios, after as many rounds as SECONDS have room for, and the same of the shortest
runs, as other programs only ever make them longer. Only what none of those disturbed counts in the medians, of which
`runs` says how many there were of each way; all if there were none. An answer that the model ended early is repeated,
and so that this is rare, a story is continued.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from statistics import median

from phichat import gguf, paths
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken, Done, ModelRef, Request
from phichat.engine.cpu_load import CpuLoad
from phichat.engine.process.engine_process import EngineProcess
from phichat.engine.settings import TuningStore, suggested
from tests.benchmarks.slots import ANSWERS, DISTURBING, TRIES

SIZES = ("60,300,1000", "100,300")
SECONDS = 220.0
TEXT = (Path(__file__).parents[2] / "README.md").read_text("utf-8").split()
BEGINNING = "\n\nChapter 1\n\nIt was a cold winter's night, and the ferry was late again. Old Mr. Ames lit his lantern,"
TOKENS_A_WORD = 1.6  # about, in TEXT
FRAME = 30  # tokens after it, about

Runs = dict[str, list[tuple[float, bool]]]
"""Of each way, the seconds of all runs, and whether another program disturbed them."""


class Asking:
    """Asks for three answers in each of the ways.

    Attributes:
        read: tokens of the last prompt.
        early: how many requests were repeated as the model ended an answer early.
    """

    def __init__(self, engine: EngineProcess) -> None:
        self._engine, self._numbers = engine, count(1)
        self.read = self.early = 0

    def together(self, prompt: int, written: int) -> float:
        """Return how long three answers to a new message take, side by side."""
        return self._seconds(lambda: replace(self._fresh(prompt, written), count=ANSWERS))

    def in_conversations(self, prompt: int, written: int) -> float:
        """Return how long an answer to each of three new messages takes."""
        return sum(self._seconds(lambda: self._fresh(prompt, written)) for _ in range(ANSWERS))

    def regenerated(self, prompt: int, written: int) -> float:
        """Return how long three answers to one new message take, one after the other."""
        first = self._seconds(lambda: self._fresh(prompt, written))
        return first + sum(self._seconds(self._again) for _ in range(ANSWERS - 1))

    def _fresh(self, prompt: int, written: int) -> Request:
        """Return a request whose prompt has about as many tokens, and begins as no other."""
        number = next(self._numbers)
        length = max(int((prompt - FRAME) / TOKENS_A_WORD), 1)
        text = f"No. {number}: " + " ".join(TEXT[:length]) + BEGINNING
        self._last = Request((), Sampling(max_tokens=written, seed=number), raw=text)
        return self._last

    def _again(self) -> Request:
        """Return the last fresh request with another seed."""
        return replace(self._last, sampling=replace(self._last.sampling, seed=next(self._numbers)))

    def _seconds(self, make: Callable[[], Request]) -> float:
        """Return how long a request takes."""
        for _ in range(TRIES):
            request, begun = make(), time.perf_counter()
            *_, done = self._engine.generate(request, CancelToken())
            seconds = time.perf_counter() - begun
            assert isinstance(done, Done)
            self.read = done.prompt_tokens
            if done.completion_tokens == request.count * request.sampling.max_tokens:
                break
            self.early += 1
        return seconds


def measure_round(asking: Asking, load: CpuLoad, size: tuple[int, int], runs: Runs) -> None:
    """Run each way once, and another one first in each round."""
    ways = [asking.together, asking.in_conversations, asking.regenerated]
    number = len(runs.setdefault("together", []))
    for at in range(len(ways)):
        way = ways[(number + at) % len(ways)]
        used, begun = load.used_by_others(), time.monotonic()
        seconds = way(*size)
        is_disturbed = load.used_by_others() - used > DISTURBING * (time.monotonic() - begun)
        runs.setdefault(way.__name__, []).append((seconds, is_disturbed))


def summary(runs: Runs) -> dict[str, object]:
    """Return medians and the shortest runs, and how many were not disturbed."""
    quiet = {way: [seconds for seconds, is_disturbed in each if not is_disturbed] for way, each in runs.items()}
    medians = {way: median(quiet[way] or [seconds for seconds, _ in each]) for way, each in runs.items()}
    shortest = {way: min(each)[0] for way, each in runs.items()}
    return {"median": _compared(medians), "shortest": _compared(shortest), "runs": [*map(len, quiet.values())]}


def _compared(seconds: dict[str, float]) -> dict[str, float]:
    """Return the seconds of each way, and the ratios of the first to the others."""
    ratios = {f"to {way}": seconds["together"] / seconds[way] for way in ("in_conversations", "regenerated")}
    return {name: round(value, 2) for name, value in {**seconds, **ratios}.items()}


def main() -> None:
    """Print a line of JSON for each size."""
    path, *given = sys.argv[1:]
    prompts, lengths = (list(map(int, each.split(","))) for each in (*given[:2], *SIZES[len(given[:2]) :]))
    until = time.monotonic() + (float(given[2]) if given[2:] else SECONDS)
    engine = EngineProcess(TuningStore(paths.home().engine))
    wanted = replace(suggested(4096), gpu_layers=0)
    settings = engine.load(ModelRef.of_file(Path(path)), wanted, CancelToken(), lambda _: None).settings
    print(json.dumps({"model": gguf.read_head(Path(path)).name, "settings": settings.as_json()}), flush=True)
    asking, load = Asking(engine), CpuLoad()
    load.include(engine.pid or 0)
    asking.together(FRAME, 8)
    found: dict[tuple[int, int], Runs] = {(size, length): {} for length in lengths for size in prompts}
    read: dict[tuple[int, int], int] = {}
    begun, longest = time.monotonic(), 0.0
    while not longest or time.monotonic() + longest < until:
        for size, runs in found.items():
            measure_round(asking, load, size, runs)
            read[size] = asking.read
        longest, begun = max(longest, time.monotonic() - begun), time.monotonic()
    for size, runs in found.items():
        print(json.dumps({"read": read[size], "written": size[1], **summary(runs)}))
    print(json.dumps({"early": asking.early}))
    engine.close()


if __name__ == "__main__":
    main()
