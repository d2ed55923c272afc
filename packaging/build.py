"""Builds what people install: `python packaging/build.py TARGET`, and `--help` says which there are."""

import argparse
import pkgutil
import sys
from importlib import import_module
from pathlib import Path

import targets
from building.project import Trouble


def main() -> int:
    """Build what the command line asks for; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="target", required=True, metavar="TARGET")
    for name in sorted(module.name for module in pkgutil.iter_modules(targets.__path__)):
        module = import_module(f"targets.{name}")
        command = commands.add_parser(name, help=(module.__doc__ or "").partition("\n")[0], description=module.__doc__)
        module.add_options(command)
        command.set_defaults(build=module.build)
    options = parser.parse_args()
    try:
        made: list[Path] = options.build(options)
    except Trouble as trouble:
        print(f"{options.target}: {trouble}", file=sys.stderr)
        return 1
    for path in made:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
