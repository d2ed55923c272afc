"""Words that a reply must not contain, found while it is written token by token."""

import codecs
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import lru_cache

KEPT = 64  # characters of the reply that are looked at besides the longest word
REMEMBERED = 4096  # tokens


class ForbiddenWords:
    """Tells whether the next bytes of a reply would complete one of `words`.

    A word counts where it begins a word of the reply, in any case, whatever follows: "delve" refuses "delves" too. A
    text that begins with no letter or digit counts anywhere.
    """

    def __init__(self, words: Iterable[str]) -> None:
        known = sorted({" ".join(word.split()).casefold() for word in words} - {""}, key=len, reverse=True)
        starts = ((r"\b" if word[0].isalnum() else "") + re.escape(word) for word in known)
        self._pattern = re.compile("|".join(starts)) if known else None
        self._words, self._longest = sorted(known), max(map(len, known), default=0)
        self._rests: tuple[str, ...] = ()  # what would complete a word that the reply ends in the middle of
        self._tail = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._known = lru_cache(REMEMBERED)(self._read_token)

    def would_spell(self, data: bytes) -> bool:
        """Return whether a word would end within `data`, the next bytes."""
        if not self._pattern or not data:
            return False
        state = self._decoder.getstate()
        if state[0]:
            added, has_word = self._read(self._decoder.decode(data))
            self._decoder.setstate(state)
        else:
            added, has_word = self._known(data)
        if not (has_word or added.startswith(self._rests)):
            return False  # as of nearly all tokens: the pattern would look at all of the tail for each
        return any(found.end() > len(self._tail) for found in self._pattern.finditer(self._tail + added))

    def extend(self, data: bytes) -> None:
        """Note that `data` was written."""
        self._tail = (self._tail + _folded(self._decoder.decode(data)))[-(self._longest + KEPT) :]
        ends = (self._tail[at:] for at in range(max(len(self._tail) - self._longest + 1, 0), len(self._tail)))
        self._rests = tuple({word[len(end) :] for end in ends for word in self._words_with(end)} - {""})

    def _read_token(self, data: bytes) -> tuple[str, bool]:
        return self._read(codecs.getincrementaldecoder("utf-8")("replace").decode(data))

    def _read(self, text: str) -> tuple[str, bool]:
        """Return `text` as words are compared, and whether it has one in it."""
        added = _folded(text)
        return added, any(word in added for word in self._words)

    def _words_with(self, beginning: str) -> Iterator[str]:
        for at in range(bisect_left(self._words, beginning), len(self._words)):
            if not self._words[at].startswith(beginning):
                break
            yield self._words[at]


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", text.casefold())
