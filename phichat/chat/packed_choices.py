"""The choices of a reply's tokens as bytes, about fifty a token, for the history and exports.

A byte with the version, then zlib's compression of: the numbers of tokens and of candidates each; in JSON, all names of
settings that removed candidates, and the ids and texts of all candidates; and columns of probabilities (in 65,535ths),
ranks, entropies (in 2,048ths of a bit), candidates, and what removed them (both as indexes). A token without a choice
has rank 0.
"""

import json
import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import chain

from phichat.chat.candidates import MOST, Candidate, Choice

VERSION = 1
LARGEST = 64 << 20  # bytes that unpacked choices may have
_HEAD = struct.Struct("<III")  # tokens, candidates of each, bytes of the names and texts
_SHARES, _BITS = 65_535, 2_048
_NONE = Choice(0, 0, 0, 0)


def pack(choices: Sequence[Choice | None]) -> bytes:
    """Return `choices` as bytes, with as many candidates of each as the one with the most has."""
    known = [choice or _NONE for choice in choices]
    width = max((len(choice.candidates) for choice in known), default=0)
    shown = [each for choice in known for each in _filled(choice.candidates, width)]
    texts = list(dict.fromkeys((each.token, each.text) for each in shown))
    places = {text: at for at, text in enumerate(texts)}
    cuts = list(dict.fromkeys(each.cut_by for each in shown))
    written = json.dumps([cuts, texts], separators=(",", ":")).encode()
    columns = (
        _column("H", (_sixteenth(choice.probability, _SHARES) for choice in known)),
        _column("H", (_sixteenth(choice.after, _SHARES) for choice in known)),
        _column("I", (choice.rank for choice in known)),
        _column("H", (_sixteenth(choice.entropy, _BITS) for choice in known)),
        _column("I", (places[each.token, each.text] for each in shown)),
        _column("H", (_sixteenth(each.before, _SHARES) for each in shown)),
        _column("H", (_sixteenth(each.after, _SHARES) for each in shown)),
        _column("B", (cuts.index(each.cut_by) for each in shown)),
    )
    return bytes([VERSION]) + zlib.compress(
        _HEAD.pack(len(known), width, len(written)) + written + b"".join(columns), 9
    )


def unpack(data: bytes) -> list[Choice | None]:
    """Return what `pack` packed. Raise ValueError for anything else."""
    try:
        return _unpacked(data)
    except (struct.error, zlib.error, IndexError, TypeError, KeyError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"no choices: {error}") from error


def _unpacked(data: bytes) -> list[Choice | None]:
    if data[:1] != bytes([VERSION]):
        raise ValueError("no choices, or of another version")
    plain = zlib.decompressobj().decompress(data[1:], LARGEST)
    count, width, length = _HEAD.unpack_from(plain)
    if width > MOST or count > LARGEST or _HEAD.size + length + count * (10 + 9 * width) != len(plain):
        raise ValueError("damaged choices")
    cuts, texts = json.loads(plain[_HEAD.size : _HEAD.size + length])
    reader = _Reader(plain, _HEAD.size + length)
    chosen = [reader.column(kind, count) for kind in "HHIH"]
    shown = [reader.column(kind, count * width) for kind in "IHHB"]
    candidates = [
        Candidate(int(texts[at][0]), str(texts[at][1]), before / _SHARES, after / _SHARES, _name(cuts[cut]))
        for at, before, after, cut in zip(*shown, strict=True)
    ]
    return [
        Choice(probability / _SHARES, after / _SHARES, rank, entropy / _BITS, _some(candidates, number, width))
        if rank
        else None
        for number, (probability, after, rank, entropy) in enumerate(zip(*chosen, strict=True))
    ]


def _name(cut: object) -> str | None:
    return cut if isinstance(cut, str) else None


class _Reader:
    """Reads columns one after the other."""

    def __init__(self, data: bytes, start: int) -> None:
        self._data, self._at = data, start

    def column(self, kind: str, count: int) -> "array[int]":
        """Return the next column of `count` numbers."""
        found = array(kind)
        end = self._at + count * found.itemsize
        found.frombytes(self._data[self._at : end])
        self._at = end
        if sys.byteorder == "big":
            found.byteswap()
        return found


def _column(kind: str, values: Iterable[int]) -> bytes:
    found = array(kind, values)
    if sys.byteorder == "big":
        found.byteswap()
    return found.tobytes()


def _sixteenth(value: float, parts: int) -> int:
    """Return `value` in so many parts of one, as 16 bits hold it."""
    return min(max(round(value * parts), 0), _SHARES)


def _filled(candidates: Sequence[Candidate], width: int) -> Iterable[Candidate]:
    return chain(candidates, [Candidate(-1, "", 0, 0)] * (width - len(candidates)))


def _some(candidates: Sequence[Candidate], number: int, width: int) -> tuple[Candidate, ...]:
    return tuple(each for each in candidates[number * width : (number + 1) * width] if each.token >= 0)
