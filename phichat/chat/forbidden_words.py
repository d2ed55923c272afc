"""Words that a reply must not contain, found while it is written token by token."""

import codecs
import re
from collections.abc import Iterable

KEPT = 64  # characters of the reply that are looked at besides the longest word


class ForbiddenWords:
    """Tells whether the next bytes of a reply would complete one of `words`.

    A word counts where it begins a word of the reply, in any case, whatever follows: "delve" refuses "delves" too. A
    text that begins with no letter or digit counts anywhere.
    """

    def __init__(self, words: Iterable[str]) -> None:
        known = sorted({" ".join(word.split()).casefold() for word in words} - {""}, key=len, reverse=True)
        starts = ((r"\b" if word[0].isalnum() else "") + re.escape(word) for word in known)
        self._pattern = re.compile("|".join(starts)) if known else None
        self._room = max(map(len, known), default=0) + KEPT
        self._tail = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def would_spell(self, data: bytes) -> bool:
        """Return whether a word would end within `data`, the next bytes."""
        if not self._pattern or not data:
            return False
        state = self._decoder.getstate()
        added = _folded(self._decoder.decode(data))
        self._decoder.setstate(state)
        return any(found.end() > len(self._tail) for found in self._pattern.finditer(self._tail + added))

    def extend(self, data: bytes) -> None:
        """Note that `data` was written."""
        self._tail = (self._tail + _folded(self._decoder.decode(data)))[-self._room :]


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", text.casefold())
