"""The columns of a `ChoiceTable` as bytes, and back.

Version 3, which is written, takes about 45 bytes a token (`python -m tests.benchmarks.candidates`). It is a byte with
the version, and zlib's compression of `_HEAD`; of the JSON of all names of settings that removed candidates, and of all
texts of candidates; and of the columns in the order of `_COLUMNS`, of each the lowest bytes of all numbers first. What
other columns tell is left out:

- `picks` has the place of a token among its candidates, from 1 on, or 0. Only with 0 are an id and probabilities of its
  own written. Lengths and ranks are what they differ by from the candidate's.
- `places` has 0 for a text that comes for the first time, and otherwise the number of the text, from 1 on.
- `befores` has what each candidate is below the one before it, and `candidate_afters` what sampling added; nothing for
  a candidate that was removed, or if it is not known of any.

Version 2 has all columns as they are, with other scales, in about 64 bytes a token.
"""

import json
import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, compress
from math import sqrt
from operator import sub
from typing import Any

from phichat.chat.candidates import MOST

VERSION = 3
LEVEL = 3  # of compression: 4,000 tokens take half the time of zlib's usual 6, and 2 % more bytes
LARGEST = 64 << 20  # bytes that unpacked choices may have
LEVELS = 2_047
"""Of a candidate's probability, as its square root: 0.1 % apart near 1, and closer the less likely it is."""
PARTS = 128  # of a bit of entropy
TOKEN_COLUMNS = {
    "lengths": "I", "kinds": "B", "tokens": "I", "probabilities": "f", "afters": "f", "ranks": "I", "entropies": "H",
    "counts": "B",
}  # fmt: skip
CANDIDATE_COLUMNS = {"places": "I", "befores": "H", "candidate_afters": "H", "cuts": "B"}
KINDS = 2  # of pieces
_LARGEST_TOKEN = 2**31 - 1  # llama.cpp's
_HEAD, _HEAD_2 = struct.Struct("<IIIII"), struct.Struct("<III")
"""Tokens, those without a pick, candidates, those with an `after`, bytes of JSON; in version 2 the 1st, 3rd and 5th."""
_OWN = {"tokens": "I", "probabilities": "f", "afters": "f"}  # of tokens without a pick
_COLUMNS = (
    *(("lengths", "I", 0), ("kinds", "B", 0), ("picks", "B", 0), ("ranks", "I", 0), ("entropies", "H", 0)),
    *(("counts", "B", 0), ("tokens", "I", 1), ("probabilities", "f", 1), ("afters", "f", 1), ("places", "I", 2)),
    *(("befores", "H", 2), ("cuts", "B", 2), ("candidate_afters", "H", 3), ("ids", "I", 4)),
)
"""Each column's name, type, and number in `_HEAD` of its length; there are as many ids as texts."""
_COLUMNS_2 = (
    *(("lengths", "I", 0), ("kinds", "B", 0), ("tokens", "I", 0), ("probabilities", "H", 0), ("afters", "H", 0)),
    *(("ranks", "I", 0), ("entropies", "H", 0), ("counts", "B", 0)),
    *(("places", "I", 1), ("befores", "H", 1), ("candidate_afters", "H", 1), ("cuts", "B", 1)),
)
_SHARES_2, _PARTS_2 = 65_535, 2_048

Columns = dict[str, "array[Any]"]


def _empty() -> Columns:
    return {name: array(kind) for name, kind in {**TOKEN_COLUMNS, **CANDIDATE_COLUMNS}.items()}


@dataclass
class ChoiceColumns:
    """What a `ChoiceTable` holds.

    Attributes:
        values: the columns, each with a number for every token, or for every candidate of all tokens: lengths, kinds as
            numbers, ids plus one, probabilities, ranks, entropies in `PARTS`, and how many candidates there are; places
            in `texts`, levels of probabilities, and places in `cut_names`.
        texts: the id and text of each candidate.
        cut_names: settings that removed candidates; None for none.
    """

    values: Columns = field(default_factory=_empty)
    texts: list[tuple[int, str]] = field(default_factory=list)
    cut_names: list[str | None] = field(default_factory=list)


def level_of(probability: float) -> int:
    """Return the level of a probability."""
    return round(sqrt(min(max(probability, 0.0), 1.0)) * LEVELS)


def probability_of(level: int) -> float:
    """Return the probability of a level."""
    return (level / LEVELS) ** 2


def pack(columns: ChoiceColumns) -> bytes:
    """Return `columns` as bytes of version 3."""
    values = columns.values
    befores, afters = values["befores"], values["candidate_afters"]
    is_kept = _kept(columns) if any(afters) else bytes(len(afters))
    picks = array("B", _picks(columns))
    own = [not pick for pick in picks]
    written = values | {name: array(kind, compress(values[name], own)) for name, kind in _OWN.items()}
    written |= {
        "picks": picks,
        "lengths": _plus(values["lengths"], [-length for length in _picked_lengths(columns, _picked(columns, picks))]),
        "ranks": _plus(values["ranks"], [-pick for pick in picks]),
        "places": array("I", _with_first_as_zero(values["places"])),
        "befores": array("H", [step & 0xFFFF for step in map(sub, (0, *befores), befores)]),
        "candidate_afters": array("H", map(_unsigned, compress(map(sub, afters, befores), is_kept))),
        "ids": array("I", [token + 1 for token, _ in columns.texts]),
    }
    names = json.dumps([columns.cut_names, [text for _, text in columns.texts]], separators=(",", ":")).encode()
    head = _HEAD.pack(len(picks), sum(own), len(befores), len(written["candidate_afters"]), len(names))
    packed = b"".join(_planes(written[name]) for name, *_ in _COLUMNS)
    return bytes([VERSION]) + zlib.compress(head + names + packed, LEVEL)


def unpack(data: bytes) -> ChoiceColumns:
    """Return what `pack` packed, or an older version did. Raise ValueError for anything else."""
    read = {VERSION: _read, 2: _read_2}.get(data[0] if data else 0)
    if read is None:
        raise ValueError("no choices, or of another version")
    try:
        columns = read(zlib.decompressobj().decompress(data[1:], LARGEST))
        _check(columns)
    except (ValueError, struct.error, zlib.error, LookupError, TypeError, RecursionError, OverflowError) as error:
        raise ValueError(f"no choices: {error}") from error
    return columns


def _read(plain: bytes) -> ChoiceColumns:
    head = _HEAD.unpack_from(plain)
    cuts, texts = json.loads(plain[_HEAD.size : _HEAD.size + head[4]])
    values = _columns(plain[_HEAD.size + head[4] :], _COLUMNS, (*head[:4], len(texts)))
    picks, added, ids = (values.pop(name) for name in ("picks", "candidate_afters", "ids"))
    known = [(token - 1, str(text)) for token, text in zip(ids, texts, strict=True)]
    columns = ChoiceColumns(values, known, _names(cuts))
    values["places"] = array("I", _without_first_as_zero(values["places"]))
    befores = values["befores"] = array("H", [-total & 0xFFFF for total in accumulate(values["befores"])])
    is_kept = _kept(columns) if added else bytes(len(befores))
    _require(sum(is_kept) == len(added))
    steps = map(_signed, added)
    afters = [before + next(steps) if kept else 0 for before, kept in zip(befores, is_kept, strict=True)]
    values["candidate_afters"] = array("H", afters)
    picked = _picked(columns, picks)
    values["lengths"] = _plus(values["lengths"], _picked_lengths(columns, picked))
    values["ranks"] = _plus(values["ranks"], picks)
    _fill_picked(columns, picked)
    return columns


def _fill_picked(columns: ChoiceColumns, picked: Sequence[int]) -> None:
    """Give tokens with a candidate its id and probabilities."""
    values, texts, places = columns.values, columns.texts, columns.values["places"]
    levels = {"probabilities": values["befores"], "afters": values["candidate_afters"]}
    for name in _OWN:
        own = iter(values[name])
        if name == "tokens":
            values[name] = array("I", [texts[places[at]][0] + 1 if at >= 0 else next(own) for at in picked])
        else:
            values[name] = array("f", [probability_of(levels[name][at]) if at >= 0 else next(own) for at in picked])


def _read_2(plain: bytes) -> ChoiceColumns:
    count, candidates, length = _HEAD_2.unpack_from(plain)
    cuts, texts = json.loads(plain[_HEAD_2.size : _HEAD_2.size + length])
    values = _columns(plain[_HEAD_2.size + length :], _COLUMNS_2, (count, candidates))
    for name in ("probabilities", "afters"):
        values[name] = array("f", [share / _SHARES_2 for share in values[name]])
    for name in ("befores", "candidate_afters"):
        values[name] = array("H", [level_of(share / _SHARES_2) for share in values[name]])
    values["entropies"] = array("H", [part * PARTS // _PARTS_2 for part in values["entropies"]])
    return ChoiceColumns(values, [(int(token), str(text)) for token, text in texts], _names(cuts))


def _names(cuts: Iterable[Any]) -> list[str | None]:
    return [cut if isinstance(cut, str) else None for cut in cuts]


def _check(columns: ChoiceColumns) -> None:
    """Raise ValueError if a number in a column means nothing."""
    values = columns.values
    limits = {
        "kinds": KINDS - 1, "counts": MOST, "places": len(columns.texts) - 1, "cuts": len(columns.cut_names) - 1,
        "tokens": _LARGEST_TOKEN + 1, "befores": LEVELS, "candidate_afters": LEVELS,
    }  # fmt: skip
    for name, limit in limits.items():
        _require(max(values[name], default=0) <= max(limit, 0))
    _require(len(values["places"]) == 0 or min(len(columns.texts), len(columns.cut_names)) > 0)
    _require(sum(values["counts"]) == len(values["places"]))
    for name in ("probabilities", "afters"):
        _require(all(0 <= share <= 1 for share in values[name]))


def _require(is_right: bool) -> None:
    if not is_right:
        raise ValueError("damaged")


def _columns(data: bytes, columns: Iterable[tuple[str, str, int]], lengths: Sequence[int]) -> Columns:
    """Return the columns that `data` consists of, with those of `lengths` that they name."""
    found, at = {}, 0
    for name, kind, number in columns:
        column = found[name] = array(kind)
        end = at + column.itemsize * lengths[number]
        _require(end <= len(data))
        column.frombytes(_joined(data[at:end], column.itemsize))
        if sys.byteorder == "big":
            column.byteswap()
        at = end
    _require(at == len(data))
    return found


def _kept(columns: ChoiceColumns) -> list[bool]:
    """Return of each candidate whether it was not removed."""
    return [columns.cut_names[cut] is None for cut in columns.values["cuts"]]


def _picks(columns: ChoiceColumns) -> Iterator[int]:
    """Yield the place of each token among its candidates, from 1 on; 0 if it is not there just as it is."""
    values, end = columns.values, 0
    ids = [columns.texts[place][0] + 1 for place in values["places"]]
    befores, afters = values["befores"], values["candidate_afters"]
    for count, token, *shares in zip(*(values[name] for name in ("counts", *_OWN)), strict=True):
        start, end = end, end + count
        at = ids.index(token, start, end) if token and token in ids[start:end] else -1
        is_same = at >= 0 and [befores[at], afters[at]] == [level_of(share) for share in shares]
        yield at - start + 1 if is_same else 0


def _picked(columns: ChoiceColumns, picks: Iterable[int]) -> list[int]:
    """Return of each token where among all candidates it is; -1 for 0 in `picks`."""
    counts = columns.values["counts"]
    found = []
    for pick, count, end in zip(picks, counts, accumulate(counts), strict=True):
        _require(pick <= count)
        found.append(end - count + pick - 1 if pick else -1)
    return found


def _picked_lengths(columns: ChoiceColumns, picked: Iterable[int]) -> list[int]:
    places = columns.values["places"]
    return [len(columns.texts[places[at]][1]) if at >= 0 else 0 for at in picked]


def _plus(values: Iterable[int], others: Iterable[int]) -> "array[int]":
    return array("I", [(one + other) & 0xFFFFFFFF for one, other in zip(values, others, strict=True)])


def _with_first_as_zero(places: Iterable[int]) -> Iterator[int]:
    """Yield 0 for each place that comes first in order, and otherwise the place and 1."""
    following = 0
    for place in places:
        is_new = place == following
        following += is_new
        yield 0 if is_new else place + 1


def _without_first_as_zero(written: Iterable[int]) -> Iterator[int]:
    following = 0
    for number in written:
        yield number - 1 if number else following
        following += not number


def _unsigned(number: int) -> int:
    return 2 * number if number >= 0 else -2 * number - 1


def _signed(number: int) -> int:
    return -(number + 1) // 2 if number & 1 else number // 2


def _planes(column: "array[Any]") -> bytes:
    """Return the numbers with the lowest bytes of all first."""
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
