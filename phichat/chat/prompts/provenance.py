"""Marks that tell, in the text a chat template renders, which characters it was given and which it wrote itself.

While a template runs, each character of a message is another code point, one that Unicode has not assigned. So whatever
a template does to a message (cuts it, joins it, replaces parts of it), each character still says where it comes from.
What the template asks about a message is answered for the real text: see MarkedText.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from itertools import groupby
from typing import Any

_FIRST, _LAST = 0x40000, 0xDFFFF  # planes 4 to 13
ROOM = _LAST - _FIRST + 1

_MARKED = re.compile("[\U00040000-\U000dffff]+")

ANYWHERE = -1
"""The source of characters of which no single one is known, as where a letter became two in a mixed text."""

Run = tuple[str, int | None]
"""Real text, and the number of the text that it comes from; None for the template's own."""


class Marks:
    """The code points that stand for the characters of each text during one rendering."""

    def __init__(self) -> None:
        self._codes: dict[int, dict[int, str]] = {}  # of each source: character to mark
        self._characters: dict[int, str] = {}
        self._sources: dict[int, int] = {}
        self._whole: dict[str, Run] = {}  # most texts are written as they are

    def mark(self, text: str, source: int = ANYWHERE) -> "MarkedText":
        """Return `text`, marked as the text number `source`. Raise ValueError if there are no more code points."""
        codes = self._codes.setdefault(source, {})
        for code, character in enumerate(set(map(ord, set(text))).difference(codes), _FIRST + len(self._characters)):
            if code > _LAST:
                raise ValueError("the messages have too many different characters")
            codes[character], self._characters[code], self._sources[code] = chr(code), chr(character), source
        marked = text.translate(codes)
        self._whole[marked] = text, source
        return _marked(self, marked, text)

    def adopt(self, value: Any) -> Any:
        """Return a string that has marks as MarkedText, and anything else as it is."""
        if not isinstance(value, str) or isinstance(value, MarkedText) or value.isascii() or not _MARKED.search(value):
            return value
        return _marked(self, str.__str__(value))

    def promote(self, text: str) -> "MarkedText":
        """Return the template's own `text` as one whose methods know marked ones."""
        return _marked(self, str.__str__(text))

    def unmark(self, text: str) -> str:
        """Return the real text."""
        text = str.__str__(text)
        return self._whole[text][0] if text in self._whole else text.translate(self._characters)

    def runs(self, text: str) -> Iterator[Run]:
        """Yield the parts of a text that have one source each."""
        at, text = 0, str.__str__(text)
        for match in _MARKED.finditer(text):
            if match.start() > at:
                yield text[at : match.start()], None
            yield from self._runs(match.group())
            at = match.end()
        if at < len(text):
            yield text[at:], None

    def _runs(self, marked: str) -> Iterator[Run]:
        if marked in self._whole:
            yield self._whole[marked]
        elif len(sources := set(map(self._source, set(marked)))) == 1:
            yield self.unmark(marked), sources.pop()
        else:
            for source, characters in groupby(marked, self._source):
                yield self.unmark("".join(characters)), source

    def _source(self, character: str) -> int | None:
        return self._sources.get(ord(character))

    def change(self, text: str, change: Callable[[str], str]) -> "MarkedText":
        """Return `text` with each run of it changed, such as escaped, and marked as it was."""
        return self._join((change(plain), source) for plain, source in self.runs(text))

    def recase(self, text: str, plain: str) -> "MarkedText":
        """Return `plain`, which is the real text of `text` in capitals or the like, with the marks of `text`."""
        sources = list(map(self._source, str.__str__(text)))
        if len(plain) != len(text) or len(set(sources)) == 1:
            return self.mark(plain, self._only(sources))
        pairs = groupby(zip(plain, sources, strict=True), lambda pair: pair[1])
        return self._join(("".join(character for character, _ in group), source) for source, group in pairs)

    def quote(self, text: "MarkedText") -> "MarkedText":
        """Return the `repr` of `text`."""
        return self.mark(repr(text._plain), self._only(map(self._source, set(str.__str__(text)))))

    def _only(self, sources: Iterable[int | None]) -> int:
        """Return the one source of some characters; ANYWHERE if there are several."""
        found = set(sources) - {None}
        return found.pop() or 0 if len(found) == 1 else ANYWHERE

    def _join(self, runs: Iterable[Run]) -> "MarkedText":
        parts = [plain if source is None else self.mark(plain, source) for plain, source in runs]
        return _marked(self, "".join(parts))


def plain_of(value: Any) -> Any:
    """Return the real text of a marked one, also in a tuple; anything else as it is."""
    if isinstance(value, MarkedText):
        return value._plain
    return tuple(map(plain_of, value)) if type(value) is tuple else value


def _marked(marks: Marks, marked: str, plain: str | None = None) -> "MarkedText":
    """Return `marked`, whose real text is `plain` if that is known already, of the same length."""
    text = MarkedText(marked)
    text._marks, text._known = marks, plain
    return text


def _asked(method: Callable[..., Any]) -> Any:
    """Make a method whose answer, no text, is the one for the real text."""

    @wraps(method)
    def ask(self: "MarkedText", *arguments: Any) -> Any:
        return method(self._plain, *map(plain_of, arguments))

    return ask


def _joined(method: Callable[..., Any]) -> Any:
    """Make a method that puts marks together as they are."""

    @wraps(method)
    def join(self: "MarkedText", *arguments: Any) -> Any:
        return self._marks.adopt(method(self, *arguments))

    return join


def _recased(method: Callable[[str], str]) -> Any:
    """Make a method that writes letters in another case."""

    @wraps(method)
    def recase(self: "MarkedText") -> Any:
        plain = method(self._plain)
        return self if plain == self._plain else self._marks.recase(self, plain)

    return recase


class MarkedText(str):
    """A string of marks that compares, searches and splits as the real text does.

    Its parts, and what it is joined to, are marked, too. A method of `str` that is not here sees the marks alone, so
    that no way leads to the real text as a template's own. A template does not reach names that begin with "_", and
    finds no others than those of `str`.
    """

    __slots__ = ("_known", "_marks")

    _marks: Marks
    _known: str | None

    @property
    def _plain(self) -> str:
        """The real text."""
        if self._known is None:
            self._known = self._marks.unmark(self)
        return self._known

    __eq__: Any = _asked(str.__eq__)
    __ne__: Any = _asked(str.__ne__)
    __lt__: Any = _asked(str.__lt__)
    __le__: Any = _asked(str.__le__)
    __gt__: Any = _asked(str.__gt__)
    __ge__: Any = _asked(str.__ge__)
    __hash__: Any = _asked(str.__hash__)
    __contains__: Any = _asked(str.__contains__)

    count: Any = _asked(str.count)
    endswith: Any = _asked(str.endswith)
    find: Any = _asked(str.find)
    index: Any = _asked(str.index)
    isalnum: Any = _asked(str.isalnum)
    isalpha: Any = _asked(str.isalpha)
    isascii: Any = _asked(str.isascii)
    isdecimal: Any = _asked(str.isdecimal)
    isdigit: Any = _asked(str.isdigit)
    isidentifier: Any = _asked(str.isidentifier)
    islower: Any = _asked(str.islower)
    isnumeric: Any = _asked(str.isnumeric)
    isprintable: Any = _asked(str.isprintable)
    isspace: Any = _asked(str.isspace)
    istitle: Any = _asked(str.istitle)
    isupper: Any = _asked(str.isupper)
    rfind: Any = _asked(str.rfind)
    rindex: Any = _asked(str.rindex)
    startswith: Any = _asked(str.startswith)

    __add__: Any = _joined(str.__add__)
    __mul__: Any = _joined(str.__mul__)
    __rmul__: Any = _joined(str.__rmul__)
    center: Any = _joined(str.center)
    expandtabs: Any = _joined(str.expandtabs)
    join: Any = _joined(str.join)
    ljust: Any = _joined(str.ljust)
    rjust: Any = _joined(str.rjust)
    translate: Any = _joined(str.translate)
    zfill: Any = _joined(str.zfill)

    capitalize: Any = _recased(str.capitalize)
    casefold: Any = _recased(str.casefold)
    lower: Any = _recased(str.lower)
    swapcase: Any = _recased(str.swapcase)
    title: Any = _recased(str.title)
    upper: Any = _recased(str.upper)

    def __str__(self) -> str:
        return self

    def __repr__(self) -> str:
        return self._marks.quote(self)

    def __radd__(self, other: str) -> Any:
        return self._marks.adopt(str.__add__(other, self))

    def __iter__(self) -> Iterator[str]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, key: Any) -> "MarkedText":
        return _marked(self._marks, str.__getitem__(self, key), None if self._known is None else self._known[key])

    def strip(self, characters: str | None = None, /) -> "MarkedText":
        """Return the text without blanks, or without `characters`, at its ends."""
        return self.lstrip(characters).rstrip(characters)

    def lstrip(self, characters: str | None = None, /) -> "MarkedText":
        """Return the text without blanks, or without `characters`, at its beginning."""
        return self[len(self) - len(self._plain.lstrip(plain_of(characters))) :]

    def rstrip(self, characters: str | None = None, /) -> "MarkedText":
        """Return the text without blanks, or without `characters`, at its end."""
        return self[: len(self._plain.rstrip(plain_of(characters)))]

    def removeprefix(self, prefix: str, /) -> "MarkedText":
        """Return the text without `prefix`."""
        return self[len(self) - len(self._plain.removeprefix(plain_of(prefix))) :]

    def removesuffix(self, suffix: str, /) -> "MarkedText":
        """Return the text without `suffix`."""
        return self[: len(self._plain.removesuffix(plain_of(suffix)))]

    def split(self, sep: str | None = None, maxsplit: Any = -1) -> list[Any]:
        """Return the parts between `sep`, or blanks."""
        return self._parts(self._plain.split(plain_of(sep), maxsplit), sep)

    def rsplit(self, sep: str | None = None, maxsplit: Any = -1) -> list[Any]:
        """Return the parts between `sep`, or blanks, the last first if `maxsplit` limits them."""
        return self._parts(self._plain.rsplit(plain_of(sep), maxsplit), sep)

    def _parts(self, parts: Iterable[str], sep: str | None) -> list[Any]:
        at, found = 0, []
        for part in parts:
            at = self._plain.find(part, at) if sep is None else at
            found.append(self[at : at + len(part)])
            at += len(part) + len(sep or "")
        return found

    def splitlines(self, keepends: Any = False) -> list[Any]:
        """Return the lines."""
        lines = self._parts(self._plain.splitlines(keepends=True), "")
        return lines if keepends else [line[: len(line._plain.splitlines()[0])] for line in lines]

    def partition(self, sep: str, /) -> Any:
        """Return what is before the first `sep`, `sep`, and the rest."""
        return tuple(self._parts(self._plain.partition(plain_of(sep)), ""))

    def rpartition(self, sep: str, /) -> Any:
        """Return what is before the last `sep`, `sep`, and the rest."""
        return tuple(self._parts(self._plain.rpartition(plain_of(sep)), ""))

    def replace(self, old: str, new: str, count: Any = -1, /) -> Any:
        """Return the text with `new` in place of `old`."""
        if not old:
            return self._marks.adopt(str.replace(self, old, new, count))
        return self._marks.adopt(str.join(new, self.split(old, count)))
