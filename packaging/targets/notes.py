"""What is new in this version, out of CHANGELOG.md, for the release page."""

import argparse
from pathlib import Path

from building.changelog import release
from building.project import WORK, Trouble, version


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of which version, and where to."""
    parser.add_argument("--tag", help="the tag that is released: it has to be v and this version")
    parser.add_argument("--file", type=Path, default=WORK / "notes.md", help="where to; build/notes.md if not given")


def build(options: argparse.Namespace) -> list[Path]:
    """Write them."""
    if options.tag and options.tag != f"v{version()}":
        raise Trouble(f"the tag is {options.tag}, but phichat/__init__.py says {version()}: one of them is wrong.")
    file: Path = options.file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(release(version()).page(), "utf-8", newline="\n")
    return [file]
