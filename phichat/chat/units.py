"""A stretch of Markdown in units, each of which is final once another follows, and where reading may begin again."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate

from markdown_it.token import Token

from phichat.chat.flow import DEEPEST, LONGEST, Flow, cut_of, first_number, tokens_of
from phichat.chat.items import Item, Paragraph, Run, Table
from phichat.chat.mending import hold_back, mend

ROWS = 20  # of a table, that are read again together


@dataclass(frozen=True, slots=True)
class Place:
    """Where reading begins.

    `before` is put before what is read there, as it goes on a table or a paragraph; `ordinal` is the number of the
    item that begins there.
    """

    at: int = 0
    before: str = ""
    ordinal: int | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """`items`, and the place from which they would be read. `is_sure` where it is clear what begins there."""

    place: Place
    items: tuple[Item, ...]
    is_sure: bool = False


def units_of(text: str, place: Place, *, is_growing: bool) -> Iterator[Unit]:
    """What `text`, which stands at `place`, consists of; if `is_growing`, its end is still being written."""
    whole = place.before + text
    return _Stretch(hold_back(whole) if is_growing else whole, place, is_growing=is_growing).units()


class _Stretch:
    def __init__(self, text: str, place: Place, *, is_growing: bool) -> None:
        self._text, self._place, self._is_growing = text, place, is_growing
        self._starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
        self._tokens = tokens_of(text)

    def units(self) -> Iterator[Unit]:
        at = 0
        while at < len(self._tokens):
            end = _end(self._tokens, at)
            first = self._tokens[at]
            if first.type == "fence" and at and self._starts[(first.map or [0])[0] + 1] <= len(self._text):
                yield Unit(self._place_of(first), (), is_sure=True)
                return
            for unit in self._units(self._tokens[at:end], is_last=end == len(self._tokens)):
                yield unit
                if unit.is_sure:
                    return
            at = end

    def _units(self, tokens: list[Token], *, is_last: bool) -> Iterator[Unit]:
        first = tokens[0]
        if max(token.level for token in tokens) >= DEEPEST - 2:
            yield self._deep(first)
        elif first.type in {"bullet_list_open", "ordered_list_open"}:
            yield from self._list(tokens, is_last=is_last)
        elif first.type == "table_open":
            yield from self._table(tokens, is_last=is_last)
        elif first.type == "paragraph_open":
            yield from self._paragraph(tokens, is_last=is_last)
        else:
            yield Unit(self._place_of(first), self._items(tokens, is_last=is_last))

    def _list(self, tokens: list[Token], *, is_last: bool) -> Iterator[Unit]:
        number = None
        if tokens[0].type == "ordered_list_open":
            number = first_number(tokens[0])
            if tokens[0] is self._tokens[0] and self._place.ordinal is not None:
                number = self._place.ordinal
        at = 1
        while at < len(tokens) - 1:
            end = _end(tokens, at)
            is_end = is_last and end == len(tokens) - 1
            items = self._items([tokens[0], *tokens[at:end], tokens[-1]], number, is_last=is_end)
            yield Unit(replace(self._place_of(tokens[at]), ordinal=number), items)
            number = None if number is None else number + 1
            at = end

    def _table(self, tokens: list[Token], *, is_last: bool) -> Iterator[Unit]:
        line = (tokens[0].map or [0])[0]
        is_going_on = tokens[0] is self._tokens[0] and bool(self._place.before)
        head = self._text[self._starts[line] : self._starts[line + 2]]
        table = next(item for item in self._items(tokens, is_last=is_last) if isinstance(item, Table))
        for begin in range(0, max(len(table.rows), 1), ROWS):
            rows = table.rows[begin : begin + ROWS]
            start = self._offset(line + 2 + begin) if begin or is_going_on else table.start
            end = min(self._offset(line + 2 + begin + len(rows)), table.end)
            continues = is_going_on or begin > 0
            part = replace(table, rows=rows, start=start, end=end, continues=continues)
            yield Unit(Place(start, head if continues else ""), (part,))

    def _paragraph(self, tokens: list[Token], *, is_last: bool) -> Iterator[Unit]:
        inline = tokens[1]
        place = self._place_of(tokens[0])
        begin = self._starts[(tokens[0].map or [0])[0]]
        begin += len(self._text) - begin - len(self._text[begin:].lstrip())
        is_going_on = begin == 0 and bool(self._place.before)
        if is_going_on:
            begin, inline.content = len(self._place.before), inline.content[len(self._place.before) :]
        cut = cut_of(inline.content)
        if cut:
            inline.content = inline.content[:cut].rstrip()
        items = self._items(tokens, is_last=is_last and not cut)
        if is_going_on:
            place = self._place
            items = (*map(self._going_on, items[:1]), *items[1:])
        if cut:
            stop = self._place.at - len(self._place.before) + begin + cut
            before = "x\n" if self._text[begin + cut - 1] == "\n" else "x "
            yield Unit(place, tuple(replace(item, end=stop) for item in items))
            yield Unit(Place(stop, before), (), is_sure=True)
        else:
            yield Unit(place, items)

    def _going_on(self, item: Item) -> Item:
        """`item` as one that goes on from what is before it."""
        return replace(item, start=self._place.at, continues=True) if isinstance(item, Paragraph) else item

    def _deep(self, token: Token) -> Unit:
        """What nests deeper than is read, as it is written."""
        start, end = (self._starts[line] for line in token.map or (0, 0))
        text = self._text[start:end].strip("\n")
        pieces = [text[at : at + LONGEST] for at in range(0, len(text), LONGEST)]
        begin, stop = self._offset((token.map or [0])[0]), self._offset((token.map or [0, 0])[1])
        items = [Paragraph(runs=(Run(piece),), start=begin, end=stop, continues=True) for piece in pieces]
        return Unit(self._place_of(token), tuple(items))

    def _items(self, tokens: list[Token], ordinal: int | None = None, *, is_last: bool) -> tuple[Item, ...]:
        is_open = is_last and self._is_growing
        return tuple(Flow(tokens, self._offset, ordinal, mend if is_open else None).items())

    def _place_of(self, token: Token) -> Place:
        return Place(self._offset((token.map or [0])[0]))

    def _offset(self, line: int) -> int:
        inside = self._starts[min(line, len(self._starts) - 1)] - len(self._place.before)
        return self._place.at + max(0, min(inside, len(self._text) - len(self._place.before)))


def _end(tokens: list[Token], at: int) -> int:
    """Where what begins at `at` ends."""
    level = tokens[at].level
    if tokens[at].nesting <= 0:
        return at + 1
    at += 1
    while tokens[at].level > level or tokens[at].nesting >= 0:
        at += 1
    return at + 1
