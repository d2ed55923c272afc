"""What a step of several tokens costs, each of another sequence, as when several answers are written side by side.

    python -m tests.benchmarks.steps MODEL.gguf

For plain and repacked weights, without and with flash attention, and with keys in q8_0: milliseconds of a step, and how
many times a step of one token that is. "3+1" has one token more, of a sequence that nobody reads: llama.cpp multiplies
repacked weights with four tokens at once, but with three by themselves.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from phichat import gguf
from phichat.engine.base import EngineSettings
from phichat.engine.engine_settings import EXACT, SHORT_KEYS
from phichat.engine.llama.bindings import lib
from phichat.engine.llama.context import LlamaContext
from phichat.engine.settings import suggested

PAST = 150  # tokens that all sequences have in common
MOST = 8
STEPS = ((1, 0), (2, 0), (3, 0), (3, 1), (4, 0), (7, 0), (7, 1), (8, 0))  # tokens, and others that fill the step
ROUNDS = 8
KINDS = ((False, EXACT), (True, EXACT), (False, SHORT_KEYS))  # flash attention, and the type of the KV cache


def seconds_of_step(llama: LlamaContext, tokens: int, others: int) -> float:
    """Decode so many tokens, each after the past of a sequence, and `others` without a past; forget them again."""
    batch = llama.batch
    for at in range(tokens + others):
        batch.token[at], batch.pos[at] = 100 + at, PAST if at < tokens else 0
        batch.n_seq_id[at], batch.logits[at] = 1, at < tokens
        batch.seq_id[at][0] = at if at < tokens else MOST + at - tokens
    batch.n_tokens = tokens + others
    begun = time.perf_counter()
    failed = lib.llama_decode(llama.context, batch)
    lib.llama_get_logits_ith(llama.context, 0)
    seconds = time.perf_counter() - begun
    assert not failed
    for sequence in range(2 * MOST):
        lib.llama_memory_seq_rm(llama.memory, sequence, PAST if sequence < MOST else -1, -1)
    return seconds


def measure(llama: LlamaContext, settings: EngineSettings) -> dict[tuple[int, int], float]:
    """Return the median seconds of each kind of step, measured by turns."""
    llama.open(settings, 2 * MOST)
    for start in range(0, PAST, 50):
        llama.decode(range(start, start + 50))
    for sequence in range(1, MOST):
        lib.llama_memory_seq_cp(llama.memory, 0, sequence, -1, -1)
    rounds = [[seconds_of_step(llama, *step) for step in STEPS] for _ in range(1 + ROUNDS)][1:]
    return {step: median(times) for step, times in zip(STEPS, zip(*rounds, strict=True), strict=True)}


def main() -> None:
    """Print a line for each kind of settings."""
    head = gguf.read_head(Path(sys.argv[1]))
    base = replace(suggested(1024), gpu_layers=0, cache_type=EXACT)
    for repacking in (True, False):
        llama = LlamaContext(head, replace(base, repacking=repacking), lambda _: True)
        for flash, kind in KINDS:
            found = measure(llama, replace(base, repacking=repacking, flash_attention=flash, cache_type=kind))
            names = [f"{tokens}+{others}" if others else str(tokens) for tokens, others in found]
            told = [f"{1000 * each:.1f} ms ({each / found[1, 0]:.2f})" for each in found.values()]
            print(f"{repacking=} {flash=} {kind}", *map(": ".join, zip(names, told, strict=True)), sep="  ", flush=True)
        llama.close()


if __name__ == "__main__":
    main()
