"""`phichat bench`: runs the measurements and prints them, as JSON or as a small table."""

from collections.abc import Iterator
from typing import Any

from phichat import bench
from phichat.bench import remote
from phichat.cli.context import Context, context_of, sampling_of
from phichat.cli.model_choice import chosen_ref
from phichat.cli.signals import interrupting
from phichat.engine.base import CancelToken, ModelRef
from phichat.engine.settings import TuningStore, suggested
from phichat.i18n import format_columns, format_duration, format_number, tr

SECONDS, SWEEP_SECONDS = 300.0, 600.0
"""At most for each part, and for the search that --sweep adds to it."""


def run(context: Context) -> int:
    """Measure the chosen parts, or all, print the figures, and return the exit status."""
    ref, _ = chosen_ref(context)
    found = _measure_server(context, ref) if ref.is_remote else _measure(context, ref)
    if context.options.json:
        context.console.print_json(found)
    else:
        for text in format_columns([[name, value] for name, value in figures(found)]):
            context.console.print_line(text)
    return 0


def _measure_server(context: Context, model: ModelRef) -> dict[str, Any]:
    """Return what can be measured of a server from here, whichever parts were chosen."""
    console, stop = context.console, CancelToken()
    report = console.show_progress if console.is_watched else console.print_notice
    with interrupting(stop):
        return remote.measure(context.make_engine(context.home), model, sampling_of(context.options), report, stop)


def _measure(context: Context, model: ModelRef) -> dict[str, Any]:
    options, console = context.options, context.console
    parts = options.parts or list(bench.PARTS)
    settings, sampling = suggested(context_of(options)), sampling_of(options)
    tuning = TuningStore(context.home.engine)
    report = console.show_progress if console.is_watched else console.print_notice
    if all(part in bench.PARTS for part in parts):
        seconds = len(set(parts)) * (SECONDS + options.sweep * SWEEP_SECONDS)
        sentence = tr("This can take {duration}. Press Ctrl+C to stop.")
        console.print_notice(sentence.format(duration=format_duration(seconds)))
    found = bench.run(parts, model, settings, sampling, options.sweep, report, tuning)
    if found.get("peers", found) is None:
        console.print_notice(
            tr("To compare Phichat with llama.cpp’s server, run `pip install xllamacpp`, then run the benchmark again.")
        )
    return found


def figures(values: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield every figure in nested `values` with the names that lead to it, separated by spaces."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield from figures(value, f"{name} {key}".strip())
    elif isinstance(values, list):
        for index, value in enumerate(values, 1):
            yield from figures(value, f"{name} {index}")
    elif isinstance(values, float):
        yield name, format_number(values, 2)
    else:
        yield name, "-" if values is None else str(values)
