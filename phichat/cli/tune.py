"""`phichat tune`: finds the fastest settings for a model now, and shows what was tried."""

from collections.abc import Iterator
from statistics import median
from typing import Any

from phichat.cancellation import CancelToken
from phichat.cli.console import Console
from phichat.cli.context import Context, context_of
from phichat.cli.model_choice import chosen_model
from phichat.cli.signals import interrupting
from phichat.engine.base import EngineSettings, Event, Loading, Notice, Tried
from phichat.engine.cpu_load import LOOK_EVERY, CpuLoad
from phichat.engine.engine_settings import EXACT
from phichat.engine.processors import BUSY
from phichat.engine.settings import DEPTH, READ, WRITTEN, Measured, suggested
from phichat.errors import EngineError
from phichat.i18n import format_columns, format_number, tr, tr_count


def run(context: Context) -> int:
    """Measure, save and print the fastest settings; return the exit status."""
    console, stop = context.console, CancelToken()
    model = chosen_model(context)
    trials = _Trials(console, as_json=context.options.json)
    with context.engine() as engine, interrupting(stop):
        engine.load(model.ref, suggested(context_of(context.options)), stop, lambda event: show_loading(console, event))
        _warn_if_busy(console, stop)
        for _ in engine.calibrate(stop, trials.add):
            pass
    if trials.chosen is None and stop.is_set():
        console.print_notice(tr("Stopped. The settings for {name} haven’t changed.").format(name=model.name))
        return 130
    if trials.chosen is None:
        raise EngineError(
            tr(
                "Phichat couldn’t measure the speed of {name}, so the model’s settings haven’t changed. Run "
                "`phichat ask` to see what’s wrong."
            ).format(name=model.name)
        )
    trials.print_table()
    return 0


def show_loading(console: Console, event: Event) -> None:
    """Show notices, and the progress of loading a model."""
    if isinstance(event, Notice):
        console.print_notice(event.text)
    elif isinstance(event, Loading):
        console.show_progress(tr("Loading the model: {share}%").format(share=int(event.fraction * 100)))


def _warn_if_busy(console: Console, stop: CancelToken) -> None:
    load = CpuLoad()
    if not stop.wait(2 * LOOK_EVERY) and load() > BUSY:
        console.print_notice(tr("Other apps are using the processor. Close them for accurate results."))


class _Trials:
    """Prints trials as they come, and a table of them at the end.

    Attributes:
        chosen: the last one, once it has come.
    """

    def __init__(self, console: Console, *, as_json: bool) -> None:
        self._console, self._as_json = console, as_json
        self._found: dict[EngineSettings, list[Tried]] = {}
        self._count = 0
        self.chosen: Tried | None = None

    def add(self, tried: Tried) -> None:
        """Show a trial, or the choice."""
        if tried.chosen:
            self.chosen = tried
        else:
            self._found.setdefault(tried.settings, []).append(tried)
            self._count += 1
        if self._as_json:
            self._console.print_json(_as_json(tried))
        elif not tried.chosen:
            self._console.show_progress(_progress(self._count, tried))

    def print_table(self) -> None:
        """Print the medians of all trials, the fastest first, and what was chosen."""
        if self._as_json or self.chosen is None:
            return
        rows = sorted(map(_medians, self._found.values()), key=lambda each: each.seconds)
        for text in format_columns([_headings(), *(_row(each, self._is_chosen(each)) for each in rows)]):
            self._console.print_line(text)
        self._console.print_notice(
            tr(
                "* = fastest. Phichat will use these settings from now on. The typical answer time assumes "
                "a {written}-token answer to a {read}-token message in a {depth}-token conversation."
            ).format(read=READ, written=WRITTEN, depth=format_number(DEPTH))
        )

    def _is_chosen(self, each: Measured) -> bool:
        chosen = self.chosen.settings if self.chosen else None
        names = ("repacking", "flash_attention", "cache_type", "threads", "gpu_layers")
        return all(getattr(each.settings, name) == getattr(chosen, name) for name in names)


def _medians(trials: list[Tried]) -> Measured:
    reads, writes = (median(getattr(each, name) for each in trials) for name in ("reads", "writes"))
    return Measured(trials[0].settings, reads, writes)


def _as_json(tried: Tried) -> dict[str, Any]:
    facts = {"settings": tried.settings.as_json(), "read": round(tried.reads, 2), "written": round(tried.writes, 2)}
    return facts | ({"chosen": True} if tried.chosen else {})


def _progress(count: int, tried: Tried) -> str:
    return tr("Measurement {count}: {settings}, {written} tokens/s").format(
        count=count, settings=", ".join(_words(tried.settings)), written=format_number(tried.writes, 1)
    )


def _words(settings: EngineSettings) -> Iterator[str]:
    yield tr("repacked weights") if settings.repacking else tr("original weights")
    if settings.flash_attention:
        yield tr("flash attention")
    if settings.cache_type != EXACT:
        yield tr("compressed context")
    yield tr_count("{count} thread", "{count} threads", settings.threads)
    if settings.gpu_layers == 0:
        yield tr("processor only")


def _headings() -> list[str]:
    return ["", tr("settings"), tr("prompts (tokens/s)"), tr("answers (tokens/s)"), tr("typical answer time (s)")]


def _row(each: Measured, is_chosen: bool) -> list[str]:
    figures = [format_number(value, 1) for value in (each.reads, each.writes, each.seconds)]
    return ["*" if is_chosen else "", ", ".join(_words(each.settings)), *figures]
