"""A streaming JSON reader: yields the items of lists, with one of them in memory at a time."""

import json
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any, TextIO

CHUNK = 1 << 20
LONGEST_PART = 128 << 20  # characters; a conversation of ten messages of 10 MB is less
MOST_VALUES = 5_000_000  # in one item, each of which takes about 100 bytes of memory
MOST_MEMBERS = 10_000  # around the list
LONGEST_NUMBER = 30  # digits; Python refuses thousands, and is slow with hundreds

_SPACE = re.compile(r"[ \t\r\n]*")
_OPEN = "[{,"  # at the end of a line, when a value goes on
_NUMBER = "0123456789+-.eE"
_MARGIN = 16  # characters at the end of the buffer, where an error may come from what is not read yet


class NotJson(ValueError):
    """The text is not JSON, or not of the expected form."""


class TooLong(NotJson):
    """One item is longer than any conversation."""


class JsonStream:
    """Reads one list after the other; each is a whole value of the text, or the value of `name` in an object.

    Most files hold one value. JSON Lines hold one on each line.

    Attributes:
        before: the members before the list of the object that is being read, complete once its first item or its end
            is reached; another dict for each value.
        is_list: whether the item that was read last is in a list.
    """

    def __init__(self, stream: TextIO, name: str) -> None:
        self.before: dict[str, Any] = {}
        self.is_list = False
        self._stream, self._name = stream, name
        self._text, self._at = "", 0
        self._is_over = False
        self._has_bad_line = False
        self._kept: int | None = None  # from here on, nothing read is forgotten
        self._decoder = json.JSONDecoder(parse_float=_real, parse_int=_whole, parse_constant=_nothing, strict=False)

    def items(self) -> Iterator[Any]:
        """Yield each item; an object without such a list is itself the only one. Raise NotJson.

        Values after the first are looked for on lines of their own; None stands for a line that is no JSON.
        """
        if self._next_sign() not in {"[", "{"}:
            raise NotJson("neither a list nor an object")
        yield from self._items_of_value()
        while self._next_sign():
            self.before = {}
            yield from self._items_of_line()

    def _items_of_value(self) -> Iterator[Any]:
        yield from self._list() if self._next_sign() == "[" else self._object()

    def _items_of_line(self) -> Iterator[Any]:
        """Yield the items of the value on this line, or of one that begins here; None if it is no JSON."""
        line = self._line()
        if not line.strip(","):  # between two values, as if they stood in a list
            self._at += len(line)
            return
        try:
            value, end = self._decoder.raw_decode(line)
        except (json.JSONDecodeError, RecursionError):
            yield from self._items_from_line(line)
            return
        self._at += end
        if isinstance(value, dict) and isinstance(value.get(self._name), list):
            self.before, value = value, value.pop(self._name)
        self.is_list = isinstance(value, list)
        yield from value if self.is_list else [value]

    def _items_from_line(self, line: str) -> Iterator[Any]:
        """Yield the items of the value that begins with this line and goes on; None if that is no JSON either."""
        is_found = False
        if not self._has_bad_line and line[0] in "[{" and line[-1] in _OPEN:
            self._kept = self._at
            try:
                for item in self._items_of_value():
                    is_found = True
                    yield item
            except TooLong:
                raise
            except NotJson:  # not tried again: each time, all of the file might be read for the end of a value
                self._has_bad_line = True
                self._at = self._at if is_found else self._kept
            else:
                return
            finally:
                self._kept = None
        self._at += len(self._line())
        yield None

    def _line(self) -> str:
        """Return the rest of this line, without blanks at its end; it is not consumed."""
        while (end := self._text.find("\n", self._at)) < 0 and self._more():
            pass
        return self._text[self._at : end if end >= 0 else len(self._text)].rstrip()

    def _list(self) -> Iterator[Any]:
        self._at += 1
        self.is_list = True
        if self._next_sign() == "]":
            self._at += 1
            return
        while True:
            yield self._value()
            if self._separator("]"):
                return

    def _object(self) -> Iterator[Any]:
        self._at += 1
        has_list = False
        members = 0
        ended = self._next_sign() == "}"
        if ended:
            self._at += 1
        while not ended:
            name = self._value()
            members += 1
            if members > MOST_MEMBERS:
                raise TooLong("more members than any export has")
            if not isinstance(name, str):
                raise NotJson("a name is something else")
            self._expect(":")
            if name == self._name and self._next_sign() == "[":
                has_list = True
                yield from self._list()
            else:
                value = self._value()
                if not has_list:
                    self.before[name] = value
            ended = self._separator("}")
        if not has_list:
            self.is_list = False
            yield self.before

    def _value(self) -> Any:
        self._next_sign()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except RecursionError as error:
                raise NotJson("nested too deeply") from error
            except json.JSONDecodeError as error:
                if self._is_wrong(error) or not self._more():
                    raise NotJson("cut off, or no JSON") from error
            else:
                ahead = self._text[end : end + _MARGIN]
                if ahead.strip(_NUMBER) or not self._more():  # else a number may go on
                    self._at = end
                    return value

    def _is_wrong(self, error: json.JSONDecodeError) -> bool:
        """Return whether the error is certain, so that reading on cannot help."""
        return error.pos < len(self._text) - _MARGIN and not error.msg.startswith("Unterminated string")

    def _separator(self, closing: str) -> bool:
        """Consume a comma or `closing`; return whether it was `closing`. Raise NotJson."""
        if self._next_sign() == closing:
            self._at += 1
            return True
        self._expect(",")
        return False

    def _expect(self, sign: str) -> None:
        if self._next_sign() != sign:
            raise NotJson(f"{sign} is missing")
        self._at += 1

    def _next_sign(self) -> str:
        """Return the next character that is no space; empty at the end."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]  # it matches nothing, too
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _more(self) -> bool:
        """Read on, as much as is left, so that a long item is tried only a few times; return whether there was more."""
        kept = self._at if self._kept is None else self._kept
        left = self._text[kept:]
        if len(left) > LONGEST_PART or sum(map(left.count, ",[{")) > MOST_VALUES:
            raise TooLong("longer than any conversation")
        fresh = "" if self._is_over else self._stream.read(max(CHUNK, len(left)))
        self._is_over = not fresh
        self._text, self._at = left + fresh, self._at - kept
        self._kept = None if self._kept is None else 0
        return bool(fresh)


def _real(text: str) -> float | None:
    value = float(text)
    return value if isfinite(value) else None


def _whole(text: str) -> int | None:
    return int(text) if len(text) <= LONGEST_NUMBER else None


def _nothing(_: str) -> None:
    """Return None for NaN and the infinities, which JSON does not have."""
