"""`phichat bench`: the measurements, as JSON or as a small table."""

import argparse
from collections.abc import Iterator
from typing import Any

from phichat import paths
from phichat.cli.console import Console
from phichat.cli.parser import sampling_of
from phichat.cli.talk import chosen
from phichat.engine.settings import TuningStore, suggested
from phichat.i18n import format_columns, format_number
from phichat.models.library import Library


def run(options: argparse.Namespace, library: Library, console: Console) -> int:
    """Measure the chosen parts, or all."""
    from phichat import bench  # noqa: PLC0415 - needed here alone

    parts = options.parts or list(bench.PARTS)
    settings, sampling = suggested(options.context), sampling_of(options)
    model, tuning = chosen(options, library), TuningStore(paths.home().engine)
    found = bench.run(parts, model.ref, settings, sampling, options.sweep, console.progress, tuning)
    if options.json:
        console.json(found)
    else:
        for text in format_columns([[name, value] for name, value in figures(found)]):
            console.line(text)
    return 0


def figures(values: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every figure in nested `values`, under its names in a row."""
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
