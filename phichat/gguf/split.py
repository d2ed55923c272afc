"""Models that are split into several files, told by their names: `X-00001-of-00003.gguf` and so on."""

import re
from pathlib import Path

MOST_PARTS = 1000  # real models have a few dozen

_PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf", re.DOTALL | re.ASCII)  # llama.cpp finds no others


def part_number(file: str) -> int:
    """Return which part of a model the file of this name is, from 1; 0 for a model in one file."""
    found = _PART.fullmatch(file)
    return int(found[2]) if found and _is_sound(int(found[2]), int(found[3])) else 0


def part_names(file: str) -> tuple[str, ...]:
    """Return the names of all parts of the model that `file` is a part of; `file` alone for a model in one file."""
    found = _PART.fullmatch(file)
    if not found or not _is_sound(int(found[2]), int(found[3])):
        return (file,)
    return tuple(f"{found[1]}-{number:05}-of-{found[3]}.gguf" for number in range(1, int(found[3]) + 1))


def whole_name(file: str) -> str:
    """Return the name of `file` without the number of the part."""
    found = _PART.fullmatch(file)
    return f"{found[1]}.gguf" if found and part_number(file) else file


def part_paths(path: Path) -> tuple[Path, ...]:
    """Return the paths of all parts of the model that `path` is a part of; `path` alone for a model in one file."""
    names = part_names(path.name)
    return tuple(path.with_name(name) for name in names) if len(names) > 1 else (path,)


def first_part(path: Path) -> Path:
    """Return the first file of the model that `path` is a part of, which stands for all of it."""
    return part_paths(path)[0]


def missing_parts(path: Path) -> tuple[Path, ...]:
    """Return the files of the model that `path` is a part of which are not there."""
    return tuple(part for part in part_paths(path) if not _is_file(part))


def _is_sound(number: int, count: int) -> bool:
    return 1 <= number <= count and 2 <= count <= MOST_PARTS


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
