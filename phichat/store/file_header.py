"""The 100 bytes that a database file begins with: most are the same in every file of ours, so damage in them shows.

SQLite takes some wrong values for a read-only file, for one of a later version, or for text in another encoding. The
format is described at https://www.sqlite.org/fileformat2.html#the_database_header.
"""

from contextlib import suppress
from pathlib import Path

from phichat.store.write_ahead_log import PAGE_SIZE

LENGTH = 100

_ALWAYS = {
    0: b"SQLite format 3\0",
    16: PAGE_SIZE.to_bytes(2, "big"),
    20: bytes((0, 64, 32, 32)),  # reserved bytes in a page, and fractions that nobody can choose
    44: (4).to_bytes(4, "big") + bytes(8),  # format of the schema; cache size; no automatic vacuum
    56: (1).to_bytes(4, "big"),  # UTF-8
    64: bytes(28),
}
_JOURNAL_MODE, _CHANGES, _PAGES, _PAGES_VALID_FOR = 18, 24, 28, 92
_ROLLBACK, _WAL = b"\1\1", b"\2\2"


def is_damaged(file: Path) -> bool:
    """Return whether the header of `file` is not what every database of ours has; False if there is none."""
    content = b""
    with suppress(OSError), file.open("rb") as opened:
        content = opened.read(LENGTH)
    if len(content) < LENGTH:
        return False
    is_usual = all(content[at:].startswith(value) for at, value in _ALWAYS.items())
    return not is_usual or content[_JOURNAL_MODE:20] not in {_ROLLBACK, _WAL}


def repair(file: Path) -> None:
    """Give `file` a valid header, of a database without a write-ahead log. Raise OSError."""
    with file.open("r+b") as opened:
        content = repaired(opened.read(LENGTH), file.stat().st_size // PAGE_SIZE)
        opened.seek(0)
        opened.write(content)


def repaired(header: bytes, pages: int) -> bytes:
    """Return a valid header, of a database of so many pages without a write-ahead log."""
    content = bytearray(header[:LENGTH].ljust(LENGTH, b"\0"))
    for at, value in (_ALWAYS | {_JOURNAL_MODE: _ROLLBACK}).items():
        content[at : at + len(value)] = value
    content[_PAGES : _PAGES + 4] = pages.to_bytes(4, "big")
    content[_PAGES_VALID_FOR : _PAGES_VALID_FOR + 4] = content[_CHANGES : _CHANGES + 4]
    return bytes(content)
