"""Links whose addresses are defined elsewhere, as in `[the page][1]` with a line `[1]: https://…`.

Definitions that nothing refers to stay text, so that no word is lost.
"""

import re
from collections.abc import Iterator
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import normalizeReference
from markdown_it.rules_block import StateBlock

from phichat.markdown.document import fenced_blocks

References = tuple[tuple[str, str], ...]  # labels, as Markdown compares them, with their addresses

MOST = 200  # definitions in a reply
FARTHEST = 200_000  # characters of a reply in which they are looked for, as that is repeated while it grows

_LABEL = r"\[((?:[^\[\]\\\n]|\\.){1,200})\]"
_DEFINITION = re.compile(
    rf"^ {{0,3}}{_LABEL}:[ \t]*(?:<(https?://[^<>\s]+)>|(https?://\S+))"
    r"(?:[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*'|\([^()\n]*\)))?[ \t]*(?:\n|\Z)",
    re.IGNORECASE | re.MULTILINE,
)
_BEGINNING = re.compile(rf"^ {{0,3}}{_LABEL}:", re.MULTILINE)
_USE = re.compile(_LABEL)


def add_definition_rule(parser: MarkdownIt) -> None:
    """Let `parser` leave out the definitions of the references in its environment."""
    parser.disable("reference")
    parser.block.ruler.before("paragraph", "definition", _definition)


def find_references(source: str, *, is_growing: bool = False) -> References:
    """Return the definitions in `source` that are referred to; the first one of a label counts."""
    source = source[:FARTHEST]
    if not _DEFINITION.search(source):
        return ()
    end = source.rfind("\n") + 1 if is_growing else len(source)  # the last address may not be complete
    found: dict[str, str] = {}
    used: set[str] = set()
    for prose in (block.text for block in fenced_blocks(source) if block.language is None):
        used.update(labels_in(_BEGINNING.sub("", _DEFINITION.sub("", prose))))
    for prose in (block.text for block in fenced_blocks(source[:end]) if block.language is None):
        for match in _DEFINITION.finditer(prose):
            if len(found) < MOST:
                found.setdefault(normalizeReference(match[1]), match[2] or match[3])
    return tuple((label, address) for label, address in found.items() if label in used)


def labels_in(text: str) -> Iterator[str]:
    """Yield the labels that `text` may refer to or define, as Markdown compares them."""
    return (normalizeReference(match[1]) for match in _USE.finditer(text))


def environment(references: References, *, is_growing: bool = False, is_partial: bool = False) -> dict[str, Any]:
    """Return the environment in which a parser knows `references`, and whether its text `is_growing` or a part."""
    known = {label: {"href": address, "title": ""} for label, address in references}
    return {"references": known, "is_growing": is_growing, "is_partial": is_partial}


def _definition(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: ARG001
    begin = state.bMarks[start] + state.tShift[start]
    line = _DEFINITION.fullmatch(state.src[begin : state.eMarks[start]])
    if silent or not line or normalizeReference(line[1]) not in state.env.get("references", {}):
        return False
    state.line = start + 1
    return True
