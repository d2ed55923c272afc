"""What a model weighed at each token of a reply, as columns: it grows with the reply, and is kept as bytes."""

from collections.abc import Iterable, Iterator
from functools import cached_property, partial
from itertools import accumulate, islice
from typing import NamedTuple, Self

from phichat.chat.candidates import Candidate, Choice, LazyChoice
from phichat.chat.conversation import Piece, PieceKind
from phichat.chat.packed_choices import (
    CANDIDATE_COLUMNS,
    PARTS,
    TOKEN_COLUMNS,
    ChoiceColumns,
    level_of,
    pack,
    probability_of,
    unpack,
)

_KINDS = (PieceKind.TEXT, PieceKind.THINKING)
_MOST_PARTS = 65_535


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
    """The tokens of a reply in order, those of its thinking included, with what was weighed at each of them.

    Probabilities and entropies are rounded, as `phichat/chat/packed_choices.py` has them.
    """

    def __init__(self, columns: ChoiceColumns | None = None) -> None:
        self._columns = columns or ChoiceColumns()

    def __len__(self) -> int:
        return len(self._columns.values["lengths"])

    def add_piece(self, piece: Piece) -> None:
        """Append a piece of the reply."""
        self.add(len(piece.text), PieceKind(piece.kind), piece.token, piece.choice)

    def add(self, length: int, kind: PieceKind, token: int = -1, choice: Choice | None = None) -> None:
        """Append a token, or text of which no more is known than its length."""
        values = self._columns.values
        values["lengths"].append(length)
        values["kinds"].append(_KINDS.index(kind))
        values["tokens"].append(max(token, -1) + 1)
        values["probabilities"].append(_share(choice.probability) if choice else 0.0)
        values["afters"].append(_share(choice.after) if choice else 0.0)
        values["ranks"].append(choice.rank if choice else 0)
        values["entropies"].append(min(max(round(choice.entropy * PARTS), 0), _MOST_PARTS) if choice else 0)
        candidates = choice.candidates if choice else ()
        values["counts"].append(len(candidates))
        for candidate in candidates:
            self._add_candidate(candidate)

    def rows(self, first: int = 0) -> Iterator[ChoiceRow]:
        """Yield the tokens from `first` on. The candidates of a choice are made when they are first looked at."""
        values = self._columns.values
        ends = list(accumulate(values["counts"]))
        chosen = islice(zip(*(values[name] for name in TOKEN_COLUMNS), ends, strict=True), first, None)
        for length, kind, token, probability, after, rank, entropy, count, end in chosen:
            choice = None
            if rank:
                make = partial(self._candidates, end - count, end)
                choice = LazyChoice.of(probability, after, rank, entropy / PARTS, make)
            yield ChoiceRow(length, _KINDS[kind], token - 1, choice)

    def tokens(self) -> list[int]:
        """Return the ids, as in ChoiceRow."""
        return [token - 1 for token in self._columns.values["tokens"]]

    def first(self, count: int) -> "ChoiceTable":
        """Return a table of the first `count` tokens."""
        values = self._columns.values
        candidates = sum(values["counts"][:count])
        cut = {name: values[name][:count] for name in TOKEN_COLUMNS}
        cut |= {name: values[name][:candidates] for name in CANDIDATE_COLUMNS}
        return ChoiceTable(ChoiceColumns(cut, [*self._columns.texts], [*self._columns.cut_names]))

    def pack(self) -> bytes:
        """Return the table as bytes."""
        return pack(self._columns)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Return the table that `pack` packed, now or in an older version. Raise ValueError for anything else."""
        return cls(unpack(data))

    @cached_property
    def _places(self) -> dict[tuple[int, str], int]:
        """Where each candidate is in the texts; only for a table that grows."""
        return {text: at for at, text in enumerate(self._columns.texts)}

    def _add_candidate(self, candidate: Candidate) -> None:
        values, texts, cut_names = self._columns.values, self._columns.texts, self._columns.cut_names
        place = self._places.setdefault((candidate.token, candidate.text), len(texts))
        if place == len(texts):
            texts.append((candidate.token, candidate.text))
        if candidate.cut_by not in cut_names:
            cut_names.append(candidate.cut_by)
        values["places"].append(place)
        values["befores"].append(level_of(candidate.before))
        values["candidate_afters"].append(level_of(candidate.after))
        values["cuts"].append(cut_names.index(candidate.cut_by))

    def _candidates(self, start: int, end: int) -> tuple[Candidate, ...]:
        """Return some of the candidates of all tokens."""
        texts, cut_names = self._columns.texts, self._columns.cut_names
        columns = (self._columns.values[name][start:end] for name in CANDIDATE_COLUMNS)
        return tuple(
            Candidate(token, text, probability_of(before), probability_of(after), cut_names[cut])
            for place, before, after, cut in zip(*columns, strict=True)
            for token, text in [texts[place]]
        )


def table_of(pieces: Iterable[Piece]) -> ChoiceTable:
    """Return the table of a reply in `pieces`."""
    table = ChoiceTable()
    for piece in pieces:
        table.add_piece(piece)
    return table


def _share(probability: float) -> float:
    return min(max(probability, 0.0), 1.0)
