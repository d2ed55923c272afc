"""The write-ahead log that a crash left behind: tells damage in it, which SQLite drops without a word, and its pages.

SQLite reads the log up to the first frame whose checksum is wrong, as a power cut may have torn the last transaction.
Damage looks the same to it, and everything after the damaged frame is lost. Each frame has the checksum of all before
it, so that here a frame is compared with the one before it alone: those after the damage are found whole again. The
index beside the log (`-shm`) outlives a crash of the program, and says how many frames were committed.

The formats are described at https://www.sqlite.org/fileformat2.html#the_write_ahead_log and
https://www.sqlite.org/walformat.html#the_wal_index_file_format.
"""

import errno
import struct
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

PAGE_SIZE = 4096
"""Bytes in a page: SQLite's default."""

_HEADER, _FRAME_HEADER = 32, 24
_FRAME = _FRAME_HEADER + PAGE_SIZE
_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}
_INDEX_VERSION = 3007000
_NATIVE = "<" if sys.byteorder == "little" else ">"

_LOOKS, _PAUSE = 3, 0.05
"""How often, and seconds apart, damage is looked for: another program may just be writing the frame."""


class _Checksum(NamedTuple):
    """SQLite's checksum of words, each added to sums of those before it."""

    first: int
    second: int


@dataclass(frozen=True)
class Frame:
    """A page in the log, which starts there.

    Attributes:
        pages: how many pages the database has after the commit that the frame ends; 0 in the other frames.
        is_valid: whether SQLite reads it, if it does the frames before: its salts are right, too.
    """

    page: int
    pages: int
    is_whole: bool
    is_valid: bool
    start: int


@dataclass(frozen=True)
class WriteAheadLog:
    """The log of a database file.

    Attributes:
        read: how many frames SQLite reads.
        salts: what tells these frames from those of earlier logs in the same file.
        frames: all frames up to the last commit, damaged ones too.
    """

    file: Path
    read: int = 0
    salts: bytes = b""
    frames: tuple[Frame, ...] = field(default=(), repr=False)

    @property
    def is_damaged(self) -> bool:
        """Whether there are commits that SQLite does not read."""
        return self.read < len(self.frames)

    def pages(self, *, whole: bool = True, damaged: bool = False) -> dict[int, bytes]:
        """Return the newest version of each page, among the frames that are whole, damaged, or both."""
        found: dict[int, bytes] = {}
        if self.frames:
            with self.file.open("rb") as opened:
                for frame in self.frames:
                    if whole if frame.is_whole else damaged:
                        opened.seek(frame.start)
                        found[frame.page] = opened.read(PAGE_SIZE)
        return found


def read_log(database: Path) -> WriteAheadLog:
    """Return the write-ahead log of `database`; an empty one if there is none, or the disk is broken there.

    Raise OSError if it cannot be read now, as without permission, or while another program has it: it is not lost then.
    """
    file = database.with_name(database.name + "-wal")
    try:
        return _read(file)
    except OSError as error:
        if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.EIO}:
            raise
    return WriteAheadLog(file)


def _read(file: Path) -> WriteAheadLog:
    with file.open("rb") as opened:
        header = opened.read(_HEADER).ljust(_HEADER, b"\0")
    order = _MAGIC.get(int.from_bytes(header[:4], "big"))
    checksum = _Checksum(*struct.unpack(">2I", header[24:]))
    is_valid = order is not None and _checksum(header[:24], order) == checksum
    salts = header[16:24] if is_valid else _common_salts(file)
    frames = _frames(file, salts, checksum, (is_valid and order) or _NATIVE)
    return WriteAheadLog(file, _frames_read(frames) if is_valid else 0, salts, _committed(frames))


def has_lost_commits(database: Path) -> bool:
    """Return whether damage keeps SQLite from reading commits in the log of `database`. Raise OSError.

    The last transaction, if it was torn by a power cut, counts too: something of it may be saved.
    """
    for _ in range(_LOOKS):
        if not _has_lost_commits(database):
            return False
        time.sleep(_PAUSE)
    return True


def _has_lost_commits(database: Path) -> bool:
    index = _read_index(database)  # before the log, which another program may be appending to
    log = read_log(database)
    if index and not log.salts:  # the log was emptied or deleted
        return index.committed > index.copied
    return log.is_damaged or bool(index and index.salts == log.salts and index.committed > log.read)


@dataclass(frozen=True)
class _Index:
    """What the index says: how many frames are committed, and how many of them are copied into the database."""

    committed: int
    copied: int
    salts: bytes


def _read_index(database: Path) -> _Index | None:
    """Return what the index of the log says; None if there is no valid one."""
    try:
        with database.with_name(database.name + "-shm").open("rb", buffering=0) as opened:
            content = opened.read(100)  # on Windows, the bytes after these may be locked
    except OSError:
        return None
    if len(content) < 100 or content[:48] != content[48:96]:
        return None
    version, committed, salts, first, second = struct.unpack("=I12xI12x8s2I", content[:48])
    if version != _INDEX_VERSION or _checksum(content[:40], _NATIVE) != (first, second):
        return None
    return _Index(committed, struct.unpack("=I", content[96:])[0], salts)


def _frames(file: Path, salts: bytes, checksum: _Checksum, order: str) -> list[Frame]:
    """Return the frames of the log that has `salts`; `checksum` is its header's."""
    frames = []
    is_ours = True
    with file.open("rb") as opened:
        opened.seek(_HEADER)
        while len(content := opened.read(_FRAME)) == _FRAME:
            page, pages, found, *stored = struct.unpack(">2I8s2I", content[:_FRAME_HEADER])
            has_salts = found == salts
            before, checksum = checksum, _Checksum(*stored)
            # The checksum does not cover the salts, which may be what is damaged.
            data = content[:8] + content[_FRAME_HEADER:] if has_salts or is_ours else b""
            is_whole = bool(data) and checksum == _checksum(data, order, before)
            is_ours = has_salts or is_whole
            place = opened.tell() - PAGE_SIZE
            frames.append(Frame(page, pages if is_ours else 0, is_whole, has_salts and is_whole, place))
    return frames


def _checksum(data: bytes, order: str, before: tuple[int, int] = (0, 0)) -> _Checksum:
    """Return SQLite's checksum of `data`, words in byte order `order`, that follows on the checksum `before`."""
    one, other = before
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for first, second in zip(words, words, strict=True):
        one = (one + first + other) & 0xFFFFFFFF
        other = (other + second + one) & 0xFFFFFFFF
    return _Checksum(one, other)


def _frames_read(frames: list[Frame]) -> int:
    """Return how many frames SQLite reads: up to the last commit before the first frame that is not whole."""
    read = 0
    for number, frame in enumerate(frames, 1):
        if not frame.is_valid:
            break
        read = number if frame.pages else read
    return read


def _committed(frames: list[Frame]) -> tuple[Frame, ...]:
    last = max((number for number, frame in enumerate(frames, 1) if frame.pages), default=0)
    return tuple(frames[:last])


def _common_salts(file: Path) -> bytes:
    """Return the salts that most of the first frames have, as the log's header is damaged; nothing without frames."""
    with file.open("rb") as opened:
        opened.seek(_HEADER)
        found = Counter(frame[8:16] for frame in (opened.read(_FRAME) for _ in range(3)) if len(frame) == _FRAME)
    return found.most_common(1)[0][0] if found else b""
