"""A streaming JSON reader: yields the items of one list, with one of them in memory at a time."""

import json
from collections.abc import Iterator
from math import isfinite
from typing import Any, TextIO

CHUNK = 1 << 20
LONGEST_PART = 128 << 20  # characters; a conversation of ten messages of 10 MB is less
LONGEST_NUMBER = 30  # digits; Python refuses thousands, and is slow with hundreds

_SPACE = " \t\r\n"
_NUMBER = "0123456789+-.eE"
_MARGIN = 16  # characters at the end of the buffer, where an error may come from what is not read yet


class NotJson(ValueError):
    """The text is not JSON, or not of the expected form."""


class TooLong(NotJson):
    """One item is longer than any conversation."""


class JsonStream:
    """Reads one list, which is the whole text or the value of `name` in an object.

    Attributes:
        before: the members of the object before the list, complete once the first item or the end is reached.
    """

    def __init__(self, stream: TextIO, name: str) -> None:
        self.before: dict[str, Any] = {}
        self._stream, self._name = stream, name
        self._text, self._at = "", 0
        self._is_over = False
        self._decoder = json.JSONDecoder(parse_float=_real, parse_int=_whole, parse_constant=_nothing, strict=False)

    def items(self) -> Iterator[Any]:
        """Yield each item; an object without such a list is itself the only one. Raise NotJson."""
        first = self._next_sign()
        if first == "[":
            yield from self._list()
        elif first == "{":
            yield from self._object()
        else:
            raise NotJson("neither a list nor an object")

    def _list(self) -> Iterator[Any]:
        self._at += 1
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
        ended = self._next_sign() == "}"
        while not ended:
            name = self._value()
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
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _more(self) -> bool:
        """Read on, as much as is left, so that a long item is tried only a few times; return whether there was more."""
        left = self._text[self._at :]
        if len(left) > LONGEST_PART:
            raise TooLong("longer than any conversation")
        fresh = "" if self._is_over else self._stream.read(max(CHUNK, len(left)))
        self._is_over = not fresh
        self._text, self._at = left + fresh, 0
        return bool(fresh)


def _real(text: str) -> float | None:
    value = float(text)
    return value if isfinite(value) else None


def _whole(text: str) -> int | None:
    return int(text) if len(text) <= LONGEST_NUMBER else None


def _nothing(_: str) -> None:
    """Return None for NaN and the infinities, which JSON does not have."""
