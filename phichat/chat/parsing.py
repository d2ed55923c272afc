"""Reads the Markdown of a reply a stretch at a time, and while it grows only from where it is not final yet."""

import re
from collections.abc import Iterator

from phichat.chat.items import Block, Code, Item, Paragraph, Table
from phichat.chat.units import Place, Unit, units_of

STRETCH, MOST = 6000, 24_000  # characters that are read at once; what is still not over then is cut
SURE = 1000  # characters after which it is clear what a line begins
LONG_PROSE, MANY = 1500, 40  # characters and paragraphs in one block, from which on there is another
LONG_TABLE = 25  # parts of a table in one block

_BLANK = re.compile(r"(?:[ \t]*\n)+")
_FENCE = re.compile(r"( {0,3})(?:(`{3,})[ \t]*([^\s`]*)[^`\n]*|(~{3,})[ \t]*(\S*)[^\n]*)(\n|\Z)")
_HALF_FENCE = re.compile(r"(?:\A|\n) {0,3}(?:`+|~+)\Z")


class Parsing:
    """One reply's source, and the blocks that it makes: those that are final stay the same objects."""

    def __init__(self) -> None:
        self._source = ""
        self._is_growing = False
        self._place = Place()
        self._closed: list[Block] = []
        self._items: list[Item] = []  # those that are final, but in no closed block
        self._tail: list[Item] = []
        self._is_done = True

    def read(self, source: str, *, is_growing: bool = False) -> None:
        """`source` is what is to be read now: mostly more of what it was. `step` reads it."""
        source = source.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\N{REPLACEMENT CHARACTER}")
        if source[: self._place.at] != self._source[: self._place.at]:
            self._place, self._closed, self._items = Place(), [], []
        self._source, self._is_growing = source, is_growing
        self._tail, self._is_done = [], False

    @property
    def at(self) -> int:
        """How many characters of the source are read, and stay as they are."""
        return self._place.at

    def step(self) -> bool:
        """Read a stretch; whether there is more."""
        if not self._is_done:
            self._is_done = not self._read_stretch()
        return not self._is_done

    def blocks(self) -> list[Block]:
        """What is read so far."""
        return self._closed + self._grouped([*self._items, *self._tail])

    def _read_stretch(self) -> bool:
        place = self._place
        if not place.before:
            blank = _BLANK.match(self._source, place.at)
            place = self._place = Place(blank.end() if blank else place.at, ordinal=place.ordinal)
            if fence := _FENCE.match(self._source, place.at):
                return self._read_code(fence)
        for size in (STRETCH, MOST):
            text = self._source[place.at : place.at + size]
            is_all = place.at + size >= len(self._source)
            units = list(units_of(text, place, is_growing=self._is_growing and is_all))
            count = _final(units, text, place.at)
            if count or is_all:
                break
        if not (count or is_all):
            self._commit(units, Place(place.at + len(text)))
        elif count:
            self._commit(units[:count], units[count].place)
        else:
            self._tail = [item for unit in units for item in unit.items]
            return False
        return True

    def _read_code(self, fence: re.Match[str]) -> bool:
        """Code goes on to a fence like its first one, or to the end."""
        sign, begin = fence[2] or fence[4], fence.end()
        closing = re.compile(rf"^ {{0,3}}{sign[0]}{{{len(sign)},}}[ \t]*(\n|\Z)", re.MULTILINE)
        closed = closing.search(self._source, begin) if fence[6] else None
        if self._is_growing and not fence[6]:
            return False  # its language is not complete
        end = closed.end() if closed else len(self._source)
        text = self._source[begin : closed.start() if closed else end]
        if self._is_growing and not closed:
            text = _HALF_FENCE.sub("", text)
        if fence[1]:
            text = re.sub(rf"^ {{1,{len(fence[1])}}}", "", text, flags=re.MULTILINE)
        language = (fence[3] or fence[5] or "").lower()
        code = Code(start=fence.start(), end=end, text=text.removesuffix("\n"), language=language)
        if closed and closed[1]:
            self._commit([Unit(self._place, (code,))], Place(end))
            return True
        self._tail = [code]
        return False

    def _commit(self, units: list[Unit], place: Place) -> None:
        self._items += [item for unit in units for item in unit.items]
        self._place = place
        if self._items:
            *closed, last = self._grouped(self._items)
            self._closed += closed
            self._items = list(last.items)

    def _grouped(self, items: list[Item]) -> list[Block]:
        return [Block(tuple(group), self._source[group[0].start : group[-1].end]) for group in _groups(items)]


def blocks_of(source: str) -> list[Block]:
    """All blocks of `source`, read at once."""
    parsing = Parsing()
    parsing.read(source)
    while parsing.step():
        pass
    return parsing.blocks()


def _final(units: list[Unit], text: str, offset: int) -> int:
    """How many of `units` stay whatever follows: those before the last one of which it is clear what it begins."""
    for number in range(len(units) - 1, 0, -1):
        begin = units[number].place.at - offset
        if units[number].is_sure or "\n" in text[begin:] or len(text) - begin >= SURE:
            return number
    return 0


def _groups(items: list[Item]) -> Iterator[list[Item]]:
    group: list[Item] = []
    size = 0
    for item in items:
        is_full = size > LONG_PROSE or len(group) >= (LONG_TABLE if isinstance(item, Table) else MANY)
        if group and (is_full or not _belongs(item, group[-1])):
            yield group
            group, size = [], 0
        group.append(item)
        if isinstance(item, Paragraph):
            size += sum(len(run.text) for run in item.runs)
    if group:
        yield group


def _belongs(item: Item, before: Item) -> bool:
    """Whether they are shown by one widget."""
    if isinstance(item, Table):
        return item.continues and isinstance(before, Table)
    return isinstance(item, Paragraph) and isinstance(before, Paragraph)
