"""Which engine settings to use on this computer, which safer ones come next, and remembering what worked."""

import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from phichat.engine.base import SIZES, EngineSettings
from phichat.i18n import tr
from phichat.json_file import JsonFile

SMALL_CONTEXT = 2048
FEW_LAYERS = 8

_REMEMBERED = {"repacking": bool, "gpu_layers": int, "context": int, "variant": str}
_MEASURED = {"repacking": bool, "flash_attention": bool, "batch": int, "threads": int}
MOST_BATCH = 2048
MOST_PRICE = 1000.0  # single tokens, for a step of 32 or fewer


def suggested(context: int = 4096) -> EngineSettings:
    """The settings to try first.

    Without repacking Phi-3-mini read 1.5 and wrote 1.35 times as fast on x86-64, and took a third less memory;
    processors of the arm64 kind need it for speed (`phichat bench --sweep`). Without flash attention, after 1,000
    tokens, it read 2 to 4 and wrote 1.4 times as fast; a graphics processor gets it in any case.
    """
    is_arm = platform.machine().lower() in {"arm64", "aarch64"}
    return EngineSettings(context=context, threads=threads(), flash_attention=False, repacking=is_arm)


def threads() -> int:
    """Cores this process may use, without their second threads."""
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    return max(1, min(cores, allowed))


def processor() -> str:
    """The processor's name: Linux tells it in a file alone."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def safer_settings(
    settings: EngineSettings, *, may_have_gpu: bool = True, lower: str = "", ending: str = ""
) -> Iterator[tuple[EngineSettings, str]]:
    """Ever safer settings after `settings` failed, each with a word on what it gives up.

    `lower` is the library's next variant for lesser processors, which helps where that was the `ending` of this one.
    """
    fewer = tr("with fewer of the processor's instructions")
    if lower and ending == "SIGILL":  # weights rewritten for that one need fewer, too
        settings = replace(settings, variant=lower)
        yield settings, fewer
    if settings.repacking:
        settings = replace(settings, repacking=False)
        yield settings, tr("without repacked weights")
    if lower and ending == "SIGSEGV":
        settings = replace(settings, variant=lower)
        yield settings, fewer
    if may_have_gpu and (settings.gpu_layers < 0 or settings.gpu_layers > FEW_LAYERS):
        settings = replace(settings, gpu_layers=FEW_LAYERS)
        yield settings, tr("with less of it on the graphics processor")
    if settings.gpu_layers:
        settings = replace(settings, gpu_layers=0)
        yield settings, tr("on the main processor alone")
    if settings.context > SMALL_CONTEXT:
        settings = replace(settings, context=SMALL_CONTEXT)
        yield settings, tr("with a smaller context")


class TuningStore:
    """What worked, kept in one small file: a computer, a build of llama.cpp and a model have one entry.

    A file that cannot be read or written is no reason to stop: then nothing is remembered.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = JsonFile(file) if file else None
        self._unsaved: dict[str, Any] = {}

    def recall(self, model: Path, settings: EngineSettings) -> EngineSettings:
        """`settings`, made as fast as was measured, and as safe as this model needed here before."""
        fast = self._measured(model)
        if not 0 < fast.get("threads", 1) <= settings.threads or not 0 < fast.get("batch", 1) <= MOST_BATCH:
            fast = {}  # another number of cores may be used now
        known = self._known(model)
        context = min(settings.context, known.pop("context", settings.context))
        return replace(settings, **{**fast, "context": context, **known})

    def remember(self, model: Path, tried: EngineSettings, worked: EngineSettings) -> None:
        """`worked` did after `tried` had failed: what differs is kept."""
        self._update(model, {name: value for name, value in asdict(worked).items() if value != getattr(tried, name)})

    def save_fastest(self, model: Path, measured: "Measured") -> None:
        """Those are the fastest settings for it, and its speeds with them."""
        settings = {name: getattr(measured.settings, name) for name in _MEASURED}
        figures = {"reads": round(measured.reads, 2), "writes": round(measured.writes, 2)}
        self._update(model, {"fastest": {**settings, **figures, "step_prices": list(measured.prices)}})

    def rule_out(self, model: Path, *, repacking: bool) -> None:
        """It died with rewritten weights, or with plain ones."""
        self._update(model, {"repacking": not repacking})

    def may_repack(self, model: Path) -> bool:
        """Whether it is not known to die of that."""
        return self._known(model).get("repacking", True) is True

    def read_speed(self, model: Path) -> float:
        """How many tokens a second it read when it was measured; 0 if it was not."""
        value = self.fastest(model).get("reads")
        return float(value) if isinstance(value, int | float) and value > 0 else 0.0

    def is_measured(self, model: Path) -> bool:
        """Whether its fastest settings are known."""
        return self.read_speed(model) > 0

    def _update(self, model: Path, facts: dict[str, Any]) -> None:
        key = self._key(model)

        def add(kept: Any) -> dict[str, Any]:
            entries = kept if isinstance(kept, dict) else dict(self._unsaved)
            known = entries.get(key)
            self._unsaved = {**entries, key: {**(known if isinstance(known, dict) else {}), **facts}}
            return self._unsaved

        if self._file is None:
            add(None)
            return
        with suppress(OSError):
            self._file.change(add)

    def fastest(self, model: Path) -> dict[str, Any]:
        """The settings that were measured to be the fastest, and their speeds; nothing if there are none."""
        found = self._entry(model).get("fastest")
        return found if isinstance(found, dict) else {}

    def _measured(self, model: Path) -> dict[str, Any]:
        fastest = self.fastest(model)
        known = {name: value for name, value in fastest.items() if type(value) is _MEASURED.get(name)}
        prices = fastest.get("step_prices")
        if isinstance(prices, list) and len(prices) == len(SIZES) and all(map(_is_price, prices)):
            known["step_prices"] = tuple(prices)
        return known

    def _entry(self, model: Path) -> dict[str, Any]:
        found = self._entries().get(self._key(model))
        return found if isinstance(found, dict) else {}

    def _known(self, model: Path) -> dict[str, Any]:
        return {name: value for name, value in self._entry(model).items() if type(value) is _REMEMBERED.get(name)}

    def _entries(self) -> dict[str, Any]:
        entries = self._file.read() if self._file else None
        return entries if isinstance(entries, dict) else dict(self._unsaved)

    def _key(self, model: Path) -> str:
        length = 0
        with suppress(OSError):
            length = model.stat().st_size
        return f"{platform.machine()} {processor()}, {library_build()}, {model.name} ({length})"


def _is_price(value: object) -> bool:
    return type(value) is float and 1 <= value < MOST_PRICE


def library_build() -> str:
    """Which llama.cpp is installed, without loading it."""
    return f"llama-cpp-python {metadata.version('llama-cpp-python')}"


CLEARLY = 0.97  # what the time of other settings must be at most, to be taken instead


TYPICAL_PROMPT, TYPICAL_REPLY = 512, 96  # tokens, by which reading is weighed against writing


@dataclass(frozen=True)
class Measured:
    """How fast a model read and wrote with `settings`, in tokens a second."""

    settings: EngineSettings
    reads: float
    writes: float
    prices: tuple[float, ...] = ()
    """What steps of several tokens cost, as in EngineSettings; none if that was not measured."""

    @property
    def seconds(self) -> float:
        """What a question and its answer take."""
        return TYPICAL_PROMPT / self.reads + TYPICAL_REPLY / self.writes

    def line(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"event": "measured", **asdict(self)}

    @classmethod
    def of(cls, line: dict[str, Any]) -> "Measured":
        """From such a line."""
        settings, prices = EngineSettings(**line["settings"]), tuple(line.get("prices", ()))
        return cls(settings, float(line["reads"]), float(line["writes"]), prices)


def choose_fastest(found: Sequence[Measured]) -> Measured:
    """The first of `found`, unless another one is clearly faster."""
    fastest = min(found, key=lambda each: each.seconds)
    return fastest if fastest.seconds <= CLEARLY * found[0].seconds else found[0]
