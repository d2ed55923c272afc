"""Bytes of tokens into pieces of text: whole characters only, and nothing of what ends a reply."""

import codecs
from collections.abc import Iterable


class PieceReader:
    """Decodes a reply as it comes. The one space that models put before their first word is left out."""

    def __init__(self, stop_texts: Iterable[str] = (), begun: Iterable[bytes] = ()) -> None:
        """`begun` is what the reply begins with already: its text is left out, half a character at its end is not."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop_texts = tuple(stop_texts)
        self._held = ""
        self._begun = False
        self.ended = False
        """True once a stop text has come; what follows it is no part of the reply."""
        for data in begun:
            self.feed(data)
        self._held = ""

    def feed(self, data: bytes) -> str:
        """The text that is sure after `data`: it may be less, or more, than `data` spells."""
        text = self._held + self._decoder.decode(data)
        self._held = ""
        if not self._begun and text:
            text, self._begun = text.removeprefix(" "), True
        for stop in self._stop_texts:
            before, found, _ = text.partition(stop)
            if found:
                self.ended = True
                return before
            kept = _overlap(text, stop)
            if kept > len(self._held):
                self._held = text[-kept:]
        return text[: len(text) - len(self._held)]

    def rest(self) -> str:
        """What was held back in case it became a stop text. Half a character is left out."""
        held, self._held = self._held, ""
        return "" if self.ended else held


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of `text` begin `stop`."""
    return next((count for count in range(min(len(text), len(stop)), 0, -1) if stop.startswith(text[-count:])), 0)
