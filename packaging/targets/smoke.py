"""Checks from one end to the other of what is built: all of them, or those that are named.

Each prints a line with how long it took. What a check needs, it says: some need root, some Debian.
"""

import argparse
import pkgutil
import sys
import time
from collections.abc import Iterable
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import smoke
from building.project import WORK, Trouble, emptied


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which checks."""
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which checks, of {', '.join(names())}; else all")


def build(options: argparse.Namespace) -> list[Path]:
    """Run them; a Trouble where one has failed. Makes nothing."""
    unknown = set(options.names) - set(names())
    if unknown:
        raise Trouble(f"there is no check called {', '.join(sorted(unknown))}. There are: {', '.join(names())}.")
    failed = [name for name in _in_order(options.names or names()) if not _passes(name)]
    if failed:
        raise Trouble(f"failed: {', '.join(failed)}.")
    return []


def names() -> list[str]:
    """All checks there are."""
    return sorted(module.name for module in pkgutil.iter_modules(smoke.__path__))


def _in_order(wanted: Iterable[str]) -> list[str]:
    before = {name: getattr(import_module(f"smoke.{name}"), "AFTER", ()) for name in sorted(wanted)}
    return [name for name in TopologicalSorter(before).static_order() if name in before]


def _passes(name: str) -> bool:
    begun = time.monotonic()
    try:
        found = import_module(f"smoke.{name}").check(emptied(WORK / "smoke" / name))
    except Trouble as trouble:
        print(f"FAILED  {name} ({time.monotonic() - begun:.0f} s): {trouble}", file=sys.stderr, flush=True)
        return False
    print(f"ok      {name} ({time.monotonic() - begun:.0f} s): {found}", flush=True)
    return True
