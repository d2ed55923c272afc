"""A reply's Markdown as prose and code, as it is exported."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})\s*([^`\s]*)[^`]*$")


@dataclass(frozen=True)
class Block:
    """A part of a reply. `language` is None for prose, and may be empty for code."""

    text: str
    language: str | None = None


def blocks(source: str) -> list[Block]:
    """`source` in blocks. Fences need not be closed."""
    found: list[Block] = []
    prose: list[str] = []
    lines = iter(source.split("\n"))
    for line in lines:
        fence = _FENCE.match(line)
        if fence:
            _end_prose(prose, found)
            found.append(Block(_code(lines, fence[1]), fence[2].lower()))
        else:
            prose.append(line)
    _end_prose(prose, found)
    return found


def _code(lines: Iterator[str], fence: str) -> str:
    code = []
    for line in lines:
        closing = line.strip()
        if len(closing) >= len(fence) and not closing.strip(fence[0]):
            break
        code.append(line)
    return "\n".join(code)


def _end_prose(prose: list[str], found: list[Block]) -> None:
    text = "\n".join(prose).strip("\n")
    if text.strip():
        found.append(Block(text))
    prose.clear()
