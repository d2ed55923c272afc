"""Citations in a terminal: the number of the passage that supports a sentence is printed when the sentence ends."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from phichat.chat.sources import Source
from phichat.documents.citations import is_in_table
from phichat.documents.grounding import Grounder, Support
from phichat.documents.sentences import sentences

_UNFINISHED = re.compile(r"(?:(?<=[^\w\s,;])[ \t]+|[ \t]*\n\s*)\S{0,3}\Z")
"""The beginning of a word, such as the "10." of a list, where a sentence may have ended."""

CLOSING = 8  # quotes and brackets that may follow the end of a sentence
_MAY_END = re.compile(r"[.!?…:\n。！？：]")


class CitedText:
    """The text of an answer while it grows.

    Where a sentence may have ended, the first letters that follow are held back: by them one sees whether it did.

    Attributes:
        shown: the number of characters that were returned.
        supports: the sentences that have ended and say something, with the passage that supports each.
    """

    def __init__(self, passages: Sequence[Source]) -> None:
        self._grounder = Grounder([passage.text for passage in passages])
        self._text, self.shown, self._judged, self._searched = "", 0, 0, 0
        self.supports: list[Support] = []

    def add(self, text: str) -> str:
        """Add to the answer; return what can be printed now."""
        self._text += text
        last = _UNFINISHED.search(self._text, self.shown)
        return self._take(last.start() if last else len(self._text))

    def end(self) -> str:
        """Return the rest."""
        return self._take(len(self._text), is_whole=True)

    def citations(self) -> list[dict[str, Any]]:
        """Return the sentences so far that a passage supports, as JSON has them."""
        found = (self._grounder.support(self._text, start, end) for start, end in sentences(self._text))
        return [{**asdict(each), "score": round(each.score, 3)} for each in found if each and each.passage]

    def _take(self, until: int, *, is_whole: bool = False) -> str:
        printed: list[str] = []
        last = until if is_whole else len(self._text.rstrip()) - 1
        if is_whole or _MAY_END.search(self._text, self._searched, last):
            self._searched = max(0, last - CLOSING)
            for support in self._ended(last, is_growing=not is_whole):
                if support.passage and support.end >= self.shown and not is_in_table(self._text, support.start):
                    printed.append(f"{self._text[self.shown : support.end]}\N{NO-BREAK SPACE}[{support.passage}]")
                    self.shown = support.end
        printed.append(self._text[self.shown : until])
        self.shown = max(self.shown, until)
        return "".join(printed)

    def _ended(self, until: int, *, is_growing: bool) -> Iterator[Support]:
        """Yield what is new among the sentences that end at `until` or before."""
        for start, end in sentences(self._text, is_growing=is_growing):
            if self._judged < end <= until:
                self._judged = end
                if support := self._grounder.support(self._text, start, end):
                    self.supports.append(support)
                    yield support
