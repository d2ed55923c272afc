"""Engine settings for this computer: defaults, safer ones after a crash, and a store of what worked."""

import os
import platform
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from phichat.engine.base import SIZES, EngineSettings
from phichat.engine.engine_settings import CACHE_TYPES, EXACT, SHORT_KEYS
from phichat.engine.processors import cpu_info, first_guess, this_processor
from phichat.i18n import tr
from phichat.json_file import JsonFile

SMALL_CONTEXT = 2048
FEW_LAYERS = 8

_REMEMBERED = {"repacking": bool, "gpu_layers": int, "variant": str, "cache_type": str}
"""Not the context: what a smaller one saves is memory, which other apps may have taken for a while."""

_MEASURED = {
    "repacking": bool, "flash_attention": bool, "batch": int, "threads": int, "gpu_layers": int, "cache_type": str,
}  # fmt: skip
_SIZE = re.compile(r"\((\d{1,15})\)$", re.ASCII)  # at the end of an entry's key
_VERSION = re.compile(r"""^__version__ = ["']([\w.+-]+)["']""", re.MULTILINE)
MOST_BATCH = 2048
MOST_DOUBTS = 3  # times that settings are measured again, as a computer may be slower than it was for good
MOST_PRICE = 1000.0  # single tokens, for a step of 32 or fewer


def suggested(context: int = 4096) -> EngineSettings:
    """Return the settings to try first: the best guess for this kind of processor."""
    guess = first_guess(this_processor())
    return EngineSettings(
        context=context,
        threads=threads(),
        flash_attention=guess.flash_attention,
        repacking=guess.repacking,
        cache_type="",
    )


def threads() -> int:
    """Return how many physical cores this process may use."""
    import psutil  # noqa: PLC0415 - a tenth of the start of a model's process, which need not know

    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    return max(1, min(cores, allowed))


def processor() -> str:
    """Return the processor's name, which on Linux is only in /proc/cpuinfo."""
    lines = cpu_info().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def safer_settings(
    settings: EngineSettings, *, may_have_gpu: bool = True, lower: str = "", ending: str = ""
) -> Iterator[tuple[EngineSettings, str]]:
    """Yield ever safer settings after `settings` failed, each with words on what it gives up.

    `lower` is the next CPU variant with fewer instructions, tried if `ending` suggests that this one was the cause.
    """
    is_guessed = "AVX-512" in this_processor().features  # see hardware.guess_cache_type
    fewer = tr("without the newest processor instructions")
    if lower and ending == "SIGILL":  # repacked weights need fewer, too
        settings = replace(settings, variant=lower)
        yield settings, fewer
    if settings.cache_type == SHORT_KEYS or (not settings.cache_type and is_guessed):
        settings = replace(settings, cache_type=EXACT)
        yield settings, tr("without compressing the context")
    if settings.repacking:
        settings = replace(settings, repacking=False)
        yield settings, tr("with safer settings")
    if lower and ending == "SIGSEGV":
        settings = replace(settings, variant=lower)
        yield settings, fewer
    if may_have_gpu and (settings.gpu_layers < 0 or settings.gpu_layers > FEW_LAYERS):
        settings = replace(settings, gpu_layers=FEW_LAYERS)
        yield settings, tr("with fewer layers on the graphics card")
    if settings.gpu_layers:
        settings = replace(settings, gpu_layers=0)
        yield settings, tr("on the processor only")
    if settings.context > SMALL_CONTEXT:
        settings = replace(settings, context=SMALL_CONTEXT)
        yield settings, tr("with a smaller context")


_MOST_BANDWIDTH = 1e14
"""Bytes per second; no computer's memory is so fast, so a file that says so is damaged."""


class TuningStore:
    """A JSON file of settings that worked, with one entry for each processor, build of llama.cpp and model.

    Errors of the file are ignored: then nothing is remembered beyond this process.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = JsonFile(file) if file else None
        self._unsaved: dict[str, Any] = {}

    def recall(self, model: Path, settings: EngineSettings) -> EngineSettings:
        """Return `settings` with the fastest ones measured for `model`, and as safe as it needed before."""
        fast = self._measured(model)
        settings = self.recall_safe(model, settings)
        if not 0 < fast.get("threads", 1) <= settings.threads or not 0 < fast.get("batch", 1) <= MOST_BATCH:
            fast = {}  # the number of cores has changed
        return replace(settings, **{**fast, **{name: getattr(settings, name) for name in self._known(model)}})

    def recall_safe(self, model: Path, settings: EngineSettings) -> EngineSettings:
        """Return `settings` as safe as `model` needed before."""
        return replace(settings, **self._known(model))

    def remember(self, model: Path, tried: EngineSettings, worked: EngineSettings) -> None:
        """Save what differs between `worked` and `tried`, which had failed, but for the context."""
        safe = {name: value for name, value in asdict(worked).items() if value != getattr(tried, name)}
        self._update(model, {name: value for name, value in safe.items() if name in _REMEMBERED})

    def save_fastest(
        self, model: Path, measured: "Measured", *, lacked_memory: bool = False, is_certain: bool = True
    ) -> None:
        """Save the fastest settings and the speeds measured with them.

        `lacked_memory` tells that repacked weights were not tried for lack of memory; without `is_certain`, the
        settings are used but count as not measured yet.
        """
        settings = {name: getattr(measured.settings, name) for name in _MEASURED}
        figures = {"reads": round(measured.reads, 2), "writes": round(measured.writes, 2)}
        facts = {"question": _QUESTION if is_certain else "", "lacked_memory": lacked_memory}
        facts["doubts"] = self.fastest(model).get("doubts", 0)
        self._update(model, {"fastest": {**settings, **figures, **facts, "step_prices": list(measured.prices)}})

    def doubt(self, model: Path) -> None:
        """Save that the settings turned out slower in use, so that they are measured again, though not for ever."""
        fastest = self.fastest(model)
        doubts = fastest.get("doubts", 0)
        if fastest and type(doubts) is int and doubts < MOST_DOUBTS:
            self._update(model, {"fastest": {**fastest, "doubts": doubts + 1, "question": ""}})

    def rule_out(self, model: Path, *, repacking: bool) -> None:
        """Save that the model crashed with these weights, repacked or not."""
        self._update(model, {"repacking": not repacking})

    def rule_out_short_keys(self, model: Path) -> None:
        """Save that the model crashed with keys in q8_0."""
        self._update(model, {"cache_type": EXACT})

    def may_repack(self, model: Path) -> bool:
        """Return whether the model is not known to crash with repacked weights."""
        return self._known(model).get("repacking", True) is True

    def read_speed(self, model: Path) -> float:
        """Return the measured speed of prompt processing in tokens per second; 0 if not measured."""
        value = self.fastest(model).get("reads")
        return float(value) if isinstance(value, int | float) and value > 0 else 0.0

    def written_speeds(self) -> list[tuple[int, float]]:
        """Return bytes and measured tokens a second of the models that were measured here, with this llama.cpp."""
        begin, found = f"{platform.machine()} {processor()}, {library_build()}, ", []
        for key, entry in self._entries().items():
            size = _SIZE.search(key) if key.startswith(begin) else None
            fastest = entry.get("fastest") if isinstance(entry, dict) else None
            speed = fastest.get("writes") if isinstance(fastest, dict) else None
            if size and isinstance(speed, int | float) and speed > 0:
                found.append((int(size[1]), float(speed)))
        return found

    def best_bandwidth(self, measured: float | None) -> float | None:
        """Return the highest memory bandwidth that was measured with this processor, `measured` included; save that.

        Whatever else is running can only lower it. None if it is unknown, in bytes per second.
        """
        key = f"{platform.machine()} {processor()}, memory"
        entry = self._entries().get(key)
        known = entry.get("bandwidth") if isinstance(entry, dict) else None
        best = float(known) if isinstance(known, int | float) and 0 < known < _MOST_BANDWIDTH else 0.0
        if measured and measured > best:
            best = measured
            self._save(key, {"bandwidth": round(measured)})
        return best or None

    def write_speed(self, model: Path) -> float:
        """Return the measured speed of generation in tokens per second; 0 if not measured."""
        value = self.fastest(model).get("writes")
        return float(value) if isinstance(value, int | float) and value > 0 else 0.0

    def is_measured(self, model: Path) -> bool:
        """Return whether the fastest settings are known, and not in doubt."""
        return self.read_speed(model) > 0 and self.fastest(model).get("question") == _QUESTION

    def _update(self, model: Path, facts: dict[str, Any]) -> None:
        self._save(self._key(model), facts)

    def _save(self, key: str, facts: dict[str, Any]) -> None:
        def add(kept: Any) -> dict[str, Any]:
            entries = kept if isinstance(kept, dict) else dict(self._unsaved)
            known = entries.get(key)
            self._unsaved = {**entries, key: {**(known if isinstance(known, dict) else {}), **facts}}
            return self._unsaved

        if self._file is None:
            add(None)
            return
        with suppress(OSError):
            self._file.update(add)

    def fastest(self, model: Path) -> dict[str, Any]:
        """Return the fastest settings and their speeds as JSON types; empty if not measured."""
        found = self._entry(model).get("fastest")
        return found if isinstance(found, dict) else {}

    def _measured(self, model: Path) -> dict[str, Any]:
        fastest = self.fastest(model)
        known = _believable(fastest, _MEASURED)
        prices = fastest.get("step_prices")
        if (
            isinstance(prices, list)
            and len(prices) == len(SIZES)
            and all(type(price) is float and 1 <= price < MOST_PRICE for price in prices)
        ):
            known["step_prices"] = tuple(prices)
        return known

    def _entry(self, model: Path) -> dict[str, Any]:
        found = self._entries().get(self._key(model))
        return found if isinstance(found, dict) else {}

    def _known(self, model: Path) -> dict[str, Any]:
        return _believable(self._entry(model), _REMEMBERED)

    def _entries(self) -> dict[str, Any]:
        entries = self._file.read_value() if self._file else None
        return entries if isinstance(entries, dict) else dict(self._unsaved)

    def _key(self, model: Path) -> str:
        length = 0
        with suppress(OSError):
            length = model.stat().st_size
        return f"{platform.machine()} {processor()}, {library_build()}, {model.name} ({length})"


@cache
def library_build() -> str:
    """Return name and version of the installed llama.cpp, without loading it; reading them takes milliseconds."""
    return f"llama-cpp-python {_written_version() or _recorded_version()}"


def _written_version() -> str:
    """Return the version that the package's source states; empty where there is none, as in a frozen program."""
    spec, source = find_spec("llama_cpp"), ""
    with suppress(OSError):
        source = Path(spec.origin).read_text("utf-8", "replace") if spec and spec.origin else ""
    found = _VERSION.search(source)
    return found[1] if found else ""


def _recorded_version() -> str:
    from importlib import metadata  # noqa: PLC0415 - takes 10 ms in every process of a model, with what it reads

    return metadata.version("llama-cpp-python")


READ, WRITTEN, DEPTH = 60, 300, 1000
"""A typical turn: new tokens read and tokens written, and the tokens that are in the KV cache before.

A message's tokens are mostly read while it is typed, so what is written counts for most."""

_QUESTION = f"{READ}+{WRITTEN} at {DEPTH}, with short keys"


def _believable(facts: dict[str, Any], kinds: dict[str, type]) -> dict[str, Any]:
    """Return those of `facts` that are of their kind."""
    found = {name: value for name, value in facts.items() if type(value) is kinds.get(name)}
    if found.get("cache_type", EXACT) not in CACHE_TYPES:
        del found["cache_type"]
    return found


@dataclass(frozen=True)
class Measured:
    """Speed of prompt processing and generation with `settings`, in tokens per second, in a typical turn."""

    settings: EngineSettings
    reads: float
    writes: float
    prices: tuple[float, ...] = ()
    """Step prices as in EngineSettings; empty if not measured."""

    @property
    def seconds(self) -> float:
        """Seconds that a typical turn takes."""
        return READ / self.reads + WRITTEN / self.writes

    def line(self) -> dict[str, Any]:
        """Return this as a line of the child's protocol."""
        return {"event": "measured", **asdict(self)}

    @classmethod
    def of(cls, line: dict[str, Any]) -> "Measured":
        """Return what a line holds."""
        settings, prices = EngineSettings(**line["settings"]), tuple(line.get("prices", ()))
        return cls(settings, float(line["reads"]), float(line["writes"]), prices)
