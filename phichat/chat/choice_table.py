"""What a model weighed at each token of a reply, as columns: it grows with the reply, and is kept as bytes.

The bytes, about sixty a token, go into the history and exports: one with the version, then zlib's compression of: the
numbers of tokens and of candidates; in JSON, all names of settings that removed candidates, and the ids and texts of
all candidates; and the columns in the order of `_COLUMNS`, of each the lowest bytes of all numbers first, which takes a
tenth less than number by number. Probabilities are in 65,535ths, entropies in 2,048ths of a bit, candidates and what
removed them are indexes. A token without a choice has rank 0; an id is stored as one more, so that 0 stands for none.
"""

import json
import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator
from functools import cached_property, partial
from itertools import accumulate, islice
from typing import NamedTuple, Self

from phichat.chat.candidates import MOST, Candidate, Choice, LazyChoice
from phichat.chat.conversation import Piece, PieceKind

VERSION = 2
LEVEL = 3  # of compression: 4,000 tokens take half the time of zlib's usual 6, and 2 % more bytes
LARGEST = 64 << 20  # bytes that unpacked choices may have
LARGEST_TOKEN = 2**31 - 1  # llama.cpp's
_HEAD = struct.Struct("<III")  # tokens, candidates of all, bytes of the names and texts
_SHARES, _BITS = 65_535, 2_048
_COLUMNS = {
    "lengths": "I", "kinds": "B", "tokens": "I", "probabilities": "H", "afters": "H", "ranks": "I", "entropies": "H",
    "counts": "B",
}  # fmt: skip
_CANDIDATE_COLUMNS = {"places": "I", "befores": "H", "candidate_afters": "H", "cuts": "B"}
_KINDS = (PieceKind.TEXT, PieceKind.THINKING)


class ChoiceRow(NamedTuple):
    """A token of a reply.

    Attributes:
        length: how many characters of the answer or of the thinking came with it.
        kind: which of both.
        token: its id; -1 if it is not known, or if there is text and no token of its own.
        choice: what was weighed; None if that is not known.
    """

    length: int
    kind: PieceKind
    token: int
    choice: Choice | None


class ChoiceTable:
    """The tokens of a reply in order, those of its thinking included, with what was weighed at each of them."""

    def __init__(self) -> None:
        self._columns = {name: array(kind) for name, kind in {**_COLUMNS, **_CANDIDATE_COLUMNS}.items()}
        self._texts: list[tuple[int, str]] = []
        self._cut_names: list[str | None] = []

    def __len__(self) -> int:
        return len(self._columns["lengths"])

    def add_piece(self, piece: Piece) -> None:
        """Append a piece of the reply."""
        self.add(len(piece.text), PieceKind(piece.kind), piece.token, piece.choice)

    def add(self, length: int, kind: PieceKind, token: int = -1, choice: Choice | None = None) -> None:
        """Append a token, or text of which no more is known than its length."""
        columns = self._columns
        columns["lengths"].append(length)
        columns["kinds"].append(_KINDS.index(kind))
        columns["tokens"].append(max(token, -1) + 1)
        columns["probabilities"].append(_parts(choice.probability, _SHARES) if choice else 0)
        columns["afters"].append(_parts(choice.after, _SHARES) if choice else 0)
        columns["ranks"].append(choice.rank if choice else 0)
        columns["entropies"].append(_parts(choice.entropy, _BITS) if choice else 0)
        candidates = choice.candidates if choice else ()
        columns["counts"].append(len(candidates))
        for candidate in candidates:
            self._add_candidate(candidate)

    def rows(self, first: int = 0) -> Iterator[ChoiceRow]:
        """Yield the tokens from `first` on. The candidates of a choice are made when they are first looked at."""
        columns = self._columns
        ends = list(accumulate(columns["counts"]))
        chosen = islice(zip(*(columns[name] for name in _COLUMNS), ends, strict=True), first, None)
        for length, kind, token, probability, after, rank, entropy, count, end in chosen:
            choice = None
            if rank:
                make = partial(self._candidates, end - count, end)
                choice = LazyChoice.of(probability / _SHARES, after / _SHARES, rank, entropy / _BITS, make)
            yield ChoiceRow(length, _KINDS[kind], token - 1, choice)

    def tokens(self) -> list[int]:
        """Return the ids, as in ChoiceRow."""
        return [token - 1 for token in self._columns["tokens"]]

    def first(self, count: int) -> "ChoiceTable":
        """Return a table of the first `count` tokens."""
        found = ChoiceTable()
        candidates = sum(self._columns["counts"][:count])
        found._columns = {name: self._columns[name][:count] for name in _COLUMNS}
        found._columns |= {name: self._columns[name][:candidates] for name in _CANDIDATE_COLUMNS}
        found._texts, found._cut_names = [*self._texts], [*self._cut_names]
        return found

    def pack(self) -> bytes:
        """Return the table as bytes."""
        written = json.dumps([self._cut_names, self._texts], separators=(",", ":")).encode()
        head = _HEAD.pack(len(self), len(self._columns["places"]), len(written))
        return bytes([VERSION]) + zlib.compress(head + written + b"".join(map(_encoded, self._columns.values())), LEVEL)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Return the table that `pack` packed. Raise ValueError for anything else."""
        try:
            table = cls()
            table._fill(data)
        except (struct.error, zlib.error, IndexError, TypeError, KeyError, RecursionError, UnicodeDecodeError) as error:
            raise ValueError(f"no choices: {error}") from error
        return table

    def _fill(self, data: bytes) -> None:
        if data[:1] != bytes([VERSION]):
            raise ValueError("no choices, or of another version")
        plain = zlib.decompressobj().decompress(data[1:], LARGEST)
        count, candidates, length = _HEAD.unpack_from(plain)
        sizes = (count, *_COLUMNS.values()), (candidates, *_CANDIDATE_COLUMNS.values())
        needed = sum(number * sum(array(kind).itemsize for kind in kinds) for number, *kinds in sizes)
        if _HEAD.size + length + needed != len(plain):
            raise ValueError("damaged choices")
        cuts, texts = json.loads(plain[_HEAD.size : _HEAD.size + length])
        self._cut_names = [cut if isinstance(cut, str) else None for cut in cuts]
        self._texts = [(int(token), str(text)) for token, text in texts]
        at = _HEAD.size + length
        for name, column in self._columns.items():
            end = at + column.itemsize * (count if name in _COLUMNS else candidates)
            column.frombytes(_joined(plain[at:end], column.itemsize))
            if sys.byteorder == "big":
                column.byteswap()
            at = end
        self._check(candidates)

    def _check(self, candidates: int) -> None:
        """Raise ValueError if a number in a column means nothing."""
        columns = self._columns
        limits = {"kinds": len(_KINDS), "counts": MOST + 1, "places": len(self._texts), "cuts": len(self._cut_names)}
        limits["tokens"] = LARGEST_TOKEN + 2
        is_wrong = any(max(columns[name], default=-1) >= limit for name, limit in limits.items())
        if is_wrong or sum(columns["counts"]) != candidates:
            raise ValueError("damaged choices")

    @cached_property
    def _places(self) -> dict[tuple[int, str], int]:
        """Where each candidate is in `_texts`; only for a table that grows."""
        return {text: at for at, text in enumerate(self._texts)}

    def _add_candidate(self, candidate: Candidate) -> None:
        columns, text = self._columns, (candidate.token, candidate.text)
        place = self._places.setdefault(text, len(self._texts))
        if place == len(self._texts):
            self._texts.append(text)
        if candidate.cut_by not in self._cut_names:
            self._cut_names.append(candidate.cut_by)
        columns["places"].append(place)
        columns["befores"].append(_parts(candidate.before, _SHARES))
        columns["candidate_afters"].append(_parts(candidate.after, _SHARES))
        columns["cuts"].append(self._cut_names.index(candidate.cut_by))

    def _candidates(self, start: int, end: int) -> tuple[Candidate, ...]:
        """Return some of the candidates of all tokens."""
        columns = (self._columns[name][start:end] for name in _CANDIDATE_COLUMNS)
        return tuple(
            Candidate(token, text, before / _SHARES, after / _SHARES, self._cut_names[cut])
            for place, before, after, cut in zip(*columns, strict=True)
            for token, text in [self._texts[place]]
        )


def table_of(pieces: Iterable[Piece]) -> ChoiceTable:
    """Return the table of a reply in `pieces`."""
    table = ChoiceTable()
    for piece in pieces:
        table.add_piece(piece)
    return table


def _encoded(column: "array[int]") -> bytes:
    if sys.byteorder == "big":
        column = array(column.typecode, column)
        column.byteswap()
    data = column.tobytes()
    return b"".join(data[place :: column.itemsize] for place in range(column.itemsize))


def _joined(data: bytes, size: int) -> bytes:
    """Return numbers of so many bytes each, whose first bytes come first."""
    count, joined = len(data) // size, bytearray(len(data))
    for place in range(size):
        joined[place::size] = data[place * count : (place + 1) * count]
    return bytes(joined)


def _parts(value: float, parts: int) -> int:
    """Return `value` in so many parts of one, as 16 bits hold it."""
    return min(max(round(value * parts), 0), _SHARES)
