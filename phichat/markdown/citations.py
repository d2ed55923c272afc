"""Citations in an answer as it is shown: numbers that open passages of documents, and a sign after other sentences.

A word joiner, which nobody sees and no model writes, tells them from brackets of the answer itself.
"""

import re
from collections.abc import Iterator, Sequence

JOINER = "\N{WORD JOINER}"
UNSUPPORTED = f"{JOINER}\N{WHITE BULLET}"
"""The quiet sign after a sentence that no passage supports."""

_CITATION = re.compile(rf"\\?\[{JOINER}(\d+)\\?\]")
_MARK = re.compile(rf"[ \N{{NO-BREAK SPACE}}]?(?:{_CITATION.pattern}|{UNSUPPORTED})")


def citation(number: int) -> str:
    """Return the mark that opens the passage of that number."""
    return f"[{JOINER}{number}]"


def split_citations(text: str) -> Iterator[tuple[str, int]]:
    """Yield `text` in parts, each with the number of the passage it opens; 0 for none."""
    at = 0
    for found in _CITATION.finditer(text):
        if found.start() > at:
            yield text[at : found.start()], 0
        yield found[0], int(found[1])
        at = found.end()
    if at < len(text):
        yield text[at:], 0


def without_citations(text: str) -> str:
    """Return `text` as the model wrote it."""
    return _MARK.sub("", text)


def with_footnotes(text: str, titles: Sequence[str]) -> str:
    """Return `text` with plain numbers, and below it what they stand for; `titles` are those of all passages."""
    numbers = sorted({number for _, number in split_citations(text) if 0 < number <= len(titles)})
    notes = [f"[{number}] {titles[number - 1]}" for number in numbers]
    plain = re.sub(rf"[ \N{{NO-BREAK SPACE}}]?{UNSUPPORTED}", "", text)
    return "\n\n".join([_CITATION.sub(r"[\1]", plain), *notes])
