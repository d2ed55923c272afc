"""SHA256SUMS of all that is in dist/, as `sha256sum --check` reads it."""

import argparse
import hashlib
from pathlib import Path

from building.project import DIST, Trouble

NAME = "SHA256SUMS"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where the files are."""
    parser.add_argument("--folder", type=Path, default=DIST, help="where they are; dist/ if not given")


def build(options: argparse.Namespace) -> list[Path]:
    """Write the file; folders are not among what is given to people, and are left out."""
    folder: Path = options.folder
    files = sorted(path for path in folder.glob("*") if path.is_file() and path.name != NAME)
    if not files:
        raise Trouble(f"there is nothing in {folder} yet: build something first.")
    sums = folder / NAME
    sums.write_text("".join(f"{_sha256(file)}  {file.name}\n" for file in files), "utf-8", newline="\n")
    return [sums]


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
