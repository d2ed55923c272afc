"""Reads rows straight from the pages of a damaged file, without the tree that leads to them.

See https://www.sqlite.org/fileformat2.html.
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

PAGE = 4096
"""SQLite's own choice, and so ours."""

_LEAF = 13
_WAL_HEADER, _FRAME_HEADER = 32, 24

_Read = Callable[[int], bytes]


def rows(file: Path, is_wanted: Callable[[int], bool]) -> Iterator[tuple[int, list[Any]]]:
    """Each row's number and columns, for tables of which `is_wanted` says so by the number of columns.

    What was committed last comes first.
    """
    newer = _newer_pages(file.with_name(file.name + "-wal"))
    with file.open("rb") as opened:

        def read(number: int) -> bytes:
            if number in newer:
                return newer[number]
            opened.seek((number - 1) * PAGE)
            return opened.read(PAGE).ljust(PAGE, b"\0")

        last = file.stat().st_size // PAGE + 1
        for number in [*newer, *(number for number in range(2, last + 1) if number not in newer)]:
            yield from _rows_of_page(read(number), read, is_wanted)


def _newer_pages(log: Path) -> dict[int, bytes]:
    """What the write-ahead log holds of each page."""
    pages: dict[int, bytes] = {}
    with suppress(OSError), log.open("rb") as opened:
        salts = opened.read(_WAL_HEADER)[16:24]
        while len(frame := opened.read(_FRAME_HEADER + PAGE)) == _FRAME_HEADER + PAGE and frame[8:16] == salts:
            pages[int.from_bytes(frame[:4], "big")] = frame[_FRAME_HEADER:]
    return pages


def _rows_of_page(page: bytes, read: _Read, is_wanted: Callable[[int], bool]) -> Iterator[tuple[int, list[Any]]]:
    if page[0] != _LEAF:
        return
    count = int.from_bytes(page[3:5], "big")
    for at in range(8, min(8 + 2 * count, PAGE - 1), 2):
        with suppress(IndexError, ValueError, struct.error, OverflowError):
            found = _row(page, int.from_bytes(page[at : at + 2], "big"), read, is_wanted)
            if found:
                yield found


def _row(page: bytes, at: int, read: _Read, is_wanted: Callable[[int], bool]) -> tuple[int, list[Any]] | None:
    size, at = _varint(page, at)
    number, at = _varint(page, at)
    here = _local(size)
    payload = page[at : at + here]
    kinds, start = _kinds(payload)
    if not is_wanted(len(kinds)) or number < 0:
        return None
    if here < size:
        payload += _overflow(int.from_bytes(page[at + here : at + here + 4], "big"), size - here, read)
    return number, list(_values(payload, kinds, start))


def _local(size: int) -> int:
    """How much of a row lies in its page."""
    most, least = PAGE - 35, (PAGE - 12) * 32 // 255 - 23
    if size <= most:
        return size
    here = least + (size - least) % (PAGE - 4)
    return here if here <= most else least


def _overflow(number: int, size: int, read: _Read) -> bytes:
    parts, seen = [], {0, 1}
    while size > 0:
        if number in seen:
            raise ValueError("the chain ends too early, or never")
        seen.add(number)
        page = read(number)
        number = int.from_bytes(page[:4], "big")
        parts.append(page[4 : 4 + size])
        size -= PAGE - 4
    return b"".join(parts)


def _kinds(payload: bytes) -> tuple[list[int], int]:
    """What each column is, and where the columns begin."""
    length, at = _varint(payload, 0)
    kinds = []
    while at < length:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    return kinds, length


def _values(payload: bytes, kinds: list[int], at: int) -> Iterator[Any]:
    for kind in kinds:
        size = (kind - 12) // 2 if kind >= 12 else (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)[kind]
        data, at = payload[at : at + size], at + size
        if len(data) < size:
            raise ValueError("the row ends too early")
        if kind >= 12:
            yield data.decode("utf-8", "replace") if kind % 2 else data
        elif kind == 7:
            yield struct.unpack(">d", data)[0]
        else:
            yield None if kind == 0 else 1 if kind == 9 else int.from_bytes(data, "big", signed=True)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for count in range(8):
        byte = data[at + count]
        value = value << 7 | byte & 127
        if byte < 128:
            return value, at + count + 1
    return value << 8 | data[at + 8], at + 9
