"""Parses server-sent events (text/event-stream) as they arrive, cut anywhere."""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LONGEST = 16_000_000  # characters of an event; no true one comes near

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class ServerEvent:
    """An event: its kind, which is mostly "message", and its data, several lines joined."""

    kind: str
    data: str


class EventStreamParser:
    """Makes events of bytes. Comments and unknown fields are left out; bytes that are no UTF-8 are replaced."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._kind, self._data = "", list[str]()
        self._size = 0

    def feed(self, chunk: bytes, *, is_last: bool = False) -> Iterator[ServerEvent]:
        """Yield the events that `chunk` completes. Raise ValueError if one is too long.

        An event that the stream ends in is complete if its last line is.
        """
        self._rest += self._decoder.decode(chunk, is_last)
        at = 0
        for end in _LINE_END.finditer(self._rest):
            if end.group() == "\r" and end.end() == len(self._rest) and not is_last:
                break  # the other half of the line's end may follow
            line, at = self._rest[at : end.start()], end.end()
            if event := self._take_line(line):
                yield event
        self._rest = self._rest[at:]
        if len(self._rest) + self._size > LONGEST:
            raise ValueError("an event is too long")
        if is_last and not self._rest and (event := self._take_line("")):
            yield event

    def _take_line(self, line: str) -> ServerEvent | None:
        """Return the event that ends with `line`, which is empty; None for any other line."""
        if not line:
            kind, data = self._kind or "message", self._data
            self._kind, self._data, self._size = "", [], 0
            return ServerEvent(kind, "\n".join(data)) if data else None
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._size += len(value)
        elif name == "event":
            self._kind = value
        return None


def parse_events(chunks: Iterable[bytes]) -> Iterator[ServerEvent]:
    """Yield the events in `chunks`. Raise ValueError if one is too long."""
    parser = EventStreamParser()
    for chunk in chunks:
        yield from parser.feed(chunk)
    yield from parser.feed(b"", is_last=True)
