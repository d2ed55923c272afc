"""Words that a reply must not contain, found while it is written token by token."""

import codecs
import re
from collections.abc import Iterable
from functools import lru_cache

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
        self._words, self._ends = known, tuple({word[at:] for word in known for at in range(len(word))})
        self._room = max(map(len, known), default=0) + KEPT
        self._tail = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def would_spell(self, data: bytes) -> bool:
        """Return whether a word would end within `data`, the next bytes."""
        if not self._pattern or not data:
            return False
        state = self._decoder.getstate()
        added = _folded_bytes(data) if not state[0] else _folded(self._decoder.decode(data))
        self._decoder.setstate(state)
        if not (added.startswith(self._ends) or any(word in added for word in self._words)):
            return False  # as of nearly all tokens, in a fifth of the time
        return any(found.end() > len(self._tail) for found in self._pattern.finditer(self._tail + added))

    def extend(self, data: bytes) -> None:
        """Note that `data` was written."""
        self._tail = (self._tail + _folded(self._decoder.decode(data)))[-self._room :]


@lru_cache(4096)
def _folded_bytes(data: bytes) -> str:
    return _folded(codecs.getincrementaldecoder("utf-8")("replace").decode(data))


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", text.casefold())
