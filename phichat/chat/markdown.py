"""A reply's Markdown as blocks: prose and code, such that all but the last stay as they are while it grows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONG_PROSE = 1200  # characters after which prose is divided, so that what is laid out again stays small

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})\s*([^`\s]*)[^`]*$")
_DEPENDS = re.compile(r"\s|[-*+>|]|\d{1,9}[.)]")  # a line that may belong to what stands before it


@dataclass(frozen=True)
class Block:
    """A part of a reply. `language` is None for prose, and may be empty for code."""

    text: str
    language: str | None = None


def blocks(source: str) -> list[Block]:
    """`source` in blocks. Fences need not be closed; prose is divided only where that changes nothing."""
    found: list[Block] = []
    prose: list[str] = []
    lines = iter(source.split("\n"))
    for line in lines:
        fence = _FENCE.match(line)
        if fence:
            _end_prose(prose, found)
            found.append(Block(_code(lines, fence[1]), fence[2].lower()))
        else:
            if not _DEPENDS.match(line) and line and _is_long(prose):
                _end_prose(prose, found)
            prose.append(line)
    _end_prose(prose, found)
    return found


def with_line_breaks(prose: str) -> str:
    """`prose` in which every line ends where it was ended, as in a poem; Markdown alone would join them."""
    lines = prose.split("\n")
    followed = zip(lines, [*lines[1:], ""], strict=True)
    return "\n".join(line + "  " if line.strip() and after.strip() else line for line, after in followed)


def _code(lines: Iterator[str], fence: str) -> str:
    code = []
    for line in lines:
        closing = line.strip()
        if len(closing) >= len(fence) and not closing.strip(fence[0]):
            break
        code.append(line)
    return "\n".join(code)


def _is_long(prose: list[str]) -> bool:
    return bool(prose) and not prose[-1].strip() and sum(map(len, prose)) > LONG_PROSE


def _end_prose(prose: list[str], found: list[Block]) -> None:
    text = "\n".join(prose).strip("\n")
    if text.strip():
        found.append(Block(text))
    prose.clear()
