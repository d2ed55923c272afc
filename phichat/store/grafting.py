"""Gives a file whose first pages are damaged those of an empty history, so that the rest can be read again."""

import shutil
from pathlib import Path
from typing import BinaryIO

PAGE = 4096
_HEADER = 100
_INTERIOR = 5


def graft(damaged: Path, empty: Path, grafted: Path) -> None:
    """Make `grafted` of `damaged`, with the pages that say which tables there are, and where, from `empty`.

    The tables' first pages have the same numbers in every file that the same migrations made.
    """
    shutil.copyfile(damaged, grafted)
    with empty.open("rb") as good, grafted.open("r+b") as patched:
        first = good.read(PAGE)
        pages = grafted.stat().st_size // PAGE
        _put(patched, 1, first[:28] + pages.to_bytes(4, "big") + first[32:])
        for number in _children(first):
            good.seek((number - 1) * PAGE)
            _put(patched, number, good.read(PAGE))


def _put(file: BinaryIO, number: int, page: bytes) -> None:
    file.seek((number - 1) * PAGE)
    file.write(page)


def _children(page: bytes) -> list[int]:
    """The pages below the first one, if it is an inner page of the tree of tables."""
    if page[_HEADER] != _INTERIOR:
        return []
    count = int.from_bytes(page[_HEADER + 3 : _HEADER + 5], "big")
    cells = (int.from_bytes(page[at : at + 2], "big") for at in range(_HEADER + 12, _HEADER + 12 + 2 * count, 2))
    last = int.from_bytes(page[_HEADER + 8 : _HEADER + 12], "big")
    return [*(int.from_bytes(page[cell : cell + 4], "big") for cell in cells), last]
