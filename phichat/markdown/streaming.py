"""The incremental parser: parses a stretch at a time, and after growth only from the last unit that may change."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from markdown_it.token import Token

from phichat.markdown.block_tree import elements, end_of, first_number, node_groups, number_of
from phichat.markdown.document import FENCE, Block, Code, Node, Paragraph, Run, Table, closing_fence
from phichat.markdown.parser import (
    DEEPEST,
    LONGEST,
    MATH,
    DocumentBuilder,
    fenced_formula,
    parse_tokens,
    split_position,
)
from phichat.markdown.references import References, find_references, labels_in
from phichat.markdown.repair import hold_back_ambiguous_tail

_ITEM = re.compile(r"( {0,3}(?:[-*+]|\d{1,9}[.)]) +)\S")

_FENCE_LINE = re.compile(r"^ {0,3}(?:```|~~~).*\n", re.MULTILINE)

ROWS, CELLS = 20, 400  # of a table in one unit, which is parsed and laid out as a whole


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Where parsing resumes.

    Attributes:
        at: the offset in the source.
        before: what is prepended to the source there, as it continues a table, a paragraph or a list item.
        ordinal: the number of the list item that begins there, or is around it.
        inner: the number of the item in a list inside that item.
        is_inside: whether it is inside a list item rather than at its beginning.
    """

    at: int = 0
    before: str = ""
    ordinal: int | None = None
    inner: int | None = None
    is_inside: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """Nodes, and the point from which they are parsed.

    `is_sure` if it is certain what begins there, `is_guess` if that depends on the next line.
    """

    place: ResumePoint
    items: tuple[Node, ...]
    is_sure: bool = False
    is_guess: bool = False


def parse_units(
    text: str, place: ResumePoint, references: References = (), *, is_growing: bool = False, is_partial: bool = False
) -> Iterator[Unit]:
    """Yield the units of `text`, which is at `place` in the source.

    If it `is_growing`, it is not complete at its end; if it `is_partial`, the source goes on after it.
    """
    whole = place.before + text
    shown = hold_back_ambiguous_tail(whole) if is_growing else whole
    return _Stretch(shown, place, references, is_growing=is_growing, is_partial=is_growing or is_partial).units()


@dataclass(frozen=True, slots=True)
class _Piece:
    place: ResumePoint
    tokens: list[Token]


class _Stretch:
    def __init__(
        self, text: str, place: ResumePoint, references: References, *, is_growing: bool, is_partial: bool
    ) -> None:
        self._text, self._place, self._references, self._is_growing = text, place, references, is_growing
        self._starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
        before = len(place.before)
        self._offsets = [place.at + max(0, min(start - before, len(text) - before)) for start in self._starts]
        self._tokens = parse_tokens(text, references, is_growing=is_growing, is_partial=is_partial)

    def units(self) -> Iterator[Unit]:
        at = 0
        while at < len(self._tokens):
            end = end_of(self._tokens, at)
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
            yield self._too_deep(first)
        elif first.type in {"bullet_list_open", "ordered_list_open"}:
            yield from self._list(tokens, is_last=is_last)
        elif first.type == "table_open":
            yield from self._table(tokens, is_last=is_last)
        elif first.type == "paragraph_open":
            yield from self._paragraph(tokens, is_last=is_last)
        else:
            yield Unit(self._place_of(first), self._items(tokens, is_last=is_last))

    def _list(self, tokens: list[Token], *, is_last: bool) -> Iterator[Unit]:
        is_first = tokens[0] is self._tokens[0]
        number = first_number(tokens[0]) if tokens[0].type == "ordered_list_open" else None
        if number is not None and is_first and self._place.ordinal is not None:
            number = self._place.ordinal
        is_inside = is_first and self._place.is_inside
        before: Token | None = None
        for item in elements(tokens[1:-1]):
            number = number_of(item[0], before, number)
            pieces = self._pieces(item, number, is_inside=is_inside)
            for count, piece in enumerate(pieces, 1):
                is_end = is_last and item[-1] is tokens[-2] and count == len(pieces)
                inside = [tokens[0], *piece.tokens, tokens[-1]]
                yield Unit(piece.place, self._items(inside, (number, piece.place.inner), is_last=is_end))
            before, is_inside = item[0], False

    def _pieces(self, item: list[Token], number: int | None, *, is_inside: bool) -> list[_Piece]:
        """Divide a list item before each item but the first of the lists in it, as a list item may be very long."""
        before = self._place.before if is_inside else self._item_opening(item[0])
        pieces = [] if is_inside else [_Piece(replace(self._place_of(item[0]), ordinal=number), item[:1])]
        for group in elements(item[1:-1]):
            is_list = group[0].type in {"bullet_list_open", "ordered_list_open"}
            if not is_list or not before:
                if pieces:
                    pieces[-1].tokens.extend(group)
                continue
            inner = first_number(group[0]) if group[0].type == "ordered_list_open" else None
            if inner is not None and not pieces and self._place.inner is not None:
                inner = self._place.inner
            last: Token | None = None
            for count, nested in enumerate(elements(group[1:-1])):
                inner, last = number_of(nested[0], last, inner), nested[0]
                if count or not pieces:
                    at = self._place_of(nested[0]).at
                    pieces.append(_Piece(ResumePoint(at, before, number, inner, is_inside=True), []))
                pieces[-1].tokens.extend([group[0], *nested, group[-1]])
        if not is_inside:
            pieces[0].tokens.append(item[-1])
        return pieces

    def _item_opening(self, item: Token) -> str:
        """Return Markdown that opens `item`, for what is inside it to follow; empty if it has none."""
        line = (item.map or [0])[0]
        sign = _ITEM.match(self._text, self._starts[line])
        return sign[1] + "x\n\n" if sign else ""

    def _table(self, tokens: list[Token], *, is_last: bool) -> Iterator[Unit]:
        line = (tokens[0].map or [0])[0]
        is_going_on = tokens[0] is self._tokens[0] and bool(self._place.before)
        head = "".join(f"{text}\n" for text in self._text[self._starts[line] :].split("\n", 2)[:2])
        table = next(item for item in self._items(tokens, is_last=is_last) if isinstance(item, Table))
        count = max(1, min(ROWS, CELLS // len(table.sides)))
        for begin in range(0, max(len(table.rows), 1), count):
            rows = table.rows[begin : begin + count]
            start = self._offset(line + 2 + begin) if begin or is_going_on else table.start
            end = min(self._offset(line + 2 + begin + len(rows)), table.end)
            continues = is_going_on or begin > 0
            part = replace(table, rows=rows, start=start, end=end, continues=continues)
            is_guess = "is_guess" in tokens[0].meta
            yield Unit(ResumePoint(start, head if continues else ""), (part,), is_guess=is_guess)

    def _paragraph(self, tokens: list[Token], *, is_last: bool) -> Iterator[Unit]:
        inline = tokens[1]
        place = self._place_of(tokens[0])
        begin = self._starts[(tokens[0].map or [0])[0]]
        begin += len(self._text) - begin - len(self._text[begin:].lstrip())
        is_going_on = begin == 0 and bool(self._place.before)
        if is_going_on:
            begin, inline.content = len(self._place.before), inline.content[len(self._place.before) :]
        cut = split_position(inline.content)
        if cut:
            inline.content = inline.content[:cut].rstrip()
        items = self._items(tokens, is_last=is_last and not cut)
        if is_going_on:
            place = self._place
            items = (*map(self._as_continuation, items[:1]), *items[1:])
        if cut:
            stop = self._place.at - len(self._place.before) + begin + cut
            before = "x\n" if self._text[begin + cut - 1] == "\n" else "x "
            yield Unit(place, tuple(replace(item, end=stop) for item in items))
            yield Unit(ResumePoint(stop, before), (), is_sure=True)
        else:
            yield Unit(place, items)

    def _as_continuation(self, item: Node) -> Node:
        """Return `item` as a continuation of the paragraph before it."""
        return replace(item, start=self._place.at, continues=True) if isinstance(item, Paragraph) else item

    def _too_deep(self, token: Token) -> Unit:
        """Return what is nested deeper than the parser reads, as source text."""
        start, end = (self._starts[line] for line in token.map or (0, 0))
        text = self._text[start:end].strip("\n")
        pieces = [text[at : at + LONGEST] for at in range(0, len(text), LONGEST)]
        begin, stop = self._offset((token.map or [0])[0]), self._offset((token.map or [0, 0])[1])
        items = [Paragraph(runs=(Run(piece),), start=begin, end=stop, continues=True) for piece in pieces]
        return Unit(self._place_of(token), tuple(items))

    def _items(self, tokens: list[Token], ordinals: Sequence[int | None] = (), *, is_last: bool) -> tuple[Node, ...]:
        is_open = is_last and self._is_growing
        return tuple(DocumentBuilder(tokens, self._offset, ordinals, self._references, is_open=is_open).items())

    def _place_of(self, token: Token) -> ResumePoint:
        return ResumePoint(self._offset((token.map or [0])[0]))

    def _offset(self, line: int) -> int:
        return self._offsets[min(line, len(self._offsets) - 1)]


STRETCH, MOST = 6000, 24_000  # characters parsed at once; an element longer than MOST is cut
SURE = 1000  # characters of a line, after which it is certain what it begins

_BLANK = re.compile(r"(?:[ \t]*\n)+")
_HALF_FENCE = re.compile(r"(?:\A|\n) {0,3}(?:`+|~+)\n?\Z")


class StreamingParser:
    """Parses a growing source into blocks; those that are final stay the same objects."""

    def __init__(self) -> None:
        self._source = ""
        self._is_growing = False
        self._references: References = ()
        self._place = ResumePoint()
        self._closed: list[Block] = []
        self._items: list[Node] = []  # those that are final, but in no closed block
        self._tail: list[Node] = []
        self._is_done = True

    def set_source(self, source: str, *, is_growing: bool = False) -> None:
        """Set the source, usually the one before with more at its end; `step` parses it."""
        source = source.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\N{REPLACEMENT CHARACTER}")
        if (source, is_growing) == (self._source, self._is_growing):
            return
        references = find_references(source, is_growing=is_growing)
        final = source[: self._place.at]
        if final != self._source[: self._place.at] or self._is_read_anew(final, references):
            self._place, self._closed, self._items = ResumePoint(), [], []
        self._references = references
        self._source, self._is_growing = source, is_growing
        self._tail, self._is_done = [], False

    def _is_read_anew(self, final: str, references: References) -> bool:
        """Return whether `references` change what was shown of the text that is `final`."""
        changed = {label for label, _ in {*references} ^ {*self._references}}
        return bool(changed) and not changed.isdisjoint(labels_in(final))

    @property
    def at(self) -> int:
        """The offset in the source up to which blocks are final."""
        return self._place.at

    def step(self) -> bool:
        """Parse a stretch; return whether there is more."""
        if not self._is_done:
            self._is_done = not self._read_stretch()
        return not self._is_done

    def blocks(self) -> list[Block]:
        """Return the blocks parsed so far."""
        return self._closed + self._grouped([*self._items, *self._tail])

    def _read_stretch(self) -> bool:
        place = self._place
        if not place.before:
            blank = _BLANK.match(self._source, place.at)
            place = self._place = ResumePoint(blank.end() if blank else place.at, ordinal=place.ordinal)
            if fence := FENCE.match(self._source, place.at):
                return self._read_code(fence)
        for size in (*self._up_to_fence(), STRETCH, MOST):
            text = self._source[place.at : place.at + size]
            is_all = place.at + size >= len(self._source)
            is_growing = self._is_growing and is_all
            units = list(parse_units(text, place, self._references, is_growing=is_growing, is_partial=not is_all))
            count = _count_final(units, text, place.at)
            if count or is_all:
                break
        if not (count or is_all):
            self._commit(units, ResumePoint(place.at + len(text)))
        elif count:
            self._commit(units[:count], units[count].place)
        else:
            self._tail = [item for unit in units for item in unit.items]
            return False
        return True

    def _up_to_fence(self) -> list[int]:
        """Return the size of a stretch that ends with the next line that may open code, if it is a short one.

        What follows is not parsed together with what is before it: code alternates with paragraphs in many replies.
        """
        at = self._place.at
        fence = _FENCE_LINE.search(self._source, at + 1, at + STRETCH)
        return [fence.end() - at] if fence else []

    def _read_code(self, fence: re.Match[str]) -> bool:
        """Parse a code block, up to its closing fence or the end; return whether it is final."""
        sign, begin = fence[2] or fence[4], fence.end()
        language = (fence[3] or fence[5] or "").lower()
        is_growing = self._is_growing
        closed = closing_fence(self._source, begin, sign, language, is_growing=is_growing) if fence[6] else None
        if self._is_growing and not fence[6]:
            return False  # its language may not be complete
        end = closed.end() if closed else len(self._source)
        text = self._source[begin : closed.start() if closed else end]
        if self._is_growing and not closed:
            text = _HALF_FENCE.sub("", text)
        if fence[1]:
            text = re.sub(rf"^ {{1,{len(fence[1])}}}", "", text, flags=re.MULTILINE)
        item: Node = Code(start=fence.start(), end=end, text=text.removesuffix("\n"), language=language)
        is_closed = bool(closed) or not self._is_growing
        if language == MATH and is_closed and (run := fenced_formula(text.removesuffix("\n"), sign)):
            item = Paragraph(start=fence.start(), end=end, runs=(run,))
        if closed and closed[3]:
            self._commit([Unit(self._place, (item,))], ResumePoint(end))
            return True
        self._tail = [item]
        return False

    def _commit(self, units: list[Unit], place: ResumePoint) -> None:
        self._items += [item for unit in units for item in unit.items]
        self._place = place
        if self._items:
            *closed, last = self._grouped(self._items)
            self._closed += closed
            self._items = list(last.items)

    def _grouped(self, items: list[Node]) -> list[Block]:
        return [Block(tuple(group), self._source[group[0].start : group[-1].end]) for group in node_groups(items)]


def parse_blocks(source: str) -> list[Block]:
    """Return all blocks of a complete `source`."""
    parsing = StreamingParser()
    parsing.set_source(source)
    while parsing.step():
        pass
    return parsing.blocks()


def _count_final(units: list[Unit], text: str, offset: int) -> int:
    """Return how many of `units` are final: those before the last one of which it is certain what it begins."""
    for number in range(len(units) - 1, 0, -1):
        begin = units[number].place.at - offset
        is_clear = "\n" in text[begin:] or len(text) - begin >= SURE
        if units[number].is_sure or (is_clear and not units[number].is_guess):
            return number
    return 0
